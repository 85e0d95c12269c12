"""FLAT's own cost model, and the exhaustive search over it.

The model's code is not public. Its results are: all 96 points (two machines, four networks, twelve lengths) of
FPSG-UIUC/micro24-fusemax-artifact@13cd17d7 data/pregenerated/flat_validation.csv, with the choice at each. What is
here follows from them [derived] and gives every latency, traffic and spilled part of theirs to rounding, and the
search finds every choice of theirs, or one with the same traffic:

* time = max(array, memory) + fills: 3 cycles per product and fused pass with stationary outputs, 4 with weights;
* the first tiles of everything are awaited before the array starts; results twice, as they go both ways;
* the softmax costs nothing: no time, no traffic (FuseMax, arXiv 2406.10491 section VI-A [stated]);
* Q and A move again for the part that spills, wherever Q lies; K and V only if they are kept;
* partial sums cost no traffic unless they spill, and then both ways for each fetch;
* both products have the same stationarity, a pass has all rows of a head or 4, 2 or 1 times the array's columns;
* the fastest is taken; of equals the one with larger passes, outputs stationary, fewer of Q, V, K, AV on chip.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flat_traffic import HELD, Tiling, tiling
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.room import no_room

FILL = {"output": 3, "weight": 4, "input": 4}
"""Cycles to fill the array, per product and fused pass; inputs were never chosen [assumed as weights]."""
PASS_COLUMNS = (4, 2, 1)
"""Query rows of a fused pass of part of a head, in widths of the array."""
SEARCHED = ("output", "weight")
"""Stationarities that the search tries."""
DRAM_PJ_PER_BIT = 4
"""What the model charges; nothing else costs energy in it."""


@dataclass(frozen=True, slots=True)
class Choice:
    """All that FLAT leaves open for one attention."""

    tiling: Tiling
    onchip: frozenset[str]
    """Of `HELD`."""

    @property
    def spilled(self) -> Fraction:
        """The part of what is kept on chip that finds no room there."""
        return self.tiling.spilled(self.onchip)


@dataclass(frozen=True, slots=True)
class Estimate:
    """An attention by FLAT's own model, without its softmax."""

    seconds: Fraction
    ideal_seconds: Fraction
    """With every PE busy."""
    bytes: Fraction
    """DRAM traffic."""

    @property
    def energy_pj(self) -> Fraction:
        """Energy of the DRAM, all that the model knows, in pJ."""
        return self.bytes * 8 * DRAM_PJ_PER_BIT


Cost = Callable[[Choice], tuple[Fraction, ...]]
"""What a search makes least; entries after the first decide between equals."""


def estimate(problem: Problem, arrays: SpatialArrays, choice: Choice) -> Estimate:
    """FLAT's own model of a choice."""
    tiling, mac = choice.tiling, arrays.array_cycles["mac"]
    instances = -(-problem.instances // arrays.copies)
    array = instances * mac * sum(nest.cycles() for nest in tiling.nests)
    fill = instances * tiling.passes * sum(FILL[nest.stationary] for nest in tiling.nests)
    first = _first_words(choice) * min(arrays.copies, problem.instances)
    traffic = (_words(choice) + first) * arrays.word_bytes
    awaited = Fraction(first * arrays.word_bytes, arrays.bandwidth)
    seconds = max(Fraction(array, arrays.clock) + awaited, traffic / arrays.bandwidth) + Fraction(fill, arrays.clock)
    ideal = Fraction(problem.macs() * mac, arrays.rows * arrays.cols * arrays.copies * arrays.clock)
    return Estimate(seconds, ideal, traffic)


def _first_words(choice: Choice) -> int:
    """Words of the tiles that must be there before the array starts; scores kept on chip come from nowhere."""
    words = 0
    for name, move in choice.tiling.moves.items():
        if name in choice.onchip:
            words += 0 if name == "QK" else move.held
        elif name != "A" or "QK" not in choice.onchip:
            words += 2 * move.tile if name == "AV" else move.tile
    return words


def _words(choice: Choice) -> Fraction:
    """DRAM words without the first tiles."""
    moves, onchip = choice.tiling.moves, choice.onchip
    base = sum(moves[name].distinct if name in onchip else moves[name].edge for name in "QKV") + moves["AV"].distinct
    if "QK" not in onchip:
        base += moves["QK"].distinct + moves["A"].edge
    again = sum(moves[name].edge for name in ("Q", "A", *sorted(onchip & {"K", "V"})))
    for name in ("QK", "AV"):
        partial = moves[name].refetches > 1
        if partial or name == "QK" or name in onchip:
            again += moves[name].edge * (2 if partial else 1)
    return base + choice.spilled * again


def candidates(problem: Problem, arrays: SpatialArrays) -> Iterator[Choice]:
    """Every choice of the search, those that win ties first; the tiles on their way must fit the buffer."""
    passes = [problem.queries, *(n * arrays.cols for n in PASS_COLUMNS if n * arrays.cols < problem.queries)]
    for rows, stationary in product(passes, SEARCHED):
        tiled = tiling(problem, arrays, rows, stationary, stationary)
        for kept in product((False, True), repeat=len(HELD)):
            onchip = frozenset(name for name, on in zip(("QK", "Q", "V", "K", "AV"), kept, strict=True) if on)
            if tiled.tiles(onchip) <= tiled.buffer_words:
                yield Choice(tiled, onchip)


def search(problem: Problem, arrays: SpatialArrays, cost: Cost) -> Choice:
    """The cheapest choice.

    Raises
    ------
    Infeasible
        Not even the tiles on their way to and from the array fit the buffer.
    """
    best = min(candidates(problem, arrays), key=cost, default=None)
    if best is None:
        rows = min(arrays.cols, problem.queries)
        tiled = tiling(problem, arrays, rows, "output", "output")
        ranks = {"m0": min(arrays.rows, problem.keys), "p0": rows, "e": problem.head, "f": problem.head}
        tile = {name: 2 * move.tile for name, move in tiled.moves.items()}
        parts = {"two tiles each of Q and K": tile["Q"] + tile["K"], "two each of V and AV": tile["V"] + tile["AV"]}
        raise no_room("flat: einsums QK and AV", ranks, parts, arrays)
    return best
