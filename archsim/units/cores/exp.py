"""The exponential: Cody-Waite reduction to |r| <= ln 2 / 2, a polynomial by Horner's rule, a step of the exponent."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores._flow import SIGN, Flow
from archsim.units.cores._flowcore import FlowCore, Format, all_bf16, ulps
from archsim.units.cores.core import Accuracy
from archsim.units.cores.softfloat import INF, NAN

V = TypeVar("V")

LOG2E = 1.4426950408889634
LN2_HIGH = 0.693145751953125
"""ln 2 to 16 bits: times an integer of 8 bits it is exact in fp32."""
LN2_LOW = 1.428606765330187e-06
"""What is missing from `LN2_HIGH`."""

POLYNOMIALS = {
    2: ("0x1.039f000000000p+0", "0x1.ff3a140000000p-2"),
    3: ("0x1.000cdc0000000p+0", "0x1.021dee0000000p-1", "0x1.5249080000000p-3"),
    4: ("0x1.fffba60000000p-1", "0x1.0003f60000000p-1", "0x1.57cf560000000p-3", "0x1.5414860000000p-5"),
    5: (
        *("0x1.fffff60000000p-1", "0x1.fffdc40000000p-2", "0x1.555a6e0000000p-3", "0x1.573ad00000000p-5"),
        "0x1.0fa7da0000000p-7",
    ),
    6: (
        *("0x1.0000000000000p+0", "0x1.fffffc0000000p-2", "0x1.5554180000000p-3", "0x1.5558240000000p-5"),
        *("0x1.1267d80000000p-7", "0x1.6ae6e20000000p-10"),
    ),
}
"""By degree: coefficients of r, r^2 and so on beside a constant term of 1, so that exp(0) is 1 exactly.

They minimise the largest relative error over |r| <= ln 2 / 2 (Lawson's iteration) and are rounded to fp32. Without the
rounding of the arithmetic the errors are 2.0e-3, 1.0e-4, 2.8e-6, 9.3e-8 and 1.8e-8.
"""
BARS = {2: 2.1e-3, 3: 1.1e-4, 4: 3.2e-6, 5: 2.5e-7, 6: 2e-7}
"""By degree: what the relative error stays below in fp32, the rounding of the arithmetic included."""


class Exp(FlowCore, kind="exp"):
    """e to the power x, every cycle.

    Infinite above the range, 0 below the smallest normal number; exp(+inf) is +inf, exp(-inf) is +0, exp(NaN) is NaN
    and the exponential of zeros and subnormals is 1. In bfloat16 ln 2 is one constant: what a second one would add is
    below a hundredth of the last place.
    """

    fmt: Format = "bf16"
    """Format of input and output; inside it is fp32 always."""
    degree: int = Field(3, ge=2, le=6)
    """Degree of the polynomial: 3 is enough for bfloat16, 5 for fp32."""

    @classmethod
    def shipped(cls) -> tuple[Exp, ...]:
        """One for each format."""
        return (cls(), cls(fmt="fp32", degree=5))

    def flow(self, ops: Flow[V], x: V) -> V:
        """Reduce, Horner, scale."""
        constants = (LN2_HIGH, LN2_LOW) if self.fmt == "fp32" else (LN2_HIGH + LN2_LOW,)
        y = exponential(ops, ops.read(x, self.fmt), self.degree, constants)
        return ops.cut(ops.write(y, self.fmt))

    def accuracy(self) -> Accuracy:
        """bf16: over every input; fp32: over every bfloat16 and as many values between -87 and 88."""
        given = all_bf16()
        if self.fmt == "fp32":
            drawn = np.random.default_rng(0).uniform(-87, 88, len(given)).astype(np.float32)
            given = np.concatenate([given, drawn])
        got = self.values(given)
        with np.errstate(over="ignore"):
            exact = np.exp(given.astype(np.float64))
        inside = (exact >= 2.0**-126) & (exact < 2.0**127.99)
        got, exact = got[inside], exact[inside]
        if self.fmt == "bf16":
            return Accuracy(float(ulps(got, exact, 8).max()), 2.0, "ulp of bf16", len(given), exhaustive=True)
        return Accuracy(float(np.abs(got / exact - 1).max()), BARS[self.degree], "relative", len(given))


def exponential(ops: Flow[V], x: V, degree: int, ln2: tuple[float, ...]) -> V:
    """The flow of an exponential in fp32; `ln2` adds up to ln 2.

    The result is not registered.
    """
    power = ops.cut(ops.to_int(ops.mul(x, ops.constant(LOG2E)), 9))
    whole = ops.from_int(power)
    rest = x
    for part in ln2:
        rest = ops.add(rest, ops.mul(whole, ops.constant(-part)))
    value = horner(ops, rest, coefficients(degree))
    return special_value(ops, special_case(ops, x), ops.scale(value, power))


def coefficients(degree: int) -> tuple[float, ...]:
    """Of the polynomial of this degree, from the constant term upwards."""
    return (1.0, *(float.fromhex(digits) for digits in POLYNOMIALS[degree]))


def horner(ops: Flow[V], x: V, terms: tuple[float, ...]) -> V:
    """The polynomial by one product and one sum for each degree, each rounded."""
    value = ops.constant(terms[-1])
    for term in reversed(terms[:-1]):
        value = ops.add(ops.mul(value, x), ops.constant(term))
    return value


FAR, NEGATIVE, UNDEFINED = 4, 1, 2
"""Bits of what `special_case` says about an argument."""


def special_case(ops: Flow[V], x: V) -> V:
    """Whether |x| >= 128, where the result does not depend on the polynomial; then its sign, and whether it is NaN."""

    def choose(word: Any) -> Any:
        kind = ops.mux((word & ~SIGN) > INF, UNDEFINED, word >> 31)
        return ops.mux(((word >> 23) & 255) >= 127 + 7, FAR | kind, 0)

    return ops.logic(3, choose, x)


def special_value(ops: Flow[V], case: V, y: V) -> V:
    """The result of the polynomial, or what the case makes of it."""

    def choose(which: Any, word: Any) -> Any:
        far = ops.mux(which == FAR, INF, ops.mux(which == FAR | NEGATIVE, 0, NAN))
        return ops.mux(which >= FAR, far, word)

    return ops.logic(32, choose, case, y)
