"""A schedule as a picture: what every unit does when, and what lies in every memory meanwhile."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from archsim.report.pareto_plot import INK, RULE, SOFT, STEADY, UNDATED, Format
from archsim.report.style import HUES, LIGHT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_KINDS = HUES
"""Kernels with a colour of their own, those that take longest; the others share a grey."""
WIDE = 0.05
"""Share of the time from which a bar has room for its name."""
SCALES = ((1_000_000_000_000, "s"), (1_000_000_000, "ms"), (1_000_000, "us"), (1_000, "ns"), (1, "ps"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A unit at work."""

    unit: str
    kernel: str
    op: str
    start: int
    end: int
    """In ps."""


@dataclass(frozen=True, slots=True)
class Held:
    """Bytes of a memory that something takes for a time."""

    memory: str
    what: str
    start: int
    end: int
    """In ps."""
    size: int
    at: int | None = None
    """Its first byte; None where it has no address."""


@dataclass(frozen=True)
class Schedule:
    """What is drawn."""

    bars: Sequence[Bar]
    held: Sequence[Held]
    capacities: Mapping[str, int]
    """Memory -> bytes."""
    always: Mapping[str, int]
    """Memory -> bytes that are taken from beginning to end, such as weights."""

    @property
    def span(self) -> tuple[int, int]:
        """When it begins and ends, in ps."""
        return min((b.start for b in self.bars), default=0), max((b.end for b in self.bars), default=1)

    @property
    def memories(self) -> list[str]:
        """Memories in which anything comes and goes."""
        return list(dict.fromkeys(held.memory for held in self.held))

    def occupancy(self, memory: str) -> list[tuple[int, int]]:
        """(time, bytes taken from then on) at every change; bytes that two share, as an op in place does, once.

        No more than there are: panels that are larger than the memory pass through it in parts.
        """
        mine = [held for held in self.held if held.memory == memory]
        starts = sorted(mine, key=lambda held: held.start)
        times = sorted({self.span[0], *(held.start for held in mine), *(held.end for held in mine)})
        out, active, next_up = list[tuple[int, int]](), list[Held](), 0
        for time in times:
            active = [held for held in active if held.end > time]
            while next_up < len(starts) and starts[next_up].start <= time:
                active += [starts[next_up]] if starts[next_up].end > time else []
                next_up += 1
            taken = self.always.get(memory, 0) + _taken(active)
            out.append((time, min(taken, self.capacities.get(memory, taken))))
        return out

    def streams(self, memory: str) -> bool:
        """Whether transfers without an address are larger than what is free: they pass through in parts."""
        of = self.capacities.get(memory, 0)
        return any(one.at is None for one in self.held if one.memory == memory) and self.peak(memory) == of > 0

    def peak(self, memory: str) -> int:
        """Most bytes taken at a time."""
        return max(level for _, level in self.occupancy(memory))


def _taken(held: Sequence[Held]) -> int:
    """Bytes that some take together."""
    total = sum(one.size for one in held if one.at is None)
    end = 0
    for first, size in sorted((one.at, one.size) for one in held if one.at is not None):
        total += max(0, first + size - max(first, end))
        end = max(end, first + size)
    return total


