"""What the results of all libraries have in common: an objective, a bound, and how far the one is above the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from archsim.core.gap import in_json


class Answer(Protocol):
    """A result of `tile`, `plan`, `fuse`, `place`, `schedule`, `choose_precision` or `allocate`."""

    @property
    def objective(self) -> float:
        """What was made small."""

    @property
    def bound(self) -> float:
        """What no answer to the same question is below."""

    @property
    def gap(self) -> float:
        """Objective above the bound, as a part of the bound: `gap`."""

    @property
    def proved(self) -> bool:
        """Whether nothing better is there, among all that was allowed."""

    @property
    def method(self) -> str:
        """What found it."""

    @property
    def why(self) -> Sequence[str]:
        """What makes the objective what it is, in words."""

    @property
    def seconds(self) -> float:
        """How long it took."""


def common(answer: Answer) -> dict[str, Any]:
    """The keys that every record has. JSON knows no infinity: such a gap is None."""
    return {
        "objective": answer.objective,
        "bound": answer.bound,
        "gap": in_json(answer.gap),
        "proved": answer.proved,
        "method": answer.method,
        "seconds": answer.seconds,
    }


def line(answer: Answer) -> str:
    """One line for a terminal."""
    return (
        f"objective {answer.objective:,.6g}, bound {answer.bound:,.6g}, gap {100 * answer.gap:.2f} %, "
        f"{'proved' if answer.proved else 'not proved'}, {answer.method}, {answer.seconds:.2f} s"
    )
