"""Scheduling as an integer program: a unit for each step, and an order for each pair that may share one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from time import perf_counter
from typing import Any

from archsim.mappers.placement.program import SLACK
from archsim.mappers.placement.steps import Copy, Problem

MOST_COPIES = 60
"""Copies up to which pairs of them are looked at one by one."""


@dataclass(frozen=True)
class Solved:
    """What a solver said."""

    places: list[str] | None
    """None where it found nothing."""
    turns: dict[int | Copy, tuple[float, float]]
    """When each step and copy starts and ends: of two that start together the shorter one goes first."""
    bound: int
    """No schedule of these steps is shorter, as far as the run proved it."""


def size(problem: Problem) -> int:
    """Binaries of the program."""
    copies = _copies(problem)
    if len(copies) > MOST_COPIES:
        return len(copies) ** 2
    return sum(len(step.work) for step in problem.steps) + len(_pairs(problem)) + len(_meeting(problem, copies))


def solve(problem: Problem, most: int, seconds: float, name: str | None = None) -> Solved:
    """Run it.

    Parameters
    ----------
    problem
        What is scheduled.
    most
        Length of a schedule that is known; the unit of time inside is this.
    seconds, name
        Limit and solver, as for `place`.
    """
    from archsim.mappers.solvers import solver

    model = _Model(problem, most)
    by = solver(name)
    began = perf_counter()
    model.program.solve(by.make(seconds))
    in_time = perf_counter() - began < 0.95 * seconds
    status, pulp = model.program.sol_status, model.pulp
    if status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return Solved(None, {}, 0)
    optimal = status == pulp.LpSolutionOptimal and in_time
    proved = float(model.program.objective.value()) if optimal else by.proves(model.program)
    bound = 0 if proved is None else max(0, ceil((proved - SLACK) * most))
    places = [
        max(step.work, key=lambda unit, at=at: model.on[at, unit].value() or 0.0)  # type: ignore[misc]
        for at, step in enumerate(problem.steps)
    ]
    return Solved(places, model.turns(places), bound)


class _Model:
    """Variables and constraints; times as parts of a length that is known."""

    def __init__(self, problem: Problem, most: int) -> None:
        import pulp

        self.pulp, self.problem = pulp, problem
        self.program = pulp.LpProblem("schedule", pulp.LpMinimize)
        add = self.program.add_variable
        self.scale = float(max(1, most))
        steps = problem.steps
        self.on: dict[tuple[int, str], Any] = {
            (at, unit): add(f"on{at}_{number}", 0, 1, pulp.LpBinary)
            for at, step in enumerate(steps)
            for number, unit in enumerate(step.work)
        }
        self.start = [add(f"start{at}", 0, 1) for at in range(len(steps))]
        self.length = add("length", 0, 1)
        self.copies: dict[Copy, tuple[Any, Any, float]] = {}
        """Whether each copy is made, when it begins, and how long it takes."""
        for at, step in enumerate(steps):
            self.program += pulp.lpSum(self.on[at, unit] for unit in step.work) == 1
            self.program += self.end(at) <= self.length
            for other in problem.before[at]:
                self.program += self.start[at] >= self.end(other)
        for first, second in _pairs(problem):
            self._one_at_a_time(first, second)
        self._copy()
        self.program.setObjective(self.length)

    def end(self, at: int) -> Any:
        """When a step ends."""
        work = self.problem.steps[at].work
        return self.start[at] + self.pulp.lpSum(time / self.scale * self.on[at, unit] for unit, time in work.items())

    def turns(self, places: list[str]) -> dict[int | Copy, tuple[float, float]]:
        """When steps and copies start and end in the solution."""
        found: dict[int | Copy, tuple[float, float]] = {}
        for at, unit in enumerate(places):
            start = float(self.start[at].value() or 0.0)
            found[at] = round(start, 6), round(start + self.problem.steps[at].work[unit] / self.scale, 6)
        for copy, (_, begin, cost) in self.copies.items():
            start = float(begin.value() or 0.0)
            found[copy] = round(start, 6), round(start + cost, 6)
        return found

    def _one_at_a_time(self, first: int, second: int) -> None:
        """Steps that share a unit do not overlap."""
        before = self.program.add_variable(f"before{first}_{second}", 0, 1, self.pulp.LpBinary)
        for unit in self.problem.steps[first].work:
            if unit in self.problem.steps[second].work:
                apart = 2 - self.on[first, unit] - self.on[second, unit]
                self.program += self.start[second] >= self.end(first) - (apart + 1 - before) * 2
                self.program += self.start[first] >= self.end(second) - (apart + before) * 2

    def _copy(self) -> None:
        """Results reach users on other units over the link, one copy after the other."""
        problem, program = self.problem, self.program
        for number, unit in _copies(problem):
            result = problem.results[number]
            # A copy that takes longer than the whole known schedule is never made; 1.5 says so and is near one.
            cost, maker = min(1.5, result.cost / self.scale), problem.index[result.maker]
            needed = program.add_variable(f"copy{len(self.copies)}", 0, 1)
            begin = program.add_variable(f"begin{len(self.copies)}", 0, 2)
            program += begin >= self.end(maker)
            users = [problem.index[user] for user in result.users]
            nexts = [problem.index[user] for user in result.next_round] if number in problem.returns else []
            home = self.on.get((maker, unit), 0)
            for user in (*users, *nexts):
                if (user, unit) in self.on:
                    program += needed >= self.on[user, unit] - home
            for user in users:
                if (user, unit) in self.on:
                    absent = 1 - self.on[user, unit] + home
                    program += self.start[user] >= begin + cost - 3 * absent
            if nexts:
                program += self.length >= begin + cost - 3 * (1 - needed)
            self.copies[number, unit] = (needed, begin, cost)
        for one, two in _meeting(problem, list(self.copies)):
            first, second = self.copies[one], self.copies[two]
            before = program.add_variable(f"link{one[0]}_{one[1]}_{two[0]}_{two[1]}", 0, 1, self.pulp.LpBinary)
            apart = 2 - first[0] - second[0]
            program += second[1] >= first[1] + first[2] - 3 * (apart + 1 - before)
            program += first[1] >= second[1] + second[2] - 3 * (apart + before)


def _pairs(problem: Problem) -> list[tuple[int, int]]:
    """Steps of which neither waits for the other, and that some unit could both take."""
    above = problem.ancestors
    return [
        (a, b)
        for a, b in combinations(range(len(problem.steps)), 2)
        if not (above[a] >> b & 1 or above[b] >> a & 1) and set(problem.steps[a].work) & set(problem.steps[b].work)
    ]


def _copies(problem: Problem) -> list[Copy]:
    """Copies that there may be: the maker may be elsewhere, and somebody who needs the result there."""
    found = []
    for number, result in enumerate(problem.results):
        users = [*result.users, *(result.next_round if number in problem.returns else ())]
        maker = problem.steps[problem.index[result.maker]]
        for unit in problem.units:
            there = any(unit in problem.steps[problem.index[user]].work for user in users)
            if result.cost and there and maker.work.keys() != {unit}:
                found.append((number, unit))
    return found


def _meeting(problem: Problem, copies: Sequence[Copy]) -> list[tuple[Copy, Copy]]:
    """Copies that may want the link at one time."""
    return [
        (one, two)
        for one, two in combinations(copies, 2)
        if not (_follow(problem, one[0], two[0]) or _follow(problem, two[0], one[0]))
    ]


def _follow(problem: Problem, first: int, second: int) -> bool:
    """Whether every user of one result is done when the other is made, so that their copies cannot meet."""
    result = problem.results[first]
    if first in problem.returns or not result.users:
        return False
    maker = problem.index[problem.results[second].maker]
    seen = problem.ancestors[maker] | 1 << maker
    return all(seen >> problem.index[user] & 1 for user in result.users)
