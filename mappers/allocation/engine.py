"""Plain Python first, then machine code, which gives the same answers but takes some time to load."""

from __future__ import annotations

from time import perf_counter, process_time
from types import ModuleType
from typing import Any

from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.problem import Problem
from archsim.mappers.allocation.state import arrays

PLAIN_SECONDS = 0.5
"""CPU seconds of plain Python before machine code is loaded.

Before compiling they are three quarters of what that takes: whoever is done sooner never pays for it, and who goes on
pays once and finds it on the disk from then on.
"""
BUSY = 3
"""Times longer that compiling may take on a busy machine; where the time limit is nearer it is left out."""
LOADING = 1.0
"""Seconds that loading it from the disk may take."""
MOST_UNITS = 1 << 61
"""Heights that machine code can add."""
LOOK = 0.05
"""Seconds between two looks at the clock, more or less."""
FIRST_SLICE = 64
"""Nodes until the first look."""


class Engine:
    """Runs `search` or `ejection` in slices.

    Parameters
    ----------
    problem
        What is placed, as lists.
    module
        The one or the other.
    budget
        Whose clock is looked at.
    """

    def __init__(self, problem: Problem, module: ModuleType, budget: Budget) -> None:
        self._plain, self._problem, self._module, self._budget = problem, problem, module, budget
        self._run: Any = module.ENTRY
        self._slice = FIRST_SLICE
        self._spent = 0.0
        self.compiled = False

    def ready(self, state: Any) -> Any:
        """The state, as arrays where it is time for machine code."""
        if not self.compiled and self._may_compile():
            from archsim.mappers.allocation.compiled import compiled

            self._run, self.compiled = compiled(self._module), True
            self._problem = arrays(self._plain)
        return arrays(state) if self.compiled and isinstance(state[0], list) else state

    def go(self, state: Any, capacity: int, nodes: int) -> int:
        """Run for a slice, at most so many nodes; what the module's entry answers.

        How long a slice is depends on the machine, but no answer depends on where slices end.
        """
        began, busy = perf_counter(), process_time()
        answer = int(self._run(self._problem, state, capacity, min(nodes, self._slice)))
        took = perf_counter() - began
        self._spent += process_time() - busy
        if took < LOOK:
            self._slice *= 2
        elif took > 2 * LOOK:
            self._slice = max(1, self._slice // 2)
        return answer

    def _may_compile(self) -> bool:
        p = self._plain
        if sum(p.size) + sum(p.fixed) + sum(p.align) > MOST_UNITS:  # Python's integers have no end, int64 has
            return False
        from archsim.mappers.allocation.compiled import is_kept, is_loaded

        if is_loaded(self._module):
            return True
        if self._spent < PLAIN_SECONDS:
            return False
        if is_kept(self._module):
            return self._budget.remaining > LOADING
        compiling: float = self._module.COMPILING
        return self._spent >= 0.75 * compiling and self._budget.remaining > BUSY * compiling
