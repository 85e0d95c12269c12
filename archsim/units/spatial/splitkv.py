"""Decode on many units by cutting the keys of every head into equal parts: Flash-Decoding.

A work item is one row block of one KV head with one part of its keys. Items are dealt to slots in waves; a merge puts
the parts of a head together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from archsim.core.errors import BadInput
from archsim.units.spatial.problem import Problem

MOST_SPLITS = 128
"""Dao-AILab/flash-attention@00979f57 csrc/flash_attn/flash_api.cpp: what its merge kernel takes [stated]."""
ROW_BLOCK = 64
"""The same file: query rows of a tile in the split kernels [stated]."""


def key_block(head: int) -> int:
    """Keys of a tile on a GPU, by head size; both Flash-Decoding (the file above) and LeanAttention [stated]."""
    return 256 if head <= 64 else 128 if head <= 128 else 64


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of key tiles that one unit computes for one output tile."""

    unit: int
    output: int
    """Index of the row block among those of all heads."""
    start: int
    stop: int
    """Key tiles ``start..stop-1`` of that output tile."""


@dataclass(frozen=True, slots=True)
class FixedSplit:
    """`outputs` output tiles of `blocks` key tiles each, every one cut into `splits` parts, on `slots` units."""

    outputs: int
    blocks: int
    slots: int
    splits: int

    def __post_init__(self) -> None:
        if min(self.outputs, self.blocks, self.slots) < 1 or not 1 <= self.splits <= self.blocks:
            raise BadInput(
                f"{self.splits} splits of {self.blocks} key tiles, {self.outputs} output tiles, {self.slots} slots",
                right="at least 1 of each, and at most as many splits as key tiles",
            )

    @property
    def total(self) -> int:
        """Tiles of all heads."""
        return self.outputs * self.blocks

    @property
    def ctas(self) -> int:
        """Work items (thread blocks, CTAs)."""
        return self.outputs * self.splits

    @property
    def waves(self) -> int:
        """Rounds of work items over the slots."""
        return -(-self.ctas // self.slots)

    @property
    def part(self) -> int:
        """Key tiles of the longest part."""
        return -(-self.blocks // self.splits)

    @property
    def makespan(self) -> int:
        """Tile times until the last part is computed, without the merge."""
        return self.waves * self.part

    @property
    def occupancy(self) -> Fraction:
        """Tiles computed over tiles that the slots had time for."""
        return Fraction(self.total, self.slots * self.makespan)

    def segments(self) -> Iterator[Segment]:
        """Every part, with the slot it falls to; parts beyond the last key tile do not exist."""
        for item in range(self.ctas):
            output, part = divmod(item, self.splits)
            start = part * self.part
            if start < self.blocks:
                yield Segment(item % self.slots, output, start, min(self.blocks, start + self.part))

    @property
    def parts(self) -> int:
        """Parts per head that hold any keys."""
        return -(-self.blocks // self.part)


def best_split(outputs: int, slots: int, blocks: int, most: int = MOST_SPLITS) -> int:
    """The split that FlashAttention-2 chooses for decode: the smallest within 85 % of the best use of the last wave.

    Parameters
    ----------
    outputs
        Output tiles: row blocks of all heads and sequences.
    slots
        Work items that run at once; two per streaming multiprocessor on a GPU.
    blocks
        Key tiles of a head.
    most
        Upper limit.

    Returns
    -------
    int
        1 where output tiles alone fill 80 % of the slots. Splits that leave the longest part as it was are skipped.

    Notes
    -----
    Dao-AILab/flash-attention@00979f57 csrc/flash_attn/flash_api.cpp, num_splits_heuristic [stated]; here in rational
    numbers, there in single precision.
    """
    if 5 * outputs >= 4 * slots:
        return 1
    efficiency: dict[int, Fraction] = {}
    for splits in range(1, min(most, slots, blocks) + 1):
        if splits == 1 or -(-blocks // splits) != -(-blocks // (splits - 1)):
            waves = Fraction(outputs * splits, slots)
            efficiency[splits] = waves / -(-waves.numerator // waves.denominator)
    enough = max(efficiency.values()) * Fraction(85, 100)
    return next(splits for splits, reached in efficiency.items() if reached >= enough)


def flash_decoding(problem: Problem, slots: int, *, rows: int = ROW_BLOCK, keys: int | None = None) -> FixedSplit:
    """Flash-Decoding of a problem on `slots` slots, with tiles of `rows` queries by `keys` keys (those of a GPU)."""
    blocks = -(-problem.keys // (keys or key_block(problem.head)))
    outputs = problem.instances * -(-problem.queries // rows)
    return FixedSplit(outputs, blocks, slots, best_split(outputs, slots, blocks))
