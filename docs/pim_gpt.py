"""The numbers behind docs/pim-gpt.md: simulations of the shipped designs and studies, and the tables made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from tempfile import TemporaryDirectory

import archsim
from archsim import Power, Report
from archsim.api.papers.pim_gpt import MODELS, ROW_MODEL_MS, generated, products_ms

BASELINES = {"t4": ("NVIDIA T4", (41, 137)), "xeon-6154": ("Xeon Gold 6154", (631, 1074))}
"""Design -> name, reported speedups."""
CLAIMS = {
    "t4": {"abstract-v1": (339, 1085), "abstract-v2": (123, 383), "tdp": ()},
    "xeon-6154": {"abstract-v1": (890, 1632), "abstract-v2": (320, 602), "tdp": ()},
}
"""Design -> assumption about its power -> reported energy ratios."""
CONTROLLER = ("softmax", "gelu", "layernorm", "finish", "add", "argmax", "combine")
"""Causes of time that are functions of the controller."""


@cache
def study(name: str) -> list[dict[str, float | str]]:
    """Rows of a shipped study."""
    with TemporaryDirectory() as folder:
        return archsim.sweep(name, out=folder).table.records()


@cache
def watts(design: str, assumption: str) -> float:
    """Power of a baseline under an assumption."""
    chosen = archsim.load_design(design, set={"processor.power_assumption": assumption})
    return float(chosen.processor.drawn / Power("1 W"))


def speedup(design: str, model: str) -> float:
    """How much longer the baseline takes."""
    return generated(design, model).seconds / generated("pim-gpt", model).seconds


def energy_gain(design: str, model: str, assumption: str) -> float:
    """How much more energy it takes."""
    return generated(design, model).seconds * watts(design, assumption) / generated("pim-gpt", model).energy.total


def share(report: Report, causes: Iterable[str]) -> float:
    """Part of the time that goes to these causes."""
    return sum(report.time_by_cause.get(cause, 0) for cause in causes) / report.total_ps


def kv_write_share(report: Report) -> float:
    """Part of the time in which nothing goes on but writing keys and values."""
    return sum(op.ps for op in report.ops if op.kind == "kv_append") / report.total_ps


def models_table() -> Iterator[str]:
    """One line per model: time and its parts, speedups."""
    yield "| model | 1024 tokens | controller | KV writes | products | row model | gap | over T4 | over Xeon |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for model, expected in ROW_MODEL_MS.items():
        report = generated("pim-gpt", model)
        ours = products_ms(model)
        cells = (
            model,
            f"{report.seconds * 1e3:.1f} ms",
            f"{share(report, CONTROLLER):.1%}",
            f"{kv_write_share(report):.1%}",
            f"{ours:.1f} ms",
            f"{expected:.1f} ms",
            f"{ours / expected - 1:+.1%}",
            f"{speedup('t4', model):.1f}",
            f"{speedup('xeon-6154', model):.0f}",
        )
        yield f"| {' | '.join(cells)} |"


def energy_table() -> Iterator[str]:
    """One line per model: energy, power, and how much less that is than the baselines'."""
    columns = [(design, assumption) for design, claims in CLAIMS.items() for assumption in claims]
    heads = (f"{BASELINES[d][0].split()[-1]} at {watts(d, a):g} W" for d, a in columns)
    yield f"| model | energy | power | {' | '.join(heads)} |"
    yield "|---|---:|---:|" + "---:|" * len(columns)
    for model in MODELS:
        report = generated("pim-gpt", model)
        gains = " | ".join(f"{energy_gain(design, model, assumption):,.0f}" for design, assumption in columns)
        yield f"| {model} | {report.energy.total:.2f} J | {report.energy.total / report.seconds:.1f} W | {gains} |"
    claims = (CLAIMS[design][assumption] for design, assumption in columns)
    ranges = " | ".join(f"{claim[0]}-{claim[1]}" if claim else "" for claim in claims)
    yield f"| *reported* | | | {ranges} |"


def span(values: Iterable[float], form: str = ".0f", unit: str = "") -> str:
    """Least and greatest, or one where they read the same."""
    texts = [f"{value:{form}}" for value in sorted(values)]
    return (texts[0] if texts[0] == texts[-1] else f"{texts[0]} to {texts[-1]}") + unit


def slowdown(model: str, **sets: str) -> float:
    """Time with changed settings against time without."""
    return generated("pim-gpt", model, **sets).seconds / generated("pim-gpt", model).seconds


def inside(model: str, **sets: str) -> float:
    """How much faster columns and row changes alone are with changed settings."""
    times = (generated("pim-gpt", model, **s) for s in ({}, sets))
    base, changed = (sum(run.time_by_cause[cause] for cause in ("mac", "row")) for run in times)
    return base / changed


def headline_rows() -> Iterator[tuple[str, str, str, str]]:
    """Quantity, reported, simulated, why they differ: results."""
    runs = [generated("pim-gpt", model) for model in MODELS]
    hits = span((run.memory["row_hit_rate"] * 100 for run in runs), ".1f", " %")
    moved = span(run.traffic["pim"][0] / sum(run.traffic["pim.pins"]) for run in runs)
    gaps = span((products_ms(model) / ms * 100 - 100 for model, ms in ROW_MODEL_MS.items()), ".1f", " % longer")
    gpu, cpu = (span(speedup(design, model) for model in MODELS) for design in BASELINES)
    controller = f"{share(generated('pim-gpt', 'gpt3-xl'), CONTROLLER) * 100:.1f} %"
    yield "speedup over T4", "41 to 137", gpu, "a launch time calibrated to the claim; see `models/baseline`"
    yield "speedup over Xeon", "631 to 1074", cpu, "a bandwidth calibrated to the claim; see `models/baseline`"
    yield "row hit rate", "about 98 %", hits, "63 of the 64 columns of a full row"
    yield "products of 1024 tokens", "row model", gaps, "vectors in and out, which its totals leave out"
    yield "data moved, times less", "110 to 259", moved, "every channel gets its own copy of a vector here"
    yield "controller, gpt3-xl", "1.16 %", controller, "every function waits for its whole input, none overlaps"


def sensitivity_rows() -> Iterator[tuple[str, str, str, str]]:
    """The same for trends, over three models."""

    def over(measure: Callable[..., float], form: str = ".2f", **sets: str) -> str:
        return span((measure(model, **sets) for model in ("gpt2-small", "gpt2-xl", "gpt3-xl")), form, "x")

    clock, pins = over(slowdown, asic__clock="200 MHz"), over(slowdown, pim__pin_rate="2 Gb/s")
    two, four = over(inside, pim__lanes="32"), over(inside, pim__lanes="64")
    channels = over(lambda model, **sets: 1 / slowdown(model, **sets), pim__channels="16")
    yield "controller at 200 MHz", "at most 1.2x", clock, "the controller's share, four times more"
    yield "pins at 2 Gb/s", "about 1.5x", pins, "results leave while the next columns stream"
    yield "lanes x2, columns and rows", "1.57x", two, "partly filled columns and rows"
    yield "lanes x4, columns and rows", "2.2x", four, "partly filled columns and rows"
    yield "channels x2", "near 2x", channels, "the controller does not scale; fewer outputs per bank"


def validation_table() -> Iterator[str]:
    """What is reported, what we simulate, and why they differ."""
    yield "| quantity | reported | simulated | explanation |"
    yield "|---|---|---|---|"
    for row in (*headline_rows(), *sensitivity_rows()):
        yield f"| {' | '.join(row)} |"
