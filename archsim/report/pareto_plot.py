"""The Pareto front as a figure for a paper: PNG, PDF or SVG, with the same bytes for the same points."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from archsim.report.pareto import (
    OBJECTIVES,
    Point,
    label,
    metric_name,
    objective_values,
    pareto,
    spans_decade,
    task,
    tick,
    varied,
)
from archsim.report.style import LIGHT
from archsim.report.units import typeset

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

Format = Literal["png", "pdf", "svg"]
INK, SOFT, RULE = "#1f1d1a", "#6b665d", "#e3dfd6"
MOST_LABELS = 10

UNDATED: dict[str, dict[str, None]] = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
STEADY: Any = {"svg.hashsalt": "archsim", "svg.fonttype": "none", "pdf.fonttype": 42, "font.family": "sans-serif"}


def pareto_plot(
    points: Sequence[Point],
    x: str = OBJECTIVES[0],
    y: str = OBJECTIVES[1],
    *,
    objectives: Sequence[str] | None = None,
    title: str = "",
    form: Format = "png",
) -> bytes:
    """The points on two metrics, logarithmic where they span a decade, with the front highlighted and labelled.

    `objectives` is what the front minimises, `(x, y)` unless given. Uses no display and no state of matplotlib's.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    aims = tuple(objectives or (x, y))
    placed = [i for i, point in enumerate(points) if objective_values(point, (x, y)) is not None]
    front = [i for i in pareto(points, aims) if i in set(placed)]
    rest = [i for i in placed if i not in set(front)]
    with rc_context(STEADY):
        figure = Figure(figsize=(7.2, 4.8), dpi=160, layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.scatter(
            *_xy(points, rest, x, y),
            s=15,
            color=LIGHT[6],
            alpha=0.6,
            linewidths=0,
            label=f"{len(rest)} beaten",
            zorder=2,
        )
        xs, ys = _xy(points, front, x, y)
        # With more aims the front is a surface, with several tasks there are several: one line would mislead.
        if set(aims) == {x, y} and len({task(points[i]) for i in front}) == 1:
            axes.plot(xs, ys, drawstyle="steps-post", color=LIGHT[0], linewidth=1.1, alpha=0.6, zorder=3)
        axes.scatter(
            xs,
            ys,
            s=32,
            color=LIGHT[0],
            edgecolors="white",
            linewidths=0.8,
            label=f"{len(front)} on the front",
            zorder=4,
        )
        _dress(axes, x, y, _xy(points, placed, x, y))
        axes.set_title(title, loc="left", fontsize=11.5, color=INK, pad=12)
        canvas.draw()  # type: ignore[no-untyped-call]  # settles the layout, so that labels know how much room they have
        _annotate(axes, [label(points[i]["params"], varied(points)[:3]) for i in front], xs, ys)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata=UNDATED[form])
    return out.getvalue()


def _xy(points: Sequence[Point], chosen: Sequence[int], x: str, y: str) -> tuple[list[float], list[float]]:
    return [points[i]["metrics"][x] for i in chosen], [points[i]["metrics"][y] for i in chosen]


def _dress(axes: Axes, x: str, y: str, values: tuple[list[float], list[float]]) -> None:
    if spans_decade(values[0]):
        axes.set_xscale("log")
    if spans_decade(values[1]):
        axes.set_yscale("log")
    _ticks(axes.xaxis, x, values[0])
    _ticks(axes.yaxis, y, values[1])
    axes.set_xlabel(metric_name(x), fontsize=9.5, color=INK)
    axes.set_ylabel(metric_name(y), fontsize=9.5, color=INK)
    axes.grid(True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT[6])
    axes.tick_params(which="both", colors=SOFT, labelsize=8.5, length=3)
    axes.margins(0.08)
    if values[0]:
        axes.legend(frameon=False, fontsize=8.5, labelcolor=SOFT, loc="upper right")


def _ticks(axis: Axis, metric: str, values: Sequence[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if spans_decade(values) and max(values) / min(values) < 1000:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: typeset(tick(metric, float(f"{value:.9g}")))))


def _annotate(axes: Axes, names: Sequence[str], xs: Sequence[float], ys: Sequence[float]) -> None:
    """Names beside the front, its ends first, leaving out what would cover another name."""
    from matplotlib.patheffects import withStroke

    canvas = axes.figure.canvas
    legend = axes.get_legend()
    taken = [legend.get_window_extent()] if legend else []
    ends = [0, len(names) - 1] if names else []
    written = 0
    for i in dict.fromkeys([*ends, *range(len(names))]):
        note = axes.annotate(
            names[i], (xs[i], ys[i]), xytext=(6, 5), textcoords="offset points", fontsize=7.5, color=INK, zorder=5
        )
        note.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
        box = note.get_window_extent(canvas.get_renderer())  # type: ignore[attr-defined]
        if written >= MOST_LABELS or any(box.overlaps(other) for other in taken) or box.x1 > axes.bbox.x1 + 20:
            note.remove()
            continue
        taken.append(box.padded(3))
        written += 1
