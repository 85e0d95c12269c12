"""What is better, and the Pareto front: the rows that no other row beats in everything."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.dse.store import Row, Status
from archsim.dse.study import Goal, Objective

TASK = "workload.op"
"""Field that says what a row computes: a smaller operator is not a better design."""


def objective_value(row: Row, objective: Objective) -> float | None:
    """The number of a row that an objective looks at: a metric, or a field of the space; None where there is none."""
    value = row.result.metrics.get(objective.metric)
    if value is None:
        value = row.settings.get(objective.metric)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def better(row: Row, than: Row | None, objective: Objective) -> bool:
    """Whether a row beats another (or none) by one objective."""
    value = objective_value(row, objective)
    other = None if than is None else objective_value(than, objective)
    if value is None or other is None:
        return value is not None
    return value < other if objective.goal is Goal.MIN else value > other


def front(rows: Sequence[Row], objectives: Sequence[Objective]) -> tuple[int, ...]:
    """Positions of the rows on the Pareto front, in the order of the rows.

    Equal rows are on it together. Rows that compute different operators (`TASK`) do not beat each other.
    """
    points: list[tuple[tuple[float, ...], int]] = []
    for index, row in enumerate(rows):
        values = [objective_value(row, objective) for objective in objectives]
        if row.result.status is Status.OK and all(value is not None for value in values):
            signs = [1 if objective.goal is Goal.MIN else -1 for objective in objectives]
            points.append((tuple(sign * (value or 0) for sign, value in zip(signs, values, strict=True)), index))
    # In lexicographic order nothing later dominates anything earlier, so comparing with the front so far is enough.
    kept: list[tuple[tuple[float, ...], int]] = []
    for point, index in sorted(points):
        task = rows[index].settings.get(TASK)
        if not any(_dominates(other, point) for other, held in kept if rows[held].settings.get(TASK) == task):
            kept.append((point, index))
    return tuple(sorted(index for _, index in kept))


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
