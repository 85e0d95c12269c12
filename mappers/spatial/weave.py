"""In which order the arrays take the einsums of a group of tiles, so that no ripple is waited for.

A tile has five parts. On the 2D array: its scores with their maxima, and its exponentials, sums and products with the
values. On the 1D array: the running maxima that the exponentials wait for, the correction of old sums and results, and
the new sums and results. Scores of `ahead` tiles come before the first exponentials, so that maxima run down meanwhile;
results come `behind` tiles later, when theirs have run down. What is left of the 1D array's work at the end of a group
is done while the 2D array is at the scores of the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.onepass_cascade import EINSUMS, Binding, tile_cycles
from archsim.units.spatial.problem import ARRAY

SCORES, MAXIMA, VALUES = ("QK", "LM"), ("RM", "PRM"), ("SLN", "SLD", "SLNV")
CORRECTED, RESULTS = ("SPD", "SPNV"), ("RD", "RNV")
LATE = ("SPD", "SPNV", "RD", "RNV")
Part = tuple[int, tuple[str, ...]]
"""(tile of the group, einsums)."""
ROUNDS, SETTLED = 8, 4
"""Groups that an order is tried on, and how many of them until it is in its steady state."""
LATENCY = 30
"""Ns until a load's first word, as far as the choice of an order goes."""
ENOUGH = 1.0005
"""Time over that of the busier array from which on no better order is looked for."""


class Lags(NamedTuple):
    """How far apart the parts of a tile are."""

    ahead: int
    """Tiles whose scores come before the exponentials of the first one."""
    behind: int
    """Tiles after which the results of one are complete; 0 is a group later."""
    batch: int = 1
    """Scores are taken this many tiles at a time: those of a row of keys where it has few."""
    early: int = 0
    """How many of the last group's results come before the first maxima."""
    hold: int = -1
    """Part of the order that the next group's scores wait for, so that the arrays stay in step; -1 is none."""


class Times(NamedTuple):
    """Cycles of the parts of a tile."""

    scores: int
    maximum: int
    """RM, which the exponentials wait for."""
    factor: int
    """PRM."""
    values: int
    corrected: int
    results: int
    ripple: int
    load: int = 0
    """A row of keys, or of values, from the DRAM."""
    latency: int = 0
    """Until its first word is there."""


class Slots(NamedTuple):
    """How many rows the buffer holds."""

    keys: int
    values: int


@dataclass(frozen=True, slots=True)
class Group:
    """Tiles in flight together."""

    weights: tuple[int, ...]
    """How many tiles of the array each one stands for."""
    before: tuple[int | None, ...]
    """Which one of the group has the same queries and the keys before, if any."""
    rows: tuple[int, ...]
    """The row of keys of each."""


