"""Draws docs/figures/pim-gpt-*.png and fills the tables of docs/pim-gpt.md: ``python docs/make_figures.py``.

Every number comes from a simulation made here, with the shipped designs and studies. Takes about a minute.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from math import exp, log
from pathlib import Path
from tempfile import TemporaryDirectory

from matplotlib import font_manager, rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator

import archsim
from archsim import Power, Report
from archsim.report.style import LIGHT

DOCS = Path(__file__).parent
INK, SOFT, RULE, PAPER, WASH = "#1f1d1a", "#6b665d", "#e3dfd6", "#fdfcf9", "#f0ece2"
BLUE, ORANGE, GREEN, PLUM, NIGHT, MIST, GREY = LIGHT

MODELS = tuple(f"gpt{generation}-{size}" for generation in (2, 3) for size in ("small", "medium", "large", "xl"))
SHAPES = {"gpt2/3-small": "gpt2-small", "gpt2/3-medium": "gpt2-medium"} | {
    name: name for name in ("gpt2-large", "gpt3-large", "gpt3-xl", "gpt2-xl")
}
"""Label -> model, every shape once, by width and depth."""
BASELINES = {"t4": ("NVIDIA T4", (41, 137)), "xeon-6154": ("Xeon Gold 6154", (631, 1074))}
"""Design -> name, reported speedups."""
CLAIMS = {
    "t4": {"abstract-v1": (339, 1085), "abstract-v2": (123, 383), "tdp": None},
    "xeon-6154": {"abstract-v1": (890, 1632), "abstract-v2": (320, 602), "tdp": None},
}
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
CONTROLLER = {cause for label in ("softmax", "GELU", "other functions") for cause in CAUSES[label][0]}
ROW_MODEL_MS = (99.0, 280.4, 607.6, 1234.9, 99.0, 280.4, 587.5, 1005.4)
"""1024 tokens by the closed row model, in the order of `MODELS`; tests/papers/test_pim_gpt.py derives them."""


@cache
def generated(design: str, model: str) -> Report:
    """1024 tokens, one by one."""
    return archsim.run(design, model, phase="generate", prompt=1, generate=1024)


@cache
def study(name: str) -> list[dict[str, float | str]]:
    """Rows of a shipped study."""
    with TemporaryDirectory() as folder:
        return archsim.sweep(name, out=folder).table.records()


def speedup(design: str, model: str) -> float:
    """How much longer the baseline takes."""
    return generated(design, model).seconds / generated("pim-gpt", model).seconds


def energy_gain(design: str, model: str, assumption: str) -> float:
    """How much more energy it takes, at the power of an assumption."""
    power = archsim.load_design(design, set={"processor.power_assumption": assumption}).processor.drawn / Power("1 W")
    return generated(design, model).seconds * power / generated("pim-gpt", model).energy.total


def share(report: Report, causes: Iterable[str]) -> float:
    """Part of the time that goes to these causes."""
    return sum(report.time_by_cause.get(cause, 0) for cause in causes) / report.total_ps


def kv_write_share(report: Report) -> float:
    """Part of the time in which nothing but keys and values are written."""
    return sum(op.ps for op in report.ops if op.kind == "kv_append") / report.total_ps


def products_ms(report: Report) -> float:
    """Time without controller functions and KV writes, stretched by refreshes in proportion, as the row model has it."""
    kept = 1 - share(report, (*CONTROLLER, "refresh")) - kv_write_share(report)
    return report.seconds * 1e3 * kept / (1 - 455 / 6825)


# Pictures ----------------------------------------------------------------------------------------------------------


def set_style() -> None:
    """The look of every figure: paper, ink, thin rules, no box."""
    there = {font.name for font in font_manager.fontManager.ttflist}
    sans = [name for name in ("Inter", "Helvetica Neue", "DejaVu Sans") if name in there]
    rcParams.update(
        {
            "font.family": sans, "font.size": 9, "text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": RULE,
            "xtick.color": SOFT, "ytick.color": SOFT, "axes.spines.top": False, "axes.spines.right": False,
            "axes.linewidth": 0.8, "xtick.major.size": 0, "ytick.major.size": 0, "figure.facecolor": PAPER,
            "axes.facecolor": PAPER, "savefig.facecolor": PAPER, "axes.axisbelow": True, "lines.linewidth": 1.8,
            "lines.solid_capstyle": "round", "axes.labelsize": 8.5, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5,
        }
    )  # fmt: skip


def sheet(width: float, height: float, columns: int, title: str, below: str, *, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with a sentence for a title, one line below it, and a row (or rows) of axes."""
    figure = Figure(figsize=(width, height), dpi=170)
    serif = [f.name for f in font_manager.fontManager.ttflist if f.name in ("Charter", "Charis SIL")] or ["DejaVu Serif"]
    top = 1 - 0.86 / height
    figure.text(0.3 / width, 1 - 0.24 / height, title, fontfamily=serif[0], fontsize=14, va="top")
    figure.text(0.3 / width, 1 - 0.53 / height, below, color=SOFT, fontsize=8.8, va="top")
    axes = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(0.62 / width, 0.56 / height, 1 - 0.3 / width, top, wspace=0.24, hspace=0.62)
    return figure, list(axes.flat)


