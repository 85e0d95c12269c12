"""PIM-GPT (Wu, Wang, Lu: npj Unconventional Computing 2024, arXiv 2310.09385): claims about eight models, 1024 tokens.

The machine was fitted to none of them; the baselines were, with one figure each. Claims that this model does not reach
have the difference as their tolerance, and a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import NamedTuple

from archsim.api.designs import load_design
from archsim.api.papers.case import Case, Status, table
from archsim.api.running import run
from archsim.core.errors import BadInput
from archsim.ir.report import Report
from archsim.models.pim_dram import PimDram
from archsim.workloads.catalog import load_shape

TITLE = "PIM-GPT, npj Unconventional Computing 2024"
FILE = "pim_gpt.csv"
MODELS = tuple(f"gpt{generation}-{size}" for generation in (2, 3) for size in ("small", "medium", "large", "xl"))
TOKENS = 1024
REFRESHING = 455 / 6825
"""Share of the time that refreshes take, tRFC over tREFI."""
MEMORY_CAUSES = {"mac", "row", "input", "output", "refresh", "recovery"}
"""Where the memory's time goes; every other cause is a function of the controller."""
ROW_MODEL_MS: Mapping[str, float] = dict(
    zip(MODELS, (99.0, 280.4, 607.6, 1234.9, 99.0, 280.4, 587.5, 1005.4), strict=True)
)
"""Products of 1024 tokens by the row model: 24 ns and 64 columns per 2 KB row, refresh as a factor [derived]."""
SENSITIVE = ("gpt2-small", "gpt2-xl", "gpt3-xl")
"""Models that trends are looked at for."""
CALIBRATED = "one figure of the baseline is fitted to the claim; see models/baseline"


@cache
def generated(design: str, model: str, **sets: object) -> Report:
    """1024 tokens, one by one; `sets` with a double underscore for the dot."""
    settings = {name.replace("__", "."): value for name, value in sets.items()}
    return run(design, model, phase="generate", prompt=1, generate=TOKENS, set=settings)


def cases() -> tuple[Case, ...]:
    """Every claim that is a number, and the row model."""
    rows = {(row["item"], row["metric"]): row for row in table(FILE)}
    return (*_claims(rows), *_products(), *_inputs(rows))


Rows = Mapping[tuple[str, str], Mapping[str, str]]


class Claim(NamedTuple):
    """A claim of the table, and how it is simulated."""

    item: str
    metric: str
    simulate: Callable[[], float]
    tolerance: float
    why: str = ""
    status: Status = "predicted"


SPREAD = f"{CALIBRATED}; which models stand at the ends of the range is not known"
EIGHT = "8 GPT models"
CLAIMS = (
    Claim(EIGHT, "speedup_vs_T4_min", lambda: min(speedups("t4")), 0.03, CALIBRATED, "calibrated"),
    Claim(EIGHT, "speedup_vs_T4_max", lambda: max(speedups("t4")), 0.2, SPREAD, "calibrated"),
    Claim(EIGHT, "speedup_vs_Xeon_max", lambda: max(speedups("xeon-6154")), 0.12, SPREAD, "calibrated"),
    Claim(EIGHT, "energy_eff_vs_T4_min", lambda: min(gains("t4")), 0.1, CALIBRATED, "calibrated"),
    Claim(EIGHT, "energy_eff_vs_Xeon_min", lambda: min(gains("xeon-6154")), 0.45, SPREAD, "calibrated"),
    Claim(EIGHT, "energy_eff_vs_Xeon_max", lambda: max(gains("xeon-6154")), 0.25, SPREAD, "calibrated"),
    Claim("all", "data_movement_reduction_min", lambda: min(map(moved_less, MODELS)), 0.02),
    Claim(
        "all",
        "data_movement_reduction_max",
        lambda: max(map(moved_less, MODELS)),
        0.2,
        "every channel gets its own copy of a vector here",
    ),
    Claim(
        "asic_freq 1GHz->200MHz",
        "slowdown_upper",
        lambda: max(slowdowns(asic__clock="200 MHz")),
        0.45,
        "functions of the controller wait for their whole input here, none overlaps the products",
    ),
    Claim(
        "pin_rate 16->2 Gb/s",
        "slowdown_approx",
        lambda: max(slowdowns(pim__pin_rate="2 Gb/s")),
        0.05,
        "the largest of three models; results leave while the next columns stream",
    ),
    Claim("gpt3-xl", "parameters", lambda: layer_parameters("gpt3-xl"), 0.06, "layers alone, without embeddings"),
    Claim(
        EIGHT, "max_parameters", lambda: max(map(layer_parameters, MODELS)), 0.06, "layers alone, without embeddings"
    ),
)
"""What of the claims is simulated; the others are repeated by these or have no number."""