def schedule_plot(schedule: Schedule, *, title: str = "", note: str = "", form: Format = "png") -> bytes:
    """A Gantt chart of the units above the occupancy of each memory; the same bytes for the same schedule.

    Uses no display and no state of matplotlib's.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    units = list(dict.fromkeys(bar.unit for bar in schedule.bars))
    memories = schedule.memories
    heights = [0.5 + 0.45 * len(units), *(2.0 for _ in memories)]
    with rc_context(STEADY):
        figure = Figure(figsize=(9.6, 1.2 + sum(heights)), dpi=160, layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        length, unit = _scale(schedule.span)
        _gantt(panels[0], schedule, units, length)
        for axes, memory in zip(panels[1:], memories, strict=True):
            _memory(axes, schedule, memory, length)
        begin, end = (time / length for time in schedule.span)
        for axes in panels:
            axes.set_xlim(begin, max(end, begin + 1e-9))
            axes.spines[["top", "right"]].set_visible(False)
            axes.spines[["left", "bottom"]].set_color(LIGHT[6])
            axes.tick_params(which="both", colors=SOFT, labelsize=8.5, length=3)
            axes.grid(True, axis="x", color=RULE, linewidth=0.6)
            axes.set_axisbelow(True)
        panels[-1].set_xlabel(f"time, {unit}" + (f"; {note}" if note else ""), fontsize=9.5, color=INK)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11.5, color=INK)
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=7, fontsize=8, frameon=False, labelcolor=SOFT)
        out = io.BytesIO()
        figure.savefig(out, format=form, metadata=UNDATED[form])
    return out.getvalue()


def _scale(span: tuple[int, int]) -> tuple[int, str]:
    return next((each for each in SCALES if span[1] - span[0] >= 2 * each[0]), SCALES[-1])


def _colours(schedule: Schedule) -> dict[str, str]:
    busy: dict[str, int] = {}
    for bar in schedule.bars:
        busy[bar.kernel] = busy.get(bar.kernel, 0) + bar.end - bar.start
    ranked = sorted(busy, key=lambda kernel: (-busy[kernel], kernel))[:MOST_KINDS]
    return {kernel: LIGHT[index] for index, kernel in enumerate(ranked)}


def _gantt(axes: Axes, schedule: Schedule, units: Sequence[str], length: int) -> None:
    colours = _colours(schedule)
    begin, end = schedule.span
    named = {bar.kernel if bar.kernel in colours else "others" for bar in schedule.bars}
    for kernel in [*colours, "others"]:
        if kernel not in named:
            continue
        colour, label = colours.get(kernel, LIGHT[HUES]), kernel
        for index, unit in enumerate(units):
            mine = [b for b in schedule.bars if b.unit == unit and (kernel == b.kernel or kernel not in colours)]
            mine = [b for b in mine if kernel in colours or b.kernel not in colours]
            spans = [(bar.start / length, (bar.end - bar.start) / length) for bar in mine]
            if not spans:
                continue
            axes.broken_barh(
                spans, (len(units) - 1 - index - 0.36, 0.72), facecolors=colour, edgecolors="face", linewidths=0.2,
                label=label,
            )  # fmt: skip
            label = "_nolegend_"
            for bar in mine:
                if bar.end - bar.start >= WIDE * (end - begin):
                    at = ((bar.start + bar.end) / 2 / length, len(units) - 1 - index)
                    axes.annotate(
                        bar.op.rpartition(".")[2], at, ha="center", va="center", fontsize=7, color="white", clip_on=True
                    )
    axes.set_yticks(range(len(units)), list(reversed(units)))
    axes.set_ylim(-0.6, len(units) - 0.4)


def _memory(axes: Axes, schedule: Schedule, memory: str, length: int) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    held = [one for one in schedule.held if one.memory == memory]
    names = list(dict.fromkeys(one.what for one in held))
    boxes = [one for one in held if one.at is not None]
    axes.add_collection(
        PatchCollection(
            [Rectangle((b.start / length, b.at or 0), (b.end - b.start) / length, b.size) for b in boxes],
            facecolors=[LIGHT[names.index(box.what) % HUES] for box in boxes], edgecolors="white", linewidths=0.3,
            alpha=0.6,
        )
    )  # fmt: skip
    begin, end = schedule.span
    for box in boxes:
        if box.end - box.start >= 2 * WIDE * (end - begin) and box.size >= 0.06 * max(schedule.peak(memory), 1):
            at = ((box.start + box.end) / 2 / length, (box.at or 0) + box.size / 2)
            axes.annotate(
                box.what.rpartition(".")[2], at, ha="center", va="center", fontsize=6.5, color=INK, clip_on=True
            )
    steps = schedule.occupancy(memory)
    times = [time / length for time, _ in steps]
    levels = [level for _, level in steps]
    axes.step([*times, end / length], [*levels, levels[-1]], where="post", color=INK, linewidth=0.9)
    top = max(schedule.peak(memory), max((b.size + (b.at or 0) for b in boxes), default=0), 1)
    capacity = schedule.capacities.get(memory)
    if capacity is not None and capacity <= 3 * top:
        axes.axhline(capacity, color=INK, linewidth=0.8, linestyle="--")
        top = max(top, capacity)
    axes.set_ylim(0, 1.06 * top)
    of = f" of {capacity:,} B" if capacity is not None else ""
    taken = f"at most {schedule.peak(memory):,} B taken{of}"
    said = f"all{of} taken: larger panels pass through in parts" if schedule.streams(memory) else taken
    axes.set_title(f"{memory}: {said}", loc="left", fontsize=9, color=SOFT)
    axes.set_ylabel("bytes" if not boxes else "address; bytes", fontsize=8.5, color=INK)
