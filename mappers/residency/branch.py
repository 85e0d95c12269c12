"""Proofs for graphs of hundreds of ops: relaxations at checkpoints, divided by which of two ops runs first.

Where the relaxation leaves a gap, a tight op that is no checkpoint usually lies in a segment as if room did not count
there. Either it runs before the next checkpoint that it could follow or after it; with that decided, both halves have
longer chains. The least bound of the halves that are left holds for all orders.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from archsim.core.errors import Broken
from archsim.mappers.residency.checkpoints import Relaxed, relax, sorted_by
from archsim.mappers.residency.cpsat import joint
from archsim.mappers.residency.keep import keep
from archsim.mappers.residency.problem import Problem, Window
from archsim.mappers.residency.stay import Schedule
from archsim.mappers.solvers import Solver, has_cp_sat, solver

ROWS = 15_000
"""Rows of relaxations that are a unit of work, about a second."""
FIXED = 150
"""Rows that a relaxation costs beside its own."""
SHARE = 0.5
"""Work of the model that puts the ops of a segment in order, at most."""
CELLS = 3_000
"""Pairs of an op and a step that it may take, over all ops, up to which there is such a model."""


@dataclass
class Branched:
    """The best schedule, and what no schedule is below."""

    schedule: Schedule
    bound: int
    halves: list[tuple[int, int, Problem, Relaxed]] = field(default_factory=list)
    """Open ones by their bound."""
    work: float = 0.0
    parts: int = 0
    """Relaxations tried."""
    late: bool = False
    """Whether one was stopped by the time."""

    @property
    def least(self) -> int:
        """The least bound of what is open; the cost of the schedule where that is not below it."""
        return min([self.schedule.cost, *(half[0] for half in self.halves[:1])])


def branch(
    problem: Problem,
    found: Schedule,
    capacity: int,
    *,
    orders: Sequence[Sequence[int]] = (),
    work: float = 4.0,
    by: Solver | None = None,
    left: Callable[[], float | None] = lambda: None,
) -> Branched:
    """Raise the bound and look for better orders where relaxations point.

    Parameters
    ----------
    problem, found, capacity
        The graph, a schedule, and the units on chip.
    orders
        Orders of which those that a relaxation allows are sorted by it.
    work
        Deterministic limit, in units of about a second.
    by
        Solver of the relaxations.
    left
        Seconds that are left; None where time does not count.
    """
    state = Branched(found, 0)
    _open(state, problem, capacity, orders, by or solver(), left)
    while (bound := state.least) < state.schedule.cost and state.work < work and not state.late:
        part, relaxed = state.halves[0][2:]
        pair = _undecided(part, relaxed)
        heappop(state.halves)
        for first, second in (pair, pair[::-1]):
            _open(state, part.with_first(first, second), capacity, orders, by or solver(), left, bound)
    state.bound = state.least
    return state


def _open(
    state: Branched,
    part: Problem,
    capacity: int,
    orders: Sequence[Sequence[int]],
    by: Solver,
    left: Callable[[], float | None],
    floor: int = 0,
) -> None:
    """Relax a part of all orders, look for a schedule in it, and keep it where it may have a better one."""
    if part.forced:
        kept = keep(part, part.program, capacity, by=by)  # this is no relaxation: nothing is left to divide
        state.schedule = min(state.schedule, kept.schedule, key=lambda found: found.cost)
        state.work += FIXED / ROWS
        return
    relaxed = relax(part, capacity, by=by, seconds=left())
    state.parts += 1
    if relaxed is None:
        state.late = True
        heappush(state.halves, (floor, state.parts, part, Relaxed(floor, (), (), 0)))
        return
    state.work += (relaxed.rows + FIXED) / ROWS
    if relaxed.bound >= state.schedule.cost:
        return
    _descend(state, part, capacity, relaxed, orders, by, left)
    if relaxed.bound < state.schedule.cost:
        heappush(state.halves, (max(floor, relaxed.bound), state.parts, part, relaxed))


def _descend(
    state: Branched,
    part: Problem,
    capacity: int,
    relaxed: Relaxed,
    orders: Sequence[Sequence[int]],
    by: Solver,
    left: Callable[[], float | None],
) -> None:
    """Schedules with every op where the relaxation has it: by rule within segments, then the best."""
    tried = {sorted_by(relaxed.at, order) for order in (part.program, *orders)}
    best: Schedule | None = None
    for order in sorted(order for order in tried if part.legal(order)):
        kept = keep(part, order, capacity, by=by).schedule
        best = kept if best is None or kept.cost < best.cost else best
    assert best is not None, "the program of a part is legal, and segments are in order"
    windows = _windows(relaxed.at)
    small = sum(last - first + 1 for first, last in windows) <= CELLS
    if best.cost > relaxed.bound and small and has_cp_sat():
        answer = joint(part, capacity, windows=windows, hint=best, work=SHARE, seconds=left())
        state.work += answer.work
        if answer.order is not None and (answer.outcome.objective or 0) < best.cost:
            best = keep(part, answer.order, capacity, by=by).schedule
    if best.cost < state.schedule.cost:
        state.schedule = best


def _windows(at: Sequence[int]) -> list[Window]:
    """The steps of each op when ops stay in their places."""
    steps = sorted(at)
    return [(bisect_left(steps, place), bisect_right(steps, place) - 1) for place in at]


def _undecided(problem: Problem, relaxed: Relaxed) -> tuple[int, int]:
    """Two ops that may run in either order, as they do in the relaxation.

    The tightest op that has no place around the checkpoints yet, and the nearest of those; else the two tightest.
    """
    tight = sorted(range(len(problem.ops)), key=lambda op: -problem.working_set[op])
    for op in tight:
        loose = [c for c in relaxed.checkpoints if not problem.comparable(op, c)]
        if loose:
            place = relaxed.at[op]
            near = min(loose, key=lambda c: (abs(relaxed.at[c] - place), relaxed.at[c] > place))
            return (near, op) if relaxed.at[near] < place else (op, near)
    for op in tight:
        other = next((other for other in tight if not problem.comparable(op, other)), None)
        if other is not None:
            return (op, other) if relaxed.at[op] <= relaxed.at[other] else (other, op)
    raise Broken("ops of which each pair has one order have one order")
