"""Number formats that multiply-accumulate units take: fields of an element, and numpy views of arrays of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Format:
    """Sign, exponent and fraction bits; an integer format has no exponent."""

    name: str
    exponent: int
    fraction: int

    @property
    def bits(self) -> int:
        """Bits of one element."""
        return 1 + self.exponent + self.fraction

    @property
    def bias(self) -> int:
        """What is added to the exponent."""
        return (1 << (self.exponent - 1)) - 1

    @property
    def top(self) -> int:
        """The exponent field of infinities and NaNs."""
        return (1 << self.exponent) - 1

    @property
    def product_bits(self) -> int:
        """Bits of a product of two significands, or of two magnitudes."""
        return 2 * (self.fraction + 1) if self.exponent else 2 * self.bits


FORMATS = {f.name: f for f in (Format("bf16", 8, 7), Format("fp16", 5, 10), Format("int8", 0, 7))}
"""Formats by name."""


@dataclass(frozen=True, slots=True)
class Fields:
    """Elements taken apart. Subnormals are zeros of their sign."""

    sign: Ints
    exponent: Ints
    significand: Ints
    """With its leading one; 0 for zeros."""
    infinite: NDArray[np.bool_]
    nan: NDArray[np.bool_]


def fields(raw: Ints, fmt: Format) -> Fields:
    """Take floating-point elements apart."""
    exponent = (raw >> fmt.fraction) & fmt.top
    fraction = raw & ((1 << fmt.fraction) - 1)
    special = exponent == fmt.top
    return Fields(
        raw >> (fmt.bits - 1),
        exponent,
        np.where(exponent == 0, 0, fraction | (1 << fmt.fraction)),
        special & (fraction == 0),
        special & (fraction != 0),
    )


def signed(raw: Ints, bits: int) -> Ints:
    """Two's complement."""
    return np.where(raw >> (bits - 1), raw - (1 << bits), raw)


def exact(raw: Ints, fmt: Format) -> NDArray[np.float64]:
    """The values of elements, exactly; subnormals are zeros."""
    if not fmt.exponent:
        return signed(raw, fmt.bits).astype(np.float64)
    f = fields(raw, fmt)
    value = np.ldexp(f.significand.astype(np.float64), f.exponent - fmt.bias - fmt.fraction)
    value = np.where(f.infinite, np.inf, np.where(f.nan, np.nan, value))
    return np.where(f.sign == 1, -value, value)
