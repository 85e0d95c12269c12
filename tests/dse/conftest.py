"""A stand-in for the simulator, fast enough to explore in tests; workers import it by name like the real one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from archsim.core.errors import BadInput
from archsim.core.hashing import digest
from archsim.dse.engine import Exploration
from archsim.dse.executor import Job, LocalProcesses
from archsim.dse.progress import Silent
from archsim.dse.sampler import Grid
from archsim.dse.stop import Stop
from archsim.dse.store import Store
from archsim.dse.study import Settings, Study

MODEL = """
import os, signal, time
from archsim.core.errors import Infeasible

def evaluate(payload):
    with open(payload["log"], "a") as log:
        log.write(f"{payload['x']},{payload['y']}\\n")
    if payload["x"] == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    if payload["x"] == 14:
        raise RuntimeError("a slip")
    if payload["x"] * payload["y"] > 40:
        raise Infeasible("too big", right="x * y <= 40")
    print("talk from user code")
    time.sleep(payload.get("sleep", 0))
    return {"seconds": 1 / payload["x"], "energy_joules": float(payload["x"] * payload["y"])}
"""


class Lab:
    """Explores the stand-in and knows which points were really evaluated."""

    def __init__(self, folder: Path, model: ModuleType) -> None:
        self.folder, self.log = folder, folder / "log"
        self._evaluate: Callable[[Mapping[str, Any]], dict[str, Any]] = model.evaluate

    def explore(self, study: Study, *, workers: int = 1, stop: Stop | None = None, **options: Any) -> Exploration:
        return Exploration(
            study=study,
            sampler=Grid(),
            prepare=self.prepare,
            evaluate=self._evaluate,
            executor=LocalProcesses(workers),
            store=Store(self.folder / "store"),
            progress=options.pop("progress", Silent()),
            stop=stop or Stop(),
            **options,
        )

    def prepare(self, settings: Settings) -> Job:
        if unknown := set(settings) - {"x", "y", "sleep"}:
            raise BadInput(f"unknown key {unknown.pop()!r}")
        if settings["x"] == 8 and settings["y"] == 8:
            raise BadInput("x and y do not go together")
        return Job(digest(dict(settings)), settings, {**settings, "log": str(self.log)})

    def evaluated(self) -> list[str]:
        return sorted(self.log.read_text().split()) if self.log.exists() else []


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    name = f"standin_{digest(str(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(MODEL)
    monkeypatch.syspath_prepend(str(tmp_path))
    model = import_module(name)
    monkeypatch.delitem(sys.modules, name)
    return Lab(tmp_path, model)
