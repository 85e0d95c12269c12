"""Machines, attentions and published rows for the 1-pass dataflows, unfused attention and linear layers."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import Problem, Steady

CI = settings(deadline=None, derandomize=True)
DATA = Path(__file__).parents[2] / "archsim" / "api" / "papers" / "fusemax.csv"
MODELS = {"BERT": (12, 64), "TrXL": (16, 64), "T5": (8, 64), "XLM": (16, 128)}
"""Heads and head size."""
LAYERS = {"BERT": (768, 3072), "TrXL": (1024, 4096), "T5": (512, 2048), "XLM": (2048, 8192)}
"""Width and hidden width."""
FUSEMAX_PE = {"mac": 1, "mul": 1, "add": 1, "max": 1, "sub_exp": 7}
FLAT_PE = {"mac": 1, "mul": 1, "add": 1}


def machine(
    dataflow: str = "fusemax", side: int = 256, buffer: int | None = None, *, exp: int = 2, copies: int = 1
) -> SpatialArrays:
    """The published machine of a dataflow, at any size; `exp` cycles of the exponential unit where it has one."""
    own = dataflow in ("fusemax", "fusemax-arch")
    vector = FUSEMAX_PE | {"div": 1} | ({} if own else {"sub_exp": exp})
    return SpatialArrays(
        array="array_2d",
        vector="array_1d",
        memory="dram",
        rows=side,
        cols=side,
        lanes=side,
        array_cycles=FUSEMAX_PE if own else FLAT_PE,
        vector_cycles=vector,
        ripple=side,
        buffer_bytes=buffer or (32 if dataflow in ("flat", "unfused") else 16) << 20,
        line_words=side,
        ports=4,
        word_bytes=2,
        bandwidth=400 << 30,
        clock=940_000_000,
        dataflow=dataflow,
        copies=copies,
    )


@st.composite
def machines(draw: st.DrawFn, dataflow: str = "fusemax") -> SpatialArrays:
    """Small machines with sides and lanes of their own."""
    rows, cols, lanes = (draw(st.integers(1, 12)) for _ in range(3))
    base = machine(dataflow, rows, 2 * draw(st.integers(1200, 6000)), copies=draw(st.integers(1, 3)))
    return replace(base, cols=cols, lanes=lanes, bandwidth=draw(st.integers(10**7, 10**11)))


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Small attentions of any shape: shared keys, causal or not, odd lengths."""
    kv, group = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    positions, before = draw(st.integers(1, 40)), draw(st.integers(0, 30))
    head = draw(st.sampled_from([1, 3, 8, 16]))
    return Problem(draw(st.integers(1, 2)), kv * group, kv, positions, positions + before, head, draw(st.booleans()))


def published(model: str, length: int) -> Problem:
    """Self-attention of a network at a length, batch 64, as published."""
    heads, head = MODELS[model]
    return Problem(64, heads, heads, length, length, head)


def reference(kind: str, config: str) -> dict[tuple[str, int], dict[str, float]]:
    """(network, length) -> metric -> value."""
    found: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    with DATA.open() as file:
        for row in csv.DictReader(file):
            if (row["kind"], row["config"]) == (kind, config) and row["model"] in MODELS:
                found[row["model"], int(row["seq_len"])][row["metric"]] = float(row["value"])
    return dict(found)


PJ: Mapping[str, float] = {"mac": 17.1645, "mul": 17.1645, "add": 8.3395, "max": 0.028036, "div": 36.251153}
"""Of one operation. FPSG-UIUC/micro24-fusemax-artifact@218ce19, workspace/inputs/yamls/area_energy, ERT [stated]."""
EXP_UNIT = 94.6475
"""PJ of an exponential in a unit of its own; the same source."""
BUFFER = {16: (12512.7 / 256, 15751.4 / 256), 32: (23854.6 / 256, 27097.5 / 256)}
"""MiB -> pJ per word read and written in lines of 512 bytes: CACTI 7, 45 nm [derived]."""
DRAM = 249.6 / 8
"""PJ per byte [stated]."""


def energy(steady: Steady, mib: int, exponential: float) -> float:
    """PJ as the artifact counts, an exponential costing this beside its subtraction."""
    read, write = BUFFER[mib]
    price = {**PJ, "exp": PJ["add"] + exponential, "buffer_read": read, "buffer_write": write}
    counted = sum(price[name] * count for counts in steady.counts.values() for name, count in counts.items())
    return counted + DRAM * float(steady.read + steady.written)
