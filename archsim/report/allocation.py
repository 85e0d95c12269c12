"""An allocation as a picture, address over time: a sketch for the terminal, a figure as PNG, PDF or SVG."""

from __future__ import annotations

import io
from collections.abc import Iterator
from string import ascii_letters
from typing import TYPE_CHECKING

from archsim.report.pareto_plot import INK, RULE, SOFT, STEADY, UNDATED, Format
from archsim.report.style import HUES, LIGHT

if TYPE_CHECKING:
    from archsim.mappers.allocation import Allocation

WIDTH, HEIGHT = 72, 16
"""Characters of the sketch."""
FREE, FREE_ASCII = "·", "."
MOST_NAMES = 60
"""Buffers whose names the figure shows, where they have room."""

Box = tuple[int, int, int, int, int]
"""Buffer, from when, until when, lowest byte, byte after the highest one."""


def boxes(found: Allocation) -> Iterator[Box]:
    """What every buffer covers, piece by piece."""
    for index, (buffer, at) in enumerate(zip(found.buffers, found.places, strict=True)):
        for lower, upper, low, high in buffer.pieces() if buffer.size else ():
            yield index, lower, upper, at + low, at + high


def sketch(found: Allocation, *, width: int = WIDTH, height: int = HEIGHT, ascii_only: bool = False) -> list[str]:
    """Lines, the highest address first; a letter is the buffer in the middle of its cell, by order of offset.

    Nothing where there is nothing to draw.
    """
    drawn = list(boxes(found))
    if not drawn:
        return []
    begin, end = min(box[1] for box in drawn), max(box[2] for box in drawn)
    order = sorted({box[0] for box in drawn}, key=lambda index: (found.places[index], index))
    letters = {index: ascii_letters[place % len(ascii_letters)] for place, index in enumerate(order)}
    width, height = min(width, end - begin), min(height, found.height)
    cells = [[FREE_ASCII if ascii_only else FREE] * width for _ in range(height)]
    for index, lower, upper, low, high in drawn:
        for row in _middles(low, high, found.height, height):
            for column in _middles(lower - begin, upper - begin, end - begin, width):
                cells[row][column] = letters[index]
    return ["".join(row) for row in reversed(cells)]


def _middles(low: int, high: int, span: int, cells: int) -> range:
    """Cells whose middle is in a stretch: cell c has it at (2 c + 1) span / (2 cells)."""
    first = -((span - 2 * low * cells) // (2 * span))
    last = -((span - 2 * high * cells) // (2 * span))
    return range(max(0, first), min(cells, last))


def allocation_plot(found: Allocation, *, title: str = "", form: Format = "png") -> bytes:
    """The buffers as boxes, with the capacity and the load as lines; the same bytes for the same allocation.

    Uses no display and no state of matplotlib's.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.collections import PatchCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    drawn = list(boxes(found))
    with rc_context(STEADY):
        figure = Figure(figsize=(7.2, 4.4), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        shapes = [Rectangle((lower, low), upper - lower, high - low) for _, lower, upper, low, high in drawn]
        colours = [LIGHT[index % HUES] for index, *_ in drawn]
        axes.add_collection(PatchCollection(shapes, facecolors=colours, edgecolors="white", linewidths=0.3, alpha=0.85))
        if len(found.buffers) <= MOST_NAMES:
            for index, lower, upper, low, high in drawn:
                place = ((lower + upper) / 2, (low + high) / 2)
                axes.annotate(found.buffers[index].id, place, ha="center", va="center", fontsize=7, color="white")
        marks = {"load": found.load} | ({"capacity": found.capacity} if found.capacity is not None else {})
        for (name, level), style in zip(marks.items(), (":", "--"), strict=False):
            axes.axhline(level, color=INK, linewidth=0.8, linestyle=style, label=f"{name} {level:,} B")
        axes.autoscale_view()
        axes.set_ylim(0, 1.06 * max(found.height, *marks.values(), 1))
        axes.set_xlabel("time", fontsize=9.5, color=INK)
        axes.set_ylabel("address, bytes", fontsize=9.5, color=INK)
        axes.set_title(title, loc="left", fontsize=11.5, color=INK)
        axes.ticklabel_format(style="plain", useOffset=False)
        axes.grid(True, color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(LIGHT[6])
        axes.tick_params(which="both", colors=SOFT, labelsize=8.5, length=3)
        figure.legend(loc="outside lower left", ncols=2, fontsize=8, frameon=False, labelcolor=SOFT)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata=UNDATED[form])
    return out.getvalue()
