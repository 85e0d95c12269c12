"""What is scheduled: steps that wait for each other, units that take some of them, results that cross between units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archsim.core.errors import BadInput, Infeasible, UnknownName
from archsim.mappers.placement.dual import dual

Copy = tuple[int, str]
"""A result by index, and the unit that it is brought to."""


@dataclass(frozen=True, slots=True)
class Step:
    """What one unit does at one go: an op.

    Parameters
    ----------
    name
        Unique among the steps.
    work
        Unit -> time; a unit that is not named cannot take it.
    after
        Steps that must be done before it starts.
    """

    name: str
    work: Mapping[str, int] = field(hash=False)
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What a step leaves for others, and what it costs to bring it to another unit.

    Parameters
    ----------
    name
        Unique among the results.
    maker
        The step that makes it.
    users
        Steps that need it. On another unit than the maker they wait for a copy, one for each unit, over the one link.
    cost
        Time of a copy.
    next_round
        Steps of the next round of the same steps that need it.
    """

    name: str
    maker: str
    users: tuple[str, ...]
    cost: int
    next_round: tuple[str, ...] = ()


@dataclass(frozen=True)
class Problem:
    """Steps and results by index, in an order in which steps may run.

    Raises
    ------
    BadInput
        A name given twice or unknown, a negative time, steps that wait for each other in a circle.
    Infeasible
        A step that no unit takes.
    """

    steps: tuple[Step, ...]
    results: tuple[Result, ...] = ()

    def __post_init__(self) -> None:
        for noun, names in (("step", [s.name for s in self.steps]), ("result", [r.name for r in self.results])):
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                raise BadInput(f"{noun} {twice!r} is given twice", right="a name for each")
        for step in self.steps:
            if not step.work:
                raise Infeasible(
                    "no unit takes it", where=f"step {step.name!r}", right="time on at least one unit", try_="name one"
                )
            if min(step.work.values()) < 0:
                raise BadInput("a negative time", where=f"step {step.name!r}", right="0 or more")
        for result in self.results:
            if result.cost < 0:
                raise BadInput("a negative time", where=f"result {result.name!r}", right="0 or more")
        assert self.order, "computed to find circles"

    @cached_property
    def index(self) -> dict[str, int]:
        """Step -> its place."""
        return {step.name: at for at, step in enumerate(self.steps)}

    @cached_property
    def units(self) -> tuple[str, ...]:
        """Units that take steps, in the order in which they are met."""
        return tuple(dict.fromkeys(unit for step in self.steps for unit in step.work))

    @cached_property
    def before(self) -> list[list[int]]:
        """For each step those it waits for, makers of its results included."""
        found: list[dict[int, None]] = [dict.fromkeys(self._at(n, s.name) for n in s.after) for s in self.steps]
        for result in self.results:
            for user in result.users:
                found[self._at(user, result.name)][self._at(result.maker, result.name)] = None
            for user in result.next_round:
                self._at(user, result.name)
        return [list(one) for one in found]

    @cached_property
    def behind(self) -> list[list[int]]:
        """For each step those that wait for it."""
        found: list[list[int]] = [[] for _ in self.steps]
        for at, earlier in enumerate(self.before):
            for other in earlier:
                found[other].append(at)
        return found

    @cached_property
    def needs(self) -> list[list[int]]:
        """For each step the results it needs, by index."""
        found: list[list[int]] = [[] for _ in self.steps]
        for at, result in enumerate(self.results):
            for user in result.users:
                found[self.index[user]].append(at)
        return found

    @cached_property
    def order(self) -> list[int]:
        """Steps so that each comes after those it waits for; as given where that is such an order."""
        left = [len(earlier) for earlier in self.before]
        ready, out = [at for at, count in enumerate(left) if not count], list[int]()
        while ready:
            at = min(ready)
            ready.remove(at)
            out.append(at)
            for other in self.behind[at]:
                left[other] -= 1
                if not left[other]:
                    ready.append(other)
        if len(out) < len(self.steps):
            circle = ", ".join(step.name for at, step in enumerate(self.steps) if left[at])
            what, right = f"steps wait for each other in a circle: {circle}", "an order in which they may run"
            raise BadInput(what, where=f"step {circle.partition(',')[0]!r}", right=right)
        return out or [0][: len(self.steps)]

    @cached_property
    def ancestors(self) -> list[int]:
        """For each step what it waits for, directly or not, a bit each."""
        found = [0] * len(self.steps)
        for at in self.order:
            for other in self.before[at]:
                found[at] |= found[other] | 1 << other
        return found

    @cached_property
    def returns(self) -> list[int]:
        """Results that the next round cannot start without, where it starts with one step."""
        starts = [step.name for at, step in enumerate(self.steps) if not self.before[at]]
        if len(starts) != 1:
            return []
        return [at for at, result in enumerate(self.results) if starts[0] in result.next_round]

    def _at(self, name: str, where: str) -> int:
        if name not in self.index:
            raise UnknownName("step", name, [step.name for step in self.steps], where=where)
        return self.index[name]


def longest_path(problem: Problem) -> int:
    """Time of the longest chain of steps, each on its fastest unit: no schedule is shorter."""
    ends = [0] * len(problem.steps)
    for at in problem.order:
        ends[at] = max((ends[other] for other in problem.before[at]), default=0) + min(problem.steps[at].work.values())
    return max(ends, default=0)


def least_load(works: Sequence[Mapping[str, int]]) -> int:
    """Time that the busiest unit has at least, however steps are spread."""
    units = list(dict.fromkeys(unit for work in works for unit in work))
    if not units:
        return 0
    table = np.array([[work.get(unit, np.inf) for unit in units] for work in works], dtype=float)
    return dual(table, np.zeros(len(units))).bound
