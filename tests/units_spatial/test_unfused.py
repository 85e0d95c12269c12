"""Attention in three phases: do time, traffic and energy follow the published ones, and the buffer?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from archsim.units.spatial.unfused import DATAFLOW
from tests.units_spatial.onepass_cases import (
    BUFFER,
    CI,
    EXP_UNIT,
    energy,
    machine,
    machines,
    problems,
    published,
    reference,
)

ROWS = reference("attention", "unfused")
MACHINE = machine("unfused", exp=1)


def run(problem: Problem, arrays: SpatialArrays) -> Steady:
    return DATAFLOW.steady(problem, arrays, DATAFLOW.plan(problem, arrays))


def test_the_reference_has_every_network() -> None:
    assert len(ROWS) == 16


@pytest.mark.parametrize("point", ROWS, ids=str)
def test_published_times_and_traffic(point: tuple[str, int]) -> None:
    """The same wherever the buffer holds an operand whole; elsewhere the artifact's mapper reads it more often."""
    problem, values = published(*point), ROWS[point]
    plan = DATAFLOW.plan(problem, MACHINE)
    steady = DATAFLOW.steady(problem, MACHINE, plan)
    cycles = steady.seconds * MACHINE.clock
    rel = 1e-12 if plan.number("passes") == 1 else 4e-3
    for metric, ours in {
        "latency": steady.seconds,
        "cycles": cycles,
        "dram_traffic": steady.read + steady.written,
        "util_2d": steady.busy[ARRAY] / cycles,
        "util_1d": steady.busy[VECTOR] / cycles,
    }.items():
        assert float(ours) == pytest.approx(values[metric], rel=rel), metric
    assert float(steady.read + steady.written) <= values["dram_traffic"]


@pytest.mark.parametrize("point", ROWS, ids=str)
def test_counts_give_the_published_energy(point: tuple[str, int]) -> None:
    """From 256K tokens, the exponentials that wait in the buffer are read once more."""
    problem = published(*point)
    steady, passes = run(problem, MACHINE), DATAFLOW.plan(problem, MACHINE).number("passes")
    ours = energy(steady, 32, EXP_UNIT)
    if point[1] >= 256 << 10:
        ours += problem.instances * problem.queries * problem.keys * BUFFER[32][0]
    assert ours == pytest.approx(ROWS[point]["energy"], rel=1e-4 if passes == 1 else 5e-4)


@CI
@given(st.sampled_from([8, 16, 256]), st.integers(1, 20), st.integers(1, 20), st.integers(1, 200), st.integers(1, 9))
def test_published_formula(a: int, p1: int, m1: int, e: int, instances: int) -> None:
    p, m, arrays = p1 * a, m1 * a, replace(machine("unfused", a, exp=1), bandwidth=10**9)
    steady = run(Problem(instances, 1, 1, p, m, e), arrays)
    q, k, s = (2 * instances * words for words in (p * e, m * e, p * m))
    product = max(Fraction(q + k + s, 10**9), Fraction(e * instances * p1 * m1, arrays.clock))
    softmax = max(Fraction(2 * s, 10**9), Fraction(4 * instances * p * m1, arrays.clock))
    assert steady.seconds == 2 * product + softmax
    assert steady.read + steady.written == 2 * (q + k) + 4 * s


@CI
@given(problems(), st.data(), st.integers(0, 4000))
def test_a_larger_buffer_moves_no_more(problem: Problem, data: st.DataObject, more: int) -> None:
    small = data.draw(machines("unfused"))
    large = replace(small, buffer_bytes=small.buffer_bytes + 2 * more)
    less, most = run(problem, large), run(problem, small)
    assert less.read + less.written <= most.read + most.written
    scores = problem.instances * problem.queries * problem.keys
    assert (less.read + less.written) / 2 >= problem.compulsory_words() + 4 * scores


@CI
@given(problems(), st.data())
def test_phases_are_no_shorter_than_their_parts(problem: Problem, data: st.DataObject) -> None:
    arrays = data.draw(machines("unfused"))
    steady = run(problem, arrays)
    assert steady.cycles == sum(steady.busy.values()) == sum(cycles for _, cycles in steady.einsums.values())
    assert steady.seconds >= steady.cycles / arrays.clock
    assert steady.seconds >= (steady.read + steady.written) / arrays.bandwidth
    assert steady.seconds <= steady.cycles / arrays.clock + (steady.read + steady.written) / arrays.bandwidth


@CI
@given(st.integers(1, 400), st.integers(50, 400))
def test_rows_that_do_not_fit_pass_the_dram_again(keys: int, words: int) -> None:
    arrays = machine("unfused", 4, 2 * words, exp=1)
    steady = run(Problem(1, 1, 1, 3, keys, 2), arrays)
    scores, spilled = 3 * keys, max(Fraction(0), 1 - Fraction(words, keys))
    passes = -(-(steady.read / 2 - 6 - 2 * scores - 2 * spilled * scores) // (4 * keys))
    assert steady.read / 2 == 6 + 4 * keys * passes + 2 * scores + 2 * spilled * scores
    assert steady.written / 2 == 6 + 2 * scores + spilled * scores


def test_what_cannot_run() -> None:
    problem = Problem(1, 1, 1, 512, 512, 64)
    need = 2 * 512 * 64
    assert DATAFLOW.plan(problem, machine("unfused", buffer=need)).number("passes") == 2
    with pytest.raises(Infeasible, match="einsum QK: a tile of m0=256, p0=256, e=64 does not fit"):
        DATAFLOW.plan(problem, machine("unfused", buffer=need - 2))
    with pytest.raises(BadInput, match=r"softmax\.div needs div"):
        DATAFLOW.plan(problem, replace(MACHINE, vector_cycles={"max": 1, "sub_exp": 1, "add": 1}))
    with pytest.raises(BadInput, match="1 pass"):
        DATAFLOW.steady(problem, machine("unfused", buffer=need), Plan("unfused", {"passes": 1}))
