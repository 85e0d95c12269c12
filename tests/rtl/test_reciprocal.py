"""Is the reciprocal the reciprocal, for every exponent and every significand of bfloat16?"""

from __future__ import annotations

import numpy as np
import pytest

from archsim.units.cores._flowcore import all_bf16
from archsim.units.cores._seed import RECIPROCAL
from archsim.units.cores.reciprocal import Reciprocal
from archsim.units.cores.softfloat import SMALLEST

NORMAL = all_bf16()[np.abs(all_bf16()) >= SMALLEST]


@pytest.mark.parametrize(("steps", "bar"), [(1, 1.5e-4), (2, 2e-7)])
def test_the_bar_holds_for_every_bfloat16_and_for_a_million_floats(steps: int, bar: float) -> None:
    drawn = np.random.default_rng(2).integers(0x3F800000, 0x40000000, 1_000_000).astype(np.uint32).view(np.float32)
    for values in (NORMAL[np.abs(NORMAL) < 2.0**126], drawn):
        error = np.abs(Reciprocal(steps=steps).values(values) * values.astype(np.float64) - 1)
        assert error.max() <= bar


def test_a_guess_is_right_to_seven_bits_and_every_entry_is_used() -> None:
    m = 1 + (np.arange(64 * 64) + 0.5) / 4096
    guess = np.repeat(RECIPROCAL, 64) / 256
    assert np.abs(guess * m - 1).max() < 9.1e-3
    assert all(128 <= entry < 256 for entry in RECIPROCAL)


def test_exponents_only_shift_the_result() -> None:
    unit, m = Reciprocal(), np.linspace(1, 1.99, 50).astype(np.float32)
    for power in (-126, -60, 1, 125):
        scaled = (m * np.float64(2.0**power)).astype(np.float32)
        np.testing.assert_array_equal(unit.values(scaled) * 2.0**power, unit.values(m))


@pytest.mark.parametrize("unit", [Reciprocal(), Reciprocal(fmt="bf16", steps=1)])
def test_specials(unit: Reciprocal) -> None:
    given = np.array([0.0, -0.0, 1e-40, -1e-40, np.inf, -np.inf, np.nan, 3e38, -3e38], dtype=np.float32)
    wanted = [np.inf, -np.inf, np.inf, -np.inf, 0.0, -0.0, np.nan, 0.0, -0.0]
    got = unit.values(given)
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(np.signbit(got)[:6], np.signbit(wanted)[:6])
