"""Which plan holds, and is it searched for once?"""

from __future__ import annotations

from dataclasses import replace

import pytest

import archsim
from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flat import DATAFLOW
from archsim.units.spatial.flat_search import Choice, Cost, search
from archsim.units.spatial.planning import planned
from archsim.units.spatial.problem import Plan, Problem
from tests.units_spatial.flat_cases import CLOUD

SHORT, LONG = Problem(1, 12, 12, 300, 300, 64), Problem(1, 12, 12, 2000, 2000, 64)
ROWS = Plan("flat", {"granularity": "row", "rows": 512, "qk": "output", "av": "output", "onchip": "QK"})


def test_a_given_plan_holds_as_long_as_sizes_stay_within_it() -> None:
    assert planned(DATAFLOW, LONG, CLOUD, ROWS, moving=True) == (ROWS, DATAFLOW.steady(LONG, CLOUD, ROWS))
    afresh = DATAFLOW.plan(SHORT, CLOUD)
    assert planned(DATAFLOW, SHORT, CLOUD, ROWS, moving=True)[0] == afresh == planned(DATAFLOW, SHORT, CLOUD)[0]


def test_sizes_that_no_loop_moves_have_to_fit_the_given_plan() -> None:
    with pytest.raises(BadInput, match="fused passes of 512 rows"):
        planned(DATAFLOW, SHORT, CLOUD, ROWS)


def test_equal_machines_share_plans_and_others_do_not() -> None:
    same = replace(CLOUD, array_cycles=dict(sorted(CLOUD.array_cycles.items(), reverse=True)))
    assert (same, hash(same)) == (CLOUD, hash(CLOUD))
    assert DATAFLOW.plan(LONG, same) is DATAFLOW.plan(LONG, CLOUD)
    assert hash(replace(CLOUD, plan="fastest")) != hash(CLOUD)


def test_a_generation_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By mapper and closed form together, whatever the number of steps."""
    searched: list[Problem] = []

    def counted(problem: Problem, arrays: SpatialArrays, cost: Cost) -> Choice:
        searched.append(problem)
        return search(problem, arrays, cost)

    monkeypatch.setattr("archsim.units.spatial.flat.search", counted)
    for steps in (3, 40):
        searched.clear()
        archsim.run("flat", "gpt2-medium", phase="generate", prompt=1, generate=steps, fidelity="roofline")
        assert len(searched) <= 2  # one for the prompt, one for all steps after it
