"""Is the golden floating point what it says: rounding, flushing, specials?"""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.units.cores import softfloat as sf
from tests.rtl.float_cases import CORNERS, corner_pairs, words

CI = settings(deadline=None, derandomize=True)
WORDS = st.one_of(st.sampled_from(CORNERS), st.integers(0, 2**32 - 1))


def is_clean(bits: int) -> bool:
    """No subnormal, and no NaN but the one."""
    exponent, rest = (bits >> 23) & 255, bits & 0x7FFFFF
    return not (exponent == 0 and rest) and not (exponent == 255 and rest and bits != sf.NAN)


@given(WORDS, WORDS)
@CI
def test_no_operation_gives_a_subnormal_or_another_nan(a: int, b: int) -> None:
    for operation in (sf.mul, sf.add, sf.maximum):
        assert is_clean(int(sf.to_bits(operation(sf.from_bits(a), sf.from_bits(b)))))


def exact(bits: int) -> float:
    """The value of a word with its subnormals as zeros, in the wider format of Python."""
    value = float(sf.from_bits(bits))
    return value if not abs(value) < 2.0**-126 else 0.0 * (-1.0 if bits >> 31 else 1.0)


@given(WORDS, WORDS)
@CI
def test_a_product_is_the_nearest_float_to_the_exact_one(a: int, b: int) -> None:
    """48 bits of significand are exact in double precision, so that one rounding is all there is."""
    one, two = exact(a), exact(b)
    with np.errstate(all="ignore"):
        wanted = np.float32(np.float64(one) * np.float64(two))
    got = sf.mul(sf.from_bits(a), sf.from_bits(b))
    if np.isnan(wanted):
        assert np.isnan(got)
    elif abs(wanted) < sf.SMALLEST:
        assert got == 0
    else:
        assert got == wanted


@given(WORDS, WORDS)
@CI
def test_order_does_not_matter_and_signs_are_symmetric(a: int, b: int) -> None:
    one, two = sf.from_bits(a), sf.from_bits(b)
    for operation in (sf.mul, sf.add, sf.maximum):
        assert sf.to_bits(operation(one, two)) == sf.to_bits(operation(two, one))
    np.testing.assert_equal(sf.add(-one, -two), -sf.add(one, two))
    np.testing.assert_equal(sf.mul(-one, two), -sf.mul(one, two))


def test_signs_of_zeros() -> None:
    plus, minus = np.float32(0.0), np.float32(-0.0)
    assert not np.signbit(sf.add(plus, minus))
    assert np.signbit(sf.add(minus, minus))
    assert not np.signbit(sf.add(np.float32(1), np.float32(-1)))
    assert np.signbit(sf.mul(plus, np.float32(-3)))
    assert not np.signbit(sf.maximum(minus, plus))
    assert np.signbit(sf.flush(sf.from_bits(0x80000001)))


def test_bfloat16_rounds_to_the_nearest_and_ties_to_even() -> None:
    rng = np.random.default_rng(1)
    bits = np.concatenate([corner_pairs()[0], words(rng, 20_000)])
    values = sf.flush(sf.from_bits(bits))
    finite = values[np.isfinite(values)]
    rounded = sf.to_bf16(finite)
    neighbours = np.stack(
        [sf.from_bits((sf.to_bits(finite) >> 16 << 16) + step).astype(np.float64) for step in (0, 1 << 16)]
    )
    inside = np.isfinite(neighbours).all(axis=0)
    errors = np.abs(neighbours - finite.astype(np.float64))[:, inside]
    chosen = np.abs(sf.from_bf16(rounded).astype(np.float64) - finite)[inside]
    np.testing.assert_array_equal(chosen, errors.min(axis=0))
    ties = errors[0] == errors[1]
    assert ties.sum() > 50
    assert not (rounded[inside][ties] & 1).any()


def test_every_bfloat16_survives_the_way_there_and_back() -> None:
    bits = np.arange(1 << 16, dtype=np.uint32)
    back = sf.to_bf16(sf.from_bf16(bits))
    exponent, rest = (bits >> 7) & 255, bits & 127
    wanted = np.where(exponent == 0, bits & 0x8000, np.where((exponent == 255) & (rest > 0), sf.NAN16, bits))
    np.testing.assert_array_equal(back, wanted)


def test_powers_of_two_lose_nothing_within_the_range() -> None:
    values = np.array([1.5, -1.0, 1.9999999, 0.0, np.inf], dtype=np.float32)
    for power in (-126, -3, 0, 127):
        np.testing.assert_array_equal(
            sf.scale(values, power), (values.astype(np.float64) * 2.0**power).astype(np.float32)
        )
    assert sf.scale(np.float32(1.9999999), -127) == 0  # would round up to the smallest normal number
    assert sf.scale(np.float32(1), 128) == np.inf
