"""Widths under an error budget: a knapsack with one choice per layer, solved exactly.

Partial choices are kept as long as none is cheaper with no more error, and as long as the relaxation of what remains
leaves hope to beat the best whole choice known. Errors are counted as exact fractions, so that a budget is met or not.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from math import lcm
from time import perf_counter
from typing import Any

from archsim.core.errors import Infeasible
from archsim.core.gap import gap
from archsim.mappers.answer import common
from archsim.mappers.precision.table import COSTS, Layer, Metric, PrecisionTable

SCHEMA = "archsim.precision/1"
"""What the JSON form is, and its version."""
MOST_STATES = 200_000
"""Partial choices that are kept side by side; beyond, the cheapest are, and the bound says what that may cost."""
UNITS: dict[Metric, str] = {"bytes": "B", "energy": "pJ", "time": "ps", "traffic": "B"}


@dataclass(frozen=True, slots=True)
class Precision:
    """A width for each layer.

    Parameters
    ----------
    bits
        Layer -> bits per element.
    metric, objective
        What was made small, and what it came to: bytes, pJ or ps.
    bound
        What no choice within the budget is below: the relaxation in which a layer may mix widths, or the objective
        where it is proved to be the least.
    relaxed
        The relaxation alone.
    error, budget
        Sum of the errors, and the most it might be.
    widest
        The metric with the widest option of every layer, which the saving is counted from.
    method
        What found it.
    why
        Which layers hold on to many bits, and what one more step would cost.
    seconds
        How long it took. Not part of the value.
    """

    bits: dict[str, int]
    metric: Metric
    objective: float
    bound: float
    relaxed: float
    error: float
    budget: float
    widest: float
    method: str
    why: tuple[str, ...]
    seconds: float = field(default=0.0, compare=False)

    @property
    def gap(self) -> float:
        """Objective above the bound, as a part of the bound."""
        return gap(self.objective, self.bound)

    @property
    def proved(self) -> bool:
        """Whether the objective is at the bound: nothing is below it."""
        return self.objective <= self.bound

    @property
    def saved(self) -> float:
        """What is saved against the widest option of every layer."""
        return self.widest - self.objective

    def record(self) -> dict[str, Any]:
        """As JSON."""
        names = ("bits", "metric", "relaxed", "error", "budget", "widest", "saved")
        return {
            "schema": SCHEMA, "unit": UNITS[self.metric],
            **common(self), **{name: getattr(self, name) for name in names}, "why": list(self.why),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Class:
    """Layers of one width: its options as (cost, error, bits), cheapest first, none dominated."""

    layers: tuple[Layer, ...]
    options: tuple[tuple[Fraction, int, int], ...]


def choose_precision(table: PrecisionTable, *, capacity: int | None = None, states: int = MOST_STATES) -> Precision:
    """The widths that need least bytes or energy while the errors stay within the budget.

    Parameters
    ----------
    table
        Layers, options and budget.
    capacity
        Bytes that all layers together may take; None where that does not matter.
    states
        Partial choices that may be kept side by side; fewer make it a heuristic with a bound.

    Raises
    ------
    Infeasible
        Even the least errors exceed the budget, layers that must agree have no width in common, or the least bytes
        within the budget exceed the capacity: by how much, and what would help.
    """
    start = perf_counter()
    scale = lcm(*(_exact(option.error).denominator for layer in table.layers for option in layer.options))
    classes = _classes(table, scale)
    budget = _exact(table.budget) * scale
    left = budget.numerator // budget.denominator  # errors are whole in this unit
    _check_budget(table, classes, left, scale)
    relaxation = _Relaxation(classes)
    relaxed = relaxation.least(0, left) or Fraction()
    cost, chosen, complete = _search(classes, left, relaxation, states)
    bits = {layer.name: option[2] for one, option in zip(classes, chosen, strict=True) for layer in one.layers}
    bits = {layer.name: bits[layer.name] for layer in table.layers}
    _check_capacity(table, bits, capacity)
    return Precision(
        bits, table.metric, float(cost), float(cost if complete else relaxed), float(relaxed),
        float(Fraction(sum(option[1] for option in chosen), scale)), table.budget, float(_widest(table)),
        "dominance and relaxation, exact" if complete else f"dominance and relaxation, {states:,} states at most",
        _reasons(classes, chosen, left, scale, table.metric), perf_counter() - start,
    )  # fmt: skip


def _exact(number: float) -> Fraction:
    """The number as it is written: 0.1 is a tenth."""
    return Fraction(repr(number))


def _cost(layer: Layer, bits: int, metric: Metric) -> Fraction:
    option = next(option for option in layer.options if option.bits == bits)
    if metric == "bytes":
        return Fraction(layer.nbytes(bits))
    return _exact(getattr(option, COSTS[metric]) or 0)


def _classes(table: PrecisionTable, scale: int) -> list[_Class]:
    together: dict[str, list[Layer]] = {}
    for layer in table.layers:
        together.setdefault(f"same as {layer.same_as}" if layer.same_as else f"layer {layer.name}", []).append(layer)
    return [_class(tuple(layers), table.metric, scale) for layers in together.values()]


def _class(layers: tuple[Layer, ...], metric: Metric, scale: int) -> _Class:
    widths = set.intersection(*({option.bits for option in layer.options} for layer in layers))
    if not widths:
        offers = "; ".join(f"{one.name}: {', '.join(str(o.bits) for o in one.options)} bits" for one in layers)
        raise Infeasible(
            f"layers that must have the same width have none in common: {', '.join(one.name for one in layers)}",
            where=f"same_as: {layers[0].same_as}",
            right=offers,
            try_="an option of the same width for each, or leave out same_as",
        )
    errors = {one.name: {option.bits: _exact(option.error) * scale for option in one.options} for one in layers}
    options = sorted(
        (
            sum((_cost(one, bits, metric) for one in layers), Fraction()),
            sum(int(errors[one.name][bits]) for one in layers),
            bits,
        )
        for bits in widths
    )
    kept: list[tuple[Fraction, int, int]] = []
    for option in options:
        if not kept or option[1] < kept[-1][1]:
            kept.append(option)
    return _Class(layers, tuple(kept))


class _Relaxation:
    """The least cost of the last classes when a layer may be a mix of two widths: steps in order of what they yield."""

    def __init__(self, classes: Sequence[_Class]) -> None:
        self.tables: list[tuple[Fraction, int, list[int], list[Fraction], list[Fraction]]] = []
        steps: list[tuple[Fraction, int]] = []  # cost saved per error, error: of all classes so far
        base, least = Fraction(), 0
        self.tables.append(_accumulated(base, least, steps))
        for one in reversed(classes):
            hull = _hull(one.options)
            base += hull[0][0]
            least += hull[0][1]
            for (high, less), (low, more) in pairwise(hull):
                steps.append(((high - low) / (more - less), more - less))
            steps.sort(key=lambda step: (-step[0], step[1]))
            self.tables.append(_accumulated(base, least, steps))
        self.tables.reverse()

    def least(self, start: int, left: int) -> Fraction | None:
        """Least cost of the classes from `start` on with so much error left; None where that is too little."""
        base, least, errors, costs, slopes = self.tables[start]
        room = left - least
        if room < 0:
            return None
        at = bisect_right(errors, room) - 1
        cost = base - costs[at]
        return cost - slopes[at] * (room - errors[at]) if at < len(slopes) else cost


def _accumulated(
    base: Fraction, least: int, steps: Sequence[tuple[Fraction, int]]
) -> tuple[Fraction, int, list[int], list[Fraction], list[Fraction]]:
    errors, costs = [0], [Fraction()]
    for slope, error in steps:
        errors.append(errors[-1] + error)
        costs.append(costs[-1] + slope * error)
    return base, least, errors, costs, [slope for slope, _ in steps]


def _hull(options: Sequence[tuple[Fraction, int, int]]) -> list[tuple[Fraction, int]]:
    """The lower hull from the least error to the least cost: (cost, error)."""
    hull: list[tuple[Fraction, int]] = []
    for cost, error, _ in sorted(options, key=lambda option: option[1]):
        while len(hull) > 1 and (hull[-1][0] - cost) * (hull[-1][1] - hull[-2][1]) >= (hull[-2][0] - hull[-1][0]) * (
            error - hull[-1][1]
        ):
            hull.pop()
        hull.append((cost, error))
    return hull


_State = tuple[Fraction, int, tuple[int, ...]]
"""Cost and error so far, and the options taken, by index."""


def _search(
    classes: Sequence[_Class], left: int, relaxation: _Relaxation, most: int
) -> tuple[Fraction, list[tuple[Fraction, int, int]], bool]:
    """Cost, options, and whether nothing that could be better was dropped."""
    best = _rounded(classes, left, relaxation)
    states: list[_State] = [(Fraction(), 0, ())]
    complete = True
    for index, one in enumerate(classes):
        grown: list[_State] = []
        for cost, error, taken in states:
            for number, (more, worse, _) in enumerate(one.options):
                rest = relaxation.least(index + 1, left - error - worse)
                if rest is not None and (cost + more + rest < best[0]):
                    grown.append((cost + more, error + worse, (*taken, number)))
        grown.sort()
        states = []
        for state in grown:
            if not states or state[1] < states[-1][1]:
                states.append(state)
        if len(states) > most:
            complete, states = False, states[:most]
    if states:  # each of them is better than what rounding gave
        best = states[0]
    return best[0], [one.options[number] for one, number in zip(classes, best[2], strict=True)], complete


def _rounded(classes: Sequence[_Class], left: int, relaxation: _Relaxation) -> _State:
    """A whole choice: from the least errors, layer by layer the cheapest option after which the rest still fits."""
    cost, error, taken = Fraction(), 0, list[int]()
    for index, one in enumerate(classes):
        hopes = []
        for number, (more, worse, _) in enumerate(one.options):
            rest = relaxation.least(index + 1, left - error - worse)
            if rest is not None:
                hopes.append((more + rest, number))
        number = min(hopes)[1]
        cost, error = cost + one.options[number][0], error + one.options[number][1]
        taken.append(number)
    return cost, error, tuple(taken)


def _check_budget(table: PrecisionTable, classes: Sequence[_Class], left: int, scale: int) -> None:
    least = [(min(option[1] for option in one.options), one) for one in classes]
    total = sum(error for error, _ in least)
    if total <= left:
        return
    worst = sorted(least, key=lambda pair: -pair[0])[:3]
    named = ", ".join(f"{one.layers[0].name} {float(Fraction(error, scale)):.6g}" for error, one in worst)
    need = float(Fraction(total, scale))
    raise Infeasible(
        f"even the least errors add up to {need:.6g}, over the budget of {table.budget:.6g}",
        where="budget",
        right=f"over by {need - table.budget:.6g}; most of it: {named}",
        try_=(f"budget: {need:.6g} or more", "wider options for these layers"),
    )


def _check_capacity(table: PrecisionTable, bits: dict[str, int], capacity: int | None) -> None:
    if capacity is None:
        return
    total = sum(layer.nbytes(bits[layer.name]) for layer in table.layers)
    if total <= capacity:
        return
    if table.metric != "bytes":
        fewest = choose_precision(table.model_copy(update={"metric": "bytes"}))
        what = f"the choice of least {table.metric} takes {total:,} B"
        advice = f"metric bytes, which needs {fewest.objective:,.0f} B"
    else:
        what, advice = f"within the error budget at least {total:,} B are needed", f"a budget above {table.budget:.6g}"
    raise Infeasible(
        f"{what}, over the capacity of {capacity:,} B",
        where="capacity",
        right=f"over by {total - capacity:,} B",
        try_=(f"capacity {total:,}", advice, "narrower options"),
    )


def _widest(table: PrecisionTable) -> Fraction:
    widest = ((layer, max(option.bits for option in layer.options)) for layer in table.layers)
    return sum((_cost(layer, bits, table.metric) for layer, bits in widest), Fraction())


def _reasons(
    classes: Sequence[_Class], chosen: Sequence[tuple[Fraction, int, int]], left: int, scale: int, metric: Metric
) -> tuple[str, ...]:
    """What is left of the budget, and the cheapest step that it does not allow."""
    room = left - sum(option[1] for option in chosen)
    words = [f"{float(Fraction(room, scale)):.6g} of the budget is left"]
    steps = []
    for one, option in zip(classes, chosen, strict=True):
        at = one.options.index(option)
        if at:
            lower = one.options[at - 1]
            steps.append((option[0] - lower[0], lower[1] - option[1], one.layers[0].name, lower[2]))
    if steps:
        gain, error, name, bits = max(steps, key=lambda step: (step[0] / step[1], step[2]))
        words.append(
            f"next: {name} at {bits} bits would save {float(gain):,.6g} {UNITS[metric]} and needs "
            f"{float(Fraction(error - room, scale)):.6g} more"
        )
    else:
        words.append("every layer has its cheapest width")
    return tuple(words)
