"""Run studies, and find what they left: the table, its pictures, what is still to do."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from archsim.api.pictures import draw
from archsim.api.plugins import register
from archsim.api.studyfile import NamedStudy, evaluate, load_study
from archsim.core.errors import BadInput, UnknownName
from archsim.dse.engine import Exploration, plan
from archsim.dse.executor import Executor, LocalProcesses
from archsim.dse.progress import Progress, Silent
from archsim.dse.sampler import Grid
from archsim.dse.stop import Stop
from archsim.dse.store import Store
from archsim.dse.study import Study
from archsim.dse.table import Table
from archsim.dse.worker import attempt


@dataclass(frozen=True)
class Sweep:
    """A study that was run, wholly or in part."""

    name: str
    folder: Path
    table: Table
    total: int
    source: str
    """What it was given as, for the command that repeats it."""
    interrupted: bool = False

    @property
    def study(self) -> Study:
        """What was asked."""
        return self.table.study

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
    refused: int = 0
    """Points that cannot be built, and so take no time."""

    @property
    def left(self) -> int:
        """Points still to run."""
        return self.total - self.stored - self.refused

    def seconds(self, workers: int) -> float:
        """Time for what is left."""
        return self.left * self.seconds_per_point / max(1, workers)

    def sentence(self, workers: int) -> str:
        """The same for people."""
        how = "one point run now" if self.measured else "stored points"
        each = f"{self.seconds_per_point:.2g} s each by {how}" if self.seconds_per_point else "no time known"
        refused = f", {self.refused} infeasible" if self.refused else ""
        took = f"about {self.seconds(workers):.0f} s on {workers} worker{'s' if workers != 1 else ''}"
        return f"{self.name}: {self.total} points, {self.stored} stored{refused}, {self.left} to run ({each}): {took}"


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
        A bundled name, a YAML file, the folder of one that ran, or a `Study`.
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
    progress
        Shows how far it is; by default nothing is shown.

    Raises
    ------
    BadInput
        Something named in the study does not exist or is not right; nothing was run.
    """
    named = load_study(study)
    exploration = _exploration(named, _folder(named, study, out), limit)
    exploration.executor = executor or LocalProcesses(workers)
    exploration.progress = progress or Silent()
    asked = exploration.next()  # finds bad input before anything is written
    exploration.store.open(named.name, named.study.model_dump(mode="json", by_alias=True), fresh=fresh)
    rows = exploration.run()
    total = 0 if asked is None else len(asked.settings)
    source = named.name if isinstance(study, Study) else str(study)
    stopped = exploration.stop.requested and len(rows) < total
    result = Sweep(named.name, exploration.store.folder, Table(named.study, rows), total, source, stopped)
    result.table.save(result.folder)
    draw(result.table, result.name, result.folder, f"archsim sweep {source}")
    return result


def estimate(study: str | Path | Study, *, limit: int | None = None, out: str | Path | None = None) -> Estimate:
    """How many points a study has and how long they take, from stored points or by running one of them here."""
    named = load_study(study)
    asked = _exploration(named, _folder(named, study, out), limit).next()
    if asked is None:
        return Estimate(named.name, 0, 0, 0.0, measured=False)
    times = [row.result.wall_seconds for row in asked.known.values() if row.result.wall_seconds]
    total, refused = len(asked.settings), len(asked.refused)
    known = len(asked.known) - refused
    if times or not asked.jobs:
        mean = sum(times) / len(times) if times else 0.0
        return Estimate(named.name, total, known, mean, measured=False, refused=refused)
    middle = asked.jobs[len(asked.jobs) // 2]
    attempt(evaluate, middle.payload)  # the first run in a process also imports: not what a point takes
    started = time.monotonic()
    attempt(evaluate, middle.payload)
    return Estimate(named.name, total, known, time.monotonic() - started, measured=True, refused=refused)


def stored(study: str | Path, *, out: str | Path | None = None) -> Sweep:
    """The finished points of a study, given as its name, its YAML file or its folder.

    Raises
    ------
    BadInput
        No such study, or none of it has run.
    """
    named = load_study(study)
    folder = _folder(named, study, out)
    asked = plan(named.study, Grid().ask(named.study, ()), named.job, Store(folder))
    rows = tuple(asked.known[index] for index in sorted(asked.known))
    if not any(row.result.metrics for row in rows):
        raise BadInput(f"no finished points of {named.name!r}", where=str(folder), try_=f"archsim sweep {study}")
    return Sweep(named.name, folder, Table(named.study, rows), len(asked.settings), str(study))


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
    from archsim.api.designs import bundled_names
    from archsim.report.folder import redraw

    is_study = (Path(result) / "study.json").is_file() or result.endswith((".yaml", ".yml"))
    if is_study or result in bundled_names("sweeps"):
        found = stored(result)
        return draw(found.table, found.name, found.folder, f"archsim sweep {found.source}")
    return redraw(result)


def _folder(named: NamedStudy, study: str | Path | Study, out: str | Path | None) -> Path:
    if out is not None:
        return Path(out)
    return named.folder if isinstance(study, Study) or not (Path(study) / "study.json").is_file() else Path(study)


def _exploration(named: NamedStudy, folder: Path, limit: int | None) -> Exploration:
    register()
    if limit is not None and limit < 1:
        raise BadInput(f"limit {limit} leaves nothing to run", right="--limit N with N >= 1")
    return Exploration(
        study=named.study,
        sampler=Grid(),
        prepare=named.job,
        evaluate=evaluate,
        executor=LocalProcesses(1),
        store=Store(folder),
        progress=Silent(),
        stop=Stop(),
        limit=limit,
    )