def _claims(rows: Rows) -> Iterator[Case]:
    for item, metric, simulate, tolerance, why, status in CLAIMS:
        row, group = rows[item, metric], "claims, calibrated" if status == "calibrated" else "claims"
        yield Case(
            group, item, metric, row["unit"], float(row["value"]), row["source"], simulate, tolerance, status, why
        )


def _products() -> Iterator[Case]:
    source = "derived: 24 ns and a column per ns for each row of 2 KB, weights without gaps, no vectors moved"
    why = "vectors in and out, which the row model leaves out"
    for model, ms in ROW_MODEL_MS.items():
        yield Case(
            "row model",
            model,
            f"products_of_{TOKENS}_tokens",
            "ms",
            ms,
            source,
            partial(products_ms, model),
            0.1,
            why=why,
        )


INPUTS: Mapping[tuple[str, str], Callable[[PimDram], float]] = {
    ("dram", "channels"): lambda d: d.pim.channels,
    ("dram", "mac_lanes_per_bank"): lambda d: d.pim.lanes,
    ("dram", "row_size"): lambda d: d.pim.row_bytes,
    ("dram", "pin_rate"): lambda d: d.pim.pin_rate / 1e9,
    ("dram", "pins_per_channel"): lambda d: d.pim.pins,
    ("dram", "tRP"): lambda d: d.pim.timing.trp / 1e3,
    ("dram", "tCCD"): lambda d: d.pim.timing.tccd / 1e3,
    ("dram", "tRFC"): lambda d: d.pim.timing.trfc / 1e3,
    ("dram", "tREFI"): lambda d: d.pim.timing.trefi / 1e3,
    ("asic", "sram"): lambda d: d.asic.sram / 1024,
    ("asic", "adders"): lambda d: d.asic.adders,
}
"""Fields of the design that the paper states."""


def _inputs(rows: Rows) -> Iterator[Case]:
    for (item, metric), read in INPUTS.items():
        row = rows[item, metric]
        simulate = partial(_field, read)
        yield Case("design", item, metric, row["unit"], float(row["value"]), row["source"], simulate, 0.0, "input")


def _field(read: Callable[[PimDram], float]) -> float:
    return float(read(design()))


@cache
def design() -> PimDram:
    """The shipped machine.

    Raises
    ------
    BadInput
        ``pim-gpt`` is another kind of machine.
    """
    found = load_design("pim-gpt")
    if not isinstance(found, PimDram):
        raise BadInput("pim-gpt is no PIM memory", right="the bundled design")
    return found


def speedups(baseline: str) -> list[float]:
    """How much longer a baseline takes, by model."""
    return [generated(baseline, model).seconds / generated("pim-gpt", model).seconds for model in MODELS]


def gains(baseline: str) -> list[float]:
    """How much more energy it takes, at the watts that the second abstract implies."""
    sets = {"processor__power_assumption": "abstract-v2"}
    return [generated(baseline, m, **sets).energy.total / generated("pim-gpt", m).energy.total for m in MODELS]


def slowdowns(**sets: str) -> list[float]:
    """How much longer generation takes with changed settings."""
    return [generated("pim-gpt", m, **sets).seconds / generated("pim-gpt", m).seconds for m in SENSITIVE]


def moved_less(model: str) -> float:
    """Bytes that the banks read over bytes that cross the pins."""
    traffic = generated("pim-gpt", model).traffic
    return traffic["pim"][0] / sum(traffic["pim.pins"])


def products_ms(model: str) -> float:
    """Time without controller functions and KV writes, stretched by refreshes in proportion, as in the row model."""
    report = generated("pim-gpt", model)
    controller = sum(ps for cause, ps in report.time_by_cause.items() if cause not in MEMORY_CAUSES)
    writes = sum(op.ps for op in report.ops if op.kind == "kv_append")
    kept = report.total_ps - controller - writes - report.time_by_cause["refresh"]
    return kept / (1 - REFRESHING) / 1e9


def layer_parameters(model: str) -> float:
    """Weights of all layers: 12 squares of the width each."""
    shape = load_shape(model)
    return float(12 * shape.layers * shape.d_model**2)