def save(figure: Figure, name: str) -> None:
    """A PNG without a date, so that the same numbers give the same bytes."""
    figure.savefig(DOCS / "figures" / f"pim-gpt-{name}.png", metadata={"Software": None})


def draw_time() -> None:
    """Where the time of a token goes, by model."""
    figure, (axes,) = sheet(
        8.2, 3.6, 1, "Most of a token's time streams columns out of open rows",
        "Milliseconds per token by cause, mean of 1024 tokens; the last three colours are the controller, which overlaps with nothing",
    )  # fmt: skip
    figure.subplots_adjust(left=0.135, top=0.70)
    for place, model in enumerate(reversed(SHAPES.values())):
        report, left = generated("pim-gpt", model), 0.0
        for causes, colour in CAUSES.values():
            width = share(report, causes) * report.seconds / 1.024
            axes.barh(place, width, 0.66, left, color=colour, edgecolor=PAPER, linewidth=0.6)
            left += width
        axes.text(left + 0.012, place, f"{left:.2f} ms", va="center", fontsize=8.5)
    axes.set_yticks(range(len(SHAPES)), list(reversed(SHAPES)), color=INK)
    axes.set_xlim(0, 1.58)
    axes.grid(axis="x", color=RULE, linewidth=0.7)
    axes.spines["left"].set_visible(False)
    key(figure, {label: colour for label, (_, colour) in CAUSES.items()}, 0.755)


def key(figure: Figure, entries: Mapping[str, str], y: float) -> None:
    """Coloured squares with names in one line."""
    x, width = 0.3 / figure.get_figwidth(), figure.get_figwidth()
    for label, colour in entries.items():
        figure.text(x, y, "\N{BLACK SQUARE}", color=colour, fontsize=10, fontfamily="DejaVu Sans")
        figure.text(x + 0.16 / width, y, label, color=SOFT, fontsize=8.5)
        x += (0.34 + 0.066 * len(label)) / width


def draw_speedup() -> None:
    """Speedups over both baselines beside the reported ranges."""
    figure, panels = sheet(
        8.2, 3.3, 2, "Every speedup lies where PIM-GPT reports it",
        "Times faster than eager PyTorch, 1024 tokens at batch 1; shaded: reported range",
    )  # fmt: skip
    figure.subplots_adjust(left=0.135, wspace=0.08)
    for axes, (design, (name, reported)) in zip(panels, BASELINES.items(), strict=True):
        axes.axvspan(*reported, color=WASH, linewidth=0)
        gains = [speedup(design, model) for model in reversed(SHAPES.values())]
        axes.hlines(range(len(gains)), 0, gains, color=RULE, linewidth=1)
        axes.plot(gains, range(len(gains)), "o", color=BLUE, markersize=7, markeredgecolor=PAPER)
        for place, gain in enumerate(gains):
            axes.annotate(f"{gain:.0f}", (gain, place), (8, 0), textcoords="offset points", va="center", fontsize=8.5)
        labels = list(reversed(SHAPES)) if axes is panels[0] else [""] * len(SHAPES)
        axes.set_yticks(range(len(gains)), labels, color=INK)
        axes.set_xlim(0, reported[1] * 1.12)
        axes.set_title(name, fontsize=9.5, loc="left", color=INK, pad=5)
        axes.set_xticks([0, *reported])
        axes.spines["left"].set_visible(False)
    save(figure, "speedup")


def draw_energy() -> None:
    """Energy gains under each assumption about the baseline's power."""
    figure, panels = sheet(
        8.2, 2.75, 2, "The two published energy claims are two powers, and only some are possible",
        "Times less energy than the baseline, all eight models, by the power it is taken to draw; shaded: reported range",
    )  # fmt: skip
    figure.subplots_adjust(left=0.03, wspace=0.06)
    for axes, (design, (name, _)) in zip(panels, BASELINES.items(), strict=True):
        for place, (assumption, claim) in enumerate(reversed(CLAIMS[design].items())):
            power = archsim.load_design(design, set={"processor.power_assumption": assumption}).processor.drawn
            gains = [energy_gain(design, model, assumption) for model in MODELS]
            if claim:
                axes.barh(place, claim[1] - claim[0], 0.5, claim[0], color=WASH)
            axes.plot([min(gains), max(gains)], [place, place], color=BLUE if claim else GREY, linewidth=2.2)
            axes.plot(gains, [place] * len(gains), "o", color=BLUE if claim else GREY, markersize=5, markeredgecolor=PAPER)
            label = f"{assumption.replace('abstract-v', 'abstract, version ')}: {power}".replace("tdp", "thermal design power")
            axes.text(min(gains), place + 0.36, label, fontsize=8.5, color=INK, ha="left" if claim else "right")
        axes.set_xscale("log")
        axes.set_ylim(-0.5, 2.8)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_title(name, fontsize=9.5, loc="left", color=INK, pad=5)
    save(figure, "energy")


