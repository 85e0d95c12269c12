"""A placement as a picture: the load of every unit as a bar, and the bound that no placement is below."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from archsim.report.pareto_plot import INK, RULE, SOFT, STEADY, UNDATED, Format
from archsim.report.style import LIGHT

if TYPE_CHECKING:
    from archsim.mappers.placement import Placement, Schedule

MOST_NAMES = 40
"""Units whose names stand below their bars."""


def placement_plot(found: Placement | Schedule, *, unit: str = "", title: str = "", form: Format = "png") -> bytes:
    """A bar for each unit, with the number of its items on top; the same bytes for the same placement.

    Uses no display and no state of matplotlib's.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(found.loads)
    counts = {name: sum(place == name for place in found.places.values()) for name in names}
    with rc_context(STEADY):
        figure = Figure(figsize=(7.2, 3.8), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        most = max(found.loads.values())
        colours = [LIGHT[1 if load == most else 0] for load in found.loads.values()]
        bars = axes.bar(range(len(names)), list(found.loads.values()), color=colours, alpha=0.85, width=0.8)
        if len(names) <= MOST_NAMES:
            axes.bar_label(bars, [f"{counts[name]:,}" for name in names], fontsize=7.5, color=SOFT, padding=2)
            axes.set_xticks(range(len(names)), names, rotation=45 if len(names) > 8 else 0, ha="center")
        else:
            axes.set_xticks([])
        for text, level, style in (("objective", found.objective, "--"), ("bound", found.bound, ":")):
            axes.axhline(level, color=INK, linewidth=0.8, linestyle=style, label=f"{text} {level:,} {unit}".rstrip())
        axes.set_ylim(0, 1.1 * max(found.objective, 1))
        axes.set_ylabel(f"load, {unit}" if unit else "load", fontsize=9.5, color=INK)
        axes.set_title(title, loc="left", fontsize=11.5, color=INK)
        axes.ticklabel_format(axis="y", style="plain", useOffset=False)
        axes.grid(True, axis="y", color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LIGHT[6])
        axes.tick_params(which="both", colors=SOFT, labelsize=8.5, length=3)
        figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, labelcolor=SOFT)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata=UNDATED[form])
    return out.getvalue()
