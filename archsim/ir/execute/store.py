"""Where tensors are while a mapping is executed: at the bytes where they are placed, or in arrays of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.ir.capability import PimBanks, VectorUnit
from archsim.ir.component import Design
from archsim.ir.execute.layout import Array, Ints
from archsim.ir.mapping import Mapping as Program
from archsim.ir.mapping import Placement

NOBODY = -1


@dataclass
class Slot:
    """The bytes of one copy of a placement, as elements.

    What does not fit wraps around: a placement that is made for one token, or one sequence, holds the latest.
    """

    place: Placement
    copy: tuple[int, ...]
    """Loop variables of the copy."""
    start: int
    element_bits: int
    banks: int
    """Banks that have the same addresses: an element of each lies at one address."""
    rivals: list[Slot] = field(default_factory=list)
    """Other slots that share bytes with this one."""

    def __post_init__(self) -> None:
        self.room = 8 * self.place.size * self.banks // self.element_bits
        self.values: Array = np.full(max(self.room, 1), np.nan)
        self.by: Ints = np.full(max(self.room, 1), NOBODY)
        """The instance that touched each element last."""

    def write(self, index: Ints, values: Array, instance: int) -> None:
        """Put elements there, which destroys what other slots have at the same bytes."""
        if not self.room:
            return
        self.values[index % self.room] = values
        self.by[index % self.room] = instance
        for rival in self.rivals:
            rival.lose(self.bytes_of(np.unique(index % self.room)), instance)

    def bytes_of(self, index: Ints) -> tuple[Ints, Ints]:
        """First byte of each element and the one after its last."""
        first = self.start + index * self.element_bits // (8 * self.banks)
        return first, np.maximum(self.start - (-(index + 1) * self.element_bits // (8 * self.banks)), first + 1)

    def lose(self, bounds: tuple[Ints, Ints], instance: int) -> None:
        """Some other tensor was written to these bytes."""
        first, last = bounds
        low, high = self.bytes_of(np.arange(self.room))
        at = np.searchsorted(first, high)  # elements of the other that begin before ours end
        hit = (at > 0) & (last[np.maximum(at - 1, 0)] > low)
        self.values[hit] = np.nan
        self.by[hit] = instance


@dataclass
class Memories:
    """All placements of a program."""

    program: Program
    design: Design
    shapes: Mapping[str, tuple[tuple[str, ...], tuple[int, ...]]]
    """Tensor -> names of its dims, largest sizes."""
    counts: Mapping[str, int]
    """Iterations of each loop."""
    element_bits: Mapping[str, int]
    """Tensor -> bits of an element, where the memory does not say."""

    def __post_init__(self) -> None:
        self.slots: dict[tuple[str, tuple[int, ...]], Slot] = {}
        widths = dict(element_sizes(self.design))
        for place in self.program.placements:
            for copy, start in _copies(place, self.counts):
                if (place.tensor, copy) in self.slots:
                    raise BadInput(
                        f"{place.tensor} has two placements",
                        right="one placement for each tensor that is executed",
                        try_="a mapping in which each tensor has one place",
                    )
                tensor = place.tensor.rpartition("@")[0] or place.tensor
                bits, banks = widths.get(place.memory, (self.element_bits.get(tensor, 8), 1))
                self.slots[place.tensor, copy] = Slot(place, copy, start, bits, banks)
        self._find_rivals()
        self._linear: dict[tuple[str, tuple[int, ...]], Ints] = {}

    def _find_rivals(self) -> None:
        by_memory: dict[str, list[Slot]] = {}
        for slot in self.slots.values():
            by_memory.setdefault(slot.place.memory, []).append(slot)
        for slots in by_memory.values():
            slots.sort(key=lambda slot: slot.start)
            for i, slot in enumerate(slots):
                for other in slots[i + 1 :]:
                    if other.start >= slot.start + slot.place.size:
                        break
                    slot.rivals.append(other)
                    other.rivals.append(slot)

    def slot(self, tensor: str, env: Mapping[str, int]) -> Slot | None:
        """Where a tensor lies for these loop variables; None where it has no placement."""
        for place in self.program.placements:
            if place.tensor == tensor:
                return self.slots[tensor, tuple(env.get(var, 0) for var in place.strides)]
        return None

    def index(self, tensor: str, index: Sequence[Any]) -> Ints:
        """Positions of elements from the beginning of a placement.

        Scores and probabilities lie query by query, so that a placement may hold those of one.
        """
        dims, sizes = self.shapes[tensor]
        order = ("q", "b", "h", "t") if set(dims) == {"b", "h", "q", "t"} else dims
        out: Any = 0
        for dim in order:
            at = dims.index(dim)
            out = out * sizes[at] + index[at]
        return np.asarray(out, dtype=np.int64)

    def whole(self, tensor: str, shape: tuple[int, ...]) -> Ints:
        """Positions of all elements of an array of this shape."""
        if (tensor, shape) not in self._linear:
            self._linear[tensor, shape] = self.index(tensor, tuple(np.indices(shape)))
        return self._linear[tensor, shape]


def element_sizes(design: Design) -> Iterator[tuple[str, tuple[int, int]]]:
    """Memory -> bits of an element, and banks side by side."""
    for unit in design.capabilities():
        if isinstance(unit, PimBanks):
            yield unit.unit, (8 * unit.element_bytes, unit.channels * unit.banks)
        elif isinstance(unit, VectorUnit):
            yield unit.sram, (8 * unit.element_bytes, 1)


def _copies(place: Placement, counts: Mapping[str, int]) -> Iterator[tuple[tuple[int, ...], int]]:
    for copy in product(*(range(counts.get(var, 1)) for var in place.strides)):
        yield copy, place.start + sum(i * step for i, step in zip(copy, place.strides.values(), strict=True))
