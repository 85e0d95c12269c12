"""Split-KV decode and LeanAttention on copies of the arrays.

A tile is one of the arrays', `rows` keys by `cols` queries. A row block is a tile of queries, since decode has few:
where queries are many, keys move once per tile of queries, and flash2 moves less. Both cut the keys of a head over the
copies, write partial results (m, l, O) to the DRAM, and merge them on a 1D array. One copy has nothing to cut: in
decode both are then flash2 without its LSE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import ClassVar

import numpy as np

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flash import resident_rows
from archsim.units.spatial.flash_steady import (
    Amounts,
    counted,
    cycles_per_tile,
    einsum_cycles,
    finish,
)
from archsim.units.spatial.lean import LeanPartition, row_blocks
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import VECTOR, Plan, Problem, Steady
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.sparse_tiles import tile_work
from archsim.units.spatial.splitkv import FixedSplit, best_split
from archsim.units.spatial.tile_counts import add


@dataclass(frozen=True, slots=True)
class Pieces:
    """How an attention was cut, whoever cut it."""

    longest: int
    """Tile times until the last tile is computed."""
    query_rows: int
    """Query rows loaded, once for every piece that needs them."""
    merged_rows: int
    """Partial results that are merged into another one, in query rows."""
    merges: int
    """The same in row blocks."""
    stored_rows: int
    """Partial results that go through the DRAM, in query rows."""
    chain: int
    """Merges one after the other, on the copy that has most of them."""


@dataclass(frozen=True, slots=True)
class SplitKv:
    """Flash-Decoding: the keys of every row block in equal parts, all parts written and merged."""

    name: ClassVar[str] = "split-kv"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """FlashAttention-2's choice of parts, with copies of the arrays for slots."""
        _refuse_small_buffer(problem, arrays, self.name)
        outputs, blocks = _outputs(problem, arrays), -(-problem.keys // arrays.rows)
        return Plan(self.name, {"splits": best_split(outputs, arrays.copies, blocks)})

    def partition(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> FixedSplit:
        """The parts; `BadInput` where there are more than key tiles."""
        blocks = -(-problem.keys // arrays.rows)
        return FixedSplit(_outputs(problem, arrays), blocks, arrays.copies, plan.number("splits"))

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """Parts in waves, then the merge."""
        split = self.partition(problem, arrays, plan)
        rows = problem.instances * problem.queries
        several = split.parts if split.parts > 1 else 0
        return _steady(
            problem,
            arrays,
            Pieces(
                longest=_waves(problem, arrays, split) if problem.causal else split.makespan,
                query_rows=rows * split.parts,
                merged_rows=rows * (split.parts - 1),
                merges=split.outputs * (split.parts - 1),
                stored_rows=rows * several,
                chain=-(-split.outputs // split.slots) * (split.parts - 1),
            ),
        )


@dataclass(frozen=True, slots=True)
class Lean:
    """LeanAttention: the tiles of all heads in runs of equal length, one per copy; the first run of a head merges."""

    name: ClassVar[str] = "lean"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """One run per copy of the arrays, as far as there are tiles."""
        _refuse_small_buffer(problem, arrays, self.name)
        total = problem.instances * sum(row_blocks(problem, arrays.cols, arrays.rows))
        return Plan(self.name, {"grid": min(arrays.copies, total)})

    def partition(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> LeanPartition:
        """The runs; `BadInput` where there are more than copies of the arrays, or than tiles."""
        grid = plan.number("grid")
        if grid > arrays.copies:
            raise BadInput(f"{self.name}: {grid} runs", right=f"1..{arrays.copies}, one for each copy of the arrays")
        return LeanPartition(problem.instances, row_blocks(problem, arrays.cols, arrays.rows), grid)

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """The longest run, then the longest fix-up: a run goes on from at most one head that it began."""
        partition = self.partition(problem, arrays, plan)
        sharing, blocks = partition.sharing(), len(partition.blocks)
        widths = {blocks - 1: problem.queries - (blocks - 1) * arrays.cols}
        shared = sum((runs - 1) * widths.get(output % blocks, arrays.cols) for output, runs in sharing.items())
        return _steady(
            problem,
            arrays,
            Pieces(
                longest=partition.max_tiles,
                query_rows=problem.instances * problem.queries + shared,
                merged_rows=shared,
                merges=sum(sharing.values()) - len(sharing),
                stored_rows=shared,
                chain=max(sharing.values(), default=1) - 1,
            ),
        )


def merge_cycles(arrays: SpatialArrays, head: int) -> int:
    """Cycles of the 1D array to merge one partial result of a tile of queries into another.

    A maximum, two exponentials, and two products each for l and every element of O.
    """
    exp, mac, top = (operator_cycles(arrays, VECTOR, name, "MRG", "f,p") for name in ("sub_exp", "mac", "max"))
    return -(-arrays.cols // arrays.lanes) * (top + 2 * exp + 2 * mac * (head + 1))


def _steady(problem: Problem, arrays: SpatialArrays, pieces: Pieces) -> Steady:
    n, d = problem.instances, problem.head
    work = tile_work(problem, FULL, arrays.rows, arrays.cols, problem.queries)
    partials = pieces.stored_rows * (d + 2)
    amounts = Amounts(
        work,
        problem.queries,
        -(-problem.queries // arrays.cols),
        read=pieces.query_rows * d + 2 * n * d * work.keys + partials,
        written=n * problem.queries * d + partials,
    )
    einsums = einsum_cycles(problem, arrays, amounts)
    cycles = pieces.longest * cycles_per_tile(problem, arrays, amounts)
    counts = counted(problem, arrays, amounts)
    if pieces.merged_rows:
        merge = merge_cycles(arrays, d)
        cycles += pieces.chain * merge
        einsums["MRG"] = (VECTOR, Fraction(pieces.merges * merge))
        add(counts[VECTOR], "max", pieces.merged_rows)
        add(counts[VECTOR], "exp", 2 * pieces.merged_rows)
        add(counts[VECTOR], "mac", 2 * pieces.merged_rows * (d + 1))
        add(counts[VECTOR], "buffer_read", (2 * pieces.merged_rows + pieces.stored_rows) * (d + 2))
        add(counts[VECTOR], "buffer_write", pieces.merged_rows * (d + 2))
    return finish(arrays, cycles, einsums, amounts, counts)


def _refuse_small_buffer(problem: Problem, arrays: SpatialArrays, name: str) -> None:
    rows, tile = resident_rows(problem, arrays, name), min(arrays.cols, problem.queries)
    if rows < tile:
        raise Infeasible(
            f"{name}: a tile of {tile} queries does not fit the buffer",
            where="buffer",
            right=f"{rows} query rows with their state fit beside a tile of keys and values",
            try_=("a larger buffer", "flash2"),
        )


def _outputs(problem: Problem, arrays: SpatialArrays) -> int:
    return problem.instances * -(-problem.queries // arrays.cols)


def _waves(problem: Problem, arrays: SpatialArrays, split: FixedSplit) -> int:
    """Tile times of all waves where a causal mask leaves parts short or empty: of each wave, the longest part.

    Waves repeat once a number of heads fills whole waves.
    """
    needed = row_blocks(problem, arrays.cols, arrays.rows)
    times, rest = divmod(split.ctas, lcm(len(needed) * split.splits, split.slots))
    whole = _longest_parts(needed, split, (split.ctas - rest) // times) if times else 0
    return times * whole + _longest_parts(needed, split, rest)


def _longest_parts(needed: Sequence[int], split: FixedSplit, items: int) -> int:
    """Tile times of the waves of the first `items` work items."""
    output, part = np.divmod(np.arange(items, dtype=np.int64), split.splits)
    stop = np.minimum(np.asarray(needed, dtype=np.int64)[output % len(needed)], (part + 1) * split.part)
    tiles = np.zeros(-(-items // split.slots) * split.slots, dtype=np.int64)
    tiles[:items] = np.maximum(stop - part * split.part, 0)
    return int(tiles.reshape(-1, split.slots).max(axis=1).sum()) if items else 0


DATAFLOWS = (SplitKv(), Lean())
