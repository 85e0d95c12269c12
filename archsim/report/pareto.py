"""Which points of a study no other point beats, and how its points and metrics are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NotRequired, TypedDict

from archsim.report import units as u

OBJECTIVES = ("seconds", "energy_joules")
"""What a study minimises unless it says otherwise."""

ENGINEERING = {"seconds": "s", "joules": "J", "watts": "W"}
"""Last word of a metric's name -> its unit."""


class Point(TypedDict):
    """One design point of a study."""

    params: dict[str, Any]
    metrics: dict[str, float]
    status: str
    """ok, infeasible or failed."""
    reason: NotRequired[str]
    """Why a point has no metrics."""
    key: NotRequired[str]
    """Content key: the run that belongs to it."""


def pareto(points: Sequence[Point], objectives: Sequence[str] = OBJECTIVES) -> list[int]:
    """Indices of the points that no other point beats, sorted by the first objective, then the next, then their order.

    Every objective is minimised. A point is beaten by one that is nowhere worse and somewhere better, so equal points stand
    together. Points that are not ok, or lack a finite objective, neither stand nor beat.
    """
    values = {i: found for i, point in enumerate(points) if (found := objective_values(point, objectives)) is not None}
    # In lexicographic order nothing that comes later can beat what came before, and beating is transitive:
    # comparing with the front found so far is enough.
    front: list[int] = []
    for i in sorted(values, key=lambda i: (values[i], i)):
        if not any(_beats(values[held], values[i]) for held in front):
            front.append(i)
    return front


def varied(points: Sequence[Point]) -> list[str]:
    """Names of the parameters that differ between points, in the order they appear."""
    names = dict.fromkeys(name for point in points for name in point["params"])
    return [name for name in names if len({repr(point["params"].get(name)) for point in points}) > 1]


def label(params: Mapping[str, Any], names: Sequence[str]) -> str:
    """A point by the parameters that set it apart: `banks 16, lanes 8`, by the last word of each path."""
    return ", ".join(f"{name.rsplit('.', 1)[-1]} {params[name]}" for name in names if name in params)


def shown(metric: str, value: float) -> str:
    """A metric with its unit, taken from the end of its name: `energy_joules` in joules.

    >>> shown("seconds", 0.0012), shown("energy_joules", 3.1), shown("area_mm2", 12.345)
    ('1.200 ms', '3.10 J', '12.3')
    """
    unit = ENGINEERING.get(metric.rsplit("_", 1)[-1])
    return u.seconds(value) if unit == "s" else u.engineering(value, unit) if unit else u.plain(value)


def axis_name(metric: str) -> str:
    """A metric in words: `energy (J)`."""
    words = metric.split("_")
    unit = ENGINEERING.get(words[-1])
    if unit and len(words) > 1:
        return f"{' '.join(words[:-1])} ({unit})"
    return "time (s)" if metric == "seconds" else " ".join(words)


def objective_values(point: Point, objectives: Sequence[str]) -> tuple[float, ...] | None:
    """What the point reached, or None where it is not ok or an objective is missing or not finite."""
    if point["status"] != "ok":
        return None
    values = [point["metrics"].get(name) for name in objectives]
    finite = tuple(v for v in values if v is not None and isfinite(v))
    return finite if len(finite) == len(values) else None


def spans_decade(values: Sequence[float]) -> bool:
    """Whether a logarithmic axis tells more than a linear one."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= 10


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
