"""What a study's table looks like: the points as `archsim.report` draws them, and the files made from them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archsim.api.cases import load_workload
from archsim.api.settings import chosen
from archsim.core.errors import ArchsimError
from archsim.core.files import write_atomic
from archsim.dse.front import objective_value
from archsim.dse.store import Row
from archsim.dse.study import Goal, Objective, Study
from archsim.dse.table import Table
from archsim.report.pareto import Point

COUNTS = ("phase", "batch", "prompt", "context", "generate")
"""Fields of a study that say what the workload does."""

NAMES = {"op": "operator"}
"""Fields of a workload by what people call them."""

SHOWN = ("seconds", "energy_joules", "tokens_per_second", "joules_per_token", "watts", "above_bound")
"""Metrics that pages show besides the objectives; the rest is in results.csv."""


def points(table: Table) -> list[Point]:
    """The rows as points to draw."""
    return [_point(row, table.study.objectives) for row in table.rows]


def aims(objectives: Sequence[Objective]) -> list[str]:
    """What pictures minimise: a metric whose goal is max stands there with its sign turned."""
    return [objective.metric if objective.goal is Goal.MIN else f"minus {objective.metric}" for objective in objectives]


def setting(study: Study) -> str:
    """What ran at every point: the workload, its phase and its counts, as far as they are the same everywhere."""
    options: dict[str, Any] = {name: getattr(study, name) for name in COUNTS}
    try:
        workload = load_workload(study.workload, set=chosen(study.set, "workload"), **options)
    except ArchsimError:  # a file that is no longer there
        return study.workload
    varied = [path.removeprefix("workload.") for path in study.space if path.startswith("workload.")]
    parts = [workload.label] if "op" not in varied else []
    if "phase" not in varied and "op" not in varied and workload.phase_name:
        parts.append(workload.phase_name)
    given = {name: options[name] for name in ("batch", "prompt", "context") if options[name] and name not in varied}
    parts += [f"{name} {value:,}" for name, value in given.items()]
    if workload.tokens and not {"generate", "prompt", "batch", "phase"}.intersection(varied):
        parts.append(f"{workload.tokens:,} token{'s' if workload.tokens != 1 else ''}")
    return ", ".join([*parts, *(f"{NAMES.get(name, name)} varied" for name in varied)])


def draw(table: Table, name: str, folder: Path, command: str) -> Path:
    """Write pareto.png and study.html; returns the page."""
    from archsim.report.pareto_plot import pareto_plot
    from archsim.report.study_page import study_page

    drawn, wanted = points(table), aims(table.study.objectives)
    across, up = wanted[0], wanted[1] if len(wanted) > 1 else "energy_joules"
    write_atomic(folder / "pareto.png", pareto_plot(drawn, across, up, objectives=wanted, title=name))
    page = folder / "study.html"
    origin = {"command": command, "fidelity": table.study.fidelity}
    study = table.study
    text = study_page(
        name,
        drawn,
        objectives=wanted,
        question=study.question,
        setting=setting(study),
        caveat=study.caveat,
        provenance=origin,
    )
    write_atomic(page, text)
    return page


def _point(row: Row, objectives: Sequence[Objective]) -> Point:
    numbers: dict[str, float] = {}
    for objective, name in zip(objectives, aims(objectives), strict=True):
        if (value := objective_value(row, objective)) is not None:
            numbers[name] = value if objective.goal is Goal.MIN else -value
    for name in SHOWN:
        if isinstance(number := row.result.metrics.get(name), int | float):
            numbers.setdefault(name, number)
    point: Point = {"params": dict(row.settings), "metrics": numbers, "status": row.result.status.value}
    return {**point, "reason": row.result.reason} if row.result.reason else point
