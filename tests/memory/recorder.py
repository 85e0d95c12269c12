"""Every command that a memory issues, with its time: the scheduler's functions, watched while they run uncompiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from archsim.ir.block import Step
from archsim.memory import engine
from archsim.memory.channel import Channel, Phase
from archsim.memory.gddr6_pim import NAMES
from tests.memory.cases import Case


@dataclass(frozen=True)
class Issued:
    """One command on one channel."""

    name: str
    bank: int | None
    """None for a command that all banks take."""
    at: int
    """ps from time zero, refreshes not counted: a refresh suspends the channel."""
    real: int
    """ps from time zero."""
    start: int
    """When its kernel began, on the clock of `at`."""


@dataclass
class Recording:
    """A whole run."""

    commands: list[Issued] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    """Real start of each kernel."""


@dataclass
class Raw:
    """A command as the scheduler issued it; `refreshes` came right before it."""

    command: int
    at: int
    bank: int | None
    refreshes: int = 0


def pure(
    self: Channel, phases: Sequence[Phase], shape: list[int], last: list[int], out: list[int], due: list[int]
) -> tuple[list[int], list[int]]:
    """The stepping path of a channel without its compiler."""
    engine.multiply(phases, shape, last, self.gaps.channel, out, due, [0], [0, 0, self.gaps.horizon])
    return out, last


@contextmanager
def watching(log: list[Raw]) -> Iterator[None]:
    """Log every command issued inside."""
    issue, bank_issue, open_row = engine.issue, engine.bank_issue, engine.open_row

    def issued(last: Any, gaps: Any, command: int) -> int:
        log.append(Raw(command, issue(last, gaps, command), None))
        return log[-1].at

    def issued_to_bank(last: Any, gaps: Any, banks: Any, command: int, bank: int, window: Any) -> int:
        log.append(Raw(command, bank_issue(last, gaps, banks, command, bank, window), bank))
        return log[-1].at

    def opened(last: Any, gaps: Any, out: Any, row: int, due: Any) -> None:
        before, known = out[engine.REFRESHES], len(log)
        open_row(last, gaps, out, row, due)
        if len(log) > known:
            log[-1].refreshes = out[engine.REFRESHES] - before

    with (
        patch.object(engine, "issue", issued),
        patch.object(engine, "bank_issue", issued_to_bank),
        patch.object(engine, "open_row", opened),
        patch.object(Channel, "_compiled_multiply", pure),
    ):
        yield


def record(case: Case) -> Recording:
    """Step through all kernels of a case, one after the other, and keep every command."""
    block, out = case.block(), Recording()
    state, now, frozen, issued = block.initial(), 0, 0, 0
    duration = block.calendar.duration if block.calendar else 0
    for call in case.calls:
        start = now + call.idle
        due = (issued + 1) * block.calendar.interval - start if block.calendar else 0
        log: list[Raw] = []
        with watching(log):
            step = block.step(call.kernel, call.args, state, call.idle, due)
        base = start - frozen
        for raw in log:
            at = base + raw.at
            for _ in range(raw.refreshes):
                out.commands.append(Issued("REFAB", None, at, at + frozen, base))
                frozen += duration
            out.commands.append(Issued(NAMES[raw.command], raw.bank, at, at + frozen, base))
        out.steps.append(step)
        out.starts.append(start)
        issued += step.refreshes
        now, state = start + step.free, step.state
    return out
