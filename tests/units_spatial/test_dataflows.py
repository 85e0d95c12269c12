"""Dataflows by name: is every one found, and a wrong name answered?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsim.core.errors import BadInput, UnknownName
from archsim.units.spatial.dataflows import DATAFLOWS, dataflow
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem
from tests.units_spatial.onepass_cases import machine


@pytest.mark.parametrize("name", [*DATAFLOWS, "window:64", "lambda:4+60", "topk:32"])
def test_every_name_gives_a_dataflow_of_that_name_that_runs(name: str) -> None:
    flow = dataflow(name)
    assert flow.name == name
    published = name if name in ("fusemax-cascade", "flat", "unfused") else "fusemax"
    problem, arrays = Problem(2, 4, 2, 700, 700, 64, causal=True), replace(machine(published), dataflow=name)
    plan = flow.plan(problem, arrays)
    assert plan.dataflow == name
    steady = flow.steady(problem, arrays, plan)
    assert set(steady.busy) == {ARRAY, VECTOR}
    assert 0 < max(steady.busy.values()) <= steady.seconds * arrays.clock
    assert steady.read + steady.written > 0


def test_names_are_unique_and_the_published_ones_first() -> None:
    assert list(DATAFLOWS)[:5] == ["fusemax", "fusemax-arch", "fusemax-cascade", "flat", "unfused"]


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'fusemax'"):
        dataflow("fusemx")
    with pytest.raises(BadInput, match="window:4096"):
        dataflow("window:many")
