"""Draws docs/figures/pim-gpt-*.png and fills the tables of docs/pim-gpt.md: ``python docs/make_figures.py``.

Every number comes from a simulation made here; it takes about a minute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pim_gpt as data
from matplotlib import font_manager, rcParams
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

import archsim
from archsim.core.marked import with_marked
from archsim.report.style import LIGHT

DOCS = Path(__file__).parent
INK, SOFT, RULE, PAPER, WASH = "#1f1d1a", "#6b665d", "#e3dfd6", "#fdfcf9", "#efeadd"
BLUE, ORANGE, GREEN, PLUM, NIGHT, MIST, GREY = LIGHT
FONTS = {font.name for font in font_manager.fontManager.ttflist}
SERIF = next(name for name in ("Charter", "Charis SIL", "DejaVu Serif") if name in FONTS)
SANS = next(name for name in ("Inter", "Helvetica Neue", "DejaVu Sans") if name in FONTS)

SHAPES = {
    "gpt2/3-small": "gpt2-small",
    "gpt2/3-medium": "gpt2-medium",
    **{name: name for name in ("gpt3-large", "gpt2-large", "gpt3-xl", "gpt2-xl")},
}
"""Label -> model, every shape once, the slowest last."""
CAUSES = {
    "columns": (("mac",), BLUE),
    "row changes": (("row",), MIST),
    "vectors in and out": (("input", "output"), GREEN),
    "refresh": (("refresh",), GREY),
    "softmax": (("softmax",), ORANGE),
    "GELU": (("gelu",), PLUM),
    "other functions": (("layernorm", "finish", "add", "argmax", "combine"), NIGHT),
}
"""Where time goes: label -> causes of the report, colour. The last three are the controller's."""


def set_style() -> None:
    """The look of every figure: paper, ink, thin rules, no box."""
    rcParams.update(
        {
            "font.family": SANS, "font.size": 9, "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": RULE,
            "xtick.color": SOFT, "ytick.color": SOFT, "axes.spines.top": False, "axes.spines.right": False,
            "axes.linewidth": 0.8, "xtick.major.size": 0, "ytick.major.size": 0, "figure.facecolor": PAPER,
            "axes.facecolor": PAPER, "savefig.facecolor": PAPER, "axes.axisbelow": True, "lines.linewidth": 1.8,
            "axes.labelsize": 8.5, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5, "grid.color": RULE,
            "grid.linewidth": 0.7, "axes.titlesize": 9.5, "axes.titlelocation": "left", "axes.titlepad": 6,
        }
    )  # fmt: skip


