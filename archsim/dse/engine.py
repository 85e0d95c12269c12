"""Runs a study: checks every point before any runs, skips what is stored, keeps each result as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from archsim.core.errors import BadInput
from archsim.core.hashing import digest
from archsim.dse.executor import Executor, Job
from archsim.dse.progress import Progress, Tally
from archsim.dse.sampler import Grid, Sampler
from archsim.dse.stop import Stop
from archsim.dse.store import Result, Row, Status, Store
from archsim.dse.study import Scalar, Settings, Study
from archsim.dse.worker import Evaluate

Prepare = Callable[[Settings], Job]
"""Builds everything a point names, which finds bad input, and says under which key its result is kept."""


@dataclass(frozen=True)
class Plan:
    """Points that were asked for: jobs to run and rows that are known already, by position."""

    settings: tuple[Settings, ...]
    jobs: tuple[Job, ...]
    places: Mapping[str, Sequence[int]]
    """Key of a job -> positions of the points it answers; several where different settings make the same machine."""
    known: Mapping[int, Row]
    refused: frozenset[int] = frozenset()
    """Of the known ones, those that cannot be built, and so are in no store."""


@dataclass
class Exploration:
    """One run of a study."""

    study: Study
    sampler: Sampler
    prepare: Prepare
    evaluate: Evaluate
    executor: Executor
    store: Store
    progress: Progress
    stop: Stop
    limit: int | None = None
    """Only the first so many points of the space."""
    rows: list[Row] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.prepare = Remembered(self.prepare)

    def run(self) -> tuple[Row, ...]:
        """Every finished row, in the order of the space, whoever finished first."""
        with self.stop.listening():
            while not self.stop.requested and (plan := self.next()) is not None:
                self._finish(plan)
        return tuple(self.rows)

    def next(self) -> Plan | None:
        """What to do next: all points that the sampler asks for, checked; None at the end.

        Raises
        ------
        BadInput
            A field or value of the space that no point can be built with.
        """
        asked = self.sampler.ask(self.study, self.rows)
        if self.limit is not None:
            asked = asked[: max(0, self.limit - len(self.rows))]
        if not asked:
            return None
        return plan(self.study, asked, self.prepare, self.store)

    def _finish(self, plan: Plan) -> None:
        rows = dict(plan.known)
        tally = Tally(self.study.objectives, len(plan.settings), refused=len(plan.refused))
        for row in rows.values():
            tally.add(row, fresh=False)
        self.stop.on_request = lambda: self.progress.stopping(tally.total - tally.done)
        running = self.executor.run(self.evaluate, plan.jobs, self.stop)
        with self.progress.showing(tally), closing(running):
            for job, result in running:
                self.store.put(job.key, job.settings, result)
                for index in plan.places[job.key]:
                    rows[index] = Row(plan.settings[index], job.key, result)
                    tally.add(rows[index], fresh=True)
                self.progress.update(tally)
        self.rows += [rows[index] for index in sorted(rows)]


class Remembered:
    """Builds each point once, however often it is asked for."""

    def __init__(self, prepare: Prepare) -> None:
        self._prepare = prepare
        self._known: dict[tuple[tuple[str, str], ...], Job | BadInput] = {}

    def __call__(self, settings: Settings) -> Job:
        """The job of a point.

        Raises
        ------
        BadInput
            It cannot be built, the first time and every time.
        """
        key = tuple(_pin(*item) for item in settings.items())
        if key not in self._known:
            try:
                self._known[key] = self._prepare(settings)
            except BadInput as error:
                self._known[key] = error
        found = self._known[key]
        if isinstance(found, BadInput):
            raise found
        return found


def plan(study: Study, asked: Sequence[Settings], prepare: Prepare, store: Store) -> Plan:
    """Build every point, look up which are stored, and refuse a space with a value that nothing can be built with.

    A value that works in no point of the study is bad input, whichever points are asked for; one that only fails in
    some combinations makes those rows infeasible.
    """
    prepare = prepare if isinstance(prepare, Remembered) else Remembered(prepare)
    jobs: dict[str, Job] = {}
    places: dict[str, list[int]] = {}
    known: dict[int, Row] = {}
    refused: set[int] = set()
    for index, settings in enumerate(asked):
        try:
            job = prepare(settings)
        except BadInput as error:
            refused.add(index)
            known[index] = Row(settings, digest(settings), Result(Status.INFEASIBLE, reason=str(error)))
            continue
        result = store.get(job.key)
        if result is not None and result.status is not Status.FAILED:
            known[index] = Row(settings, job.key, result)
        else:
            jobs.setdefault(job.key, job)
            places.setdefault(job.key, []).append(index)
    _refuse_dead_values(study, [s for index, s in enumerate(asked) if index not in refused], prepare)
    return Plan(tuple(asked), tuple(jobs.values()), places, known, frozenset(refused))


def _refuse_dead_values(study: Study, built: Sequence[Settings], prepare: Prepare) -> None:
    """Raise the error of the first axis value whose every point in the whole space is refused.

    Points of the space beside those already built are tried only for values that none of these has.
    """
    alive = {_pin(*item) for settings in built for item in settings.items()}
    unsure = {_pin(name, value) for name, values in study.axes.items() for value in values} - alive
    if not unsure:
        return
    errors: dict[tuple[str, str], BadInput] = {}
    for settings in Grid().ask(study, ()):
        pins = [_pin(*item) for item in settings.items()]
        if not unsure.intersection(pins):
            continue
        try:
            prepare(settings)
        except BadInput as error:
            for pin in pins:
                errors.setdefault(pin, error)
        else:
            unsure.difference_update(pins)
    for pin, first in errors.items():
        if pin in unsure:
            raise first


def _pin(name: str, value: Scalar) -> tuple[str, str]:
    return name, repr(value)
