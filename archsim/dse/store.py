"""Where a study keeps its finished points: one file each, named by content: nothing is lost or repeated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from archsim.core.files import write_atomic
from archsim.dse.metrics import Value
from archsim.dse.study import Scalar, Settings

POINT_SCHEMA = "archsim.point/1"
STUDY_SCHEMA = "archsim.study/1"


class Status(StrEnum):
    """How a point ended."""

    OK = "ok"
    INFEASIBLE = "infeasible"
    """The model says no: does not fit, cannot be mapped, or the values do not go together."""
    FAILED = "failed"
    """Something broke: tried again by the next run of the study."""


@dataclass(frozen=True)
class Result:
    """What became of one point."""

    status: Status
    metrics: Mapping[str, Value] = field(default_factory=dict)
    reason: str = ""
    """Why there are no metrics."""
    wall_seconds: float = 0.0
    """Time the evaluation took; kept for estimates and never part of the table."""

    def to_json(self) -> dict[str, Any]:
        """As stored."""
        return {
            "status": self.status.value,
            "metrics": dict(self.metrics),
            "reason": self.reason,
            "wall_seconds": self.wall_seconds,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of `to_json`."""
        return cls(Status(data["status"]), data["metrics"], data["reason"], data["wall_seconds"])


@dataclass(frozen=True)
class Row:
    """One point of the table: its settings and what became of it."""

    settings: Settings
    key: str
    result: Result


class Store:
    """The folder of one study."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.points = folder / "points"

    def open(self, name: str, study: Mapping[str, Any], *, fresh: bool = False) -> None:
        """Write what the study is; with `fresh`, forget its points."""
        if fresh:
            for path in self.points.glob("*.json"):
                path.unlink()
        text = json.dumps({"schema": STUDY_SCHEMA, "name": name, "study": study}, indent=2) + "\n"
        write_atomic(self.folder / "study.json", text)

    def get(self, key: str) -> Result | None:
        """A finished point, or None. A file that cannot be read counts as not finished: the point is run again."""
        try:
            data = json.loads((self.points / f"{key}.json").read_text(encoding="utf-8"))
            return Result.from_json(data["result"]) if data["schema"] == POINT_SCHEMA else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, settings: Settings, result: Result) -> None:
        """Keep a finished point; a crash leaves the whole file or none."""
        plain: dict[str, Scalar] = dict(settings)
        data = {"schema": POINT_SCHEMA, "key": key, "settings": plain, "result": result.to_json()}
        write_atomic(self.points / f"{key}.json", json.dumps(data, indent=1) + "\n")
