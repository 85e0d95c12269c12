"""Is GELU within 2e-4 of the erf form, everywhere?"""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
import pytest

from archsim.units.cores._flowcore import all_bf16
from archsim.units.cores.gelu import RANGE, TABLE, Gelu


def exact(values: np.ndarray) -> np.ndarray:
    """By the error function of the standard library."""
    return np.array([float(x) * (1 + erf(float(x) / sqrt(2))) / 2 for x in values])


def test_the_bar_holds_on_the_bfloat16_grid_and_between() -> None:
    grid = all_bf16()
    grid = grid[np.abs(grid) <= 8]
    drawn = np.random.default_rng(1).uniform(-8, 8, 20_000).astype(np.float32)
    for values in (grid, drawn):
        assert np.abs(Gelu().values(values) - exact(values)).max() <= 2e-4


def test_beyond_the_table_it_is_relu() -> None:
    values = np.array([RANGE, 5.5, 1e10, -RANGE, -5.5, -1e10], dtype=np.float32)
    np.testing.assert_array_equal(Gelu().values(values), np.maximum(values, 0))


def test_what_is_taken_off_is_the_same_on_both_sides() -> None:
    values = np.linspace(0.01, 3.99, 400).astype(np.float32)
    right, left = Gelu().values(values), Gelu().values(-values)
    np.testing.assert_allclose(values - right, -left, atol=3e-7)


@pytest.mark.parametrize("unit", [Gelu(), Gelu(fmt="bf16")])
def test_specials(unit: Gelu) -> None:
    given = np.array([0.0, -0.0, 1e-40, -1e-40, np.inf, -np.inf, np.nan], dtype=np.float32)
    got = unit.values(given)
    np.testing.assert_array_equal(got, [0, 0, 0, 0, np.inf, 0, np.nan])
    assert not np.signbit(got[:4]).any()


def test_the_table_has_the_bits_that_are_claimed() -> None:
    """16 bits each, and what the parabola gives stays positive but for a last place."""
    assert len(TABLE) == 16
    assert all(-(1 << 15) <= entry < 1 << 15 for row in TABLE for entry in row)
    d = np.linspace(0, 1, 101)
    assert all((a + (b + c * d) * d).min() > -2 for a, b, c in TABLE)
