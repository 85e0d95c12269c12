"""How far a sweep is, on stderr: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from archsim.cli.talk import say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from archsim.dse.progress import Progress, Tally

EVERY = 5.0
"""Seconds between two plain lines."""


def progress(*, quiet: bool) -> Progress:
    """Silent, live, or plain lines, as fits where stderr goes."""
    from archsim.dse.progress import Silent

    if quiet:
        return Silent()
    return Live() if sys.stderr.isatty() else Lines()


def sentence(tally: Tally) -> str:
    """``12/64 points, 1 infeasible, 3 s left, best seconds 1.2e-3``."""
    parts = [f"{tally.done}/{tally.total} points"]
    parts += [f"{tally.infeasible} infeasible"] if tally.infeasible else []
    parts += [f"{tally.failed} failed"] if tally.failed else []
    if tally.remaining is not None and tally.done < tally.total:
        parts.append(f"{duration(tally.remaining)} left")
    if tally.best_value is not None:
        name, value = tally.best_value
        parts.append(f"best {name} {value:.4g}")
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """A rough time.

    >>> duration(0.4), duration(75), duration(7300)
    ('1 s', '1 min 15 s', '2 h 1 min')
    """
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Lines:
    """A line now and then, and one for each failure."""

    def __init__(self) -> None:
        self._next = 0.0

    @contextmanager
    def showing(self, tally: Tally) -> Iterator[None]:
        """Say where it starts and where it ends."""
        if tally.done > tally.refused:
            say(f"{tally.done - tally.refused} of {tally.total} points are stored already")
        yield
        say(sentence(tally))

    def update(self, tally: Tally) -> None:
        """Say how far it is, at most every few seconds."""
        _say_failure(tally)
        now = time.monotonic()
        if now >= self._next and tally.done < tally.total:
            self._next = now + EVERY
            say(sentence(tally))

    def stopping(self, left: int) -> None:
        """Say that Ctrl-C was heard."""
        say(f"stopping: points that run are finished and kept, {left} are left; Ctrl-C again stops now")


class Live:
    """One line that moves."""

    def __init__(self) -> None:
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def showing(self, tally: Tally) -> AbstractContextManager[object]:
        """A bar while the block runs."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._bar = Progress(BarColumn(24), TextColumn("{task.description}"), console=Console(stderr=True))
        self._task = self._bar.add_task(sentence(tally), total=tally.total, completed=tally.done)
        return self._bar

    def update(self, tally: Tally) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=tally.done, description=sentence(tally))
            _say_failure(tally)

    def stopping(self, left: int) -> None:
        """Say that Ctrl-C was heard."""
        if self._bar is not None:
            self._bar.console.print(f"stopping: finishing what runs, {left} points are left; Ctrl-C again stops now")


def _say_failure(tally: Tally) -> None:
    row = tally.last
    if row is not None and row.result.status.value == "failed":
        values = ", ".join(f"{name}={value}" for name, value in row.settings.items())
        say(f"failed: {values}: {row.result.reason.splitlines()[0]}")
