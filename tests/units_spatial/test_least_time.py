"""The time that no schedule beats: does any dataflow, and is it reached where one operator is all that counts?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import Infeasible
from archsim.units.spatial.dataflows import DATAFLOWS, dataflow
from archsim.units.spatial.least_time import least_time
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import FULL
from tests.units_spatial.flat_cases import CLOUD
from tests.units_spatial.flat_cases import published as bert
from tests.units_spatial.sparse_cases import CI, FUSEMAX, problems, small

NAMES = [name for name in DATAFLOWS if name not in {"window", "lambda", "topk"}]


@CI
@given(st.sampled_from([*NAMES, "window:20", "lambda:3+9", "topk:12"]), problems, st.integers(2, 9), st.integers(1, 4))
def test_no_dataflow_is_faster(name: str, problem: Problem, side: int, copies: int) -> None:
    arrays, flow = small(side, side, 4000, copies=copies), dataflow(name)
    try:
        form = flow.steady(problem, arrays, flow.plan(problem, arrays))
    except Infeasible:
        return
    assert form.seconds >= least_time(problem, arrays, getattr(flow, "pattern", FULL)).seconds


def test_the_softmax_of_flat_sets_its_least_time() -> None:
    """Maximum and exponential of every score on 256 PEs; FLAT also adds and divides there: twice as long."""
    problem = bert("BERT", 4096)
    least = least_time(problem, CLOUD)
    scores, rows = problem.instances * 4096**2, problem.instances * 4096
    assert least.seconds == Fraction(2 * scores - rows + rows, 256 * CLOUD.clock)
    assert least.by == "array_1d, alone with max, sub_exp, div"


@pytest.mark.parametrize(("bandwidth", "by"), [(400 << 30, "all PEs together"), (10**9, "dram, compulsory traffic")])
def test_fusemax_is_bound_by_all_its_pes_or_by_its_memory(bandwidth: int, by: str) -> None:
    problem, arrays = bert("BERT", 4096), replace(FUSEMAX, bandwidth=bandwidth)
    least = least_time(problem, arrays)
    assert least.by == by
    flow = dataflow("fusemax")
    taken = flow.steady(problem, arrays, flow.plan(problem, arrays)).seconds
    assert 1 <= taken / least.seconds < 1.05
