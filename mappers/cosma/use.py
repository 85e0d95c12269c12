"""One op as a group executes it: in which blocks, and where each of its operands is."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from archsim.ir.affine import Affine
from archsim.ir.graph import Op, Repeat
from archsim.ir.mapping import Range


class Where(StrEnum):
    """Where an operand of an op is."""

    MEMORY = "memory"
    CHIP = "chip"
    ONCE = "once"
    """Fetched from memory by the first block, on chip for those that follow."""
    SUMS = "sums"
    """An output that is summed up on chip and written to memory with the last block of its columns."""


@dataclass(frozen=True, slots=True)
class Span:
    """Equal blocks one after the other: `count` of `size` from `start` on."""

    start: int
    size: int
    count: int
    first: bool
    """Whether the first of all blocks is among them; then it is the only one where that makes a difference."""
    last: bool
    """The same for the last one."""


def spans(total: int, size: int, *, first: bool = False, last: bool = False) -> list[Span]:
    """A range cut into blocks: equal ones together, the first or the last by itself where that is asked for."""
    size = min(size, total)
    count, rest = divmod(total, size)
    cuts = {0, count}
    if first:
        cuts.add(1)
    if last and not rest:
        cuts.add(count - 1)
    marks = sorted(cuts)
    found = [Span(a * size, size, b - a, a == 0, b == count and not rest) for a, b in pairwise(marks)]
    return [*found, Span(count * size, rest, 1, count == 0, True)] if rest else found


@dataclass(frozen=True, slots=True)
class Use:
    """An op in a group.

    Parameters
    ----------
    op
        The op.
    rows, columns
        Of a block; 0 is all of them.
    wide
        Of a product by itself, output columns of a block; 0 is all of them.
    part
        What a block of columns is to the op: "made" (its output columns), "summed" (its reduction), or "" (all).
    heads
        Query heads of a block of attention.
    frame
        Of attention, an op of the group that has its dims.
    inputs, outputs
        Activations and where they are.
    stored
        Where weights, or keys and values are.
    """

    op: Op
    rows: int = 0
    columns: int = 0
    wide: int = 0
    part: str = ""
    heads: int = 0
    frame: Op | None = None
    inputs: tuple[tuple[str, Where], ...] = ()
    outputs: tuple[tuple[str, Where], ...] = ()
    stored: Where = Where.MEMORY
    split: bool = False
    """Whether the first block of rows is a task of its own, since some op of the group keeps what it fetches."""
    ends: tuple[bool, bool] = (False, False)
    """The same for the first and the last block of columns."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A task that is to be: its arguments and tile, and the loops of the group around it, outermost first."""

    args: ReadOnly[str, Affine]
    tile: ReadOnly[str, Range]
    loops: tuple[Repeat, ...]
    opening: bool = True
    """Whether it is the first block of rows."""
    first: bool = True
    """Whether it is the first block of columns."""
    last: bool = True
    """Whether it is the last block of columns."""
    more: bool = False
    """Whether it fetches more of the keys or values that stay: a mask hid them from the blocks before."""


SEQUENCE, HEAD, ROWS, WIDE, COLUMNS = "sequence", "head", "rows", "outputs", "columns"
"""Loop variables of groups."""


def moving(span: Span, var: str) -> Range:
    """The indices of a block."""
    start = Affine.var(var, span.size, span.start) if span.count > 1 else Affine(span.start)
    return Range(start, start + span.size)


def on_chip(where: Where, *, first: bool) -> bool:
    """Whether an operand is on chip when a block begins."""
    return where == Where.CHIP or (where == Where.ONCE and not first)


def told(held_in: Affine, held_stored: Affine, held_out: Affine) -> dict[str, Affine]:
    """Arguments that say what is on chip; what is zero is left out."""
    amounts = {"held_in": held_in, "held_stored": held_stored, "held_out": held_out}
    return {name: amount for name, amount in amounts.items() if amount != Affine(0)}
