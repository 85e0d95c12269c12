"""How far a study is: counted here, shown by whoever implements `Progress`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from archsim.dse.front import better, objective_value
from archsim.dse.store import Row, Status
from archsim.dse.study import Objective


@dataclass
class Tally:
    """Counts of one run of a study, and the best row so far by the first objective."""

    objectives: Sequence[Objective]
    total: int
    done: int = 0
    fresh: int = 0
    """Of the done ones, those evaluated in this run."""
    refused: int = 0
    """Points that cannot be built: infeasible, and known without a run or a store."""
    infeasible: int = 0
    failed: int = 0
    best: Row | None = None
    last: Row | None = None
    first: float | None = None
    """When the first result came: before that, workers start and import."""

    def add(self, row: Row, *, fresh: bool) -> None:
        """Count a finished row."""
        self.done += 1
        self.fresh += fresh
        if fresh and self.first is None:
            self.first = time.monotonic()
        self.infeasible += row.result.status is Status.INFEASIBLE
        self.failed += row.result.status is Status.FAILED
        self.last = row
        if row.result.status is Status.OK and better(row, self.best, self.objectives[0]):
            self.best = row

    @property
    def remaining(self) -> float | None:
        """Seconds until the end at the present rate; None while there is no rate yet."""
        if self.first is None or self.fresh < 2:
            return None
        return (time.monotonic() - self.first) / (self.fresh - 1) * (self.total - self.done)

    @property
    def best_value(self) -> tuple[str, float] | None:
        """Name and value of the first objective in the best row."""
        if self.best is None:
            return None
        value = objective_value(self.best, self.objectives[0])
        return None if value is None else (self.objectives[0].metric, value)


class Progress(Protocol):
    """Shows a tally to someone."""

    def showing(self, tally: Tally) -> AbstractContextManager[object]:
        """Show while the block runs."""
        ...

    def update(self, tally: Tally) -> None:
        """Another row is there."""
        ...

    def stopping(self, left: int) -> None:
        """Ctrl-C was heard; `left` points are not done."""
        ...


class Silent:
    """Shows nothing."""

    def showing(self, tally: Tally) -> AbstractContextManager[object]:
        """Nothing."""
        return nullcontext()

    def update(self, tally: Tally) -> None:
        """Nothing."""

    def stopping(self, left: int) -> None:
        """Nothing."""
