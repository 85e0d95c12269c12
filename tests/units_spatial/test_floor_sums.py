"""Sums of rounded quotients: are they those of adding them up one by one?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archsim.units.spatial.floor_sums import clamped_sum, floor_sum, reaches
from tests.units_spatial.sparse_cases import CI

SMALL = st.integers(-9, 9)


@CI
@given(st.integers(0, 40), st.integers(1, 30), st.integers(0, 90), st.integers(-200, 200), SMALL, st.data())
def test_the_sums_are_those_of_the_terms(
    count: int, divisor: int, step: int, start: int, low: int, data: st.DataObject
) -> None:
    terms = [(start + step * i) // divisor for i in range(count)]
    high = low + data.draw(st.integers(0, 9))
    assert floor_sum(count, divisor, step, start) == sum(terms)
    assert clamped_sum(count, divisor, step, start, low, high) == sum(min(high, max(low, term)) for term in terms)
    assert reaches(count, divisor, step, start, low) == next((i for i, t in enumerate(terms) if t >= low), count)


def test_a_progression_as_long_as_an_integer_is_summed() -> None:
    half = 10**18
    assert floor_sum(2 * half, 2, 1, 0) == 2 * (half * (half - 1) // 2)  # 0, 0, 1, 1, 2, 2, ...
