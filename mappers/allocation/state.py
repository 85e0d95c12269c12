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
    """The same tuple or list with arrays of int64 for lists."""
    import numpy as np

    found = [np.array(entries, dtype=np.int64) for entries in lists]
    return type(lists)(*found) if isinstance(lists, tuple) else found


class Start:
    """Makes states of one problem."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        count, sections = len(problem.size), len(problem.section_at) - 1
        self._total, self._cuts = [0] * sections, [0] * sections
        for b in range(count):
            for k in range(problem.buffer_at[b], problem.buffer_at[b + 1]):
                self._total[problem.buffer_section[k]] += problem.buffer_height[k]
            for s in range(problem.first[b], problem.last[b]):
                self._cuts[s] += 1

    def state(self, rank: Sequence[int], rule: int, *, compiled: bool = False) -> State:
        """A search that has not begun: it tries buffers by rank, the lowest first, in the section that `rule` says.

        Arrays where it is for machine code; lists are quicker for plain Python.
        """
        p, count, sections = self._problem, len(self._problem.size), len(self._total)
        frames = FRAMES * count + 64
        trail = min(frames * (count + sections), max(MOST_TRAIL, 4 * (count + sections)))
        at = [0] * (ENDED + 1)
        at[PENDING], at[RULE] = -1, rule
        changing: list[list[int]] = [
            [-1] * count,
            [max(0, fixed) for fixed in p.fixed],
            list(self._total),
            [FAR] * sections,
            list(self._cuts),
            list(rank),
        ]
        room = [sections, count + 1, count + 1, sections, trail, trail]
        room += [frames] * 12 + [frames + 2 * sections] * 4 + [8 * frames + count]
        if not compiled:
            return State(at, *changing, *([0] * size for size in room))
        import numpy as np

        return State(*arrays([at, *changing]), *(np.zeros(size, dtype=np.int64) for size in room))
