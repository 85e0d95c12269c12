"""FuseMax (Nayak et al., MICRO 2024, arXiv 2406.10491): rows of its artifact's tables, and the averages of its text.

Simulated in artifact mode and roofline fidelity, which repeat what the artifact leaves out; see models/spatial.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from statistics import mean

from archsim.api.papers.case import Case, Status, table
from archsim.api.papers.fusemax_points import (
    CONFIGS,
    LENGTHS,
    MODELS,
    Result,
    attention,
    balanced,
    layer,
    linear,
    published,
)
from archsim.models.spatial.area import areas
from archsim.units.spatial.flat import DATAFLOW, choice
from archsim.units.spatial.flat_search import Estimate, estimate
from archsim.units.spatial.problem import Problem

TITLE = "FuseMax, MICRO 2024"
FILE = "fusemax.csv"
EXACT = 1e-9
"""Relative; times are whole picoseconds."""
SWEEP = "FLAT's published counts have one more sweep over the scores from 64K on"
TILINGS = "Timeloop's mapper chose tilings for the unfused machine"
FIRST_READS = "that first reads are charged from 256K keys on was read off these energies"
FROM = 65536
"""Length from which FLAT's published energies have that sweep."""


def cases() -> tuple[Case, ...]:
    """Every row that is reported."""
    makers: dict[str, Callable[[dict[str, str]], Case]] = {
        "attention": _attention,
        "linear_layers": _linear,
        "end2end": _end_to_end,
        "pareto_256K": _pareto,
        "flat_validation": _authors,
    }
    return tuple(makers[row["kind"]](row) if row["seq_len"] else _mean(row) for row in table(FILE))


def _case(
    row: dict[str, str],
    group: str,
    simulate: Callable[[], float],
    tolerance: float,
    why: str = "",
    status: Status = "predicted",
) -> Case:
    label = " ".join(part for part in (row["config"], row["model"], row["seq_len"]) if part)
    several = group in {"attention", "end to end"}
    return Case(
        f"{group}, {row['config']}" if several else group,
        f"{group} {label}",
        row["metric"],
        row["unit"],
        float(row["value"]),
        row["source"],
        simulate,
        tolerance,
        status,
        why,
    )


def _where(row: dict[str, str]) -> tuple[str, str, int]:
    """Design, model, length."""
    return CONFIGS.get(row["config"], "flat"), row["model"], int(row["seq_len"])


def _attention(row: dict[str, str]) -> Case:
    design, model, length = _where(row)
    metric, unfused = row["metric"], row["config"] == "unfused"
    swept = "flat" in (design, metric.rpartition("_vs_")[2]) and length >= FROM

    def simulate() -> float:
        return _measure(metric, attention(design, model, length), lambda base: attention(base, model, length))

    if "energy" in metric:
        # From where on first reads are charged was read off these energies.
        fitted = length >= published(design).energy.quirks.first_reads_from and (design != "flat" or "_vs_" in metric)
        why = SWEEP if swept else FIRST_READS if fitted else ""
        status: Status = "calibrated" if fitted else "predicted"
        return _case(row, "attention", simulate, 0.031 if swept else 2e-3, why, status)
    loose = unfused or metric.endswith("_vs_unfused")
    return _case(row, "attention", simulate, 0.004 if loose else EXACT, TILINGS if loose else "")


def _measure(metric: str, ours: Result, other: Callable[[str], Result]) -> float:
    """A metric of a result; ratios are to that of another design."""
    name, _, base = metric.partition("_vs_")
    if name == "speedup":
        return other(base).seconds / ours.seconds
    if name == "energy_ratio":
        return ours.energy_pj / other(base).energy_pj
    if metric.startswith("einsum_cycles_"):
        return ours.cycles(metric.removeprefix("einsum_cycles_"))
    if metric.startswith("util_"):
        parts = metric.split("_")
        return ours.ratios[f"util.{parts[2]}" if len(parts) > 2 else metric]
    plain = {
        "latency": ours.seconds,
        "cycles": ours.seconds * ours.clock,
        "dram_traffic": float(ours.bytes),
        "energy": ours.energy_pj,
    }
    return plain[metric]


