"""Fast-forward equals stepping on spatial programs, and nothing is lost in either."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.sim.fastforward import run as fast
from archsim.sim.machine import elaborate
from archsim.sim.roofline import bounds
from archsim.sim.stepper import Stepper
from tests.models_spatial_cycle.spatial_runs import attention
from tests.sim.laws import check_conserved

TINY = {"array_2d.rows": 8, "array_2d.cols": 8, "buffer.size": "16 KiB", "buffer.line": "16 B"}
FLOWS = ("fusemax", "fusemax-arch", "flat", "unfused", "flash2", "window:16")


@given(
    flow=st.sampled_from(FLOWS),
    corrected=st.booleans(),
    batch=st.integers(1, 4),
    heads=st.integers(1, 4),
    group=st.integers(1, 2),
    queries=st.integers(1, 60),
    extra=st.integers(0, 40),
    causal=st.booleans(),
    depth=st.sampled_from([None, 1, 3]),
)
@settings(deadline=None, derandomize=True, max_examples=40)
def test_fast_forward_equals_stepping(
    flow: str,
    corrected: bool,
    batch: int,
    heads: int,
    group: int,
    queries: int,
    extra: int,
    causal: bool,
    depth: int | None,
) -> None:
    sizes = f"{batch},{heads * group},{heads},{queries},{queries + extra},8" + (",causal" if causal else "")
    settings_ = {**TINY, "energy.mode": "corrected" if corrected else "artifact"}
    case = attention("fusemax", sizes, set=settings_, dataflow=flow, depth=depth)
    case.mapping.check(case.graph, case.design)
    body, machine = case.mapping.body, elaborate(case.design)
    trace = fast(body, machine.blocks)
    assert trace == Stepper(body, case.design.blocks()).run()
    check_conserved(trace, body, machine.blocks)
    assert bounds(body, machine.blocks).total <= trace.total_ps


@pytest.mark.parametrize("flow", ["fusemax-cascade", "flat", "unfused"])
@pytest.mark.parametrize("sizes", ["2,4,2,9,30,8", "1,2,2,33,40,8,causal", "3,1,1,16,16,8"])
def test_on_flat_hardware_too(flow: str, sizes: str) -> None:
    case = attention("flat", sizes, set={**TINY, "buffer.size": "64 KiB"}, dataflow=flow)
    case.mapping.check(case.graph, case.design)
    body = case.mapping.body
    assert fast(body, case.design.blocks()) == Stepper(body, case.design.blocks()).run()