def curve(axes: Axes, x: Sequence[float], y: Sequence[float], title: str, unit: str, ticks: Sequence[float], *, down: bool) -> None:
    """One answer to one parameter, both axes logarithmic, the paper's machine marked."""
    axes.plot(x, y, "o-", color=BLUE, markersize=4.5, markeredgecolor=PAPER, zorder=3)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    for axis, places in ((axes.xaxis, ticks), (axes.yaxis, (0.25, 0.5, 1, 2, 4) if not down else (1, 1.25, 1.5))):
        axis.set_major_locator(FixedLocator(list(places)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(color=RULE, linewidth=0.7)
    axes.set_title(title, fontsize=9.5, loc="left", color=INK, pad=5)
    axes.set_xlabel(unit, labelpad=2)


def number(value: float | str) -> float:
    """The number of a quantity written with its unit, frequencies in MHz."""
    amount, _, unit = str(value).partition(" ")
    return float(amount) * (1000 if unit == "GHz" else 1)


def draw_sensitivity() -> None:
    """Four studies, gpt3-xl."""
    figure, panels = sheet(
        8.2, 5.4, 2, "Rows and the controller set the limits; pins and their rate hardly do",
        "gpt3-xl, 1024 tokens, relative to the paper's machine (ringed); dashed: what would be in proportion, or the bound named", rows=2,
    )  # fmt: skip
    slower = {"asic.clock": ("controller-clock", "Time against controller clock", "MHz", (100, 200, 400, 1000, 2000), 1000, 1.2, 200),
              "pim.pin_rate": ("pin-rate", "Time against pin rate", "Gb/s per pin", (1, 2, 4, 8, 16, 32), 16, 1.5, 2)}  # fmt: skip
    for axes, (field, (name, title, unit, ticks, here, reported, at)) in zip(panels, slower.items(), strict=False):
        rows = {number(row[field]): float(row["seconds"]) for row in study(f"pim-gpt-{name}")}
        curve(axes, list(rows), [seconds / rows[here] for seconds in rows.values()], title, unit, ticks, down=True)
        axes.plot(here, 1, "o", markersize=10, markerfacecolor="none", markeredgecolor=ORANGE)
        axes.plot(at, reported, "D", color=ORANGE, markersize=5)
        axes.annotate(f"reported {'≤ ' if name == 'controller-clock' else '≈ '}{reported}", (at, reported), (7, 4),
                      textcoords="offset points", fontsize=8.5, color=ORANGE)  # fmt: skip
    faster = {"pim.lanes": ("lanes", "Speed against MAC lanes per bank", "lanes", (4, 8, 16, 32, 64, 128), 16),
              "pim.channels": ("channels", "Speed against channels", "channels", (8, 16, 32, 64), 8)}  # fmt: skip
    for axes, (field, (name, title, unit, ticks, here)) in zip(panels[2:], faster.items(), strict=True):
        rows = {number(r[field]): float(r["seconds"]) for r in study(f"pim-gpt-{name}") if r.get("pim.row_bytes", "2 KiB") == "2 KiB"}
        curve(axes, list(rows), [rows[here] / seconds for seconds in rows.values()], title, unit, ticks, down=False)
        axes.plot(here, 1, "o", markersize=10, markerfacecolor="none", markeredgecolor=ORANGE)
        bound = [88 / (64 * 16 / x + 24) if name == "lanes" else x / here for x in rows]
        axes.plot(list(rows), bound, "--", color=SOFT, linewidth=1, dashes=(3, 3))
        axes.annotate("columns and rows alone" if name == "lanes" else "in proportion", (list(rows)[-2], bound[-2]), (-4, 6),
                      textcoords="offset points", ha="right", fontsize=8.5, color=SOFT)  # fmt: skip
    save(figure, "sensitivity")


def draw_tokens() -> None:
    """What a token costs as the context grows to 8192."""
    figure, (axes,) = sheet(
        8.2, 3.6, 1, "In long texts the controller's softmax grows faster than the memory's part",
        "gpt2-xl on pim-gpt-8k, milliseconds for one token by the keys it attends to",
    )  # fmt: skip
    figure.subplots_adjust(top=0.72)
    contexts = (128, 1024, 2048, 3072, 4096, 5120, 6144, 7168, 8192)
    runs = [archsim.run("pim-gpt-8k", "gpt2-xl", phase="decode", context=keys - 1, generate=1) for keys in contexts]
    parts = [[share(run, causes) * run.seconds * 1e3 for run in runs] for causes, _ in CAUSES.values()]
    axes.stackplot(contexts, *parts, colors=[colour for _, colour in CAUSES.values()], edgecolor=PAPER, linewidth=0.6)
    axes.set_xlim(0, 8192)
    axes.set_xticks([0, 1024, 2048, 4096, 6144, 8192])
    axes.set_xlabel("keys")
    axes.grid(axis="y", color=RULE, linewidth=0.7)
    key(figure, {label: colour for label, (_, colour) in CAUSES.items()}, 0.755)
    save(figure, "tokens")


# Tables ------------------------------------------------------------------------------------------------------------
