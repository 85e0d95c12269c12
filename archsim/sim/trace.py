"""What a run leaves behind: totals that conserve, samples over time, and how it was computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.ir.report import Sample
from archsim.sim.ledger import Key

REFRESH = "refresh"


@dataclass(frozen=True)
class Effort:
    """How much work the simulation itself was. Not part of the result: two ways to the same result differ here."""

    tasks: int = 0
    """Task instances in the program."""
    evaluated: int = 0
    """Task instances actually evaluated (a vector over lanes counts once)."""
    events: int = 0
    """Scheduler events computed."""
    method: str = "stepped"
    reason: str = ""
    """Why fast-forward was not used, where it was asked for."""


@dataclass(frozen=True)
class Trace:
    """A finished run; see `Ledger` for the accounts."""

    total_ps: int
    accounts: Mapping[Key, int]
    refreshes: Mapping[str, int]
    """Unit -> refreshes issued."""
    samples: tuple[Sample, ...] = ()
    effort: Effort = field(default_factory=Effort, compare=False)


SAMPLES = 256


def sampled(count: int) -> list[int]:
    """Iterations of an outermost loop whose end is recorded: all, or about 256 evenly spread, always the last."""
    step = max(1, -(-count // SAMPLES))
    return sorted({*range(step - 1, count, step), count - 1}) if count else []
