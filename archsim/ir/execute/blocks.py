"""Parts and copies of tensors on chip: what tasks call ``tensor@memory`` or, on another unit, ``tensor@unit``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import numpy as np

from archsim.ir.execute.layout import Array, Ints
from archsim.ir.execute.plain import Key
from archsim.ir.execute.store import NOBODY, Slot
from archsim.ir.graph import Graph
from archsim.ir.mapping import Task

NOWHERE = -1


def tensor_of(name: str) -> str:
    """The tensor that a name on chip is of; the name itself where it is a tensor's."""
    return name.rpartition("@")[0] or name


def copies(names: Iterable[str], tensor: str) -> list[str]:
    """Those of some names that are parts or copies of a tensor on chip."""
    return [name for name in names if name != tensor and tensor_of(name) == tensor]


def carries(task: Task) -> bool:
    """Whether a task only brings results to another unit."""
    return task.kernel == "copy" and not task.tile and {tensor_of(name) for name in task.writes} == set(task.reads)


@dataclass
class Block:
    """Some bytes with as many elements as fit; new ones take the place of those that came first.

    Where in its block an element lies is not said by mappings: in the order in which they come.
    """

    slots: list[Slot]
    """The bytes. Several for columns of one product with several outputs, which share all of them."""
    came: int = 0
    """Elements that came."""
    places: dict[Key, Ints] = field(default_factory=dict)
    """Where each element of a tensor lies; `NOWHERE` where it is not here."""
    driven: dict[Key, Ints] = field(default_factory=dict)
    """The instance that took the place of each element, or `NOBODY`."""

    def __post_init__(self) -> None:
        self.starts = [0, *accumulate(slot.room for slot in self.slots)]
        self.room = self.starts[-1]
        self.whose: list[Key | None] = [None] * self.room
        self.which = np.zeros(self.room, dtype=np.int64)

    def write(self, key: Key, size: int, index: Ints, values: Array, instance: int) -> None:
        """Put elements of a tensor of this size here; one that is here already keeps its place."""
        if not self.room:
            return
        places = self.places.setdefault(key, np.full(size, NOWHERE))
        self.driven.setdefault(key, np.full(size, NOBODY))
        for element in index[places[index] == NOWHERE]:
            place = self.came % self.room
            if (old := self.whose[place]) is not None:
                self.places[old][self.which[place]] = NOWHERE
                self.driven[old][self.which[place]] = instance
            self.whose[place], self.which[place], places[element] = key, element, place
            self.came += 1
        here = places[index] != NOWHERE
        for slot, own, at in self._parts(places[index][here]):
            slot.write(at, values[here][own], instance)

    def read(self, key: Key, size: int) -> tuple[Array, Ints]:
        """All elements, not a number where they are not here; and who drove each away or wrote over it last."""
        places = self.places.get(key, np.full(size, NOWHERE))
        found, by = np.full(size, np.nan), self.driven.get(key, np.full(size, NOBODY)).copy()
        here = np.flatnonzero(places != NOWHERE)
        for slot, own, at in self._parts(places[here]):
            found[here[own]], by[here[own]] = slot.values[at], slot.by[at]
        return found, by

    def _parts(self, places: Ints) -> Iterator[tuple[Slot, Ints, Ints]]:
        """Slots, which of some places lie in each, and where in it."""
        for slot, start in zip(self.slots, self.starts[:-1], strict=True):
            own = np.flatnonzero((places >= start) & (places < start + slot.room))
            if len(own):
                yield slot, own, places[own] - start


@dataclass
class Elsewhere:
    """Copies without a place of their own: what a link brought to a unit."""

    values: dict[Key, Array] = field(default_factory=dict)

    def write(self, key: Key, size: int, index: Ints, values: Array, instance: int) -> None:
        """Put elements of a tensor of this size here."""
        self.values.setdefault(key, np.full(size, np.nan))[index] = values

    def read(self, key: Key, size: int) -> tuple[Array, Ints]:
        """All elements, not a number where they did not come."""
        return self.values.get(key, np.full(size, np.nan)), np.full(size, NOBODY)


class Watched:
    """An array that keeps in mind which of its elements were taken."""

    def __init__(self, values: Array) -> None:
        self.values, self.taken = values, np.zeros(values.shape, dtype=bool)
        self.shape, self.ndim = values.shape, values.ndim

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Array:
        self.taken[index] = True
        return np.asarray(self.values[index])


class Blocks:
    """Everything on chip that is a part or a copy."""

    def __init__(self, slots: Mapping[tuple[str, tuple[int, ...]], Slot], graph: Graph) -> None:
        self.known: dict[str, Block | Elsewhere] = {}
        parts = [slot for (name, _), slot in slots.items() if tensor_of(name) != name]
        for shared in _together(parts, graph):
            self.known |= dict.fromkeys((slot.place.tensor for slot in shared), Block(shared))
        self.newest: dict[Key, str] = {}
        """Of sums that grow, the block that has them."""

    def write(self, name: str, key: Key, shape: tuple[int, ...], index: Any, values: Array, instance: int) -> None:
        """Put elements, by their numpy index in the tensor, into a part or a copy."""
        flat = np.ravel_multi_index(tuple(np.asarray(each).ravel() for each in index), shape)
        block = self.known.setdefault(name, Elsewhere())
        block.write(key, int(np.prod(shape)), np.asarray(flat), values.ravel(), instance)

    def read(self, name: str, key: Key, shape: tuple[int, ...]) -> tuple[Array, Ints]:
        """A tensor as a part or a copy has it, not a number elsewhere; and who took what is not there."""
        found, by = self.known.setdefault(name, Elsewhere()).read(key, int(np.prod(shape)))
        return found.reshape(shape), by.reshape(shape)


def _together(parts: Iterable[Slot], graph: Graph) -> Iterator[list[Slot]]:
    """Slots that are one block: of the columns that an op makes at a time, whichever of its outputs they belong to."""
    shared: dict[object, list[Slot]] = {}
    for slot in parts:
        name, live = slot.place.tensor, slot.place.live
        first, last = live or ("", "")
        made = first and first == last and tensor_of(name) in graph.ops[first][0].outputs
        shared.setdefault((slot.place.memory, live) if made else name, []).append(slot)
    yield from shared.values()
