"""How much work may be done: nodes, which are the same everywhere, and seconds, which are not."""

from __future__ import annotations

from math import inf
from time import perf_counter

LIMIT = 4_000_000
"""Nodes where neither these nor seconds are given: some 10 to 120 seconds where nothing is found sooner."""
ENDLESS = 1 << 60
"""More nodes than there is time for."""
NODES, SECONDS, INTERRUPT = "nodes", "seconds", "interrupt"
"""What can end a search before it is through."""


class Budget:
    """Counts nodes and looks at the clock.

    Parameters
    ----------
    nodes
        Placements that all searches together may try; None for `LIMIT`, or without end where there is a limit of time.
    seconds
        Time since this was made after which no further slice begins; None for no such limit.
    """

    def __init__(self, nodes: int | None = None, seconds: float | None = None) -> None:
        self.used = 0
        endless = LIMIT if seconds is None else ENDLESS
        self._nodes, self._seconds = endless if nodes is None else nodes, seconds
        self._began = perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return perf_counter() - self._began

    @property
    def remaining(self) -> float:
        """Seconds until the limit; infinite where there is none."""
        return inf if self._seconds is None else self._seconds - self.elapsed

    @property
    def left(self) -> int:
        """Nodes that may still be tried."""
        return max(0, self._nodes - self.used)

    @property
    def stopped(self) -> str:
        """What is used up, or nothing."""
        if self.remaining <= 0:
            return SECONDS
        return "" if self.left else NODES

    def spend(self, nodes: int) -> None:
        """Count nodes that were tried."""
        self.used += nodes
