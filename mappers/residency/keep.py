"""The order given: what to keep on chip between uses, exactly, by an integer program with a binary per gap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archsim.core.errors import Broken
from archsim.mappers.residency.problem import Problem
from archsim.mappers.residency.stay import Gap, Schedule, gaps, schedule, write_back
from archsim.mappers.solvers import Solver, run, solver


@dataclass(frozen=True, slots=True)
class Kept:
    """The best schedule found for an order, and the units that none of that order is below."""

    schedule: Schedule
    bound: int


def keep(
    problem: Problem,
    order: Sequence[int],
    capacity: int,
    *,
    by: Solver | None = None,
    seconds: float | None = None,
) -> Kept:
    """The least that must be moved in a given order.

    Parameters
    ----------
    problem, order
        What runs, and when.
    capacity
        Units on chip; at least the largest working set.
    by, seconds
        Solver (by default the best that is here) and its time limit. Without a limit the result is the optimum.
    """
    free = [capacity - problem.working_set[op] for op in order]
    choices = gaps(problem, order)
    kept = [problem.size[gap.tensor] <= min(free[gap.before + 1 : gap.after]) for gap in choices]
    always_out = [gap for gap, can in zip(choices, kept, strict=True) if not can]
    open_ = [gap for gap, can in zip(choices, kept, strict=True) if can]
    crossing: list[list[int]] = [[] for _ in order]
    for index, gap in enumerate(open_):
        for step in range(gap.before + 1, gap.after):
            crossing[step].append(index)
    rows = _binding(crossing, [problem.size[gap.tensor] for gap in open_], free)
    if not rows:
        best = schedule(problem, order, always_out)
        return Kept(best, best.cost)
    return _solve(problem, order, always_out, open_, rows, by or solver(), seconds)


Row = tuple[tuple[int, ...], int]
"""Gaps that cross a step, and the units there are for them."""


def _binding(crossing: Sequence[Sequence[int]], size: Sequence[int], free: Sequence[int]) -> list[Row]:
    """One row per step that can be too full; of steps crossed by the same gaps the tightest."""
    tightest: dict[tuple[int, ...], int] = {}
    for across, room in zip(crossing, free, strict=True):
        if sum(size[i] for i in across) > room:
            key = tuple(across)
            tightest[key] = min(room, tightest.get(key, room))
    return list(tightest.items())


def _solve(
    problem: Problem,
    order: Sequence[int],
    always_out: list[Gap],
    open_: list[Gap],
    rows: list[Row],
    by: Solver,
    seconds: float | None,
) -> Kept:
    import pulp

    program = pulp.LpProblem("keep", pulp.LpMinimize)
    # A gap that crosses no tight step is kept for nothing.
    asked = sorted({index for across, _ in rows for index in across})
    out = {i: program.add_variable(f"out{i}", 0, 1, "Binary") for i in asked}
    cost = [problem.size[open_[i].tensor] * out[i] for i in asked]
    left = {gap.tensor for gap in always_out}
    fixed = sum(problem.size[gap.tensor] for gap in always_out) + sum(write_back(problem, t) for t in left)
    written: dict[int, Any] = {}
    for i in asked:
        tensor = open_[i].tensor
        if tensor in left or not write_back(problem, tensor):
            continue
        if tensor not in written:
            written[tensor] = program.add_variable(f"written{tensor}", 0, 1)
            cost.append(write_back(problem, tensor) * written[tensor])
        program += written[tensor] >= out[i]
    program.setObjective(pulp.lpSum(cost) + fixed)
    for across, room in rows:
        sizes = [problem.size[open_[i].tensor] for i in across]
        program += pulp.lpSum(s * out[i] for s, i in zip(sizes, across, strict=True)) >= sum(sizes) - room
    outcome = run(program, by, seconds)
    if outcome.status == "infeasible":
        raise Broken("leaving every gap out is always possible where working sets fit")
    chosen = asked if outcome.objective is None else [i for i in asked if (out[i].varValue or 0) > 0.5]
    best = schedule(problem, order, [*always_out, *(open_[i] for i in chosen)])
    return Kept(best, min(best.cost, max(fixed, outcome.bound)))
