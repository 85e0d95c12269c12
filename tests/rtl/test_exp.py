"""Is the exponential the exponential?"""

from __future__ import annotations

import numpy as np
import pytest

from archsim.units.cores import softfloat as sf
from archsim.units.cores._flowcore import all_bf16, ulps
from archsim.units.cores.exp import BARS, LN2_HIGH, LN2_LOW, Exp, coefficients

UNITS = [Exp(), Exp(fmt="fp32", degree=5), Exp(fmt="fp32", degree=6)]


def test_every_bfloat16_is_within_two_last_places_and_all_of_the_softmax_range_far_within() -> None:
    values = all_bf16()
    values = values[(values <= 0) & (values > -87.3)]
    errors = ulps(Exp().values(values), np.exp(values.astype(np.float64)), 8)
    assert errors.max() < 0.53
    assert Exp(degree=2).accuracy().error < 2


@pytest.mark.parametrize("degree", range(2, 7))
def test_polynomials_hold_their_bars_over_the_reduced_range(degree: int) -> None:
    r = np.linspace(-np.log(2) / 2, np.log(2) / 2, 20_001)
    p = np.polyval(coefficients(degree)[::-1], r)
    error = np.abs(p * np.exp(-r) - 1)
    assert error.max() < BARS[degree]
    # A Taylor polynomial is several times worse, and the error of the best one is the same at both ends.
    taylor = sum(r**k / np.prod(np.arange(1.0, k + 1)) for k in range(degree + 1))
    assert error.max() < np.abs(taylor * np.exp(-r) - 1).max() / 3


@pytest.mark.parametrize("degree", range(2, 7))
def test_fp32_holds_its_bar(degree: int) -> None:
    measured = Exp(fmt="fp32", degree=degree).accuracy()
    assert measured.bar / 10 < measured.error <= measured.bar


def test_the_first_constant_of_the_reduction_is_exact_times_any_exponent() -> None:
    """So that nothing is lost where the argument and k ln 2 cancel."""
    k = np.arange(-150, 151)
    assert (sf.mul(sf.from_int(k), np.float32(LN2_HIGH)).astype(np.float64) == k * LN2_HIGH).all()
    assert pytest.approx(np.log(2), abs=2e-13) == LN2_HIGH + LN2_LOW


@pytest.mark.parametrize("unit", UNITS)
def test_specials(unit: Exp) -> None:
    given = np.array([0.0, -0.0, 1e-40, -1e-40, np.inf, -np.inf, np.nan, 200, -200, 3e38, -3e38], dtype=np.float32)
    np.testing.assert_array_equal(unit.values(given), [1, 1, 1, 1, np.inf, 0, np.nan, np.inf, 0, np.inf, 0])


@pytest.mark.parametrize("unit", UNITS)
def test_the_ends_of_the_range_are_met(unit: Exp) -> None:
    """The last finite result, and the first that is not flushed."""
    given = np.array([88.5, 89.0, -87.0, -88.0], dtype=np.float32)
    largest, over, smallest, under = unit.values(given)
    assert 2.6e38 < largest < 2.8e38
    assert over == np.inf
    assert 1.6e-38 < smallest < 1.7e-38
    assert under == 0


def test_it_grows_with_its_argument_over_all_of_bfloat16() -> None:
    given = np.sort(all_bf16())
    results = Exp().values(given)
    assert (np.diff(results[np.isfinite(results)]) >= 0).all()
