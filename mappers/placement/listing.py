"""List scheduling: step by step, the one with the longest way to the end first, on the unit where it ends soonest.

HEFT (Topcuoglu, Hariri and Wu, IEEE TPDS 2002) without filling gaps, since units take their tasks in program order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf

from archsim.mappers.placement.steps import Copy, Problem

MOST_TRIES = 4_000
"""Schedules that are tried for an improvement at most."""


@dataclass
class Listed:
    """A schedule: units, an order, and when everything ends."""

    places: list[str]
    order: list[int | Copy] = field(default_factory=list)
    """Steps and copies in program order."""
    ends: dict[int | Copy, int] = field(default_factory=dict)
    length: int = 0
    """Until all is done, and brought where the next round starts."""


def fitting(problem: Problem) -> list[str]:
    """A unit for each step: steps by the longest way to the end at mean times, each where it would end soonest."""
    work = [step.work for step in problem.steps]
    way = _ways([sum(one.values()) / len(one) for one in work], problem.behind, problem.order)
    places, ends = [""] * len(work), [0] * len(work)
    free, link = dict.fromkeys(problem.units, 0), 0
    brought: dict[Copy, int] = {}
    for at in sorted(problem.order, key=lambda one: -way[one]):  # equal ways stay in an order that is possible
        options = []
        for unit in work[at]:
            start, busy, copies = max([free[unit], *(ends[other] for other in problem.before[at])]), link, {}
            for number in problem.needs[at]:
                result = problem.results[number]
                maker = problem.index[result.maker]
                if places[maker] != unit and result.cost:
                    if (number, unit) not in brought:
                        busy = copies[number, unit] = max(busy, ends[maker]) + result.cost
                    start = max(start, brought.get((number, unit), busy))
            options.append((start + work[at][unit], unit, busy, copies))
        ends[at], places[at], link, copies = min(options, key=lambda one: one[:2])
        free[places[at]] = ends[at]
        brought |= copies
    return places


@dataclass(frozen=True)
class _Placed:
    """A problem whose units are chosen: steps, and the copies that this makes necessary, alike."""

    times: list[int]
    units: list[str]
    before: list[list[int]]
    names: list[int | Copy]
    final: list[int]
    """Those that the end waits for."""


LINK = ""
"""The link, as a unit."""


def _placed(problem: Problem, places: Sequence[str]) -> _Placed:
    count = len(problem.steps)
    times = [step.work[places[at]] for at, step in enumerate(problem.steps)]
    before = [list(earlier) for earlier in problem.before]
    names: list[int | Copy] = list(range(count))
    final = list(range(count))
    for number, result in enumerate(problem.results):
        maker = problem.index[result.maker]
        users = [problem.index[user] for user in result.users]
        nexts = [problem.index[user] for user in result.next_round]
        for unit in dict.fromkeys(places[user] for user in (*users, *nexts)):
            if unit == places[maker] or not result.cost:
                continue
            at = len(names)
            names.append((number, unit))
            times.append(result.cost)
            before.append([maker])
            for user in users:
                if places[user] == unit:
                    before[user].append(at)
            if number in problem.returns and any(places[user] == unit for user in nexts):
                final.append(at)
    return _Placed(times, [*places, *[LINK] * (len(names) - count)], before, names, final)


def listed(
    problem: Problem, places: Sequence[str], turns: Mapping[int | Copy, tuple[float, float]] | None = None
) -> Listed:
    """The schedule in which, of all steps and copies that may start, the one whose turn is first is next.

    Parameters
    ----------
    problem
        What is scheduled.
    places
        A unit for each step.
    turns
        Of steps and copies; by default the longest way to the end goes first.
    """
    plain = _placed(problem, places)
    left = [len(earlier) for earlier in plain.before]
    behind: list[list[int]] = [[] for _ in left]
    for at, earlier in enumerate(plain.before):
        for other in earlier:
            behind[other].append(at)
    if turns is None:
        way = _ways(plain.times, behind, _sorted(left, behind))
        turn = [(-way[at], 0.0) for at in range(len(left))]
    else:
        turn = [turns.get(name, (inf, inf)) for name in plain.names]  # what the end does not wait for goes last
    free = dict.fromkeys(plain.units, 0)
    ends = [0] * len(left)
    out = Listed(list(places))
    heap = [(turn[at], at) for at, count in enumerate(left) if not count]
    heapify(heap)
    while heap:
        _, at = heappop(heap)
        unit = plain.units[at]
        ends[at] = free[unit] = max([free[unit], *(ends[other] for other in plain.before[at])]) + plain.times[at]
        out.order.append(plain.names[at])
        out.ends[plain.names[at]] = ends[at]
        for other in behind[at]:
            left[other] -= 1
            if not left[other]:
                heappush(heap, (turn[other], other))
    out.length = max((ends[at] for at in plain.final), default=0)
    return out


def _ways(times: Sequence[float], behind: Sequence[Sequence[int]], order: Sequence[int]) -> list[float]:
    """Time from the start of each to the end, along the longest way."""
    found = [0.0] * len(times)
    for at in reversed(order):
        found[at] = times[at] + max((found[other] for other in behind[at]), default=0.0)
    return found


def _sorted(before: Sequence[int], behind: Sequence[Sequence[int]]) -> list[int]:
    """In an order that is possible."""
    left, out = list(before), [at for at, count in enumerate(before) if not count]
    for at in out:  # grows meanwhile
        for other in behind[at]:
            left[other] -= 1
            if not left[other]:
                out.append(other)
    return out


def improved(problem: Problem, found: Listed, bound: int) -> Listed:
    """Move one step at a time to another unit for as long as that shortens the schedule."""
    tries = 0
    while found.length > bound and tries < MOST_TRIES:
        better = None
        for at, step in enumerate(problem.steps):
            for unit in step.work:
                if unit == found.places[at]:
                    continue
                places = [*found.places[:at], unit, *found.places[at + 1 :]]
                other = listed(problem, places)
                tries += 1
                if other.length < (better or found).length:
                    better = other
        if better is None:
            break
        found = better
    return found
