"""What a search may take: work, which is the same everywhere, and time, which is not."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

from archsim.mappers.solvers import Solver


@dataclass(frozen=True, slots=True)
class Limits:
    """What a search may take.

    Parameters
    ----------
    work
        Deterministic work of all models of one part, in units of about a second.
    until
        Time of `perf_counter` at which it ends; None for no such limit.
    seed
        Of solvers.
    by
        Solver of integer programs; None for the best that is here.
    """

    work: float
    until: float | None = None
    seed: int = 0
    by: Solver | None = None

    @property
    def left(self) -> float | None:
        """Seconds that are left; None where time does not count."""
        return None if self.until is None else max(0.01, self.until - perf_counter())

    @property
    def late(self) -> bool:
        """Whether the time is up."""
        return self.until is not None and perf_counter() >= self.until
