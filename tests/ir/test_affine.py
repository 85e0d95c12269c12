"""Affine expressions are what they evaluate to: arithmetic commutes with evaluation, and equal values have one form."""

from __future__ import annotations

import json
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.ir.affine import Affine, affine, sum_over

NAMES = ("a", "b", "layer", "t")
ints = st.integers(-50, 50)
environments = st.fixed_dictionaries(dict.fromkeys(NAMES, st.integers(0, 100)))


@st.composite
def expressions(draw: st.DrawFn) -> Affine:
    """Sums of variables in any order, some of which cancel."""
    out = Affine(draw(ints))
    for name in draw(st.lists(st.sampled_from(NAMES), max_size=6)):
        out = out + Affine.var(name, draw(ints), draw(ints))
    return out


@given(expressions(), expressions(), ints, environments)
def test_arithmetic_commutes_with_evaluation(x: Affine, y: Affine, factor: int, env: dict[str, int]) -> None:
    assert (x + y).at(env) == x.at(env) + y.at(env)
    assert (x - y).at(env) == x.at(env) - y.at(env)
    assert (x + factor).at(env) == x.at(env) + factor
    assert (x - factor).at(env) == x.at(env) - factor
    assert (x * factor).at(env) == x.at(env) * factor


@given(expressions(), expressions(), expressions())
def test_equal_values_have_one_form(x: Affine, y: Affine, z: Affine) -> None:
    assert x + y == y + x
    assert (x + y) + z == x + (y + z)
    assert x - x == Affine(0) == x * 0
    assert x + x == x * 2
    assert hash(x + y - y) == hash(x)
    assert x.terms == tuple(sorted((name, c) for name, c in x.terms if c))
    assert x.names() == {name for name, _ in x.terms}


@given(expressions(), environments, st.sampled_from(NAMES))
def test_a_coefficient_is_the_step_of_its_variable(x: Affine, env: dict[str, int], name: str) -> None:
    assert x.at({**env, name: env[name] + 1}) - x.at(env) == x.coefficient(name)


@given(expressions(), st.lists(environments, min_size=1, max_size=5))
def test_lanes_are_evaluated_one_by_one(x: Affine, lanes: list[dict[str, int]]) -> None:
    together = x.at({name: np.array([lane[name] for lane in lanes]) for name in NAMES})
    assert np.broadcast_to(together, len(lanes)).tolist() == [x.at(lane) for lane in lanes]


@given(expressions(), environments)
def test_text_and_json_say_the_same(x: Affine, env: dict[str, int]) -> None:
    assert Affine.from_json(json.loads(json.dumps(x.to_json()))) == x
    assert eval(str(x), {"__builtins__": {}}, dict(env)) == x.at(env)
    assert affine(x) is x
    assert affine(x.base) == Affine(x.base)


def test_an_unbound_variable_is_an_error() -> None:
    with pytest.raises(KeyError, match="t"):
        Affine.var("t").at({"layer": 1})


@given(st.lists(ints, min_size=1, max_size=4), st.integers(0, 60))
def test_sums_of_polynomials_are_exact(coefficients: list[int], count: int) -> None:
    def value(i: int) -> int:
        return sum(c * i**power for power, c in enumerate(coefficients))

    asked: list[int] = []

    def counted(i: int) -> int:
        asked.append(i)
        return value(i)

    assert sum_over(count, counted) == sum(value(i) for i in range(count))
    assert len(asked) <= 4
    assert all(0 <= i < count for i in asked)


@given(st.integers(1, 6), st.integers(0, 40))
def test_the_degree_can_be_raised(degree: int, count: int) -> None:
    def value(i: int) -> int:
        return prod(i + k for k in range(degree))

    assert sum_over(count, value, degree) == sum(value(i) for i in range(count))


def test_sums_are_exact_where_floats_are_not() -> None:
    assert sum_over(10**9, lambda i: 3 * i * i + 1) == 10**9 + (10**9 - 1) * 10**9 * (2 * 10**9 - 1) // 2
