"""Why a one-pass program must take longer than its steady state: each limit with its part, about."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.ir.capability import SpatialArrays
from archsim.mappers.spatial.room import Room
from archsim.mappers.spatial.weave import Slots, Times, best, busier, interleaved, rows_of_tiles
from archsim.units.spatial.onepass_cascade import Binding, tile_cycles
from archsim.units.spatial.problem import Problem

WORTH = 0.005
"""Part of the steady state from which on a limit is worth a note."""


def limits(
    binding: Binding, arrays: SpatialArrays, problem: Problem, times: Times, room: Room, shape: tuple[int, int, int]
) -> Iterator[str]:
    """Notes on ports, on room in the buffer, and on fill and drain.

    Parameters
    ----------
    binding, arrays, problem
        What runs where.
    times
        Of the parts of a tile.
    room
        What the buffer holds.
    shape
        Tiles of a block, rows of keys that are worked on together, tiles of scores of the whole attention.
    """
    if not interleaved(binding):
        return
    tiles, rows, scores = shape
    bare, full = tile_cycles(binding, arrays, problem.head), busier(times)
    least = max(
        sum(cycles for name, cycles in bare.items() if binding.roles[name] == role and name != "AV")
        for role in ("array", "vector")
    )
    if full > least * (1 + WORTH):
        yield (
            f"words of a tile take the buffer's {arrays.ports} ports of {arrays.line_words} words until {full} cycles, "
            f"its operations {least}: {_percent(full / least - 1)} over the steady state"
        )
    slots = Slots(room.keys, room.values)
    over = best(times, rows_of_tiles(rows, tiles), slots, tiles)[1] - 1 if rows > 1 else 0.0
    if over > WORTH:
        yield (
            f"beside {tiles} tiles of queries the buffer has room for {room.keys} rows of keys and {room.values} of "
            f"values: the arrays wait for loads, {_percent(over)} over the steady state"
        )
    # One tile of queries is as long on its way as `load` times columns over rows.
    queries = times.load * arrays.cols * min(tiles * arrays.cols, problem.queries) // (arrays.rows * arrays.cols)
    alone = queries + times.load + times.latency + times.ripple + min(tiles * rows, 8) * times.scores
    block = full * scores
    if alone > WORTH * block:
        part = _percent(alone / block)
        yield f"the first queries, keys and scores have nothing beside them: {part} over the steady state"
    kept = [what for what, fits in (("queries", room.queries), ("results", room.results)) if not fits]
    per_block = full * tiles * -(-problem.keys // arrays.rows)
    if kept and queries + times.latency > WORTH * per_block and scores > per_block // full:
        yield (
            f"the buffer has no room for the next block's {' and '.join(kept)}, which take the place of the last "
            f"one's: up to {_percent((queries * len(kept) + times.latency) / per_block)} over the steady state"
        )


def _percent(part: float) -> str:
    return f"{100 * part:.1f} %"
