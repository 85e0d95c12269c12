"""The charts of a study's page: the front among all points, and what each parameter does to each objective."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archsim.report import units as u
from archsim.report.markup import Markup, el
from archsim.report.pareto import Point, label, metric_name, objective_values, shown, spans_decade, tick
from archsim.report.svg import Scale, axis_x, axis_y, line, n, padded, path, svg, text

WIDTH, HEIGHT = 880, 440
LEFT, RIGHT, TOP, BOTTOM = 84, 866, 14, 386
PANEL_WIDTH, PANEL_HEIGHT = 262, 168


def scale(values: Sequence[float], start: float, stop: float) -> Scale:
    """A scale that holds all values with some room: logarithmic where they span a decade, else linear."""
    low, high = min(values), max(values)
    if spans_decade(values):
        return Scale(*padded(values, 1.25), start, stop, log=True)
    room = 0.06 * (high - low) or 0.5 * abs(high) or 1.0
    return Scale(low - room, high + room, start, stop)


def front_chart(
    points: Sequence[Point], front: Sequence[int], names: Sequence[str], metrics: tuple[str, str], *, stairs: bool
) -> Markup | None:
    """All points on two metrics, the front in colour and linked to its rows. None where no point has both metrics.

    `stairs` joins the front: true where it is the front of just these two metrics.
    """
    x, y = metrics
    values = {i: got for i, point in enumerate(points) if (got := objective_values(point, metrics)) is not None}
    if not values:
        return None
    xs = scale([value[0] for value in values.values()], LEFT, RIGHT)
    ys = scale([value[1] for value in values.values()], BOTTOM, TOP)
    places = {i: (xs(value[0]), ys(value[1])) for i, value in values.items()}
    best = [i for i in front if i in places]
    steps = [places[i] for i in best]
    tips = {
        i: f"{label(points[i]['params'], names)}: {shown(x, value[0])}, {shown(y, value[1])}"
        for i, value in values.items()
    }
    return svg(
        WIDTH,
        HEIGHT,
        axis_x(xs, BOTTOM, TOP, lambda v: u.typeset(tick(x, v))),
        axis_y(ys, LEFT, RIGHT, lambda v: u.typeset(tick(y, v))),
        text((LEFT + RIGHT) / 2, BOTTOM + 40, metric_name(x), anchor="middle"),
        text(LEFT - 66, (TOP + BOTTOM) / 2, metric_name(y), anchor="middle", turn=-90),
        *(_dot(i, places[i], tips[i], on_front=False) for i in places if i not in set(best)),
        path(_staircase(steps), cls="front") if stairs and len(steps) > 1 else None,
        *(_dot(i, places[i], tips[i], on_front=True) for i in best),
        *_ends(points, best, names, steps),
        label=f"{metric_name(x)} against {metric_name(y)} of {len(places)} points, {len(best)} on the Pareto front",
    )


def effect_panels(
    points: Sequence[Point], front: Sequence[int], names: Sequence[str], objectives: Sequence[str]
) -> list[Markup]:
    """For each parameter and objective: every point by the parameter's value, and the best that each value reaches."""
    return [
        panel for name in names for aim in objectives if (panel := _panel(points, set(front), name, aim)) is not None
    ]


def _dot(i: int, place: tuple[float, float], tip: str, *, on_front: bool) -> Markup:
    fill, radius, opacity = ("var(--c0)", "5.5", None) if on_front else ("var(--c6)", "3.4", "0.65")
    circle = el("circle", cx=n(place[0]), cy=n(place[1]), r=radius, fill=fill, opacity=opacity, cls="dot")
    # Only the front is in the tab order: hundreds of beaten points would bury it.
    order = None if on_front else -1
    return el("a", el("title", u.typeset(tip)), circle, href=f"#point-{i}", aria_label=tip, tabindex=order)


def _staircase(steps: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    corners = [steps[0]]
    for (_, before), (x, y) in pairwise(steps):
        corners += [(x, before), (x, y)]
    return corners


def _ends(
    points: Sequence[Point], best: Sequence[int], names: Sequence[str], steps: Sequence[tuple[float, float]]
) -> Iterator[Markup]:
    """The two ends of the front by name; those between are in the table and under the pointer."""
    for place in sorted({0, len(best) - 1} if best else ()):
        x, y = steps[place]
        written = label(points[best[place]]["params"], names[:4])
        room = x + 10 + 6.1 * len(written) <= RIGHT
        yield text(x + 10 if room else x - 10, y - 7, written, anchor="start" if room else "end", cls="halo")


def _panel(points: Sequence[Point], front: set[int], name: str, aim: str) -> Markup | None:
    values = {
        i: got[0]
        for i, point in enumerate(points)
        if name in point["params"] and (got := objective_values(point, (aim,)))
    }
    levels = _levels([points[i]["params"][name] for i in values])
    if len(levels) < 2:
        return None
    left, right, top, bottom = 52.0, PANEL_WIDTH - 12.0, 26.0, PANEL_HEIGHT - 22.0
    y = scale(list(values.values()), bottom, top)
    step = (right - left) / len(levels)
    x_of = {repr(level): left + (k + 0.5) * step for k, level in enumerate(levels)}
    places = {i: (x_of[repr(points[i]["params"][name])], y(value)) for i, value in values.items()}
    best = {x: min(value for i, value in values.items() if places[i][0] == x) for x in x_of.values()}
    return svg(
        PANEL_WIDTH,
        PANEL_HEIGHT,
        text(0, 11, name, cls="b"),
        axis_y(y, left, right, lambda v: u.typeset(tick(aim, v)), about=3),
        path([(x, y(value)) for x, value in best.items()], cls="front"),
        *(_speck(place, on_front=False) for i, place in places.items() if i not in front),
        *(_speck(place, on_front=True) for i, place in places.items() if i in front),
        *(text(x_of[repr(v)], bottom + 16, _brief(v), anchor="middle") for v in levels[:: -(-len(levels) // 6)]),
        line(left, bottom, right, bottom, "axis"),
        label=f"{metric_name(aim)} by {name}",
    )


def _speck(place: tuple[float, float], *, on_front: bool) -> Markup:
    fill, opacity = ("var(--c0)", None) if on_front else ("var(--c6)", "0.5")
    return el("circle", cx=n(place[0]), cy=n(place[1]), r="2.6", fill=fill, opacity=opacity)


def _levels(values: Sequence[object]) -> list[object]:
    """The different values: numbers in order, anything else in the order of appearance."""
    distinct = list({repr(value): value for value in values}.values())
    numbers = [value for value in distinct if isinstance(value, int | float)]
    return [*sorted(numbers)] if len(numbers) == len(distinct) else distinct


def _brief(value: object) -> str:
    written = str(value)
    return written if len(written) <= 10 else f"{written[:9]}…"
