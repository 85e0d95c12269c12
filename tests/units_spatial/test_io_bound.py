"""I/O bounds: are they ordered, monotone, and those of the literature?"""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.units.spatial.dataflows import DATAFLOWS
from archsim.units.spatial.io_bound import io_bound, traffic_ratio
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import Window
from tests.units_spatial.sparse_cases import CI, FUSEMAX

problems = st.builds(
    lambda batch, kv, group, positions, before, head, causal: Problem(
        batch, kv * group, kv, positions, positions + before, head, causal
    ),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 3000),
    st.integers(0, 3000),
    st.sampled_from([1, 16, 64, 128]),
    st.booleans(),
)
words = st.integers(1, 1 << 24)


@CI
@given(problems, words, words)
def test_a_larger_memory_never_raises_the_bound(problem: Problem, one: int, other: int) -> None:
    small, large = io_bound(problem, min(one, other)), io_bound(problem, max(one, other))
    assert small.compulsory == large.compulsory == problem.compulsory_words()
    assert small.asymptotic >= large.asymptotic
    assert small.words >= large.words


@CI
@given(problems, words)
def test_the_proven_bound_is_the_published_order_times_a_constant_below_one(problem: Problem, m: int) -> None:
    bound = io_bound(problem, m)
    assert bound.proven <= bound.asymptotic + 1
    assert 2 * (bound.proven + m + 1) >= bound.asymptotic  # sqrt(M^2 + 3 M d^2) <= 2 max(M, d sqrt(M))


@CI
@given(problems, words)
def test_both_regimes_follow_the_published_formulas(problem: Problem, m: int) -> None:
    n, d = problem.positions * problem.keys * problem.batch * problem.heads, problem.head
    if not problem.causal:
        expected = n * d**2 / m if m >= d * d else n * d / sqrt(m)
        found = io_bound(problem, m).asymptotic
        assert found <= expected
        assert found + 1 >= expected * sqrt(m) / (sqrt(m) + 1)  # the root is rounded up, the quotient down


@CI
@given(problems, words, st.integers(1, 500))
def test_a_mask_lowers_the_bounds(problem: Problem, m: int, window: int) -> None:
    whole, part = io_bound(problem, m), io_bound(problem, m, Window(window))
    assert part.compulsory <= whole.compulsory
    assert part.asymptotic <= whole.asymptotic


def test_a_million_tokens_in_16_mib() -> None:
    bound = io_bound(Problem(1, 1, 1, 1 << 20, 1 << 20, 64), 1 << 23)
    assert bound.asymptotic == 1 << 29
    assert bound.compulsory == 4 * 64 << 20


def test_fusemax_moves_eight_times_the_bound_at_a_million_tokens_and_flash2_half_of_that() -> None:
    problem = Problem(64, 12, 12, 1 << 20, 1 << 20, 64)
    ratios = {}
    for flow in (DATAFLOWS["fusemax"], DATAFLOWS["flash2"]):
        ratios[flow.name] = traffic_ratio(problem, FUSEMAX, flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX)))
    assert (
        ratios["fusemax"] == 8.25
    )  # 4 from keys and values with M / 2d rows, twice for the power of two; 0.25 Q and O
    assert 4 < ratios["flash2"] < 4.51


def test_no_memory_is_refused() -> None:
    with pytest.raises(BadInput, match="0 words"):
        io_bound(Problem(1, 1, 1, 1, 1, 1), 0)
