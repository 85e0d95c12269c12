"""Solvers: which are there, what their answers mean, and what is said about those that are not."""

from __future__ import annotations

import pytest

from archsim.core.errors import BadInput
from archsim.mappers import solvers
from archsim.mappers.residency.cosma import cosma
from archsim.mappers.residency.cpsat import joint
from archsim.mappers.residency.problem import Problem
from archsim.mappers.solvers import run, solver, versions
from archsim.workloads.networks import UNIT, decoder


def test_both_solvers_that_pulp_brings_are_there_with_their_versions() -> None:
    assert {"highs", "cbc"} <= versions().keys()
    assert versions()["highs"].startswith("1.13")
    assert solver().name == "highs"


@pytest.mark.parametrize("name", ["highs", "cbc"])
def test_a_time_limit_is_not_a_proof(name: str) -> None:
    """After the limit solvers call what they have optimal, or the program infeasible; neither is so."""
    problem = Problem.of(decoder(4, 4))
    capacity = 48 * UNIT // problem.unit
    found = cosma(problem, capacity, by=solver(name), seconds=1.0)
    assert found.outcome.status in ("feasible", "unknown")
    if found.schedule is not None:
        assert found.outcome.bound <= 178 * UNIT // problem.unit <= found.schedule.cost


def test_a_bound_counts_the_constant_of_the_objective() -> None:
    """Solvers are not told of it: a bound without it would be above the optimum."""
    import pulp

    program = pulp.LpProblem("less", pulp.LpMinimize)
    x = program.add_variable("x", 0, 99, "Integer")
    program.setObjective(2 * x - 10)
    program += x >= 7
    program.solve(solver("highs").make(None))
    assert solvers._proved(program, solver("highs")) == pulp.value(program.objective) == 4


@pytest.mark.parametrize("name", ["highs", "cbc"])
def test_infeasible_and_unbounded_variables_are_told_apart(name: str) -> None:
    import pulp

    program = pulp.LpProblem("none", pulp.LpMinimize)
    x = program.add_variable("x", 0, 3, "Integer")
    program.setObjective(1 * x)
    program += 2 * x >= 9
    assert run(program, solver(name)).status == "infeasible"


@pytest.mark.parametrize(("name", "words"), [("gurobi", "gurobipy"), ("cbc", "pulp"), ("highs", "highspy")])
def test_a_missing_solver_says_how_to_get_it(name: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "solvers", dict)
    with pytest.raises(BadInput) as caught:
        solver(name)
    assert f"{name!r} is not installed" in str(caught.value)
    assert f"pip install {words}" in str(caught.value).replace("'", "")


def test_cp_sat_that_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from archsim.mappers.residency import cpsat

    monkeypatch.setattr(cpsat, "has_cp_sat", lambda: False)
    problem = Problem.of(decoder(2, 2))
    with pytest.raises(BadInput, match="pip install 'ortools"):
        joint(problem, 66 * UNIT // problem.unit)
