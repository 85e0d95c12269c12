"""Machines and attentions of the tests of FLAT."""

from __future__ import annotations

from hypothesis import strategies as st

from archsim.ir.capability import PlanBy, SpatialArrays
from archsim.units.spatial.problem import Problem

MODELS = {"BERT": (12, 64), "TrXL": (16, 64), "T5": (8, 64), "XLM": (16, 128)}
"""Heads and head size."""


def machine(
    rows: int, cols: int, buffer_bytes: int, bandwidth: int, copies: int = 1, plan: PlanBy = "published"
) -> SpatialArrays:
    """FLAT's kind of machine: products on the 2D array, the softmax at one score per cycle on the 1D array."""
    vector = {"add": 1, "max": 1, "sub_exp": 1, "div": 1}
    return SpatialArrays(
        array="array_2d",
        vector="array_1d",
        memory="dram",
        rows=rows,
        cols=cols,
        lanes=cols,
        array_cycles={"mac": 1, "add": 1},
        vector_cycles=vector,
        ripple=rows,
        buffer_bytes=buffer_bytes,
        line_words=cols,
        ports=4,
        word_bytes=2,
        bandwidth=bandwidth,
        clock=940_000_000,
        dataflow="flat",
        copies=copies,
        plan=plan,
    )


CLOUD = machine(256, 256, 32 << 20, 400 << 30)
EDGE = machine(32, 32, 512 << 10, 50 << 30)


def published(model: str, length: int) -> Problem:
    """Self-attention of a network at a length, batch 64, as published."""
    heads, head = MODELS[model]
    return Problem(64, heads, heads, length, length, head)


@st.composite
def problems(draw: st.DrawFn, longest: int = 200) -> Problem:
    """Small attentions of any shape, with shared keys or not."""
    kv, group = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    positions, keys = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return Problem(draw(st.integers(1, 3)), kv * group, kv, positions, keys, draw(st.sampled_from([1, 4, 7, 16, 24])))


@st.composite
def machines(draw: st.DrawFn) -> SpatialArrays:
    """Small machines, square or not, whose buffers hold at least the tiles of the problems above."""
    side = st.sampled_from([4, 8, 16])
    return machine(draw(side), draw(side), draw(st.integers(1 << 13, 1 << 16)), draw(st.integers(10**7, 10**10)))
