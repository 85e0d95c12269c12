"""What is placed and where it may go: items with work and size, units with room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from archsim.core.errors import BadInput, DoesNotFit, Infeasible, UnknownName

Floats = npt.NDArray[np.float64]
MOST = 1 << 53
"""Largest amount that is counted exactly."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A place: a unit that computes, a channel, a bank, an SLR, a device.

    Parameters
    ----------
    name
        Unique among the units.
    capacity
        Bytes it holds; None where that is no matter.
    load
        Work it has already.
    """

    name: str
    capacity: int | None = None
    load: int = 0


@dataclass(frozen=True, slots=True)
class Item:
    """What goes to one unit: an op, a tensor, the keys of a sequence, an expert.

    Parameters
    ----------
    name
        Unique among the items.
    work
        Time or traffic it brings: a number where all units are alike, else unit -> number. A unit that is not named
        cannot take it.
    size
        Bytes.
    """

    name: str
    work: int | Mapping[str, int] = field(hash=False)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """Two items that exchange something: `cost` is added to the objective unless they share a unit."""

    first: str
    second: str
    cost: int


@dataclass(frozen=True)
class Problem:
    """Items and units as numbers.

    Raises
    ------
    BadInput
        A name given twice or unknown, a negative number, no units.
    Infeasible
        An item that no unit takes, or wishes that contradict each other.
    DoesNotFit
        An item larger than every unit that takes it, or all items together larger than all units.
    """

    items: tuple[Item, ...]
    units: tuple[Unit, ...]
    links: tuple[Link, ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()
    """Sets of items no two of which may share a unit."""

    def __post_init__(self) -> None:
        if not self.units:
            raise BadInput("there are no units", right="one at least")
        self._check_types()
        _names("item", [item.name for item in self.items])
        _names("unit", [unit.name for unit in self.units])
        known = {item.name for item in self.items}
        used = [name for link in self.links for name in (link.first, link.second)]
        for name in (*used, *(name for some in self.apart for name in some)):
            if name not in known:
                raise UnknownName("item", name, known)
        self._check_numbers()
        self._check_room()
        for some in self.apart:
            if len(set(some)) > len(self.units):
                raise Infeasible(
                    f"{len(set(some))} items are to be apart on {len(self.units)} units",
                    where=f"apart: {', '.join(some[:3])}, ...",
                    right=f"at most {len(self.units)} of them",
                    try_="more units",
                )

    @property
    def work(self) -> Floats:
        """Work of each item on each unit; infinite where the unit does not take it."""
        table = np.full((len(self.items), len(self.units)), np.inf)
        index = {unit.name: at for at, unit in enumerate(self.units)}
        for row, item in enumerate(self.items):
            if isinstance(item.work, Mapping):
                for name, amount in item.work.items():
                    table[row, index[name]] = amount
            else:
                table[row, :] = item.work
        return table

    @property
    def sizes(self) -> Floats:
        """Bytes of each item."""
        return np.array([item.size for item in self.items], dtype=float)

    @property
    def rooms(self) -> Floats:
        """Bytes of each unit; infinite where that is no matter."""
        return np.array([np.inf if unit.capacity is None else unit.capacity for unit in self.units])

    @property
    def start(self) -> Floats:
        """Work that each unit has already."""
        return np.array([unit.load for unit in self.units], dtype=float)

    def pairs(self) -> list[tuple[int, int, int]]:
        """Links by index, those of the same two items added up: (first, second, cost)."""
        index = {item.name: at for at, item in enumerate(self.items)}
        costs: dict[tuple[int, int], int] = {}
        for link in self.links:
            first, second = sorted((index[link.first], index[link.second]))
            if first != second:
                costs[first, second] = costs.get((first, second), 0) + link.cost
        return [(a, b, cost) for (a, b), cost in costs.items()]

    def apart_sets(self) -> list[list[int]]:
        """Sets of items that must be apart, by index."""
        index = {item.name: at for at, item in enumerate(self.items)}
        return [sorted({index[name] for name in some}) for some in self.apart]

    def _check_types(self) -> None:
        """What callers without a type checker get wrong."""
        for kind, noun, given in ((Item, "item", self.items), (Unit, "unit", self.units), (Link, "link", self.links)):
            for one in given:
                if not isinstance(one, kind):
                    raise BadInput(f"{one!r} is no {noun}", right=f"archsim.mappers.{kind.__name__}(...)")
        for unit in self.units:
            for name, amount in (("capacity", unit.capacity), ("load", unit.load)):
                _check_whole(amount, f"unit {unit.name!r}, {name}", none=name == "capacity")
        for item in self.items:
            _check_whole(item.size, f"item {item.name!r}, size")
            amounts = list(item.work.values()) if isinstance(item.work, Mapping) else [item.work]
            for amount in amounts:
                _check_whole(amount, f"item {item.name!r}, work")
        for link in self.links:
            _check_whole(link.cost, f"link {link.first}-{link.second}, cost")

    def _check_numbers(self) -> None:
        units = {unit.name for unit in self.units}
        for unit in self.units:
            if (unit.capacity is not None and unit.capacity < 0) or unit.load < 0:
                raise BadInput("a negative amount", where=f"unit {unit.name!r}", right="0 or more")
        for link in self.links:
            if not 0 <= link.cost <= MOST:
                raise BadInput(f"cost is {link.cost:,}", where=f"link {link.first}-{link.second}", right="0 or more")
        for item in self.items:
            where = f"item {item.name!r}"
            amounts = list(item.work.values()) if isinstance(item.work, Mapping) else [item.work]
            if min([item.size, *amounts]) < 0 or max([item.size, *amounts]) > MOST:
                raise BadInput("an amount below 0 or too large", where=where, right=f"0 to {MOST:,}")
            if isinstance(item.work, Mapping):
                for name in item.work:
                    if name not in units:
                        raise UnknownName("unit", name, units, where=where)
                if not item.work:
                    raise Infeasible(
                        "no unit takes it", where=where, right="work on at least one unit", try_="name a unit"
                    )

    def _check_room(self) -> None:
        for item in self.items:
            takers = [u for u in self.units if not isinstance(item.work, Mapping) or u.name in item.work]
            rooms = [unit.capacity for unit in takers if unit.capacity is not None]
            if len(rooms) == len(takers) and item.size > max(rooms):
                largest = max(takers, key=lambda unit: unit.capacity or 0)
                raise DoesNotFit(
                    f"item {item.name!r} is larger than every unit that takes it",
                    need=item.size,
                    have=max(rooms),
                    terms={item.name: item.size},
                    where=f"unit {largest.name!r}, the largest of them",
                    try_=("split it", "more capacity"),
                )
        rooms = [unit.capacity for unit in self.units if unit.capacity is not None]
        total = sum(item.size for item in self.items)
        if len(rooms) == len(self.units) and total > sum(rooms):
            raise DoesNotFit(
                f"{len(self.items)} items do not fit {len(self.units)} units",
                need=total,
                have=sum(rooms),
                terms={item.name: item.size for item in sorted(self.items, key=lambda item: -item.size)[:3]},
                where="all units together",
                try_=("more units", "more capacity", "smaller items"),
            )


def _check_whole(amount: object, where: str, *, none: bool = False) -> None:
    whole = isinstance(amount, int | np.integer) and not isinstance(amount, bool)
    if not whole and not (none and amount is None):
        what = f"{amount!r} is not a whole number"
        raise BadInput(what, where=where, right="an int, 0 or more", try_="a smaller unit, such as ns instead of us")


def _names(noun: str, names: Sequence[str]) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise BadInput(f"{noun} {name!r} is given twice", right="a name for each")
        seen.add(name)
