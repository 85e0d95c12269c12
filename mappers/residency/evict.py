"""Replacement by rule, as caches do it: bytes are counted, addresses are not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from archsim.mappers.residency.problem import Problem, places
from archsim.mappers.residency.stay import Gap, Schedule, schedule

Victim = Callable[[int, int], tuple[float, ...]]
"""(tensor, step) -> how much it is wanted gone; the greatest leaves."""


def lru(problem: Problem, order: Sequence[int], capacity: int) -> Schedule:
    """Least recently used leaves first."""
    return _replace(problem, order, capacity, lambda last, following: (-float(last),))


def belady(problem: Problem, order: Sequence[int], capacity: int) -> Schedule:
    """What is used again last leaves first; best for equal sizes and clean tensors, a rule of thumb for others."""
    return _replace(problem, order, capacity, lambda last, following: (float(following),))


def _replace(
    problem: Problem, order: Sequence[int], capacity: int, want_gone: Callable[[int, float], tuple[float, ...]]
) -> Schedule:
    """Run the order; make room where it is short, with what is dead for free and then by the rule."""
    place = places(order)
    uses = [problem.uses(tensor, place) for tensor in range(len(problem.tensors))]
    at = [0] * len(uses)  # uses that are over
    on_chip: dict[int, None] = {}
    used = 0
    out: list[Gap] = []
    for op in order:
        operands = set(problem.operands[op])
        needed = used + sum(problem.size[a] for a in operands if a not in on_chip)
        while needed > capacity:
            victim = max(
                (a for a in on_chip if a not in operands),
                key=lambda a: (*want_gone(uses[a][at[a] - 1], uses[a][at[a]]), problem.size[a], -a),
            )
            del on_chip[victim]
            needed -= problem.size[victim]
            out.append(Gap(victim, uses[victim][at[victim] - 1], uses[victim][at[victim]]))
        for a in operands:
            on_chip[a] = None
            at[a] += 1
            if at[a] == len(uses[a]):
                del on_chip[a]
        used = sum(problem.size[a] for a in on_chip)
    return schedule(problem, order, out)


def next_use(uses: Sequence[int], step: int) -> float:
    """The first use after a step; infinite where there is none."""
    return next((float(use) for use in uses if use > step), inf)
