"""Are rows normalised, wherever their mean lies?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.hdl.verify.native import amaranth_run
from archsim.units.cores import softfloat as sf
from archsim.units.cores.core import Beat
from archsim.units.cores.norm import Norm

CI = settings(deadline=None, derandomize=True, max_examples=15)


def beats_of(unit: Norm, x: np.ndarray) -> list[Beat]:
    return [{"x": int(word)} for word in sf.encode(x.astype(np.float32), unit.fmt).ravel()]


def normalised(unit: Norm, x: np.ndarray) -> np.ndarray:
    bits = [int(str(beat["y"])) for beat in unit.golden(beats_of(unit, x))]
    return sf.decode(bits, unit.fmt).astype(np.float64).reshape(x.shape)


@given(st.floats(-1e3, 1e3), st.floats(1e-2, 1e2), st.integers(0, 2**20), st.sampled_from(["layer", "rms"]))
@CI
def test_rows_are_those_of_double_precision(mean: float, spread: float, seed: int, form: Any) -> None:
    unit = Norm(fmt="fp32", form=form, length=48)
    x = (np.random.default_rng(seed).normal(size=(2, 48)) * spread + mean).astype(np.float32)
    wide = x.astype(np.float64)
    center = wide.mean(axis=1, keepdims=True) if form == "layer" else 0.0
    exact = (wide - center) / np.sqrt(((wide - center) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    # The last place of an element far from 0 is what the difference from the mean cannot be better than.
    loss = abs(mean) / spread * 2.0**-22 if form == "layer" else 0.0
    np.testing.assert_allclose(normalised(unit, x), exact, atol=np.abs(exact).max() * (2e-6 + loss))


@pytest.mark.parametrize("shift", [0.0, 100.0, -3000.0])
def test_a_mean_far_from_zero_does_not_cancel_the_variance(shift: float) -> None:
    """A sum of squares that is not centred would lose everything at 3000 deviations."""
    unit = Norm(fmt="fp32", length=64)
    x = np.round(np.random.default_rng(0).normal(size=(1, 64)) * 1024) / 1024
    np.testing.assert_allclose(normalised(unit, x + shift), normalised(unit, x), atol=2e-3)


def test_layer_rows_have_mean_zero_and_deviation_one() -> None:
    x = np.random.default_rng(1).normal(5, 3, (4, 64))
    y = normalised(Norm(fmt="fp32"), x)
    np.testing.assert_allclose(y.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("value", [0.0, 2.5, -1e-40])
def test_constant_rows_are_zero(value: float) -> None:
    assert (normalised(Norm(length=7), np.full((2, 7), value)) == 0).all()


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_spoils_its_row_and_no_other(odd: float) -> None:
    unit = Norm(fmt="fp32", length=6)
    x = np.tile(np.arange(6.0), (3, 1))
    x[1, 2] = odd
    y = normalised(unit, x)
    assert np.isnan(y[1]).all()
    np.testing.assert_array_equal(y[[0, 2]], normalised(unit, x[[0, 2]]))


def test_an_infinity_makes_the_other_elements_of_an_rms_row_zero() -> None:
    x = np.array([[1.0, np.inf, -2.0]])
    np.testing.assert_array_equal(normalised(Norm(form="rms", fmt="fp32", length=3), x), [[0, np.nan, -0.0]])


@pytest.mark.parametrize("form", ["layer", "rms"])
def test_rows_follow_each_other_in_as_many_cycles_as_is_said(form: Any) -> None:
    unit = Norm(form=form, length=12, mul_stages=1, add_stages=1)
    x = np.random.default_rng(2).normal(size=(3, 12))
    timing = amaranth_run(unit, beats_of(unit, x)).timing
    assert np.diff(timing.accepted[::12]).tolist() == [unit.row_cycles(12)] * 2
    assert timing.left[0] - timing.accepted[11] == unit.latency
