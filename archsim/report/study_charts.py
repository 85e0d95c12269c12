"""The charts of a study's page: the front among all points, and what each parameter does to each objective."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from archsim.report import units as u
from archsim.report.markup import Markup, el
from archsim.report.pareto import Point, axis_name, label, objective_values, shown, spans_decade
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


def front_chart(points: Sequence[Point], front: Sequence[int], names: Sequence[str], x: str, y: str, *, line_too: bool) -> Markup | None:
    """All points on two metrics, the front in colour and linked to its rows. None where no point has both metrics."""
    placed = [i for i, point in enumerate(points) if objective_values(point, (x, y)) is not None]
    if not placed:
        return None
    xs = scale([points[i]["metrics"][x] for i in placed], LEFT, RIGHT)
    ys = scale([points[i]["metrics"][y] for i in placed], BOTTOM, TOP)
    best = [i for i in front if i in set(placed)]
    steps = [(xs(points[i]["metrics"][x]), ys(points[i]["metrics"][y])) for i in best]
    return svg(
        WIDTH,
        HEIGHT,
        axis_x(xs, BOTTOM, TOP, lambda v: tick(x, v)),
        axis_y(ys, LEFT, RIGHT, lambda v: tick(y, v)),
        text((LEFT + RIGHT) / 2, BOTTOM + 40, axis_name(x), anchor="middle"),
        text(LEFT - 66, (TOP + BOTTOM) / 2, axis_name(y), anchor="middle", turn=-90),
        *(_dot(points, i, names, x, y, xs, ys, on_front=False) for i in placed if i not in set(best)),
        path(_staircase(steps), cls="front") if line_too and len(steps) > 1 else None,
        *(_dot(points, i, names, x, y, xs, ys, on_front=True) for i in best),
        *_ends(points, best, names, steps),
        label=f"{axis_name(x)} against {axis_name(y)} of {len(placed)} points, {len(best)} of them on the Pareto front",
    )


def effect_panels(points: Sequence[Point], front: Sequence[int], names: Sequence[str], objectives: Sequence[str]) -> list[Markup]:
    """For each parameter and each objective: every point by the parameter's value, and the best that each value reaches."""
    return [panel for name in names for aim in objectives if (panel := _panel(points, set(front), name, aim)) is not None]


def tick(metric: str, value: float) -> str:
    """A tick label; the unit stands in the axis title, unless it carries the metric's engineering prefix."""
    return u.typeset(u.engineering(value, "", digits=1).strip() if shown(metric, 1.0)[-1].isalpha() else u.plain(value, digits=1))


def _dot(points: Sequence[Point], i: int, names: Sequence[str], x: str, y: str, xs: Scale, ys: Scale, *, on_front: bool) -> Markup:
    metrics = points[i]["metrics"]
    tip = f"{label(points[i]['params'], names)}: {shown(x, metrics[x])}, {shown(y, metrics[y])}"
    circle = el(
        "circle",
        cx=n(xs(metrics[x])),
        cy=n(ys(metrics[y])),
        r="5.5" if on_front else "3.4",
        fill="var(--c0)" if on_front else "var(--c6)",
        opacity=None if on_front else "0.65",
        cls="dot",
    )
    # Only the front is in the tab order: hundreds of beaten points would bury it.
    return el("a", el("title", u.typeset(tip)), circle, href=f"#point-{i}", aria_label=tip, tabindex=None if on_front else -1)


def _staircase(steps: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    corners = [steps[0]]
    for (_, before), (x, y) in zip(steps, steps[1:], strict=False):
        corners += [(x, before), (x, y)]
    return corners


def _ends(points: Sequence[Point], best: Sequence[int], names: Sequence[str], steps: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    """The two ends of the front by name; those between are in the table and under the pointer."""
    for place in sorted({0, len(best) - 1} if best else ()):
        x, y = steps[place]
        written = label(points[best[place]]["params"], names[:4])
        room = x + 10 + 6.1 * len(written) <= RIGHT
        yield text(x + 10 if room else x - 10, y - 7, written, anchor="start" if room else "end", cls="halo")


def _panel(points: Sequence[Point], front: set[int], name: str, aim: str) -> Markup | None:
    values = {i: got[0] for i, point in enumerate(points) if name in point["params"] and (got := objective_values(point, (aim,)))}
    levels = _levels([points[i]["params"][name] for i in values])
    if len(levels) < 2:
        return None
    left, right, top, bottom = 52.0, PANEL_WIDTH - 12.0, 26.0, PANEL_HEIGHT - 22.0
    y = scale(list(values.values()), bottom, top)
    step = (right - left) / len(levels)
    x_of = {repr(level): left + (k + 0.5) * step for k, level in enumerate(levels)}
    best: dict[str, float] = {}
    for i, value in values.items():
        at = repr(points[i]["params"][name])
        best[at] = min(value, best.get(at, value))
    every = -(-len(levels) // 6)
    dots = [
        el(
            "circle",
            cx=n(x_of[repr(points[i]["params"][name])]),
            cy=n(y(value)),
            r="2.6",
            fill="var(--c0)" if i in front else "var(--c6)",
            opacity=None if i in front else "0.5",
        )
        for i, value in sorted(values.items(), key=lambda item: item[0] in front)
    ]
    return svg(
        PANEL_WIDTH,
        PANEL_HEIGHT,
        text(0, 11, name, cls="b"),
        axis_y(y, left, right, lambda v: tick(aim, v), about=3),
        path([(x_of[repr(level)], y(best[repr(level)])) for level in levels], cls="front"),
        *dots,
        *(text(x_of[repr(level)], bottom + 16, _brief(level), anchor="middle") for level in levels[::every]),
        line(left, bottom, right, bottom, "axis"),
        label=f"{axis_name(aim)} by {name}",
    )


def _levels(values: Sequence[object]) -> list[object]:
    """The different values: numbers in order, anything else in the order of appearance."""
    distinct = list({repr(value): value for value in values}.values())
    if all(isinstance(value, int | float) for value in distinct):
        return sorted(distinct, key=lambda value: float(str(value)) if not isinstance(value, bool) else float(value))
    return distinct


def _brief(value: object) -> str:
    written = str(value)
    return written if len(written) <= 10 else f"{written[:9]}…"
