"""LeanAttention (arXiv 2405.10480): the tiles of all heads in one line, cut into equal runs (stream-K).

A run may begin and end within a head. Every unit gets the same number of tiles, give or take one, whatever the number
of heads; the price is a fix-up of the heads that several units share.

Mechanism and numbers: microsoft/onnxruntime@0385bbbf onnxruntime/contrib_ops/cuda/bert/lean_attention/lean_api.cc
[stated], except that row blocks are counted after the query heads of a KV head have been folded into rows (there
before, which is the same as long as they fit one row block), and that a causal mask starts at the first of the keys'
last positions (there at the first key: the same where queries and keys are equally many).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from archsim.core.errors import BadInput
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.splitkv import ROW_BLOCK, Segment, key_block

MOST_SPLITS = 32
"""Runs that may share a row block, by which the grid is limited [stated]."""


@dataclass(frozen=True)
class LeanPartition:
    """The tiles of `heads` equal heads, dealt to `grid` units in runs."""

    heads: int
    blocks: tuple[int, ...]
    """Key tiles of each row block of a head: all the same without a causal mask."""
    grid: int

    def __post_init__(self) -> None:
        if self.heads < 1 or not self.blocks or min(self.blocks) < 1 or not 1 <= self.grid <= self.total:
            raise BadInput(
                f"{self.grid} units for {self.heads} heads of {len(self.blocks)} row blocks",
                right="at least one unit, head, row block and key tile, and at most as many units as tiles",
            )

    @cached_property
    def tiles_per_head(self) -> int:
        """Tiles of one head."""
        return sum(self.blocks)

    @property
    def total(self) -> int:
        """Tiles of all heads."""
        return self.heads * self.tiles_per_head

    @property
    def outputs(self) -> int:
        """Output tiles: row blocks of all heads."""
        return self.heads * len(self.blocks)

    @property
    def max_tiles(self) -> int:
        """Tiles of the longest run: the makespan in tile times, without the fix-up."""
        return -(-self.total // self.grid)

    @property
    def high_load(self) -> int:
        """Units whose run has `max_tiles` tiles; the others have one less."""
        return self.total - (self.max_tiles - 1) * self.grid

    @property
    def occupancy(self) -> Fraction:
        """Tiles computed over tiles that the grid had time for."""
        return Fraction(self.total, self.grid * self.max_tiles)

    @property
    def splits(self) -> int:
        """The bound on runs that share a row block for which the implementation lays out its partial results.

        A row block of n tiles that does not begin with a run has n - 1 left for the runs after the first: in
        lean_api.cc 1 + (n + t - 3) / (t - 1) in whole numbers, for runs of t or t - 1 tiles.
        """
        longest = max(self.blocks)
        if self.total % self.grid == 0:
            return 1 + -(-(longest - 1) // self.max_tiles)
        return 1 + -(-(longest - 1) // (self.max_tiles - 1))

    @property
    def partials(self) -> int:
        """Segments that are not whole output tiles: results (m, l, O) that a fix-up merges."""
        return sum(self.sharing().values())

    @property
    def pieces(self) -> int:
        """Segments, those that are whole output tiles included."""
        return self.outputs + sum(count - 1 for count in self.sharing().values())

    def run(self, unit: int) -> tuple[int, int]:
        """The half-open range of the unit's tiles in the line of all tiles."""
        start = unit * self.max_tiles - max(0, unit - self.high_load)
        return start, start + self.max_tiles - (unit >= self.high_load)

    def segments(self) -> Iterator[Segment]:
        """Every run, cut where one output tile ends and the next begins, in the order of the line."""
        ends = self._ends
        starts = [0, *ends[:-1]]
        for unit in range(self.grid):
            place, stop = self.run(unit)
            head, within = divmod(place, self.tiles_per_head)
            block = bisect_right(ends, within)
            while place < stop:
                base = head * self.tiles_per_head + starts[block]
                end = min(stop, base + self.blocks[block])
                yield Segment(unit, head * len(self.blocks) + block, place - base, end - base)
                place = end
                head, block = (head, block + 1) if block + 1 < len(self.blocks) else (head + 1, 0)

    def sharing(self) -> dict[int, int]:
        """Output tile -> runs that share it, for those that more than one does: those in which a run begins."""
        ends, runs = self._ends, dict[int, int]()
        for unit in range(1, self.grid):
            head, within = divmod(self.run(unit)[0], self.tiles_per_head)
            block = bisect_right(ends, within)
            if within != (ends[block - 1] if block else 0):
                output = head * len(self.blocks) + block
                runs[output] = runs.get(output, 1) + 1
        return runs

    @cached_property
    def _ends(self) -> list[int]:
        """Where in a head each row block ends."""
        return list(accumulate(self.blocks))


def row_blocks(problem: Problem, rows: int, keys: int) -> tuple[int, ...]:
    """Key tiles of each block of `rows` query rows, for tiles of `keys` keys, causal mask considered."""
    count = -(-problem.queries // rows)
    if not problem.causal:
        return (-(-problem.keys // keys),) * count
    group, size = problem.heads // problem.kv_heads, problem.heads // problem.kv_heads * keys
    # The last row of a block sees the keys up to its own position, in whole tiles.
    shift = group * (problem.keys - problem.positions) + size - 1
    ends = (*range(rows, problem.queries, rows), problem.queries)
    return tuple((end + shift) // size for end in ends)


def lean_grid(total: int, longest: int, outputs: int, processors: int) -> int:
    """How many thread blocks the implementation starts: two per streaming multiprocessor, fewer where there is little.

    Parameters
    ----------
    total
        Tiles of all heads.
    longest
        Key tiles of a row block that sees all keys.
    outputs
        Row blocks of all heads.
    processors
        Streaming multiprocessors.

    Returns
    -------
    int
        Such that a thread block has two tiles at least where possible, and a row block at most `MOST_SPLITS` runs.
    """
    if total <= 4 * processors:
        grid = min(-(-total // 2), -(-MOST_SPLITS * total // longest))
    else:
        grid = min(2 * processors, MOST_SPLITS * outputs)
    return max(1, min(grid, total))


def lean_attention(
    problem: Problem, processors: int, *, rows: int = ROW_BLOCK, keys: int | None = None
) -> LeanPartition:
    """LeanAttention of a problem on a GPU of `processors` multiprocessors, with its tiles unless others are given."""
    size = keys or key_block(problem.head)
    blocks = row_blocks(problem, rows, size)
    longest, outputs = -(-problem.keys // size), problem.instances * len(blocks)
    grid = lean_grid(problem.instances * sum(blocks), longest, outputs, processors)
    return LeanPartition(problem.instances, blocks, grid)
