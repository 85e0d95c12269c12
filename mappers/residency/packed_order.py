"""Residency and addresses of a given order as one CP-SAT model, for schedules that do not pack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archsim.mappers.residency.problem import Problem, places
from archsim.mappers.residency.stay import Gap, Schedule, schedule, write_back


@dataclass(frozen=True, slots=True)
class Addressed:
    """A schedule that packs, its offsets, and what none of its order with addresses is below."""

    schedule: Schedule
    offsets: tuple[int, ...]
    bound: int


def packed_order(
    problem: Problem, hint: Schedule, offsets: Sequence[int], capacity: int, work: float
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
    work
        Deterministic limit.

    Returns
    -------
    Addressed or None
        None where the limit came before a solution.
    """
    from ortools.sat.python import cp_model

    model, step_of = cp_model.CpModel(), places(hint.order)
    stay_at = {
        (stay.tensor, step): (index, offsets[index])
        for index, stay in enumerate(hint.stays)
        for step in range(stay.first, stay.last + 1)
    }
    wide, high, cost, kept, address = [], [], [], {}, {}
    for tensor, size in enumerate(problem.size):
        uses = problem.uses(tensor, step_of)
        written = model.new_bool_var(f"written{tensor}")
        for use in uses:
            at = model.new_int_var(0, capacity - size, f"at{tensor}@{use}")
            address[tensor, use] = at
            model.add_hint(at, stay_at[tensor, use][1])
            wide.append(model.new_fixed_size_interval_var(use, 1, ""))
            high.append(model.new_fixed_size_interval_var(at, size, ""))
        for a, b in pairwise(uses):
            stays = model.new_bool_var(f"kept{tensor}@{a}")
            kept[Gap(tensor, a, b)] = stays
            model.add_hint(stays, stay_at[tensor, a][0] == stay_at[tensor, b][0])
            model.add(address[tensor, a] == address[tensor, b]).only_enforce_if(stays)
            cost.append(size * stays.negated())
            if write_back(problem, tensor):
                model.add_implication(stays.negated(), written)
            if b - a > 1:
                wide.append(model.new_optional_fixed_size_interval_var(a + 1, b - a - 1, stays, ""))
                high.append(model.new_optional_fixed_size_interval_var(address[tensor, a], size, stays, ""))
        if len(uses) > 1 and write_back(problem, tensor):
            cost.append(write_back(problem, tensor) * written)
    model.add_no_overlap_2d(wide, high)
    model.minimize(sum(cost))
    engine = cp_model.CpSolver()
    engine.parameters.num_workers = 1
    engine.parameters.random_seed = 0
    engine.parameters.max_deterministic_time = work
    if engine.solve(model) not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    best = schedule(problem, hint.order, [gap for gap, var in kept.items() if not engine.boolean_value(var)])
    places_found = tuple(int(engine.value(address[stay.tensor, stay.first])) for stay in best.stays)
    return Addressed(best, places_found, min(best.cost, max(0, round(engine.best_objective_bound))))