def rows_of_tiles(rows: int, tiles: int) -> Group:
    """`rows` rows of keys with the same tiles of queries."""
    cells = range(rows * tiles)
    return Group(
        (1,) * len(cells), tuple(i - tiles if i >= tiles else None for i in cells), tuple(i // tiles for i in cells)
    )


def weave(before: Sequence[int | None], lags: Lags, late: int = 0, *, kept: int = 0) -> tuple[Part, ...]:
    """The parts of a group in an order in which each array can take its own.

    Parts `LATE` are those of the `late` tiles of the group before whose results are not complete yet; results of the
    first `kept` tiles are left for later.
    """
    count, ahead = len(before), min(lags.ahead, len(before))
    early = min(lags.early, late) if not lags.behind else late
    out: list[Part] = [(tile, SCORES) for tile in range(ahead)] + [(tile, LATE) for tile in range(early)]
    started, due = ahead, _corrections(before, lags.behind)
    for slot in range(count + lags.behind):
        if slot < count:
            out += [(slot, MAXIMA), (slot, VALUES)]
            if (slot + 1) % lags.batch == 0:
                out += [(tile, SCORES) for tile in range(started, min(slot + 1 + ahead, count))]
                started = max(started, min(slot + 1 + ahead, count))
            share = [early + (late - early) * turn // count for turn in (slot, slot + 1)]
            out += [(tile, LATE) for tile in range(*share)]
        if lags.behind and kept <= slot - lags.behind < count:
            out.append((slot - lags.behind, RESULTS))
        out += [(tile, CORRECTED) for tile in due.get(slot, ())]
    return tuple(out)


def _corrections(before: Sequence[int | None], behind: int) -> dict[int, list[int]]:
    """Slot -> tiles whose old results are corrected there: once those are complete."""
    due: dict[int, list[int]] = {}
    for tile, other in enumerate(before if behind else ()):
        due.setdefault(tile if other is None else max(tile, other + behind), []).append(tile)
    return due


def part_times(binding: Binding, arrays: SpatialArrays, head: int) -> Times:
    """Cycles of a full tile's parts, or of their words through the buffer's ports where these take longer."""
    cycles = dict(tile_cycles(binding, arrays, head))
    for name, einsum in EINSUMS.items():
        words = sum(binding.score_words(name)) * arrays.rows * arrays.cols + einsum.key_read.of(head) * arrays.rows
        words += (einsum.query_read.of(head) + einsum.query_written.of(head)) * arrays.cols
        cycles[name] = max(cycles[name], -(-words // (arrays.line_words * arrays.ports)))

    def of(names: Sequence[str]) -> int:
        return sum(cycles[name] for name in names)

    parts = of(SCORES), cycles["RM"], cycles["PRM"], of(VALUES), of(CORRECTED), of(RESULTS)
    load = -(-arrays.rows * head * arrays.word_bytes * arrays.clock // arrays.bandwidth)
    return Times(*parts, arrays.ripple, load, LATENCY * arrays.clock // 10**9)


def interleaved(binding: Binding) -> bool:
    """Whether tiles in flight hide ripples: not where tiles come one after the other, or nothing runs down."""
    return not any(epoch.ripple for epoch in binding.epochs) and binding.roles["LM"] == binding.roles["QK"] == ARRAY


def least_ahead(times: Times) -> int:
    """Tiles whose scores, or exponentials and values, hide the ripple of a maximum."""
    wait = times.ripple + times.maximum
    return 1 + max(-(-wait // times.scores), -(-wait // times.values))


@lru_cache(maxsize=256)
def best(times: Times, group: Group, slots: Slots, batch: int = 1, *, late: bool = True) -> tuple[Lags, float]:
    """The lags with which equal groups follow one another fastest, and their time over that of the busier array.

    `late` says that results may be completed beside the next group.
    """
    count, tiles = len(group.weights), sum(group.weights)
    mean = max(1, tiles // count)
    first = 1 + -(-(least_ahead(times) - 1) // mean)
    aheads = dict.fromkeys(min(count, -(-ahead // batch) * batch) for ahead in (first, count))
    tried = [Lags(ahead, behind, batch) for ahead in aheads for behind in range(1, count + 1)]
    if late:
        tried += [Lags(ahead, 0, batch, early) for ahead in aheads for early in range(count // 4, count + 1)]
    least, found = max(tiles * busier(times), 2 * (group.rows[-1] + 1) * times.load), list[tuple[float, Lags]]()
    for lags in tried:
        found.append((_period(times, group, slots, lags) / least, lags))
        if found[-1][0] <= ENOUGH:
            break
    over, lags = min(found, key=lambda one: one[0])
    order = weave(group.before, lags, 0 if lags.behind else count)
    for hold in range(len(order) - 1, -1, -1):
        held = lags._replace(hold=hold)
        if order[hold][1] not in (SCORES, VALUES) and _period(times, group, slots, held) / least <= over + 1e-4:
            return held, over
    return lags, over


def busier(times: Times) -> int:
    """Cycles of a tile on the array that has more to do."""
    return max(times.scores + times.values, times.maximum + times.factor + times.corrected + times.results)


def _period(times: Times, group: Group, slots: Slots, lags: Lags) -> float:
    """Cycles from one group to the next, once they are alike."""
    array = vector = marked = held = dram = 0
    values: dict[int, int] = {}
    read: dict[bool, list[int]] = {True: [0] * slots.keys, False: [0] * slots.values}
    for turn in range(ROUNDS):
        if turn == SETTLED:
            marked = max(array, vector)
        late = 0 if lags.behind or not turn else len(group.weights)
        maxima, ready, old = dict[int, int](), dict[int, int](), dict(values)
        array = max(array, held)
        order = weave(group.before, lags, late)
        for index, (tile, part) in enumerate(order):
            weight, row = group.weights[tile], group.rows[tile]
            if part in (SCORES, VALUES):
                done, rows = read[part is SCORES], turn * (group.rows[-1] + 1) + row
                if len(done) == rows + (slots.keys if part is SCORES else slots.values):
                    dram = max(dram, done[rows]) + times.load
                    array = max(array, dram + times.latency)
                    done.append(0)
            if part is SCORES:
                array += weight * times.scores
                maxima[tile], done[-1] = array + times.ripple, array
            elif part is MAXIMA:
                ready[tile] = max(vector, maxima[tile]) + weight * times.maximum
                vector = ready[tile] + weight * times.factor
            elif part is VALUES:
                array = max(array, ready[tile]) + weight * times.values
                values[tile], done[-1] = array + times.ripple, array
            elif part is CORRECTED:
                vector += weight * times.corrected
            elif part is RESULTS:
                vector = max(vector, values[tile]) + weight * times.results
            else:
                vector = max(vector + weight * times.corrected, old[tile]) + weight * times.results
            if index == lags.hold and len(order) > lags.hold:
                held = vector
    return (max(array, vector) - marked) / (ROUNDS - SETTLED)


@dataclass(frozen=True, slots=True)
class Together:
    """How many tiles are in flight."""

    tiles: int
    """Least size of a group of tiles of one row of keys; 0 where a group has all tiles of several rows."""
    rows: int
    """Least number of such rows."""


def together(times: Times, slots: Slots, tiles: int, rows: int, depth: int | None) -> Together:
    """Groups that hide every ripple: of the tiles of one row of keys, or where it has few, of several rows.

    `depth` asks for so many tiles, whatever they hide.
    """
    wanted = depth or least_ahead(times)
    if tiles >= wanted:
        size, over = wanted, 0.0
        while depth is None and size < min(tiles, 2 * wanted):
            over = best(times, rows_of_tiles(1, size), slots, late=False)[1]
            if over <= ENOUGH:
                break
            size += 1
        return Together(size, 1)
    first = min(-(-wanted // tiles), rows)
    if depth is not None:
        return Together(0, first)
    tried = {n: best(times, rows_of_tiles(n, tiles), slots, tiles)[1] for n in range(first, min(first + 3, rows + 1))}
    return Together(0, next((n for n, over in tried.items() if over <= ENOUGH), min(tried, key=lambda n: tried[n])))
