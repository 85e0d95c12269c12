"""Is the reciprocal square root what it says, for every exponent and every significand of bfloat16?"""

from __future__ import annotations

import numpy as np
import pytest

from archsim.units.cores._flowcore import all_bf16
from archsim.units.cores._seed import RSQRT
from archsim.units.cores.rsqrt import Rsqrt

POSITIVE = all_bf16()[all_bf16() > 0]


@pytest.mark.parametrize(("steps", "bar"), [(1, 1.5e-4), (2, 2e-7)])
def test_the_bar_holds_for_every_bfloat16_and_for_a_million_floats(steps: int, bar: float) -> None:
    drawn = np.random.default_rng(2).integers(0x3F800000, 0x40800000, 1_000_000).astype(np.uint32).view(np.float32)
    for values in (POSITIVE, drawn):
        error = np.abs(Rsqrt(steps=steps).values(values) * np.sqrt(values.astype(np.float64)) - 1)
        assert error.max() <= bar


def test_a_guess_is_right_to_seven_bits() -> None:
    low, high = 1 + (np.arange(32 * 64) + 0.5) / 2048, 2 + (np.arange(32 * 64) + 0.5) / 1024
    guess = np.repeat(RSQRT, 64) / 256
    assert np.abs(guess * np.sqrt(np.concatenate([low, high])) - 1).max() < 9.8e-3
    assert all(128 <= entry < 256 for entry in RSQRT)


def test_even_powers_of_two_only_shift_the_result() -> None:
    unit, m = Rsqrt(), np.linspace(1, 3.99, 50).astype(np.float32)
    for half in (-63, -20, 1, 62):
        scaled = (m * np.float64(4.0**half)).astype(np.float32)
        np.testing.assert_array_equal(unit.values(scaled) * 2.0**half, unit.values(m))


@pytest.mark.parametrize("unit", [Rsqrt(), Rsqrt(fmt="bf16", steps=1)])
def test_specials(unit: Rsqrt) -> None:
    given = np.array([0.0, -0.0, 1e-40, -1e-40, np.inf, -np.inf, np.nan, -1.0, -3e38], dtype=np.float32)
    wanted = [np.inf, -np.inf, np.inf, -np.inf, 0.0, *[np.nan] * 4]
    np.testing.assert_array_equal(unit.values(given), wanted)
