"""Lower and lower heights by ejection: what reaches above the next height is placed anew, from the best so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.ejection import DEAREST, HEAVIEST, RANDOM, RULE, STUCK, WAITS, Pile
from archsim.mappers.allocation.engine import Engine
from archsim.mappers.allocation.problem import Problem

STRIDES = (16, 32, 64, 128)
"""What is left above the goal, divided by these, is the next step down; the first as long as it works."""
PATIENCE = 20
"""Steps per buffer that a height gets, in the first round; later rounds have twice as many each."""
WEIGHT = 64
"""The weight of an average buffer."""


class Ejector:
    """Makes one allocation lower, step by step.

    Parameters
    ----------
    problem
        What is packed, in units.
    widths
        How long each buffer lives.
    engine
        Plain Python or machine code.
    budget
        Nothing goes on after its seconds.
    """

    def __init__(self, problem: Problem, widths: Sequence[int], engine: Engine, budget: Budget) -> None:
        self._p, self._engine, self._budget = problem, engine, budget
        areas = [(size * width) ** 0.5 for size, width in zip(problem.size, widths, strict=True)]
        mean = sum(areas) / len(areas)
        self._weight = [max(1, round(WEIGHT * area / mean)) for area in areas]
        self._fixed = max(
            fixed + size if fixed >= 0 else 0 for fixed, size in zip(problem.fixed, problem.size, strict=True)
        )
        self._turn = 0
        self._pile: Any = None
        self._from: list[int] = []
        self._target = self._left = 0

    def lower(self, offsets: Sequence[int], goal: int, steps: int) -> tuple[list[int], int]:
        """Offsets of less height, down to the goal, or the same ones, and the steps taken.

        Going on with what was returned before continues the height that was being tried.
        """
        best, used, goal = list(offsets), 0, max(goal, self._fixed)
        while used < steps and self._budget.remaining > 0:
            height = self._height(best)
            if height <= goal:
                break
            if self._pile is None or best != self._from or not goal <= self._target < height:
                self._begin(best, height, goal)
            self._pile = self._engine.ready(self._pile)
            taken = self._engine.go(self._pile, self._target, min(self._left, steps - used))
            used += taken
            self._left = 0 if self._pile.at[STUCK] else self._left - taken
            if self._pile.at[WAITS] == 0:
                best, self._pile = [int(offset) for offset in self._pile.offset], None
                self._turn -= self._turn % len(STRIDES)
            elif self._left <= 0:
                self._pile = None
                self._turn += 1
        return best, used

    def _height(self, offsets: Sequence[int]) -> int:
        return max(at + size for at, size in zip(offsets, self._p.size, strict=True))

    def _begin(self, best: list[int], height: int, goal: int) -> None:
        """A pile of the best so far without what reaches above the next height."""
        count, (turns, stride) = len(best), divmod(self._turn, len(STRIDES))
        self._from = best
        self._target = height - max(1, (height - goal) // STRIDES[stride])
        self._left = PATIENCE * count << turns
        offset = list(best)
        waiting = [b for b in range(count) if best[b] + self._p.size[b] > self._target and self._p.fixed[b] < 0]
        for b in waiting:
            offset[b] = -1
        at = [0] * (STUCK + 1)
        at[WAITS], at[RANDOM], at[RULE] = len(waiting), self._turn, (HEAVIEST, DEAREST)[self._turn % 2]
        self._pile = Pile(
            at,
            offset,
            self._weight,
            price=[1] * count,
            rest=[0] * count,
            waiting=waiting + [0] * (count - len(waiting)),
            low=[0] * count,
            high=[0] * count,
            other=[0] * count,
            order=sorted(range(count), key=offset.__getitem__),
        )
