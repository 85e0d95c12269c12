"""One reported number and the simulation that answers to it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal

Status = Literal["predicted", "calibrated", "input"]
"""Whether nothing was fitted to the number, something was, or it is a field of the design."""


@dataclass(frozen=True, slots=True)
class Case:
    """A number that a paper or its artifact reports."""

    group: str
    """What is compared: rows of a table share it."""
    case: str
    """Which row: machine, model, length."""
    metric: str
    unit: str
    reported: float
    source: str
    simulate: Callable[[], float]
    tolerance: float
    """Largest relative error that is stated for it."""
    status: Status = "predicted"
    why: str = ""
    """Why they differ, where they do."""


@dataclass(frozen=True, slots=True)
class Row:
    """A case and what came out."""

    paper: str
    case: Case
    simulated: float

    @property
    def relative_error(self) -> float:
        """Simulated over reported, minus 1; where 0 is reported, what is simulated."""
        reported = self.case.reported
        return self.simulated / reported - 1 if reported else self.simulated

    @property
    def within(self) -> bool:
        """Whether the error is within the stated tolerance."""
        return abs(self.relative_error) <= self.case.tolerance

    def record(self) -> dict[str, str | float | bool]:
        """As one object of the JSON list."""
        case = self.case
        return {
            "paper": self.paper,
            "case": case.case,
            "metric": case.metric,
            "unit": case.unit,
            "reported": case.reported,
            "source": case.source,
            "simulated": self.simulated,
            "relative_error": self.relative_error,
            "status": case.status,
            "tolerance": case.tolerance,
            "within": self.within,
        }


def table(name: str) -> list[dict[str, str]]:
    """Rows of a CSV file of this folder."""
    return list(csv.DictReader((files("archsim.api.papers") / name).read_text(encoding="utf-8").splitlines()))
