"""The numbers behind docs/fusemax.md and the validation table of models/spatial/README.md, as lines of tables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from statistics import geometric_mean, mean

import archsim
from archsim import Report
from archsim.api.papers.case import Case, Row
from archsim.api.papers.fusemax import cases, means
from archsim.api.papers.fusemax_points import CONFIGS, LENGTHS, MODELS, Result, attention, layer

NAMES = {
    "unfused": "unfused",
    "flat": "FLAT",
    "+cascade": "+Cascade",
    "+architecture": "+Architecture",
    "+binding(fusemax)": "FuseMax",
}
"""Configuration -> as the page calls it."""
SHOWN = (1024, 4096, 65536, 1048576)
"""Lengths of BERT that were published."""
STEPS = (
    ("unfused", "flat"),
    ("flat", "fusemax-cascade"),
    ("fusemax-cascade", "fusemax-arch"),
    ("fusemax-arch", "fusemax"),
    ("flat", "fusemax"),
    ("unfused", "fusemax"),
)
"""From one design to another."""
TITLES = {design: NAMES[config] for config, design in CONFIGS.items()}
PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "u"))
Part = Callable[[str, str, int], Result]


def si(value: float, unit: str) -> str:
    """Four digits with a prefix."""
    scale, prefix = next((p for p in PREFIXES if abs(value) >= p[0]), PREFIXES[-1])
    return f"{value / scale:.4g} {prefix}{unit}"


def line(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def short(length: int) -> str:
    """1K, 64K, 1M."""
    return f"{length >> 20}M" if length >= 1 << 20 else f"{length >> 10}K"


@cache
def reported() -> dict[tuple[str, str], Case]:
    """(case, metric) -> the published number."""
    return {(case.case, case.metric): case for case in cases()}


def attention_table() -> Iterator[str]:
    """Time, traffic, energy and use of both arrays; what was published in parentheses where four digits differ."""
    yield line("length", "of", *NAMES.values())
    yield "|---|---|" + "---:|" * len(NAMES)
    measures: dict[str, tuple[str, str, Callable[[Result], float], float]] = {
        "time": ("latency", "s", lambda r: r.seconds, 1.0),
        "DRAM": ("dram_traffic", "B", lambda r: r.bytes, 1.0),
        "energy": ("energy", "J", lambda r: r.energy_pj * 1e-12, 1e-12),
    }
    for length in SHOWN:
        found = {config: attention(design, "BERT", length) for config, design in CONFIGS.items()}
        for name, (metric, unit, read, scale) in measures.items():
            cells = []
            for config, result in found.items():
                ours, case = si(read(result), unit), reported()[f"attention {config} BERT {length}", metric]
                theirs = si(case.reported * scale, unit)
                cells.append(ours if ours == theirs else f"{ours} ({theirs})")
            yield line(short(length), name, *cells)
        busy = (f"{r.ratios['util_2d']:.1%}, {r.ratios['util_1d']:.1%}".replace("%", " %") for r in found.values())
        yield line(short(length), "busy 2D, 1D", *busy)


def averages_table() -> Iterator[str]:
    """Attention alone: what each step brings."""
    yield line("attention", "speedup, arithmetic", "geometric", "energy, arithmetic", "geometric")
    yield "|---|---:|---:|---:|---:|"
    for base, design in STEPS:
        yield _averages(attention, base, design, "6.7, 79 %")


def layers_table() -> Iterator[str]:
    """With linear layers."""
    yield line("attention and linear layers", "speedup, arithmetic", "geometric", "energy, arithmetic", "geometric")
    yield "|---|---:|---:|---:|---:|"
    for base, design in STEPS[4:]:
        yield _averages(layer, base, design, "5.3, 83 %")


def _averages(part: Part, base: str, design: str, paper: str) -> str:
    speed = list(means(part, "speedup", design, base))
    energy = list(means(part, "energy_ratio", design, base))
    step = f"{TITLES[base]} to {TITLES[design]}"
    digits = ".2f" if mean(speed) >= 1 else ".3f"
    cells = [
        *(f"{of(speed):{digits}}" for of in (mean, geometric_mean)),
        share(mean(energy)),
        share(geometric_mean(energy)),
    ]
    if (base, design) != ("flat", "fusemax"):
        return line(step, *cells)
    return line(f"**{step}** (paper: {paper})", f"**{cells[0]}**", cells[1], f"**{cells[2]}**", cells[3])


def share(value: float) -> str:
    """Percent with three digits."""
    return f"{100 * value:.3g} %"


BOUND_BY = (
    "DRAM in the products, 1D in the softmax",
    "1D",
    "1D",
    "maxima on their way down the columns",
    "both arrays",
)


def tile_table() -> Iterator[str]:
    """Cycles of a tile of 256 keys by 256 queries."""
    yield line("per tile, BERT 4K", "2D", "1D", "tile", "bound by")
    yield "|---|---:|---:|---:|---|"
    for (design, title), bound in zip(TITLES.items(), BOUND_BY, strict=True):
        ratios = attention(design, "BERT", 4096).ratios
        yield line(title, *(f"{ratios[name]:.0f}" for name in ("tile_2d", "tile_1d", "tile")), bound)


KINDS = {
    "products": ("matmul",),
    "attention": ("attention_scores", "softmax", "attention_values"),
    "GELU": ("gelu",),
    "norms": ("layernorm",),
    "sums": ("add",),
}
"""Column -> op kinds; what is left is the rest."""


def encoder_table() -> Iterator[str]:
    """BERT base as it is, by op."""
    yield line("BERT base, 512 tokens", *KINDS, "rest", "all", "FLAT / FuseMax")
    yield "|---|" + "---:|" * (len(KINDS) + 3)
    runs = {TITLES[name]: encoder(name) for name in ("flat", "fusemax")}
    spent = {name: {kind: _ms(run, kinds) for kind, kinds in KINDS.items()} for name, run in runs.items()}
    published = [sum(spent[name][kind] for kind in ("products", "attention")) for name in runs]
    everything = [run.seconds for run in runs.values()]
    notes = (f"{published[0] / published[1]:.2f} as published", f"{everything[0] / everything[1]:.2f} with everything")
    for (name, run), note in zip(runs.items(), notes, strict=True):
        parts = spent[name]
        rest = run.seconds * 1e3 - sum(parts.values())
        yield line(name, *(f"{ms:.1f} ms" for ms in (*parts.values(), rest, run.seconds * 1e3)), note)


@cache
def encoder(design: str) -> Report:
    """BERT base, batch 64, 512 tokens, in artifact mode."""
    return archsim.run(design, "bert-base", batch=64, prompt=512, fidelity="roofline", set={"energy.mode": "artifact"})


def _ms(run: Report, kinds: tuple[str, ...]) -> float:
    return sum(op.ps for op in run.ops if op.kind in kinds) / 1e9


def modes_table() -> Iterator[str]:
    """FLAT to FuseMax in both modes, and beside FLAT with the plan that moves least."""
    modes = (("artifact", "published"), ("corrected", "published"), ("corrected", "least_traffic"))
    heads = ("artifact", "corrected", "corrected, FLAT with least traffic")
    yield line("FLAT to FuseMax", *(f"{head}: arithmetic | geometric" for head in heads))
    yield "|---|" + "---:|" * 2 * len(heads)
    for title, part in (("attention", attention), ("with linear layers", layer)):
        for metric in ("speedup", "energy_ratio"):
            cells = []
            for mode, plan in modes:
                values = list(means(_in(part, mode, plan), metric, "fusemax", "flat"))
                form = share if metric == "energy_ratio" else "{:.2f}".format
                cells += [form(mean(values)), form(geometric_mean(values))]
            yield line(f"{title}, {metric.removesuffix('_ratio')}", *cells)


def _in(part: Callable[..., Result], mode: str, plan: str) -> Part:
    def placed(design: str, model: str, length: int) -> Result:
        return part(design, model, length, mode, plan if design == "flat" else None)

    return placed


CYCLE = {
    "FuseMax, BERT": ("fusemax", "BERT"),
    "FuseMax, XLM": ("fusemax", "XLM"),
    "+Architecture, BERT": ("fusemax-arch", "BERT"),
    "+Cascade, BERT": ("fusemax-cascade", "BERT"),
    "FLAT, BERT": ("flat", "BERT"),
    "unfused, BERT": ("unfused", "BERT"),
}


def cycle_table(lengths: tuple[int, ...] = LENGTHS) -> Iterator[str]:
    """Percent above the steady state, tile by tile."""
    yield line("", *map(short, lengths))
    yield "|---|" + "---:|" * len(lengths)
    for title, (design, model) in CYCLE.items():
        yield line(title, *(f"{_above(design, model, length):.2f}" for length in lengths))


def _above(design: str, model: str, length: int) -> float:
    run = archsim.run(design, MODELS[model].attention(length), set={"energy.mode": "artifact"})
    return 100 * (run.memory["over_steady_state"] - 1)


GROUPS = {
    "attention of FuseMax, +Architecture, +Cascade, FLAT: time, traffic, utilisation, cycles by einsum": (
        lambda c: c.group.startswith("attention, ") and "unfused" not in c.case + c.metric and "energy" not in c.metric
    ),
    "unfused attention: time, traffic, utilisation": lambda c: c.group == "attention, unfused" and c.metric != "energy",
    "energy of attention": lambda c: (
        c.group.startswith("attention, ") and c.metric == "energy" and " flat " not in c.case
    ),
    "energy of FLAT's attention": lambda c: c.group == "attention, flat" and c.metric == "energy",
    "linear layers: time": lambda c: c.group == "linear layers" and c.metric == "latency",
    "linear layers: traffic, but XLM": (
        lambda c: c.group == "linear layers" and c.metric == "dram_traffic" and " XLM " not in c.case
    ),
    "linear layers of XLM: traffic": (
        lambda c: c.group == "linear layers" and c.metric == "dram_traffic" and " XLM " in c.case
    ),
    "linear layers: energy": lambda c: c.group == "linear layers" and c.metric == "energy",
    "end to end over unfused: time": lambda c: c.group.startswith("end to end") and "speedup" in c.metric,
    "Pareto sweep: time, traffic, area": lambda c: c.group == "Pareto sweep",
    "FLAT by its authors' own model": lambda c: c.group == "FLAT's own cost model",
    "averages of the text: speedups": lambda c: c.group.startswith("average") and "speedup" in c.metric,
    "averages of the text: energy": lambda c: c.group.startswith("average") and "energy" in c.metric,
}
"""Line of the validation table -> its rows."""


def validation_table() -> Iterator[str]:
    """Rows, and the largest error among them."""
    yield line("rows", "numbers", "largest error", "why")
    yield "|---|---:|---:|---|"
    for title, of in GROUPS.items():
        rows = [Row("fusemax", case, case.simulate()) for case in cases() if of(case)]
        worst = max(rows, key=lambda row: abs(row.relative_error))
        error = abs(worst.relative_error)
        text = (
            "none" if error < 1e-14 else f"{100 * error:.2g} %" if error > 1e-4 else f"{error:.0e}".replace("e-0", "e-")
        )
        yield line(title, f"{len(rows)}", text, worst.case.why if error > 1e-4 else "")
