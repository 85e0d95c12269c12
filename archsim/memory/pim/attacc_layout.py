"""Where AttAcc's units are, and how the keys and values of one head lie over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.affine import Affine
from archsim.memory.pim.program import Do, Loop, Node

CHANNELS = 16
"""Channels of a stack."""
BATCH = 16
"""Dot products that a unit collects before its results move."""
COLUMN, COLUMNS, ROWS = 32, 32, 1 << 14
"""Bytes of a column in one bank, columns of a row, rows of a bank."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one level spreads a head over its units, and a unit's share over banks."""

    mac: str
    along: int
    """Units that share the positions: keys of the scores, values of the context."""
    across: int
    """Units that share the elements of one key or value."""
    turns: tuple[int, ...]
    """Banks that a unit reads in turn, named as the command does."""
    stay: int
    """Columns it reads of one bank before it goes on to the next."""
    vector: tuple[int, ...]
    """Banks whose buffers get a part of the query each."""
    scores: tuple[int, ...]
    """Banks from which scores are moved, and to whose buffers probabilities are."""
    outputs: tuple[int, ...]
    """Banks from which elements of a context are moved."""


_GROUPS = tuple(range(0, 32, 4))
LAYOUTS: Mapping[str, Layout] = {
    "bank": Layout("MACAB", 16, 4, (0,), COLUMNS, (0, 1, 2, 3), _GROUPS, (0, 16, 1, 17, 2, 18, 3, 19)),
    "bg": Layout("MACSB", 16, 1, (0, 1, 2, 3), COLUMNS, (0,), _GROUPS, (0, 16)),
    "buffer": Layout("MACPB", 2, 1, tuple(g + b for b in range(4) for g in _GROUPS), 1, (0,), (0,), (0,)),
}
"""Units at every bank, at every bank group, or one per pseudo channel on the buffer die.

Two stack ids of four groups of four banks make 32 banks.
"""


@dataclass(frozen=True, slots=True)
class Head:
    """One head's attention on one channel, in columns of 32 B."""

    layout: Layout
    positions: int
    """Keys per unit, and values."""
    slices: int
    """Columns of one key per unit, and of one value."""
    shares: int
    """Columns of probabilities per unit."""

    @property
    def macs(self) -> int:
        """MACs of the scores, and of the context."""
        return self.positions * self.slices

    @property
    def batches(self) -> int:
        """Batches of scores."""
        return up(self.positions, BATCH)

    @property
    def rows(self) -> int:
        """Rows that the keys take in each bank, and the values."""
        return up(self.macs, COLUMNS * len(self.layout.turns))

    def scores(self, row: Affine) -> list[list[Node]]:
        """MACs over the keys, which begin with this row, batch by batch."""
        step = BATCH * self.slices
        return [list(self._read(row, at, min(at + step, self.macs))) for at in range(0, self.macs, step)]

    def context(self, row: Affine) -> list[list[Node]]:
        """MACs over the values, which begin with this row, slice by slice."""
        step = self.positions
        return [list(self._read(row, at, at + step)) for at in range(0, self.macs, step)]

    def query(self) -> list[Node]:
        """Brings the query to the buffers."""
        return [Do("WRGB", bank) for bank in self.layout.vector for _ in range(self.slices)]

    def probabilities(self) -> list[Node]:
        """Brings the softmax of the scores to the buffers."""
        return [Do("MVGB", bank) for bank in self.layout.scores for _ in range(self.shares)]

    def _read(self, first: Affine, start: int, stop: int) -> Iterator[Node]:
        """MACs number `start` to `stop` over a matrix that begins with row `first`."""
        size = COLUMNS * len(self.layout.turns)
        sweep = self.layout.stay * len(self.layout.turns)
        for row in range(start // size, up(stop, size)):
            at, end = max(start, row * size), min(stop, (row + 1) * size)
            times = (end - at) // sweep
            if times > 1:
                yield Loop("sweep", times, tuple(self._visit(first + row, at, at + sweep)))
                at += times * sweep
            yield from self._visit(first + row, at, end)

    def _visit(self, row: Affine, start: int, stop: int) -> Iterator[Node]:
        """The same within one row of the banks, bank after bank."""
        turns, stay = self.layout.turns, self.layout.stay
        for turn in range(start // stay, up(stop, stay)):
            count = min(stop, (turn + 1) * stay) - max(start, turn * stay)
            yield Do(self.layout.mac, turns[turn % len(turns)], row, count)


def head_of(level: str, length: int, head_dim: int = 128, element_bytes: int = 2) -> Head:
    """One head's sizes on a channel; parameters as for `attention`."""
    if level not in LAYOUTS:
        raise UnknownName("level", level, LAYOUTS)
    for name, size in (("length", length), ("head_dim", head_dim), ("element_bytes", element_bytes)):
        if size < 1:
            raise BadInput(f"{name}: {size}", right="1 or more")
    if COLUMN % element_bytes:
        raise BadInput(f"element_bytes: {element_bytes}", right=f"a divisor of the {COLUMN} B of a column")
    layout, lanes = LAYOUTS[level], COLUMN // element_bytes
    return Head(
        layout,
        positions=up(length, layout.along),
        slices=up(head_dim, layout.across * lanes),
        shares=up(length, layout.along * lanes),
    )


def heads_of(heads_per_stack: int) -> int:
    """Heads on the busiest channel of a stack that holds so many."""
    if heads_per_stack < 1:
        raise BadInput(f"heads_per_stack: {heads_per_stack}", right="1 or more")
    return up(heads_per_stack, CHANNELS)


def up(amount: int, unit: int) -> int:
    """How many units hold the amount."""
    return -(-amount // unit)
