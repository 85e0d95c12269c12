"""The floating point that units of RTL compute with, on numpy arrays: binary32 without subnormals.

Every product and every sum is rounded to nearest even, as IEEE 754 has it; there is no fused multiply-add. Subnormal
inputs are read as zero and subnormal results become zero, sign kept (a result that rounds up to the smallest normal
number stays). Any NaN that comes out is `NAN`. Functions take and give float32 values or raw bits, as named; an array
where the RTL has a register. The circuits of the same functions are in `archsim.hdl.float`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float32]
"""Binary32 values."""
Bits = NDArray[np.uint32]
"""Their encodings, or those of bfloat16 in the lower half."""

NAN = 0x7FC00000
"""The one NaN that operations give."""
NAN16 = NAN >> 16
"""The same in bfloat16."""
INF = 0x7F800000
"""Positive infinity."""
SMALLEST = np.float32(2.0**-126)
"""The smallest positive number that is not flushed to zero."""


def to_bits(values: ArrayLike) -> Bits:
    """The encodings of values, which are rounded to float32 first where they are wider."""
    return np.ascontiguousarray(values, dtype=np.float32).view(np.uint32).reshape(np.shape(values))


def from_bits(bits: ArrayLike) -> Floats:
    """The values of 32-bit encodings, as they are: subnormals and NaNs stay."""
    return np.ascontiguousarray(bits, dtype=np.uint32).view(np.float32).reshape(np.shape(bits))


def flush(values: ArrayLike) -> Floats:
    """Subnormals become zeros of their sign, every NaN becomes `NAN`."""
    given = np.asarray(values, dtype=np.float32)
    with np.errstate(all="ignore"):
        kept = np.where(np.abs(given) < SMALLEST, np.copysign(np.float32(0), given), given)
    return np.where(np.isnan(given), from_bits(NAN), kept).astype(np.float32)


def mul(a: ArrayLike, b: ArrayLike) -> Floats:
    """The rounded product."""
    with np.errstate(all="ignore"):
        return flush(flush(a) * flush(b))


def add(a: ArrayLike, b: ArrayLike) -> Floats:
    """The rounded sum; x + (-x) is +0."""
    with np.errstate(all="ignore"):
        return flush(flush(a) + flush(b))


def maximum(a: ArrayLike, b: ArrayLike) -> Floats:
    """The larger one; NaN where either is NaN, +0 above -0 (IEEE 754-2019 maximum)."""
    left, right = flush(a), flush(b)
    with np.errstate(all="ignore"):
        equal = np.where(np.signbit(left), right, left)
        return flush(np.where(left == right, equal, np.maximum(left, right)))


def from_bf16(bits: ArrayLike) -> Floats:
    """The values of bfloat16 encodings, flushed."""
    return flush(from_bits(np.asarray(bits, dtype=np.uint32) << np.uint32(16)))


def to_bf16(values: ArrayLike) -> Bits:
    """The bfloat16 encodings nearest to values, ties to even; beyond the largest one is infinity."""
    bits = to_bits(flush(values))
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    return np.where(np.isnan(from_bits(bits)), np.uint32(NAN16), rounded).astype(np.uint32)


def decode(bits: ArrayLike, fmt: str) -> Floats:
    """The values of encodings in `fmt`, ``"bf16"`` or ``"fp32"``, flushed."""
    return from_bf16(bits) if fmt == "bf16" else flush(from_bits(bits))


def encode(values: ArrayLike, fmt: str) -> Bits:
    """The encodings of values in `fmt`, ``"bf16"`` or ``"fp32"``."""
    return to_bf16(values) if fmt == "bf16" else to_bits(flush(values))


def to_int(values: ArrayLike, width: int) -> NDArray[np.int64]:
    """The nearest integers, ties to even, held within `width` bits of two's complement; NaN is 0."""
    given = flush(values).astype(np.float64)
    top = 1 << (width - 1)
    nearest = np.clip(np.rint(np.nan_to_num(given, nan=0.0, posinf=top, neginf=-top)), -top, top - 1)
    return nearest.astype(np.int64)


def from_int(values: ArrayLike) -> Floats:
    """Integers as float32: exact up to 24 bits, which is as wide as the circuit goes."""
    return np.asarray(values, dtype=np.int64).astype(np.float32)


def scale(values: ArrayLike, power: ArrayLike) -> Floats:
    """Values times 2 to an integer power: infinite above the range, zero below."""
    exponents = np.clip(np.asarray(power, dtype=np.int64), -1000, 1000)
    with np.errstate(all="ignore"):
        wide = np.ldexp(flush(values).astype(np.float64), exponents)
        # Truncation towards zero below the smallest normal: the significand is exact, so nothing may round up to it.
        return flush(np.where(np.abs(wide) < SMALLEST, np.copysign(0.0, wide), wide).astype(np.float32))
