"""A cascade for people: its passes, what it keeps, its loops and its operations."""

from __future__ import annotations

from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.counts import counts, total_counts
from archsim.ir.cascade.live import Footprint, footprint
from archsim.ir.cascade.schedule import tile_schedule

WIDTH = 120


def main_ranks(cascade: Cascade) -> tuple[str, ...]:
    """The ranks that a cascade runs along or needs several passes over, as they are before they are cut."""
    parts = {part for cut in cascade.partitions for part in (cut.outer, cut.inner)}
    whole = [rank for rank in (*cascade.cuts, *cascade.ranks) if rank not in parts]
    runs = set(cascade.states.values())
    return tuple(
        rank
        for rank in dict.fromkeys(whole)
        if runs & set(cascade.leaves(rank)) or footprint(cascade, rank).passes.count > 1
    )


def analysis(cascade: Cascade) -> str:
    """Passes with reasons, what is kept, tile loops and operations, as lines of text."""
    lines = [line for rank in main_ranks(cascade) for line in rank_lines(cascade, rank)]
    return "\n".join([*lines, *operation_lines(cascade)])


def rank_lines(cascade: Cascade, rank: str) -> list[str]:
    """Passes over one rank and what they keep."""
    foot = footprint(cascade, rank)
    lines = [f"Passes over {rank}: {foot.passes.count}"]
    lines += [f"  {reason}" for reason in foot.passes.reasons]
    row = f"({','.join(foot.fiber)})" if foot.fiber else "cascade"
    lines.append(f"Kept from tile to tile, words per {row}: {foot.carried_per_row} ({', '.join(foot.carried)})")
    lines += _live_lines(foot, row)
    first = cascade.leaves(rank)[0]
    for number, stage in enumerate(tile_schedule(cascade, first).stages):
        title = f"Stages by {first}" if number == 0 else ""
        what = f"for each {stage.rank}" if stage.rank else "once"
        lines += _wrapped(f"{title or ' ' * len(f'Stages by {first}')}  {what}: ", stage.einsums)
    return lines


def operation_lines(cascade: Cascade) -> list[str]:
    """Operations by einsum and in total, without masks."""
    rows = [(name, unit, str(poly)) for name, units in counts(cascade).items() for unit, poly in units.items()]
    rows += [("all", unit, str(poly)) for unit, poly in total_counts(cascade).items()]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    return ["Operations:", *(f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows)]


def summary(cascade: Cascade) -> str:
    """One line: how many einsums, and the passes over the ranks that matter."""
    found = [f"{footprint(cascade, rank).passes.count} over {rank}" for rank in main_ranks(cascade)]
    return f"{len(cascade.einsums)} einsums, passes: {', '.join(found) or 'none'}"


def _live_lines(foot: Footprint, row: str) -> list[str]:
    if not foot.live:
        return [f"Kept from pass to pass, words per {row}: 0"]
    lines = [f"Kept from pass to pass, words per {row}: {foot.live_per_row}, or spilled or computed again:"]
    for one in foot.live:
        later = " and ".join(map(str, one.read))
        lines.append(f"  {one.tensor}: {one.words} words, pass {one.made} to pass {later}")
    if foot.tiles_per_row:
        lines.append(f"  with what has one word per element spilled: {foot.tiles_per_row}")
    return lines


def _wrapped(head: str, words: tuple[str, ...]) -> list[str]:
    lines, line = [], head
    for word in words:
        if len(line) + len(word) > WIDTH:
            lines.append(line.rstrip())
            line = " " * len(head)
        line += f"{word} "
    return [*lines, line.rstrip()]
