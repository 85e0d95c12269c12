"""What the runtime asks of a unit: how long a kernel takes from a given state, what it counts, what that costs.

A block is asked about many *lanes* at once (all iterations of a loop), as arrays; one lane is the ordinary case.
All times are relative: to the kernel's start on the way out, to the moment the unit became free on the way in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from archsim.ir.affine import IntArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kernel on every lane. Arrays have one entry per lane, or a single entry where all lanes agree."""

    done: IntArray
    """ps from the start until the results can be used."""
    free: IntArray
    """ps from the start until the unit takes its next task."""
    counters: Mapping[str, IntArray]
    """What was counted; integers only."""
    state: IntArray
    """(lanes, slots): the block's state at `free`, timers relative to `free`."""
    boundary: IntArray
    """ps from the start to the last point where a due refresh would have been issued; -1 where there was none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel on one lane, walked command by command, refreshes included."""

    done: int
    free: int
    counters: Mapping[str, int]
    state: IntArray
    refreshes: int


@dataclass(frozen=True, slots=True)
class Calendar:
    """Periodic refresh: one is due every `interval` ps from time zero, and each holds the unit for `duration` ps."""

    interval: int
    duration: int

    def count(self, boundary: int) -> int:
        """Refreshes of a run whose last boundary lies at `boundary` ps when all refreshes are left out.

        The n-th is due at n x interval and issued at the first boundary that, moved by the refreshes before it, is
        not earlier. So the (n+1)-th has been issued once ``boundary + n * duration >= (n + 1) * interval``.
        """
        if boundary < self.interval:
            return 0
        return (boundary - self.interval) // (self.interval - self.duration) + 1


@runtime_checkable
class Block(Protocol):
    """A unit in time. Deterministic, without hidden state: the state goes in and comes out."""

    calendar: Calendar | None
    """Refresh, where the unit has one. It is issued at the first boundary at or after it is due, and delays all that
    follows.
    """
    address_args: tuple[str, ...]
    """Kernel arguments that are addresses: only their difference to an open row matters."""
    address_slots: tuple[int, ...]
    """State slots that hold an address (negative: none)."""

    @property
    def events(self) -> int:
        """Scheduler events computed so far: how much work the simulation itself was."""
        ...

    def initial(self) -> IntArray:
        """State of an idle unit at time zero, shape (slots,)."""
        ...

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        """The kernel on every lane without refreshes.

        `idle` is how long the unit had been free before the start (ps).
        """
        ...

    def step(self, kernel: str, args: Mapping[str, int], state: IntArray, idle: int, until_due: int) -> Step:
        """The kernel once, one command at a time.

        The next refresh is due `until_due` ps after the start (may be negative).
        """
        ...

    def refreshed(self, count: int) -> Mapping[str, int]:
        """Counters of `count` refreshes."""
        ...

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        """A time in ps that no implementation of the kernel on this unit can beat: peak rates only."""
        ...

    def energy(self, counters: Mapping[str, int], elapsed: int) -> Mapping[str, int]:
        """Energy in fJ by component for these counts, and for being powered during `elapsed` ps."""
        ...

    def traffic(self, counters: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """Bytes (read, written) by memory."""
        ...


def extend(value: IntArray, lanes: int) -> IntArray:
    """A per-lane array of full length from one that may have a single entry."""
    return value if len(value) == lanes else value.repeat(lanes, axis=0)
