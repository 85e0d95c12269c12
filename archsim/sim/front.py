"""The moving end of a simulation: when each unit is free, when each task was last done, what state the blocks are in.

All values are arrays over lanes (one entry where all lanes agree). A time is *full* when it lies on a chain of back-
to-back tasks that contains every refreshing task issued so far: a delay inside those tasks then moves it by exactly
the sum of the delays. As long as all times that matter are full, refreshes can be left out of the simulation and put
in afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archsim.ir.affine import IntArray

BoolArray = NDArray[np.bool_]
LONG_AGO = -(1 << 61)
YES: BoolArray = np.ones(1, dtype=np.bool_)
ZERO: IntArray = np.zeros(1, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Moment:
    """A time and whether it is full."""

    at: IntArray
    full: BoolArray

    def later(self, other: Moment) -> Moment:
        """The later of two times; full if any of the latest is."""
        if len(self.at) == len(other.at) == 1 and self.at[0] != other.at[0]:
            return self if self.at[0] > other.at[0] else other
        ahead, behind = other.at > self.at, other.at < self.at
        return Moment(
            np.maximum(self.at, other.at),
            np.where(ahead, other.full, np.where(behind, self.full, self.full | other.full)),
        )

    def unless(self, where: BoolArray) -> Moment:
        """The same time, full only on the other lanes."""
        return Moment(self.at, self.full & ~where)


@dataclass(slots=True)
class Front:
    """Everything a later task can depend on."""

    free: dict[str, Moment]
    state: dict[str, IntArray]
    done: dict[str, list[Moment]] = field(default_factory=dict)
    """Task -> its latest instances, newest first."""
    frontier: Moment = field(default_factory=lambda: Moment(ZERO, YES))
    """The latest `done` of all tasks so far."""
    boundary: IntArray = field(default_factory=lambda: np.full(1, LONG_AGO, dtype=np.int64))
    """The last point so far where a refresh could have been issued."""
    additive: bool = True
    """Whether all times that matter have been full."""
    doubts: set[tuple[str, str]] = field(default_factory=set)
    """(unit, the unit it may have waited for) where refreshes could change how long, or for whom of several."""

    def instance(self, task: str, distance: int) -> Moment | None:
        """The latest instance of a task, or the `distance`-th before it."""
        known = self.done.get(task, ())
        return known[distance] if distance < len(known) else None

    def retire(self, where: BoolArray) -> None:
        """A refreshing task ran (on the lanes `where`): what was done before does not lie behind it."""
        self.done = {task: [moment.unless(where) for moment in known] for task, known in self.done.items()}
        self.free = {unit: moment.unless(where) for unit, moment in self.free.items()}
        self.frontier = self.frontier.unless(where)
