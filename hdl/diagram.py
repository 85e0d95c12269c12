"""When a unit takes beats and gives outputs, as a table of text; from the cycle model that the RTL is held to."""

from __future__ import annotations

from archsim.units.cores.core import Core
from archsim.units.cores.timing import always

MOST_CYCLES = 24
"""Cycles shown, half of them from the end; those in which nothing moves are left out."""


def timing_diagram(spec: Core) -> list[str]:
    """The example of a unit, beat by beat; where the receiver may wait, it does so once, at the first output.

    A number in row `in` is the input beat taken at the end of the cycle; in row `out` the output beat that leaves then.
    """
    beats = spec.example()
    offered = [0] * len(beats)
    first = spec.schedule(beats, offered, always).left[0]
    timing = spec.schedule(beats, offered, lambda cycle: not spec.elastic or cycle != first)
    taken = {cycle: str(beat) for beat, cycle in enumerate(timing.accepted)}
    left = {cycle: str(beat) for beat, cycle in enumerate(timing.left)}
    if spec.elastic:
        left[first] = "wait"
    rows: list[tuple[str, str, str]] = [("cycle", "in", "out")]
    before = -1
    cycles = sorted({*taken, *left})
    if len(cycles) > MOST_CYCLES:
        cycles = [*cycles[: MOST_CYCLES // 2], *cycles[-MOST_CYCLES // 2 :]]
    for cycle in cycles:
        if cycle > before + 1:
            rows.append(("..", "", ""))
        rows.append((str(cycle), taken.get(cycle, "."), left.get(cycle, ".")))
        before = cycle
    widths = [max(map(len, row)) for row in rows]
    lines: list[str] = []
    for name, line in zip(rows[0], zip(*rows[1:], strict=True), strict=True):
        cells = [cell.rjust(width) for cell, width in zip(line, widths[1:], strict=True)]
        lines.append(" ".join([name.ljust(widths[0]), *cells]).rstrip())
    return lines
