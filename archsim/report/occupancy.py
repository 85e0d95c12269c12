"""Occupancy of decode on many units as a figure: PNG, PDF or SVG, with the same bytes for the same table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from archsim.report.pareto_plot import INK, RULE, SOFT, STEADY, UNDATED, Format
from archsim.report.style import LIGHT
from archsim.units.spatial.occupancy import SCHEMES, Occupancy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LABELS = {
    "flash2": "one unit per head (FlashAttention-2)",
    "fixed-split": "parts of fixed length",
    "split-kv": "split chosen for the machine (Flash-Decoding)",
    "lean": "equal runs of tiles (LeanAttention)",
}
"""Scheme -> what it says in the key."""
_COLOURS = dict(zip(SCHEMES, (LIGHT[6], LIGHT[1], LIGHT[2], LIGHT[0]), strict=True))
_KIBI = 1024


def occupancy_plot(table: Sequence[Occupancy], *, title: str = "", form: Format = "png") -> bytes:
    """One panel per batch: the share of the machine's time spent on tiles, against the context.

    The table is `archsim.units.spatial.occupancy.occupancy_table`'s. Uses no display and no state of matplotlib's.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    batches = list(dict.fromkeys(point.batch for point in table))
    schemes = list(dict.fromkeys(point.scheme for point in table))
    with rc_context(STEADY):
        figure = Figure(figsize=(max(4.6, 2.4 * len(batches)), 3.5), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
        for axes, batch in zip(panels, batches, strict=True):
            for scheme in schemes:
                points = [point for point in table if point.scheme == scheme and point.batch == batch]
                axes.plot(
                    [point.context for point in points],
                    [float(point.occupancy) for point in points],
                    color=_COLOURS[scheme],
                    linewidth=1.5,
                    marker="o",
                    markersize=3,
                    label=LABELS[scheme],
                )
            _dress(axes, [point.context for point in table if point.batch == batch])
            axes.set_title(f"batch {batch}", loc="left", fontsize=9.5, color=INK)
        panels[0].set_ylabel("occupancy", fontsize=9.5, color=INK)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, color=INK)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=2, fontsize=8, frameon=False, labelcolor=SOFT)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata=UNDATED[form])
    return out.getvalue()


def _dress(axes: Axes, contexts: Sequence[int]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    axes.set_xscale("log", base=2)
    axes.set_xlabel("context, tokens", fontsize=9.5, color=INK)
    axes.set_ylim(0, 1.04)
    marks = sorted(set(contexts))[:: max(1, -(-len(set(contexts)) // 5))]
    axes.xaxis.set_major_locator(FixedLocator(marks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{mark // _KIBI}K" if mark % _KIBI == 0 else f"{mark:,}" for mark in marks])
    axes.grid(True, color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LIGHT[6])
    axes.tick_params(which="both", colors=SOFT, labelsize=8.5, length=3)
