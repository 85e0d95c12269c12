"""Placement as an integer program: one binary per item and unit that takes it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.mappers.placement.greedy import Places
from archsim.mappers.placement.problem import Problem

if TYPE_CHECKING:
    import pulp

SLACK = 2e-6
"""How far a solver may be off, in its own numbers near one: a bound is claimed with so much less."""


@dataclass(frozen=True)
class Solved:
    """What a solver said."""

    places: Places | None
    """None where it found none."""
    optimal: bool
    infeasible: bool
    bound: int = 0
    """Work that no placement is below, as far as the run proved it."""


class Program:
    """The model of a problem."""

    def __init__(self, problem: Problem, *, short: bool = False) -> None:
        """Build it.

        Parameters
        ----------
        problem
            What is to be placed.
        short
            Whether capacities may be exceeded, by as little as possible, which explains why nothing fits.
        """
        import pulp

        self.pulp, self.data = pulp, problem
        self.model = pulp.LpProblem("placement", pulp.LpMinimize)
        work = problem.work
        self.pick: dict[tuple[int, int], Any] = {
            (int(i), int(u)): self.model.add_variable(f"x{i}_{u}", 0, 1, pulp.LpBinary)
            for i, u in np.argwhere(np.isfinite(work))
        }
        self.by_item: list[list[Any]] = [[] for _ in problem.items]
        for (item, _), option in self.pick.items():
            self.by_item[item].append(option)
        self.busiest = self.model.add_variable("busiest", 0)
        # Numbers near one, whatever the unit of work.
        self.scale = max(
            1.0, float(np.where(np.isfinite(work), work, 0).sum() + problem.start.sum()) / len(problem.units)
        )
        self.over: list[Any] = []
        self._constrain(work, short=short)
        links = self._links()
        self.model.setObjective(pulp.lpSum(self.over) if short else self.busiest + links)

    def solve(self, seconds: float, name: str | None = None) -> Solved:
        """Run it with a solver by its name, or the best that is here.

        Raises
        ------
        BadInput
            The solver is not installed: says how to install it.
        """
        from archsim.mappers.solvers import solver

        pulp, by = self.pulp, solver(name)
        began = perf_counter()
        self.model.solve(by.make(seconds))
        in_time = perf_counter() - began < 0.95 * seconds  # after its time CBC calls infeasible what it only gave up
        status = self.model.sol_status
        if status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
            return Solved(None, optimal=False, infeasible=status == pulp.LpSolutionInfeasible and in_time)
        places = np.full(len(self.data.items), -1, dtype=np.int64)
        for (item, unit), option in self.pick.items():
            if (option.value() or 0.0) > 0.5:
                places[item] = unit
        optimal = status == pulp.LpSolutionOptimal
        proved = float(self.model.objective.value()) if optimal else by.proves(self.model)
        return Solved(places, optimal, infeasible=False, bound=self._whole(proved))

    def _whole(self, proved: float | None) -> int:
        """A bound in whole units of work."""
        return 0 if proved is None else max(0, ceil((proved - SLACK) * self.scale))

    def _constrain(self, work: Any, *, short: bool) -> None:
        problem, total = self.data, self.pulp.lpSum
        for options in self.by_item:
            self.model += total(options) == 1
        for unit, place in enumerate(problem.units):
            here = [(item, option) for (item, u), option in self.pick.items() if u == unit]
            loads = [float(work[item, unit]) / self.scale * option for item, option in here]
            self.model += total(loads) + place.load / self.scale <= self.busiest
            if place.capacity is not None:
                size = max(1, place.capacity)
                filled = total([problem.items[item].size / size * option for item, option in here])
                if short:
                    more = self.model.add_variable(f"over{unit}", 0)
                    self.over.append(size * more)
                    filled = filled - more
                self.model += filled <= place.capacity / size
        for some in problem.apart_sets():
            for unit in range(len(problem.units)):
                there = [self.pick[item, unit] for item in some if (item, unit) in self.pick]
                if len(there) > 1:
                    self.model += total(there) <= 1

    def _links(self) -> pulp.LpAffineExpression:
        """Cost of the links that are cut: one unless both ends are on the same unit."""
        costs = []
        for first, second, cost in self.data.pairs():
            cut = self.model.add_variable(f"cut{first}_{second}", 0, 1)
            for unit in range(len(self.data.units)):
                one, other = self.pick.get((first, unit)), self.pick.get((second, unit))
                if one is not None:
                    self.model += cut >= one - (other if other is not None else 0)
            costs.append(cost / self.scale * cut)
        return self.pulp.lpSum(costs)
