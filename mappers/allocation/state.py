"""The state in which a search begins, as lists for plain Python and as arrays for machine code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archsim.mappers.allocation.problem import Problem
from archsim.mappers.allocation.search import ENDED, FAR, PENDING, RULE, State

FRAMES = 4
"""Frames per buffer. A frame is a buffer placed or a section's floor left empty; more are not needed in practice."""
MOST_TRAIL = 1 << 19
"""Undo entries kept at once, unless a single frame may need more."""


def arrays(lists: Any) -> Any:
    """The same tuple with arrays of int64 for lists."""
    import numpy as np

    return type(lists)(*(np.array(entries, dtype=np.int64) for entries in lists))


class Start:
    """Makes states of one problem.

    Parameters
    ----------
    problem
        What is searched.
    compiled
        Whether states are arrays, as machine code needs them; lists are quicker for plain Python.
    """

    def __init__(self, problem: Problem, *, compiled: bool) -> None:
        self._problem, self._compiled = problem, compiled
        count, sections = len(problem.size), len(problem.section_at) - 1
        self._total, self._cuts = [0] * sections, [0] * sections
        for b in range(count):
            for k in range(problem.buffer_at[b], problem.buffer_at[b + 1]):
                self._total[problem.buffer_section[k]] += problem.buffer_height[k]
            for s in range(problem.first[b], problem.last[b]):
                self._cuts[s] += 1

    def state(self, rank: Sequence[int], rule: int) -> State:
        """A search that has not begun: it tries buffers by rank, the lowest first, in the section that `rule` says."""
        p, count, sections = self._problem, len(self._problem.size), len(self._total)
        frames = FRAMES * count + 64
        trail = min(frames * (count + sections), max(MOST_TRAIL, 4 * (count + sections)))
        at = self._list([0] * (ENDED + 1))
        at[PENDING], at[RULE] = -1, rule
        changing: list[list[int]] = [
            [-1] * count,
            [max(0, fixed) for fixed in p.fixed],
            self._total,
            [FAR] * sections,
            self._cuts,
            list(rank),
        ]
        room = [sections, count + 1, count + 1, sections, trail, trail]
        room += [frames] * 12 + [frames + 2 * sections] * 4 + [8 * frames + count]
        return State(at, *(self._list(one) for one in changing), *(self._empty(size) for size in room))

    def _list(self, entries: list[int]) -> Any:
        if not self._compiled:
            return list(entries)
        import numpy as np

        return np.array(entries, dtype=np.int64)

    def _empty(self, size: int) -> Any:
        if not self._compiled:
            return [0] * size
        import numpy as np

        return np.zeros(size, dtype=np.int64)