def sheet(height: float, title: str, below: str, rows: int = 1, columns: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with a sentence for a title, a line below it, and axes; lengths in inches."""
    width = 8.2
    figure = Figure(figsize=(width, height), dpi=170)
    figure.text(0.3 / width, 1 - 0.22 / height, title, fontfamily=SERIF, fontsize=14.5, va="top")
    figure.text(0.3 / width, 1 - 0.54 / height, below, color=SOFT, fontsize=8.8, va="top")
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(0.62 / width, 0.52 / height, 1 - 0.3 / width, 1 - 1.08 / height, 0.16, 0.52)
    return figure, list(axes.flat)


def save(figure: Figure, name: str) -> None:
    """A PNG without a date, so that the same numbers give the same bytes."""
    figure.savefig(DOCS / "figures" / f"pim-gpt-{name}.png", metadata={"Software": None})


def key(figure: Figure) -> None:
    """The causes of time with their colours, in one line below the title."""
    width, height = figure.get_size_inches()
    squares = [Patch(color=colour, label=label) for label, (_, colour) in CAUSES.items()]
    figure.legend(
        handles=squares, loc="upper left", bbox_to_anchor=(0.3 / width, 1 - 0.83 / height), ncols=len(squares),
        frameon=False, fontsize=8.8, labelcolor=SOFT, handlelength=0.8, handleheight=0.8, handletextpad=0.5,
        columnspacing=1.6, borderpad=0, borderaxespad=0,
    )  # fmt: skip


def named_rows(axes: Axes, labels: Sequence[str]) -> None:
    """Labels for horizontal bars, from the top down, without an axis."""
    axes.set_yticks(range(len(labels)), list(labels), color=INK)
    axes.set_ylim(len(labels) - 0.45, -0.55)
    axes.spines["left"].set_visible(False)


def draw_time() -> None:
    """Where the time of a token goes, by model."""
    below = "Milliseconds per token, mean of 1024 tokens, by cause; the last three are the controller's"
    figure, (axes,) = sheet(3.7, "Most of a token's time, open rows stream their columns", below)
    figure.subplots_adjust(left=0.14, top=0.69)
    for place, model in enumerate(SHAPES.values()):
        report, left = data.generated("pim-gpt", model), 0.0
        for causes, colour in CAUSES.values():
            width = data.share(report, causes) * report.seconds / 1.024
            axes.barh(place, width, 0.66, left, color=colour, edgecolor=PAPER, linewidth=0.6)
            left += width
        axes.text(left + 0.012, place, f"{left:.2f} ms", va="center", fontsize=8.5)
    named_rows(axes, list(SHAPES))
    axes.set_xlim(0, 1.6)
    axes.grid(axis="x")
    key(figure)
    save(figure, "time")


def draw_speedup() -> None:
    """Speedups over both baselines beside the reported ranges."""
    below = "Times faster than eager PyTorch, 1024 tokens at batch 1; shaded: the range that PIM-GPT reports"
    figure, panels = sheet(3.3, "Small models gain most over the GPU, large ones over the CPU", below, 1, 2)
    figure.subplots_adjust(left=0.14)
    for axes, (design, (name, reported)) in zip(panels, data.BASELINES.items(), strict=True):
        axes.axvspan(*reported, color=WASH, linewidth=0)
        gains = [data.speedup(design, model) for model in SHAPES.values()]
        axes.hlines(range(len(gains)), 0, gains, color=RULE, linewidth=1)
        axes.plot(gains, range(len(gains)), "o", color=BLUE, markersize=7.5, markeredgecolor=PAPER)
        for place, gain in enumerate(gains):
            axes.annotate(f"{gain:.0f}", (gain, place), (8, 0), textcoords="offset points", va="center", fontsize=8.5)
        named_rows(axes, list(SHAPES) if axes is panels[0] else [""] * len(SHAPES))
        axes.set_xlim(0, reported[1] * 1.1)
        axes.set_xticks([0, *reported])
        axes.set_title(name)
    save(figure, "speedup")


def draw_energy() -> None:
    """Energy gains under each assumption about the baseline's power."""
    below = "Times less energy than the baseline, eight models, by the power it is taken to draw; shaded: reported"
    figure, panels = sheet(2.9, "One speedup, two energy claims: they differ in watts", below, 1, 2)
    figure.subplots_adjust(left=0.037, wspace=0.08)
    words = {"abstract-v1": "first version", "abstract-v2": "second version", "tdp": "thermal design power"}
    scales = {"t4": (90, 1400, (100, 200, 500, 1000)), "xeon-6154": (260, 19000, (300, 1000, 3000, 10000))}
    for axes, (design, (name, _)) in zip(panels, data.BASELINES.items(), strict=True):
        for place, (assumption, claim) in enumerate(data.CLAIMS[design].items()):
            gains = sorted(data.energy_gain(design, model, assumption) for model in data.MODELS)
            colour = BLUE if claim else GREY
            if claim:
                axes.barh(place, claim[1] - claim[0], 0.34, claim[0], color=WASH)
            axes.plot(gains, [place] * len(gains), "o-", color=colour, markersize=5, mec=PAPER, mew=0.6, lw=1.2)
            text, last = (
                f"{words[assumption]}: {data.watts(design, assumption):g} W",
                not claim and gains[0] > scales[design][1] / 4,
            )
            x = gains[-1] if last else min((gains[0], *claim))
            axes.annotate(text, (x, place - 0.27), fontsize=8.5, ha="right" if last else "left")
        axes.set_xscale("log")
        low, high, ticks = scales[design]
        axes.set_xlim(low, high)
        axes.set_ylim(2.4, -0.7)
        axes.set_yticks([])
        fixed(axes.xaxis, ticks)
        axes.spines["left"].set_visible(False)
        axes.set_title(name)
    save(figure, "energy")


def fixed(axis: Axis, ticks: Sequence[float]) -> None:
    """Exactly these ticks, as plain numbers."""
    axis.set_major_locator(FixedLocator(list(ticks)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(lambda value, _: f"{value:g}")


def curve(axes: Axes, points: Mapping[float, float], here: float, title: str, ticks: Sequence[float]) -> None:
    """An answer to a parameter, relative to the paper's machine, which is ringed; logarithmic."""
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.plot(list(points), list(points.values()), "o-", color=BLUE, markersize=5, markeredgecolor=PAPER, zorder=3)
    axes.plot(here, 1, "o", markersize=11, markerfacecolor="none", markeredgecolor=ORANGE, markeredgewidth=1.2)
    fixed(axes.xaxis, ticks)
    axes.grid()
    axes.set_title(title)


def number(value: float | str) -> float:
    """The number of a quantity written with its unit, frequencies in MHz."""
    amount, _, unit = str(value).partition(" ")
    return float(amount) * (1000 if unit == "GHz" else 1)


def seconds_of(name: str, field: str) -> dict[float, float]:
    """Field -> time, of a shipped study; rows of 2 KiB where it varies them."""
    rows = [row for row in data.study(f"pim-gpt-{name}") if row.get("pim.row_bytes", "2 KiB") == "2 KiB"]
    return {number(row[field]): float(row["seconds"]) for row in rows}


def draw_sensitivity() -> None:
    """Four studies of gpt3-xl."""
    below = "gpt3-xl, 1024 tokens, relative to the paper's machine (ringed); diamonds: reported; dashed: as named"
    title = "A slow controller or slow pins cost a quarter; wider banks wait for their rows"
    figure, panels = sheet(5.6, title, below, 2, 2)
    clock, pins = seconds_of("controller-clock", "asic.clock"), seconds_of("pin-rate", "pim.pin_rate")
    slower = (
        (clock, 1000, "Time against controller clock, MHz", (100, 200, 400, 1000, 2000), (200, 1.2, "at most 1.2")),
        (pins, 16, "Time against pin rate, Gb/s", (1, 2, 4, 8, 16, 32), (2, 1.5, "about 1.5")),
    )
    for axes, (times, here, title, ticks, (at, reported, text)) in zip(panels, slower, strict=False):
        curve(axes, {x: seconds / times[here] for x, seconds in times.items()}, here, title, ticks)
        axes.plot(at, reported, "D", color=ORANGE, markersize=6, markeredgecolor=PAPER, zorder=4)
        above = reported > times[at] / times[here]
        axes.annotate(text, (at, reported), (7, 5) if above else (-7, -11), textcoords="offset points", color=ORANGE,
                      ha="left" if above else "right", fontsize=8.5)  # fmt: skip
        axes.set_ylim(0.94, 1.72)
        fixed(axes.yaxis, (1, 1.2, 1.4, 1.6))
    lanes, channels = seconds_of("lanes", "pim.lanes"), seconds_of("channels", "pim.channels")
    faster = (
        (lanes, 16, "Speed against MAC lanes per bank", (4, 8, 16, 32, 64, 128), "columns and rows alone", 64),
        (channels, 8, "Speed against channels", (8, 16, 32, 64), "in proportion", 32),
    )
    for axes, (times, here, title, ticks, text, at) in zip(panels[2:], faster, strict=True):
        curve(axes, {x: times[here] / seconds for x, seconds in times.items()}, here, title, ticks)
        bound = {x: 88 / (64 * 16 / x + 24) if times is lanes else x / here for x in times}
        axes.plot(list(bound), list(bound.values()), color=SOFT, linewidth=1, dashes=(3, 3))
        axes.annotate(text, (at, bound[at]), (-6, 5), textcoords="offset points", ha="right", color=SOFT, fontsize=8.5)
        fixed(axes.yaxis, (0.25, 0.5, 1, 2, 4, 8))
        axes.set_ylim(0.28 if times is lanes else 0.85, 4 if times is lanes else 9.5)
    save(figure, "sensitivity")


def draw_tokens() -> None:
    """What a token costs as the context grows to 8192."""
    below = "gpt2-xl on pim-gpt-8k, milliseconds for one token, by the number of keys it attends to"
    figure, (axes,) = sheet(3.7, "In long texts the controller's softmax grows fastest", below)
    figure.subplots_adjust(top=0.77, right=0.80)
    contexts = (128, *range(1024, 8193, 1024))
    runs = [archsim.run("pim-gpt-8k", "gpt2-xl", phase="decode", context=keys - 1, generate=1) for keys in contexts]
    parts = [[data.share(run, causes) * run.seconds * 1e3 for run in runs] for causes, _ in CAUSES.values()]
    axes.stackplot(contexts, *parts, colors=[colour for _, colour in CAUSES.values()], edgecolor=PAPER, linewidth=0.6)
    top = place = 0.0
    for (label, (_, colour)), part in zip(CAUSES.items(), parts, strict=True):
        place = max(top + part[-1] / 2, place + 0.17)
        top += part[-1]
        axes.text(8280, place, label, color=colour, va="center", fontsize=8.8)
    axes.set_xlim(0, 8192)
    axes.set_xticks([0, 1024, 2048, 4096, 6144, 8192])
    axes.grid(axis="y")
    save(figure, "tokens")


def fill_tables() -> None:
    """Replace what stands between <!-- NAME --> and <!-- /NAME --> in the page."""
    page = DOCS / "pim-gpt.md"
    text = page.read_text(encoding="utf-8")
    tables = {"validation": data.validation_table, "models": data.models_table, "energy": data.energy_table}
    for name, table in tables.items():
        text = with_marked(text, name, "".join(f"{line}\n" for line in table()))
    page.write_text(text, encoding="utf-8")


def main() -> None:
    """Draw and fill everything."""
    set_style()
    for draw in (draw_time, draw_speedup, draw_energy, draw_sensitivity, draw_tokens, fill_tables):
        draw()


if __name__ == "__main__":
    main()
