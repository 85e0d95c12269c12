"""Residency and addresses of a given order as one CP-SAT model, for schedules that do not pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from archsim.mappers.residency.cpsat import cp_solver
from archsim.mappers.residency.limits import Limits
from archsim.mappers.residency.problem import Problem, places
from archsim.mappers.residency.stay import Gap, Schedule, schedule, write_back

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, IntervalVar, IntVar, LinearExprT


@dataclass(frozen=True, slots=True)
class Addressed:
    """A schedule that packs, its offsets, and what none of its order with addresses is below."""

    schedule: Schedule
    offsets: tuple[int, ...]
    bound: int


def packed_order(
    problem: Problem, hint: Schedule, offsets: Sequence[int], capacity: int, limits: Limits
) -> Addressed | None:
    """The least that must be moved in the order of a schedule when tensors have addresses.

    An address belongs to every use of a tensor; a gap that is kept is a rectangle that makes the addresses at its two
    ends equal.

    Parameters
    ----------
    problem, hint, offsets
        The graph, a schedule that packs and its addresses, to begin with.
    capacity
        Units.
    limits
        Of the model.

    Returns
    -------
    Addressed or None
        None where the limit came before a solution.
    """
    from ortools.sat.python import cp_model

    build = _Model(problem, hint, offsets, capacity, cp_model.CpModel())
    build.all()
    engine = cp_solver(limits.work, limits.left)
    if engine.solve(build.model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    best = schedule(problem, hint.order, [gap for gap, var in build.kept.items() if not engine.boolean_value(var)])
    places_found = tuple(int(engine.value(build.address[stay.tensor, stay.first])) for stay in best.stays)
    return Addressed(best, places_found, min(best.cost, max(0, round(engine.best_objective_bound))))


@dataclass
class _Model:
    problem: Problem
    found: Schedule
    offsets: Sequence[int]
    capacity: int
    model: CpModel

    def __post_init__(self) -> None:
        self.stay_at = {
            (stay.tensor, step): (index, self.offsets[index])
            for index, stay in enumerate(self.found.stays)
            for step in range(stay.first, stay.last + 1)
        }
        self.wide: list[IntervalVar] = []
        self.high: list[IntervalVar] = []
        self.cost: list[LinearExprT] = []
        self.kept: dict[Gap, IntVar] = {}
        self.address: dict[tuple[int, int], IntVar] = {}

    def all(self) -> None:
        """The whole model."""
        step_of = places(self.found.order)
        for tensor in range(len(self.problem.size)):
            self.tensor(tensor, self.problem.uses(tensor, step_of))
        self.model.add_no_overlap_2d(self.wide, self.high)
        self.model.minimize(sum(self.cost))

    def tensor(self, tensor: int, uses: Sequence[int]) -> None:
        """Addresses of a tensor at its uses, and whether it stays between them."""
        model, back = self.model, write_back(self.problem, tensor)
        written = model.new_bool_var(f"written{tensor}")
        for use in uses:
            self.used(tensor, use)
        for a, b in pairwise(uses):
            stays = self.between(tensor, a, b)
            if back:
                model.add_implication(stays.negated(), written)
        if len(uses) > 1 and back:
            self.cost.append(back * written)

    def used(self, tensor: int, use: int) -> None:
        """The address of a tensor at a step that uses it."""
        model, size = self.model, self.problem.size[tensor]
        at = model.new_int_var(0, self.capacity - size, f"at{tensor}@{use}")
        self.address[tensor, use] = at
        model.add_hint(at, self.stay_at[tensor, use][1])
        self.wide.append(model.new_fixed_size_interval_var(use, 1, ""))
        self.high.append(model.new_fixed_size_interval_var(at, size, ""))

    def between(self, tensor: int, a: int, b: int) -> IntVar:
        """Whether a tensor stays from one use to the next."""
        model, size, at = self.model, self.problem.size[tensor], self.address
        stays = model.new_bool_var(f"kept{tensor}@{a}")
        self.kept[Gap(tensor, a, b)] = stays
        model.add_hint(stays, self.stay_at[tensor, a][0] == self.stay_at[tensor, b][0])
        model.add(at[tensor, a] == at[tensor, b]).only_enforce_if(stays)
        self.cost.append(size * stays.negated())
        if b - a > 1:
            self.wide.append(model.new_optional_fixed_size_interval_var(a + 1, b - a - 1, stays, ""))
            self.high.append(model.new_optional_fixed_size_interval_var(at[tensor, a], size, stays, ""))
        return stays
