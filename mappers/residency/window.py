"""Better orders from a good one: free the ops of some steps in a row, solve that exactly, move on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from archsim.mappers.residency.cpsat import joint
from archsim.mappers.residency.keep import keep
from archsim.mappers.residency.problem import Problem, Window, places
from archsim.mappers.residency.stay import Schedule

WIDTH = 14
"""Steps that are freed at a time."""
WIDEST = 40
"""Width that is not widened: larger models find little in the work that a window may take."""
SHARE = 2.0
"""Deterministic work per window."""
BUILD = 2e-4
"""Work per op of the graph that it takes to write a window's model down."""


def improve(
    problem: Problem,
    found: Schedule,
    capacity: int,
    *,
    width: int = WIDTH,
    work: float = 60.0,
    late: Callable[[], bool] = lambda: False,
) -> Schedule:
    """Slide windows over the order until none helps or the limit is reached.

    Parameters
    ----------
    problem, found, capacity
        The graph, a schedule, and the units on chip.
    width
        Steps whose ops may change places.
    work
        Deterministic limit over all windows.
    late
        Asked between windows; true ends the search.
    """
    best, left, width = found, work, min(width, len(problem.ops))
    while best.cost and left > 0 and not late():
        before = best.cost
        for first in range(0, max(1, len(problem.ops) - width // 2), max(1, width // 2)):
            if left <= 0 or late():
                break
            if not any(a < first + width and first < b for a, b in _away(best)):
                continue  # nothing is away from the chip here, so nothing can be saved
            answer = _freed_best(problem, best, capacity, first, width, min(left, SHARE))
            if answer is not None:
                best, spent = answer
                left -= spent
        if best.cost == before:
            if width >= min(len(problem.ops), WIDEST):
                break
            width = min(len(problem.ops), width + (width + 1) // 2)  # nothing left at this width
    return best


def _away(found: Schedule) -> list[Window]:
    """The steps from which until which a tensor is not on chip between two of its stays."""
    by_tensor = sorted(found.stays)
    return [(a.last, b.first) for a, b in pairwise(by_tensor) if a.tensor == b.tensor]


def _freed_best(
    problem: Problem, found: Schedule, capacity: int, first: int, width: int, work: float
) -> tuple[Schedule, float] | None:
    """The best schedule with some steps freed and the work that it took; None where nothing can move."""
    end = min(len(problem.ops), first + width)
    windows = freed(problem, found.order, first, end)
    if all(low == high for low, high in windows):
        return None
    answer = joint(problem, capacity, windows=windows, hint=found, near=(first, end), work=work)
    spent = answer.work + BUILD * len(problem.ops)
    if answer.order is None or (answer.outcome.objective or 0) >= found.cost:
        return found, spent
    better = keep(problem, answer.order, capacity).schedule
    return (better if better.cost < found.cost else found), spent


def freed(problem: Problem, order: Sequence[int], first: int, end: int) -> list[Window]:
    """Windows of all ops when only those from one step until before another may change places."""
    place = places(order)
    inside = sum(1 << op for op in order[first:end])
    windows = [(place[op], place[op]) for op in range(len(order))]
    for op in order[first:end]:
        low = first + (problem.ancestors[op] & inside).bit_count()
        windows[op] = (low, end - 1 - (problem.descendants[op] & inside).bit_count())
    return windows
