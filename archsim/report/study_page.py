"""A study as one HTML page that fetches nothing: the question, the front, what each parameter does, and every point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from archsim.report import units as u
from archsim.report.markup import Markup, el, join
from archsim.report.page import command, masthead, page, search_box, section, stat
from archsim.report.pareto import OBJECTIVES, Point, extreme, label, measured, metric_name, pareto, shown, task, varied
from archsim.report.rows import flattened, num, pairs, plain_table
from archsim.report.study_charts import effect_panels, front_chart

CONTENTS = {
    "front": "Pareto front",
    "effects": "Parameters",
    "points": "All points",
    "failed": "No result",
    "repeat": "Repeat",
}


def study_page(
    name: str,
    points: Sequence[Point],
    *,
    objectives: Sequence[str] = OBJECTIVES,
    x: str | None = None,
    y: str | None = None,
    question: str = "",
    setting: str = "",
    caveat: str = "",
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """The page of a study. Pure: equal points give equal bytes.

    `objectives` are minimised; the chart shows `x` against `y`, the first two of them unless given.
    `setting` is what ran at every point, `caveat` what the objectives leave out.
    `provenance` may hold `command`, a line that repeats the study.
    """
    across, up = x or objectives[0], y or (objectives[1] if len(objectives) > 1 else objectives[0])
    front, names = pareto(points, objectives), varied(points)
    origin = dict(provenance or {})
    sections = {
        "front": _front_section(points, front, names, objectives=objectives, across=(across, up)),
        "effects": _effects_section(points, front, names, objectives),
        "points": _points_section(points, front, names, objectives),
        "failed": _failed_section(points, names),
        "repeat": _repeat_section(origin),
    }
    there = {anchor: made for anchor, made in sections.items() if made is not None}
    head = masthead(
        "  ·  ".join(["archsim study", *([setting] if setting else []), f"for {_wanted(objectives)}"]),
        el("span", name),
        join([question or _answer(points, front), el("span", caveat, cls="caveat") if caveat else None]),
        stats=_stats(points, front, objectives, names),
        contents=[(anchor, CONTENTS[anchor]) for anchor in there],
    )
    return page(name, head, el("main", *there.values()), el("footer", "Drawn from the study's table of points."))


def _wanted(objectives: Sequence[str]) -> str:
    return ", ".join(f"{extreme(aim).lower()} {metric_name(aim)}" for aim in objectives)


def count_by_status(points: Sequence[Point]) -> dict[str, int]:
    """How many points are ok, infeasible, failed; only what occurs."""
    found = [point["status"] for point in points]
    order = [s for s in ("ok", "infeasible", "failed") if s in found]
    return {status: found.count(status) for status in [*order, *sorted(set(found) - set(order))]}


def _answer(points: Sequence[Point], front: Sequence[int]) -> str:
    return f"{len(points):,} points, {len(front):,} of which no other point beats."


def _stats(
    points: Sequence[Point], front: Sequence[int], objectives: Sequence[str], names: Sequence[str]
) -> list[Markup]:
    counts = ", ".join(f"{count:,} {status}" for status, count in count_by_status(points).items())
    out = [
        stat("Points", f"{len(points):,}", counts),
        stat("On the front", f"{len(front):,}", f"{len(names)} parameters varied"),
    ]
    for aim in objectives:
        if front:
            best = min(front, key=lambda i: (points[i]["metrics"][aim], i))
            out.append(
                stat(
                    f"{extreme(aim)} {metric_name(aim)}",
                    shown(aim, points[best]["metrics"][aim]),
                    label(points[best]["params"], names),
                )
            )
    return out


def _front_section(
    points: Sequence[Point],
    front: Sequence[int],
    names: Sequence[str],
    *,
    objectives: Sequence[str],
    across: tuple[str, str],
) -> Markup:
    chart = front_chart(
        points,
        front,
        names,
        across,
        stairs=set(objectives) == set(across) and len({task(points[i]) for i in front}) == 1,
    )
    caption = (
        "No other point is at least as good in every objective and better in one. "
        "Coloured: the front; grey: beaten. A dot leads to its row."
    )
    parts = [el("figure", chart) if chart else el("p", "No point has a result yet.", cls="soft")]
    if front:
        metrics = _metrics(points, objectives, names)
        rows = [_row(points[i], names, metrics, anchor=None) for i in front]
        numeric = frozenset(range(len(names), len(names) + len(metrics)))
        head = (*names, *(metric_name(m) for m in metrics))
        table = plain_table(head, rows, caption="The Pareto front", numeric=numeric, sort=True)
        parts += [el("h3", "In numbers"), table]
    return section("front", "The Pareto front", caption, *parts)


def _effects_section(
    points: Sequence[Point], front: Sequence[int], names: Sequence[str], objectives: Sequence[str]
) -> Markup | None:
    groups = []
    for aim in measured(objectives, names):
        panels = effect_panels(points, front, names, (aim,))
        if panels:
            groups += [el("h3", metric_name(aim)), el("div", *(el("figure", panel) for panel in panels), cls="panels")]
    caption = (
        "Every point by one parameter at a time; the line joins the best each value can reach. "
        "A flat line is a parameter that does not matter."
    )
    return section("effects", "What each parameter does", caption, *groups) if groups else None


def _points_section(
    points: Sequence[Point], front: Sequence[int], names: Sequence[str], objectives: Sequence[str]
) -> Markup:
    metrics, on_front = _metrics(points, objectives, names), set(front)
    has_key = any(point.get("key") for point in points)
    reasons = any(point.get("reason") for point in points)
    last = (*(("reason",) if reasons else ()), *(("run",) if has_key else ()))
    head = ("status", *names, *(metric_name(m) for m in metrics), *last)
    order = [*front, *(i for i in range(len(points)) if i not in on_front)]
    rows = [
        _row(
            points[i],
            names,
            metrics,
            anchor=f"point-{i}",
            state="on the front" if i in on_front else points[i]["status"],
            with_reason=reasons,
            with_key=has_key,
        )
        for i in order
    ]
    numeric = frozenset(range(1 + len(names), 1 + len(names) + len(metrics)))
    table = plain_table(head, rows, caption="All points", id_="points-table", numeric=numeric, sort=True)
    caption = "The front first. Points without a result stay in the table, with their reason. A column's head sorts."
    return section("points", "All points", caption, search_box("points-table", "filter: infeasible, banks…"), table)


def _failed_section(points: Sequence[Point], names: Sequence[str]) -> Markup | None:
    reasons: dict[tuple[str, str], int] = {}
    for point in points:
        if point["status"] != "ok":
            which = (point["status"], point.get("reason") or "no reason recorded")
            reasons[which] = reasons.get(which, 0) + 1
    if not reasons:
        return None
    ordered = sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
    rows = [
        el("tr", el("th", status, scope="row"), num(f"{count:,}", count), el("td", why, cls="text"))
        for (status, why), count in ordered
    ]
    table = plain_table(("status", "points", "reason"), rows, caption="Reasons", numeric=frozenset({1}))
    caption = "Infeasible is an answer of the model; failed is a fault that should be reported."
    return section("failed", "Points without a result", caption, table)


def _repeat_section(provenance: Mapping[str, Any]) -> Markup | None:
    if not provenance:
        return None
    rest = {name: value for name, value in provenance.items() if name != "command"}
    parts = [command(str(provenance["command"]))] if provenance.get("command") else []
    if rest:
        parts += [el("h3", "Made with"), pairs(flattened(rest), "Provenance")]
    return section(
        "repeat", "Repeat this study", "The same command resumes the study, or finds all of it done.", *parts
    )


def _metrics(points: Sequence[Point], objectives: Sequence[str], names: Sequence[str]) -> list[str]:
    """The objectives, then whatever else was measured; parameters have columns of their own."""
    found = dict.fromkeys([*objectives, *(name for point in points for name in point["metrics"])])
    return measured([*found], names)


def _row(
    point: Point,
    names: Sequence[str],
    metrics: Sequence[str],
    *,
    anchor: str | None,
    state: str = "",
    with_reason: bool = False,
    with_key: bool = False,
) -> Markup:
    cells = [el("td", state, cls="tag")] if state else []
    cells += [_param(point["params"].get(name, "")) for name in names]
    for name in metrics:
        value = point["metrics"].get(name)
        cells.append(num(u.MISSING) if value is None else num(shown(name, value), value))
    if with_reason:
        cells.append(el("td", point.get("reason", ""), cls="text"))
    if with_key:
        cells.append(el("td", el("code", str(point.get("key", ""))[:8])))
    look = "best" if state == "on the front" else None if point["status"] == "ok" else "bad"
    return el("tr", *cells, id=anchor, cls=look)


def _param(value: object) -> Markup:
    return el(
        "td",
        value,
        cls="param",
        data_v=repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else None,
    )
