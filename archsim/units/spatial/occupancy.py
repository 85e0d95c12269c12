"""How busy decode keeps many units, by the way the keys are dealt to them, against context and batch.

One tile of keys for one row block is the unit of work. Occupancy is the tiles computed over the tiles that all units of
the machine had time for until the last one is done; merges and fix-ups are not counted as work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from archsim.core.errors import UnknownName
from archsim.units.spatial.lean import lean_attention
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.splitkv import MOST_SPLITS, ROW_BLOCK, FixedSplit, flash_decoding, key_block

FIXED_PART = 2048
"""Keys of a part where their number is fixed instead of the number of parts [assumed]."""


@dataclass(frozen=True, slots=True)
class Occupancy:
    """One point of the table."""

    scheme: str
    batch: int
    context: int
    tiles: int
    makespan: int
    """Tile times until the last unit is done."""
    occupancy: Fraction
    """Of all slots of the machine, those that no work reaches included."""
    parts: int
    """Pieces of heads, the whole ones included: what a fix-up has to look at."""


def _unsplit(problem: Problem, slots: int) -> FixedSplit:
    blocks = -(-problem.keys // key_block(problem.head))
    return FixedSplit(problem.instances * -(-problem.queries // ROW_BLOCK), blocks, slots, 1)


def _fixed(problem: Problem, slots: int) -> FixedSplit:
    whole = _unsplit(problem, slots)
    splits = min(MOST_SPLITS, whole.blocks, -(-problem.keys // FIXED_PART))
    return FixedSplit(whole.outputs, whole.blocks, slots, splits)


def _equal_parts(cut: Callable[[Problem, int], FixedSplit]) -> Callable[[Problem, int], tuple[int, int, int]]:
    def numbers(problem: Problem, slots: int) -> tuple[int, int, int]:
        split = cut(problem, slots)
        return split.total, split.makespan, split.outputs * split.parts

    return numbers


def _lean(problem: Problem, slots: int) -> tuple[int, int, int]:
    partition = lean_attention(problem, -(-slots // 2))
    return partition.total, partition.max_tiles, partition.pieces


SCHEMES: Mapping[str, Callable[[Problem, int], tuple[int, int, int]]] = {
    "flash2": _equal_parts(_unsplit),
    "fixed-split": _equal_parts(_fixed),
    "split-kv": _equal_parts(flash_decoding),
    "lean": _lean,
}
"""Name -> (problem, slots) to (tiles, makespan, parts): a unit per head (FlashAttention-2), parts of `FIXED_PART` keys,
Flash-Decoding with its choice of parts, LeanAttention."""


def occupancy(scheme: str, problem: Problem, units: int) -> Occupancy:
    """One way to deal a problem to `units` units with two slots each, as both implementations take a GPU.

    `UnknownName` where `scheme` is none of `SCHEMES`.
    """
    if scheme not in SCHEMES:
        raise UnknownName("scheme", scheme, SCHEMES)
    tiles, makespan, parts = SCHEMES[scheme](problem, 2 * units)
    return Occupancy(scheme, problem.batch, problem.keys, tiles, makespan, Fraction(tiles, 2 * units * makespan), parts)


def occupancy_table(
    *,
    units: int,
    heads: int,
    kv_heads: int,
    head: int,
    batches: Iterable[int],
    contexts: Iterable[int],
    schemes: Iterable[str] = tuple(SCHEMES),
) -> list[Occupancy]:
    """Decode, one query position per sequence, for every scheme, batch and context.

    Parameters
    ----------
    units
        Streaming multiprocessors, arrays, cores.
    heads, kv_heads, head
        Query heads, heads of keys and values, elements of a head.
    batches, contexts
        Sequences, and keys of each.
    schemes
        Names in `SCHEMES`.
    """
    shapes = [(batch, context) for batch in batches for context in contexts]
    return [
        occupancy(scheme, Problem(batch, heads, kv_heads, 1, context, head), units)
        for scheme in schemes
        for batch, context in shapes
    ]
