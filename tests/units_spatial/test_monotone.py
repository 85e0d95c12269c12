"""Does any dataflow move more with a larger buffer, or less than it must?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.dataflows import DATAFLOWS, dataflow
from archsim.units.spatial.io_bound import io_bound
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import FULL
from tests.units_spatial.sparse_cases import CI, FUSEMAX

NAMES = [name for name in DATAFLOWS if name not in {"window", "lambda", "topk"}]
NAMES += ["window:40", "lambda:3+50", "topk:30"]
WORDS = (500, 900, 1500, 2500, 4000, 6000, 9000, 15_000, 40_000, 100_000, 1_000_000)

shapes = st.builds(
    lambda batch, kv, group, positions, before, head, causal: Problem(
        batch, kv * group, kv, positions, positions + before, head, causal
    ),
    st.integers(1, 2),
    st.integers(1, 2),
    st.sampled_from([1, 1, 3]),
    st.integers(1, 300),
    st.integers(0, 300),
    st.sampled_from([4, 8, 20]),
    st.booleans(),
)


def moved(name: str, problem: Problem, arrays: SpatialArrays) -> int | None:
    """Bytes, rounded down; None where the buffer is too small."""
    flow = dataflow(name)
    try:
        form = flow.steady(problem, arrays, flow.plan(problem, arrays))
    except Infeasible:
        return None
    return int(form.read + form.written)


@pytest.mark.parametrize("name", NAMES)
@settings(CI, max_examples=40)
@given(problem=shapes, rows=st.sampled_from([4, 8, 16]), cols=st.sampled_from([4, 8, 16]), copies=st.integers(1, 3))
def test_a_larger_buffer_never_moves_more(name: str, problem: Problem, rows: int, cols: int, copies: int) -> None:
    """In the design's own mode (`plan: least_traffic`); FLAT's published choice is the named exception."""
    arrays = replace(FUSEMAX, rows=rows, cols=cols, lanes=cols, ripple=rows, copies=copies)
    pattern = getattr(dataflow(name), "pattern", FULL)
    before = None
    for words in WORDS:
        now = moved(name, problem, replace(arrays, buffer_bytes=2 * words))
        assert before is None or (now is not None and now <= before)
        if now is not None:
            bound = io_bound(problem, words, pattern)
            assert now >= 2 * max(bound.compulsory, bound.asymptotic)
        before = now
