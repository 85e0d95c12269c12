"""A unit that is one pipeline: a word in, a word out, every cycle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from archsim.units.cores import softfloat as sf
from archsim.units.cores._flow import Depths, Flow, Numbers
from archsim.units.cores.core import Accuracy, Beat, Core, Port

V = TypeVar("V")
Format = Literal["bf16", "fp32"]
Doubles = NDArray[np.float64]


class FlowCore(Core):
    """A function of one number; `flow` is all that a unit adds. Takes a beat `x` every cycle and gives `y`."""

    fmt: Format = "fp32"
    """Format of input and output; inside it is fp32 always."""
    mul_stages: int = Field(2, ge=1, le=3)
    """Pipeline stages of each multiplier."""
    add_stages: int = Field(2, ge=1, le=4)
    """Pipeline stages of each adder."""

    def flow(self, ops: Flow[V], x: V) -> V:
        """The computation, from a word in `fmt` to a word in `fmt`; ends behind a register."""
        raise self._missing("flow")

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The argument."""
        return (Port("x", self.bits, fmt=self.fmt),)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The result."""
        return (Port("y", self.bits, fmt=self.fmt),)

    @property
    def bits(self) -> int:
        """Width of a word in `fmt`."""
        return 16 if self.fmt == "bf16" else 32

    @property
    def latency(self) -> int:
        """The registers on the way."""
        return self.flow(Depths(self.mul_stages, self.add_stages), 0)

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """The flow on numpy."""
        given = np.array([beat["x"] for beat in beats], dtype=np.int64)
        return [{"y": int(bits)} for bits in self.flow(Numbers(), given)]

    def values(self, values: sf.Floats) -> Doubles:
        """The golden function on values instead of bits."""
        given = sf.encode(values, self.fmt).astype(np.int64)
        return sf.decode(self.flow(Numbers(), given), self.fmt).astype(np.float64)

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Specials, then words of any sign and significand with exponents mostly around 1."""
        exponents = np.where(rng.random(count) < 0.8, rng.integers(112, 136, count), rng.integers(0, 256, count))
        signs, rests = rng.integers(0, 2, count), rng.integers(0, 1 << 23, count)
        drawn = (signs << 31) | (exponents << 23) | rests
        given = np.concatenate([np.array(SPECIALS, dtype=np.int64), drawn]) >> (32 - self.bits)
        return [{"x": int(bits)} for bits in given]

    def example(self) -> list[Beat]:
        """Three numbers."""
        return [{"x": 0}] * 3

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every class of number."""
        return {name: lambda beat, wanted=name: self._class(beat) == wanted for name in CLASSES}  # type: ignore[misc]

    def _class(self, beat: Beat) -> str:
        given: Any = beat["x"]
        bits = given << (32 - self.bits)
        exponent, rest, sign = (bits >> 23) & 255, bits & 0x7FFFFF, bits >> 31
        if exponent == 0:
            return "subnormal" if rest else "zero"
        if exponent == 255:
            return "nan" if rest else ("minus infinity" if sign else "infinity")
        return "negative" if sign else "positive"


CLASSES = ("zero", "subnormal", "positive", "negative", "infinity", "minus infinity", "nan")
SPECIALS = (
    *(0x00000000, 0x80000000, 0x00010000, 0x807F0000, 0x00800000, 0x80800000, 0x3F800000, 0xBF800000),
    *(0x7F7F0000, 0xFF7F0000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC10000, 0x3F810000, 0x40000000),
)
"""Words that any function should be asked about, also when cut to bfloat16."""


def all_bf16() -> sf.Floats:
    """Every finite bfloat16 that is not subnormal, and both zeros, as float32."""
    values = sf.from_bits(np.arange(1 << 16, dtype=np.uint32) << np.uint32(16))
    keep = np.isfinite(values) & ((np.abs(values) >= sf.SMALLEST) | (values == 0))
    return np.asarray(values[keep], dtype=np.float32)


def last_place(exact: Doubles, digits: int) -> Doubles:
    """The unit in the last place of numbers of `digits` significant bits around the exact value."""
    exponents = np.floor(np.log2(np.maximum(np.abs(exact), float(sf.SMALLEST))))
    return np.asarray(np.exp2(exponents - (digits - 1)), dtype=np.float64)


def ulps(got: Doubles, exact: Doubles, digits: int) -> Doubles:
    """Errors in such units."""
    return np.abs(got - exact) / last_place(exact, digits)


NEWTON_BARS = {1: 1.5e-4, 2: 2e-7}
"""By Newton-Raphson steps: what the relative error stays below in fp32."""


def newton_accuracy(unit: FlowCore, given: sf.Floats, exact: Doubles, steps: int) -> Accuracy:
    """Errors of a Newton-Raphson unit: relative, or in last places of bfloat16.

    Left out are results so close to the smallest normal number that the error decides whether they are flushed.
    """
    inside = np.abs(exact) * (1 - 1.5e-4) >= float(sf.SMALLEST)
    got, exact = unit.values(given[inside]), exact[inside]
    if unit.fmt == "bf16":
        return Accuracy(float(ulps(got, exact, 8).max()), 0.55, "ulp of bf16", len(got), exhaustive=True)
    return Accuracy(float(np.abs(got / exact - 1).max()), NEWTON_BARS[steps], "relative", len(got))
