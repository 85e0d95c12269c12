"""Gurobi, where it is installed: the same optima, no proof without one, no output, and its limits explained."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.ir.tensorgraph import TensorGraph
from archsim.mappers import solvers
from archsim.mappers import solvers_gurobi as gurobi
from archsim.mappers.residency.bound import must_leave
from archsim.mappers.residency.checkpoints import relax
from archsim.mappers.residency.cosma import cosma, cosma_peak
from archsim.mappers.residency.keep import keep
from archsim.mappers.residency.problem import Problem
from archsim.mappers.solvers import solver
from archsim.workloads.networks import UNIT, decoder
from tests.mappers_residency.reference import graphs

needs_it = pytest.mark.skipif(bool(gurobi.refusal()), reason="Gurobi is not here")


@needs_it
@settings(max_examples=20, deadline=None)
@given(graphs(), st.integers(0, 3))
def test_it_says_what_highs_says(graph: TensorGraph, slack: int) -> None:
    problem = Problem.of(graph)
    units = (graph.least_capacity + slack) // problem.unit
    one, other = (
        (
            cosma(problem, units, by=by).outcome.objective,
            cosma(problem, units, by=by, order=problem.program).outcome.objective,
            cosma_peak(problem, by=by).outcome.objective,
            keep(problem, problem.program, units, by=by).schedule.cost,
            must_leave(problem, units, by=by),
            relax(problem, units, by=by).bound,  # type: ignore[union-attr]
        )
        for by in (solver("gurobi"), solver("highs"))
    )
    assert one == other


@needs_it
def test_it_prints_nothing_and_its_limits_are_explained(capfd: pytest.CaptureFixture[str]) -> None:
    problem = Problem.of(decoder(2, 1))
    found = cosma(problem, 129 * UNIT // problem.unit, by=solver("gurobi"))
    assert (found.outcome.status, found.outcome.objective) == ("optimal", 32)
    stopped = cosma(problem, 100 * UNIT // problem.unit, by=solver("gurobi"), seconds=0.1)
    assert stopped.schedule is None or stopped.outcome.bound <= stopped.schedule.cost
    large = Problem.of(decoder(4, 4))
    message = ""
    try:
        cosma(large, 48 * UNIT // large.unit, by=solver("gurobi"), seconds=0.5)
    except BadInput as error:  # unless there is a licence
        message = str(error)
    assert not message or ("--solver highs" in message and "2,882 variables" in message)
    assert capfd.readouterr() == ("", "")


def test_one_that_does_not_start_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(solvers, "solvers", dict)
    monkeypatch.setattr(solvers, "_version", lambda package: "13.0.3")
    monkeypatch.setattr(solvers, "refusal", lambda: "License expired 2020-01-01")
    with pytest.raises(BadInput, match="does not start: License expired") as caught:
        solver("gurobi")
    assert "--solver highs" in str(caught.value)
