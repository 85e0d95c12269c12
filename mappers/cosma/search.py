"""Which ops run together, in which blocks, and what stays on chip as a whole: the best of all combinations.

The program is a sequence of groups. What is on chip between two of them is a set of stays. So the cheapest way to every
place in the program, for every set there, is found from the places before it; a group costs the least that its blocks
and its room for tiles allow in what the stays leave of the scratchpad.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from functools import reduce
from itertools import product
from typing import NamedTuple

import numpy as np

from archsim.ir.graph import Graph
from archsim.mappers.cosma.cut import Cut, cuts
from archsim.mappers.cosma.group import Group
from archsim.mappers.cosma.pieces import Pieces
from archsim.mappers.cosma.plan import Plan, Planner
from archsim.mappers.cosma.price import RefusedError
from archsim.mappers.cosma.stays import Stay

MOST_STATES = 512
"""Sets of stays that are followed at one place; of more the cheapest."""


class Option(NamedTuple):
    """A way to run a group: bytes of blocks and of room for tiles together, its cost, and which it is."""

    need: int
    cost: tuple[int, int]
    cut: Cut
    room: int
    """Number of the room."""


class Segment(NamedTuple):
    """A group as it was chosen."""

    group: Group
    option: Option
    status: ReadOnly[str, str]
    held: frozenset[int]
    """Stays during it."""


Cost = tuple[int, int, int]
"""What is made small, what decides between equals, and how many groups have blocks."""


@dataclass
class Options:
    """Ways to run groups by what is on chip."""

    graph: Graph
    pieces: Pieces
    metric: int
    """Row of `Costs` that is made small; the other one decides between equals."""
    known: dict[tuple[object, ...], list[Option]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.planner = Planner(self.graph)
        self.most = self.pieces.prices.rooms[0]
        self.cuts: dict[tuple[int, int], list[Cut]] = {}

    def best(self, group: Group, status: ReadOnly[str, str], space: int) -> Option | None:
        """The cheapest that fits; None where nothing does."""
        found = self.all(group, status)
        at = bisect_right(found, space, key=lambda option: option.need)
        return found[at - 1] if at else None

    def all(self, group: Group, status: ReadOnly[str, str]) -> list[Option]:
        """Ways of which none is both smaller and cheaper than another, the smallest first."""
        key = (group.first, group.stop, *sorted(status.items()))
        if key not in self.known:
            every = sorted(self._every(group, status), key=lambda option: option[:2])
            self.known[key] = []
            for option in every:
                if not self.known[key] or option.cost < self.known[key][-1].cost:
                    self.known[key].append(option)
        return self.known[key]

    def plan(self, group: Group, cut: Cut, status: ReadOnly[str, str]) -> Plan:
        """Where everything is in a group."""
        return self.planner.plan(group, cut, status)

    def _every(self, group: Group, status: ReadOnly[str, str]) -> Iterator[Option]:
        rooms = self.pieces.prices.rooms
        for cut in self._tried(group, status):
            plan = self.planner.plan(group, cut, status)
            need = plan.need
            if need + rooms[-1] > self.most:
                continue
            try:
                total = reduce(np.add, [self.pieces.costs(use) for use in plan.uses])
            except RefusedError:
                continue
            primary, secondary = total[self.metric].tolist(), total[1 - self.metric].tolist()
            costs = list(zip(primary, secondary, strict=True))
            for number, room in enumerate(rooms):
                no_gain = number + 1 < len(rooms) and costs[number] == costs[number + 1]
                if need + room <= self.most and not no_gain:
                    yield Option(need + room, costs[number], cut, number)

    def _tried(self, group: Group, status: ReadOnly[str, str]) -> list[Cut]:
        """Cuts worth a try: of an op by itself only where its operands come more than once otherwise."""
        where = group.first, group.stop
        if where not in self.cuts:
            self.cuts[where] = list(cuts(self.graph, group))
        found = self.cuts[where]
        if group.kind or len(found) == 1:
            return found
        (use,) = self.planner.plan(group, found[0], status).uses
        if len(set(use.op.outputs) & set(status)) and len(use.op.outputs) > 1:
            found = [cut for cut in found if not cut.wide]  # a block may have columns of any of them
        try:
            return found[:1] if self.pieces.is_least(use) else found
        except RefusedError:
            return found


@dataclass
class Search:
    """The cheapest sequence of groups."""

    groups: Sequence[Group]
    stays: Sequence[Stay]
    options: Options
    fuse: bool = True

    def __post_init__(self) -> None:
        self._begins: dict[tuple[int, int], dict[str, list[int | None]]] = {}
        self.starting: dict[int, list[Group]] = defaultdict(list)
        for group in self.groups:
            if self.fuse or not group.kind:
                self.starting[group.first].append(group)

    def run(self, capacity: int) -> list[Segment]:
        """Groups in program order, when so many bytes hold blocks, tiles and what stays."""
        end = max(group.stop for group in self.groups)
        reached: list[dict[frozenset[int], tuple[Cost, Segment | None, frozenset[int]]]] = [{} for _ in range(end + 1)]
        reached[0][frozenset()] = ((0, 0, 0), None, frozenset())
        for place in range(end):
            states = sorted(reached[place].items(), key=lambda item: item[1][0])[:MOST_STATES]
            for state, (cost, _, _) in states:
                for group in self.starting[place]:
                    for after, segment in self._steps(group, state, capacity):
                        a, b = segment.option.cost
                        total = (
                            cost[0] + a,
                            cost[1] + b,
                            cost[2] + bool(segment.option.cut.rows or segment.option.cut.heads),
                        )
                        known = reached[group.stop].get(after)
                        if known is None or total < known[0]:
                            reached[group.stop][after] = (total, segment, state)
        return list(self._back(reached, end))

    def _back(
        self, reached: Sequence[ReadOnly[frozenset[int], tuple[Cost, Segment | None, frozenset[int]]]], end: int
    ) -> Iterator[Segment]:
        found, place, state = list[Segment](), end, frozenset[int]()
        while place:
            _, segment, state = reached[place][state]
            assert segment is not None
            found.append(segment)
            place = segment.group.first
        yield from reversed(found)

    def _steps(self, group: Group, state: frozenset[int], capacity: int) -> Iterator[tuple[frozenset[int], Segment]]:
        """Every choice of what stays from the group on."""
        inside = {self.stays[i].tensor for i in state}
        left = capacity - sum(self.stays[i].size for i in state)
        touched = group.made | group.entering
        found = {name: "in" for name in inside if name in touched}
        for chosen in product(*self._fresh(group, inside)):
            begun = [i for i in chosen if i is not None]
            space = left - sum(self.stays[i].size for i in begun)
            if space <= 0:
                continue
            new = ((self.stays[i].tensor, "only" if self.stays[i].only else "copy") for i in begun)
            status = {**found, **{name: how for name, how in new if name in touched}}
            option = self.options.best(group, status, space)
            if option is not None:
                held = state.union(begun)
                after = frozenset(i for i in held if self.stays[i].last >= group.stop)
                yield after, Segment(group, option, status, held)

    def _fresh(self, group: Group, inside: set[str]) -> list[list[int | None]]:
        """For every tensor that may stay from the group on: that it does not, or one of its stays."""
        key = group.first, group.stop
        if key not in self._begins:
            begins: dict[str, list[int | None]] = {}
            for i, stay in enumerate(self.stays):
                if group.first <= stay.first < group.stop <= stay.last:
                    begins.setdefault(stay.tensor, [None]).append(i)
            self._begins[key] = begins
        return [choices for name, choices in self._begins[key].items() if name not in inside]
