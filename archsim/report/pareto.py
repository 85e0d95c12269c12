"""Which points of a study no other point beats, and how its points and metrics are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, NotRequired, TypedDict

from archsim.report import units as u

OBJECTIVES = ("seconds", "energy_joules")
"""What a study minimises unless it says otherwise."""

TASK = "workload.op"
"""Field that says what a point computes: a smaller operator is not a better design."""

MINUS = "minus "
"""Begins the name of an objective that is the negative of a metric, since objectives are minimised."""

UNITS = {"seconds": ("s", "time"), "joules": ("J", "energy"), "watts": ("W", "power")}
"""Last word of a metric's name -> its unit, and what it measures."""


SHARES = ("above_bound", "mapping_gap")
"""Metrics that are fractions."""


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

    Every objective is minimised. A point is beaten by one that is nowhere worse and somewhere better, so equal points
    stand together. Points that are not ok, or lack a finite objective, neither stand nor beat. Points that compute
    different things (`TASK`) do not beat each other.
    """
    values = {i: found for i, point in enumerate(points) if (found := objective_values(point, objectives)) is not None}
    # In lexicographic order nothing that comes later can beat what came before, and beating is transitive:
    # comparing with the front found so far is enough.
    front: list[int] = []
    for i in sorted(values, key=lambda i: (values[i], i)):
        same = (held for held in front if task(points[held]) == task(points[i]))
        if not any(_beats(values[held], values[i]) for held in same):
            front.append(i)
    return front


def task(point: Point) -> object:
    """What a point computes, where that differs between points; None where it does not."""
    return point["params"].get(TASK)


def varied(points: Sequence[Point]) -> list[str]:
    """Names of the parameters that differ between points, in the order they appear."""
    names = dict.fromkeys(name for point in points for name in point["params"])
    return [name for name in names if len({repr(point["params"].get(name)) for point in points}) > 1]


def short_names(names: Sequence[str]) -> list[str]:
    """The end of each dotted name, as long as it takes to tell them apart.

    >>> short_names(["pim.banks", "npu.rows", "pim.dram.rows"])
    ['banks', 'npu.rows', 'dram.rows']
    """

    def ends(words: int) -> list[str]:
        return [".".join(name.split(".")[-words:]) for name in names]

    deepest = max((name.count(".") + 1 for name in names), default=1)
    tried = [ends(words) for words in range(1, deepest + 1)]
    return [next((own[i] for own in tried if own.count(own[i]) == 1), names[i]) for i in range(len(names))]


def label(params: Mapping[str, Any], names: Sequence[str]) -> str:
    """A point by the parameters that set it apart: `banks 16, lanes 8`."""
    shown_as = zip(short_names(names), names, strict=True)
    return ", ".join(f"{short} {params[name]}" for short, name in shown_as if name in params)


def shown(metric: str, value: float) -> str:
    """A metric with its unit, taken from its name; what is minimised as `minus x` is shown as the x it is.

    >>> shown("seconds", 0.0012), shown("energy_joules", 3.1), shown("area_mm2", 12.345), shown("minus hit_rate", -0.5)
    ('1.200 ms', '3.10 J', '12.3', '0.500')
    """
    unit, value = unit_of(metric), -value if metric.startswith(MINUS) else value
    if metric.removeprefix(MINUS) in SHARES:
        return u.percent(value)
    return u.seconds(value) if unit == "s" else u.engineering(value, unit) if unit else u.plain(value)


def tick(metric: str, value: float) -> str:
    """A round value of a metric on an axis, with its unit."""
    unit, value = unit_of(metric), -value if metric.startswith(MINUS) else value
    return u.tick(value, unit, largest=0 if unit == "s" else 18) if unit else u.trimmed(value)


def unit_of(metric: str) -> str:
    """The unit that takes a prefix, or nothing where the name ends in no such unit."""
    return UNITS.get(_measured(metric)[-1], ("", ""))[0]


def metric_name(metric: str) -> str:
    """A metric in words, without the unit its values are shown with.

    >>> metric_name("energy_joules"), metric_name("seconds"), metric_name("joules_per_token"), metric_name("area_mm2")
    ('energy', 'time', 'energy per token', 'area mm2')
    """
    words = _measured(metric)
    _, per, each = metric.partition("_per_")
    if words[-1] in UNITS:
        words = words[:-1] or [UNITS[words[-1]][1]]
    return " ".join([*words, *(["per", *each.split("_")] if per else [])])


def extreme(metric: str) -> str:
    """What minimising the metric looks for: the least of it, or the most where it is `minus x`."""
    return "Most" if metric.startswith(MINUS) else "Least"


def _measured(metric: str) -> list[str]:
    """The words that say what is measured: `joules` of `joules_per_token`, `area` and `mm2` of `memory.area_mm2`."""
    return metric.removeprefix(MINUS).removeprefix("memory.").partition("_per_")[0].split("_")


def objective_values(point: Point, objectives: Sequence[str]) -> tuple[float, ...] | None:
    """What the point reached, or None where it is not ok or an objective is missing or not finite."""
    if point["status"] != "ok":
        return None
    values = [point["metrics"].get(name) for name in objectives]
    finite = tuple(v for v in values if v is not None and isfinite(v))
    return finite if len(finite) == len(values) else None


def measured(metrics: Sequence[str], names: Sequence[str]) -> list[str]:
    """The metrics that are not a parameter as well, which has its own column."""
    return [metric for metric in metrics if metric.removeprefix(MINUS) not in names]


def spans_decade(values: Sequence[float]) -> bool:
    """Whether a logarithmic axis tells more than a linear one."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= 10


def _beats(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
