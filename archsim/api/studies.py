"""Studies: from a YAML file to a table and its pictures. The exploration itself is in `archsim.dse`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from archsim.api.cases import Case, prepare
from archsim.api.designs import base_path, bundled_names, bundled_path
from archsim.api.pictures import draw
from archsim.api.plugins import register
from archsim.api.running import execute
from archsim.api.versions import code_version
from archsim.core.errors import BadInput, UnknownName
from archsim.core.hashing import digest
from archsim.core.userfile import is_user_class
from archsim.core.validate import build
from archsim.core.yamlfile import load_document
from archsim.dse.engine import Exploration, plan
from archsim.dse.executor import Executor, Job, LocalProcesses
from archsim.dse.metrics import Value, metrics
from archsim.dse.progress import Progress, Silent
from archsim.dse.sampler import Grid
from archsim.dse.stop import Stop
from archsim.dse.store import Store
from archsim.dse.study import Settings, Study
from archsim.dse.table import Table
from archsim.dse.worker import attempt


@dataclass(frozen=True)
class Sweep:
    """A study that was run, wholly or in part."""

    name: str
    study: Study
    folder: Path
    table: Table
    total: int
    source: str
    """What it was given as, for the command that repeats it."""
    interrupted: bool = False

    @property
    def page(self) -> Path:
        """The page to open."""
        return self.folder / "study.html"

    @property
    def done(self) -> int:
        """Finished points, infeasible and failed ones included."""
        return len(self.table.rows)


@dataclass(frozen=True)
class Estimate:
    """What a study would take."""

    name: str
    total: int
    stored: int
    seconds_per_point: float
    measured: bool
    """Whether the time is that of a point run now, and not of points in the store."""

    def seconds(self, workers: int) -> float:
        """Time for what is left."""
        return (self.total - self.stored) * self.seconds_per_point / max(1, workers)

    def sentence(self, workers: int) -> str:
        """The same for people."""
        how = "one point run now" if self.measured else "stored points"
        each = f"{self.seconds_per_point:.2g} s each by {how}" if self.seconds_per_point else "no time known"
        left = self.total - self.stored
        took = f"about {self.seconds(workers):.0f} s on {workers} worker{'s' if workers != 1 else ''}"
        return f"{self.name}: {self.total} points, {self.stored} stored, {left} to run ({each}): {took}"


def load_study(study: str | Path | Study) -> tuple[str, Study]:
    """Name and study of a bundled name or a YAML file.

    Raises
    ------
    BadInput
        No such study, or one that is not right.
    """
    if isinstance(study, Study):
        return "study", study
    text = str(study)
    path = Path(text) if text.endswith((".yaml", ".yml")) else bundled_path("sweeps", text)
    if path is None:
        raise UnknownName("study", text, bundled_names("sweeps"))
    checked = build(Study, load_document(path, resolve_base=_study_base), label="study")
    files = {name: _beside(getattr(checked, name), path.parent) for name in ("design", "workload")}
    return path.stem, checked.model_copy(update=files)


def sweep(
    study: str | Path | Study,
    *,
    workers: int = 1,
    executor: Executor | None = None,
    limit: int | None = None,
    fresh: bool = False,
    out: str | Path | None = None,
    progress: Progress | None = None,
) -> Sweep:
    """Run a study, or what is left of it: finished points are kept and never run again.

    Parameters
    ----------
    study
        A bundled name, a YAML file, or a `Study`.
    workers
        Processes on this machine; the result does not depend on it.
    executor
        Another place to evaluate points than processes on this machine.
    limit
        Only the first so many points of the space.
    fresh
        Forget finished points first.
    out
        Folder of the study; by default ``runs/studies/NAME-KEY``, the key standing for study and code.

    Raises
    ------
    BadInput
        Something named in the study does not exist or is not right; nothing was run.
    """
    exploration = _explore(study, out, limit=limit, progress=progress or Silent(), stop=Stop())
    exploration.executor = executor or LocalProcesses(workers)
    name, checked = load_study(study)
    asked = exploration.next()  # finds bad input before anything is written
    exploration.store.open(checked.model_dump(mode="json", by_alias=True), fresh=fresh)
    rows = exploration.run()
    total = 0 if asked is None else len(asked.settings)
    source = name if isinstance(study, Study) else str(study)
    stopped = exploration.stop.requested and len(rows) < total
    result = Sweep(name, checked, exploration.store.folder, Table(checked, rows), total, source, stopped)
    _save(result)
    return result


def estimate(study: str | Path | Study, *, limit: int | None = None, out: str | Path | None = None) -> Estimate:
    """How many points a study has and how long they take, from stored points or by running one of them here."""
    exploration = _explore(study, out, limit=limit, progress=Silent(), stop=Stop())
    name, _ = load_study(study)
    asked = exploration.next()
    if asked is None:
        return Estimate(name, 0, 0, 0.0, measured=False)
    times = [row.result.wall_seconds for row in asked.known.values() if row.result.wall_seconds]
    if times or not asked.jobs:
        mean = sum(times) / len(times) if times else 0.0
        return Estimate(name, len(asked.settings), len(asked.known), mean, measured=False)
    middle = asked.jobs[len(asked.jobs) // 2]
    attempt(evaluate, middle.payload)  # the first run in a process also compiles: not what a point takes
    started = time.monotonic()
    attempt(evaluate, middle.payload)
    return Estimate(name, len(asked.settings), len(asked.known), time.monotonic() - started, measured=True)


def stored(study: str | Path, *, out: str | Path | None = None) -> Sweep:
    """The finished points of a study, given as its name, its YAML file or its folder.

    Raises
    ------
    BadInput
        No such study, or none of it has run.
    """
    folder = Path(study)
    if (folder / "study.json").is_file():
        name, checked = _from_folder(folder)
    else:
        name, checked = load_study(study)
        folder = Path(out) if out is not None else study_folder(name, checked)
    store = Store(folder)
    asked = plan(Grid().ask(checked, ()), partial(_job, checked), store)
    rows = tuple(asked.known[index] for index in sorted(asked.known))
    if not any(row.result.metrics for row in rows):
        raise BadInput(f"no finished points of {name!r}", where=str(folder), try_=f"archsim sweep {study}")
    return Sweep(name, checked, folder, Table(checked, rows), len(asked.settings), str(study))


def check_study(path: str | Path) -> str:
    """Build every point of a study without running one; what it is, in a line."""
    _, checked = load_study(path)
    plan(Grid().ask(checked, ()), partial(_job, checked), Store(Path()))
    return f"study of {checked.size} points: {checked.question}"


def evaluate(payload: Mapping[str, Any]) -> dict[str, Value]:
    """One point in a worker: from the study and its settings to the columns of the table."""
    study = Study.model_validate(payload["study"])
    return metrics(execute(_case(study, payload["settings"])).report.to_json())


def study_folder(name: str, study: Study) -> Path:
    """Where a study is kept: named by its content and the code, so that changed ones start anew."""
    from archsim.report.folder import runs_base

    return runs_base() / "studies" / f"{name}-{digest((study, code_version()))[:8]}"


def _explore(
    study: str | Path | Study, out: str | Path | None, *, limit: int | None, progress: Progress, stop: Stop
) -> Exploration:
    register()
    name, checked = load_study(study)
    if limit is not None and limit < 1:
        raise BadInput(f"limit {limit} leaves nothing to run", right="--limit N with N >= 1")
    folder = Path(out) if out is not None else study_folder(name, checked)
    return Exploration(
        study=checked,
        sampler=Grid(),
        prepare=partial(_job, checked),
        evaluate=evaluate,
        executor=LocalProcesses(1),
        store=Store(folder),
        progress=progress,
        stop=stop,
        limit=limit,
    )


def _case(study: Study, settings: Settings) -> Case:
    return prepare(
        study.design,
        study.workload,
        phase=study.phase,
        batch=study.batch,
        prompt=study.prompt,
        context=study.context,
        generate=study.generate,
        fidelity=study.fidelity,
        mapper=study.mapper,
        set={**study.set, **settings},
    )


def _job(study: Study, settings: Settings) -> Job:
    payload = {"study": study.model_dump(mode="json", by_alias=True), "settings": dict(settings)}
    return Job(_case(study, settings).key, settings, payload)


def _study_base(name: str, file: Path) -> Path:
    bundled = None if name.endswith((".yaml", ".yml")) else bundled_path("sweeps", name)
    return bundled or base_path(name, file)


def _beside(text: str, folder: Path) -> str:
    """A file named in a study, as seen from here: relative to the study's folder where it lies there."""
    if is_user_class(text):
        file = text.rpartition(":")[0]
    elif text.endswith((".yaml", ".yml")):
        file = text
    else:
        return text
    return str(folder / text) if (folder / file).is_file() else text


def _from_folder(folder: Path) -> tuple[str, Study]:
    data = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    return folder.name.rpartition("-")[0] or folder.name, Study.model_validate(data["study"])


def _save(result: Sweep) -> None:
    """The table as files, and pictures of it."""
    result.table.save(result.folder)
    draw(result.table, result.name, result.folder, f"archsim sweep {result.source}")


def choose_executor(name: str, workers: int) -> Executor:
    """Where points are evaluated: ``local`` is processes on this machine.

    Raises
    ------
    UnknownName
        There is no such place.
    """
    if name != "local":
        raise UnknownName("executor", name, ("local",))
    return LocalProcesses(workers)


def redraw_any(result: str) -> Path:
    """Draw the page of a stored run or study again; returns the page.

    Raises
    ------
    BadInput
        Neither a run nor a study that has run.
    """
    from archsim.report.folder import redraw

    is_study = (Path(result) / "study.json").is_file() or result.endswith((".yaml", ".yml"))
    if is_study or result in bundled_names("sweeps"):
        found = stored(result)
        return draw(found.table, found.name, found.folder, f"archsim sweep {found.source}")
    return redraw(result)
