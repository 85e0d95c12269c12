"""Runs a study: checks every point before any runs, skips what is stored, keeps each result as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from archsim.core.errors import BadInput
from archsim.core.hashing import digest
from archsim.dse.executor import Executor, Job
from archsim.dse.progress import Progress, Tally
from archsim.dse.sampler import Sampler
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
        return plan(asked, self.prepare, self.store)

    def _finish(self, plan: Plan) -> None:
        rows = dict(plan.known)
        tally = Tally(self.study.objectives, len(plan.settings))
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


def plan(asked: Sequence[Settings], prepare: Prepare, store: Store) -> Plan:
    """Build every point, look up which are stored, and refuse a space with a value that nothing can be built with.

    A value that works in no point is bad input; one that only fails in some combinations makes those rows infeasible.
    """
    jobs: dict[str, Job] = {}
    places: dict[str, list[int]] = {}
    known: dict[int, Row] = {}
    refused: dict[int, BadInput] = {}
    for index, settings in enumerate(asked):
        try:
            job = prepare(settings)
        except BadInput as error:
            refused[index] = error
            known[index] = Row(settings, digest(settings), Result(Status.INFEASIBLE, reason=str(error)))
            continue
        result = store.get(job.key)
        if result is not None and result.status is not Status.FAILED:
            known[index] = Row(settings, job.key, result)
        else:
            jobs.setdefault(job.key, job)
            places.setdefault(job.key, []).append(index)
    _refuse_dead_values(asked, refused)
    return Plan(tuple(asked), tuple(jobs.values()), places, known)


def _refuse_dead_values(asked: Sequence[Settings], refused: Mapping[int, BadInput]) -> None:
    """Raise the error of the first axis value whose every point is refused."""
    if not refused:
        return
    alive: set[tuple[str, str]] = set()
    for index, settings in enumerate(asked):
        if index not in refused:
            alive |= {_pin(*item) for item in settings.items()}
    for index, error in refused.items():
        if any(_pin(*item) not in alive for item in asked[index].items()):
            raise error


def _pin(name: str, value: Scalar) -> tuple[str, str]:
    return name, repr(value)
