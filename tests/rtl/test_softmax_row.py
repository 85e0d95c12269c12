"""Is a row's softmax a softmax, whatever came before it?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.hdl.verify.native import amaranth_run
from archsim.units.cores import softfloat as sf
from archsim.units.cores.core import Beat
from archsim.units.cores.softmax_row import SoftmaxRow
from archsim.units.cores.timing import always

CI = settings(deadline=None, derandomize=True, max_examples=15)
UNIT = SoftmaxRow(fmt="fp32", degree=5, steps=2)
SCORES = st.floats(-80, 80, width=32)


def beats_of(unit: SoftmaxRow, *rows: Sequence[float]) -> list[Beat]:
    return [
        {"x": int(word), "last": int(at == len(row) - 1)}
        for row in rows
        for at, word in enumerate(sf.encode(np.array(row, dtype=np.float32), unit.fmt))
    ]


def softmax(unit: SoftmaxRow, *rows: Sequence[float]) -> np.ndarray:
    return sf.decode([int(str(beat["y"])) for beat in unit.golden(beats_of(unit, *rows))], unit.fmt).astype(np.float64)


@given(st.lists(SCORES, min_size=1, max_size=40))
@CI
def test_probabilities_are_right_and_add_up_to_one(row: list[float]) -> None:
    got = softmax(UNIT, row)
    x = np.array(row, dtype=np.float32).astype(np.float64)
    exact = np.exp(x - x.max())
    exact /= exact.sum()
    np.testing.assert_allclose(got, exact, rtol=1e-5, atol=2.0**-126)
    assert got.sum() == pytest.approx(1, abs=2e-6)


@given(st.lists(SCORES, min_size=2, max_size=20), st.integers(0, 2**20))
@CI
def test_order_changes_only_roundings(row: list[float], seed: int) -> None:
    """The running maximum rises in another order: sums are corrected at other times."""
    order = np.random.default_rng(seed).permutation(len(row))
    there, back = softmax(UNIT, row), softmax(UNIT, [row[index] for index in order])
    np.testing.assert_allclose(there[order], back, rtol=2e-6, atol=2.0**-126)


@given(st.lists(st.lists(SCORES, min_size=1, max_size=9), min_size=2, max_size=4))
@CI
def test_a_row_does_not_depend_on_those_before_it(rows: list[list[float]]) -> None:
    alone = np.concatenate([softmax(UNIT, row) for row in rows])
    np.testing.assert_array_equal(softmax(UNIT, *rows), alone)


def test_masked_scores_get_nothing_and_change_nothing() -> None:
    assert softmax(UNIT, [-np.inf, 1.0, -np.inf, 1.0, -np.inf]).tolist() == pytest.approx([0, 0.5, 0, 0.5, 0])
    row = [3.0, -1.0, 2.0]
    np.testing.assert_array_equal(softmax(UNIT, [*row, *[-np.inf] * 20])[:3], softmax(UNIT, row))


@pytest.mark.parametrize("row", [[np.nan, 1.0], [1.0, np.inf, 2.0], [-np.inf], [-np.inf] * 7])
def test_rows_without_a_softmax_are_nan_everywhere_and_the_next_is_well(row: list[float]) -> None:
    got = softmax(UNIT, row, [0.0, 0.0])
    assert np.isnan(got[: len(row)]).all()
    assert got[len(row) :].tolist() == pytest.approx([0.5, 0.5])


def test_zeros_and_subnormals_are_zeros() -> None:
    assert softmax(UNIT, [0.0, -0.0, 1e-40, -1e-40]).tolist() == pytest.approx([0.25] * 4, rel=1e-6)


def test_a_row_without_an_end_ends_where_the_room_does() -> None:
    unit = SoftmaxRow(length=4)
    beats = [{**beat, "last": 0} for beat in beats_of(unit, [1.0] * 9)]
    assert [beat["last"] for beat in unit.golden(beats)] == [0, 0, 0, 1, 0, 0, 0, 1]
    assert unit.completes(beats) == [3] * 4 + [7] * 4


@pytest.mark.parametrize("elements", [1, 5, 30])
def test_rows_follow_each_other_in_as_many_cycles_as_is_said(elements: int) -> None:
    unit = SoftmaxRow(length=32, mul_stages=1, add_stages=1)
    beats = beats_of(unit, *[[0.5] * elements] * 3)
    timing = amaranth_run(unit, beats).timing
    assert timing == unit.schedule(beats, [0] * len(beats), always)
    begins = timing.accepted[::elements]
    assert np.diff(begins).tolist() == [unit.row_cycles(elements)] * 2
    assert timing.left[0] - timing.accepted[elements - 1] == unit.latency