def _linear(row: dict[str, str]) -> Case:
    _, model, length = _where(row)
    design, xlm = row["config"], model == "XLM"
    # six products, each rounded up to a picosecond
    tolerance = {"latency": 2 * EXACT, "dram_traffic": 0.3 if xlm else 0.0, "energy": 3e-3 if xlm else 1e-5}[
        row["metric"]
    ]
    why = "Timeloop's mapper moves more than the best loop order" if xlm and row["metric"] != "latency" else ""

    def simulate() -> float:
        return _measure(row["metric"], linear(design, model, length), lambda base: linear(base, model, length))

    return _case(row, "linear layers", simulate, tolerance, why)


def _end_to_end(row: dict[str, str]) -> Case:
    design, model, length = _where(row)
    energy = "energy" in row["metric"]
    swept = energy and design == "flat" and length >= FROM
    fitted = energy and length >= published(design).energy.quirks.first_reads_from

    def simulate() -> float:
        return _measure(row["metric"], layer(design, model, length), lambda base: layer(base, model, length))

    why = SWEEP if swept else FIRST_READS if fitted else TILINGS
    return _case(row, "end to end", simulate, 0.03 if swept else 3e-3, why, "calibrated" if fitted else "predicted")


def _pareto(row: dict[str, str]) -> Case:
    _, model, length = _where(row)
    side, metric = int(row["config"].partition("=")[2]), row["metric"]

    def simulate() -> float:
        design, ours = balanced(side, model, length)
        found = {
            "latency": ours.seconds,
            "dram_traffic": float(ours.bytes),
            "comp_2d_lat": ours.ratios["util_2d"] * ours.seconds,
            "comp_1d_lat": ours.ratios["util_1d"] * ours.seconds,
            "mem_lat": ours.bytes / design.arrays.bandwidth,
            "area": sum(areas(design).values()),
            "array_2d_area": areas(design)["array_2d"],
        }
        return found[metric]

    return _case(row, "Pareto sweep", simulate, 1e-12 if "area" in metric else EXACT)


def _authors(row: dict[str, str]) -> Case:
    """FLAT by its authors' cost model, which the published choices are made by."""
    machine = "flat" if "cloud" in row["config"] else "flat-edge"
    arrays = published(machine).arrays
    shape, length = MODELS[row["model"]], int(row["seq_len"])
    problem = Problem(int(row["batch"]), shape.heads, shape.heads, length, length, shape.head)

    def found() -> Estimate:
        return estimate(problem, arrays, choice(problem, arrays, DATAFLOW.plan(problem, arrays)))

    measures: dict[str, Callable[[Estimate], float]] = {
        "ideal_latency": lambda own: float(own.ideal_seconds),
        "actual_latency": lambda own: float(own.seconds),
        "mem_traffic": lambda own: float(own.bytes),
        "energy": lambda own: float(own.energy_pj),
    }
    why = "the model and its search are derived from these rows, since its code is not public"
    return _case(row, "FLAT's own cost model", lambda: measures[row["metric"]](found()), EXACT, why, "calibrated")


def means(part: Callable[[str, str, int], Result], metric: str, design: str, base: str) -> Iterator[float]:
    """Ratios of a design to another at all points of the paper: four models, six lengths."""
    for model in MODELS:
        for length in LENGTHS:
            yield _measure(f"{metric}_vs_{base}", part(design, model, length), partial(_at, part, model, length))


def _at(part: Callable[[str, str, int], Result], model: str, length: int, base: str) -> Result:
    return part(base, model, length)


def _mean(row: dict[str, str]) -> Case:
    """An average of the paper's text: arithmetic, given with two digits."""
    part = attention if row["kind"] == "attention" else layer
    metric = row["metric"].partition("_vs_")[0]
    energy = metric == "energy_ratio"
    why = f"arithmetic mean of 24 points; {SWEEP}" if energy else "arithmetic mean of 24 points, given with two digits"

    def simulate() -> float:
        return mean(means(part, metric, "fusemax", "flat"))

    return _case(row, f"average {row['kind']}", simulate, 0.02 if energy else 0.008, why)
