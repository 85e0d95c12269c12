"""The reciprocal square root: a table's guess for m in [1, 4), Newton-Raphson steps, and half the exponent turned."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores._flow import Flow
from archsim.units.cores._flowcore import FlowCore, all_bf16, newton_accuracy
from archsim.units.cores._seed import RSQRT, refine_rsqrt, seed
from archsim.units.cores.core import Accuracy
from archsim.units.cores.softfloat import INF, NAN

V = TypeVar("V")


class Rsqrt(FlowCore, kind="rsqrt"):
    """x to the power -1/2, every cycle.

    Infinite for zeros and subnormals, with their sign (IEEE 754 rSqrt); 0 for +inf; NaN for negative numbers and NaN.
    """

    steps: int = Field(2, ge=1, le=2)
    """Newton-Raphson steps: with one the relative error is below 1.5e-4, with two below 2e-7."""

    @classmethod
    def shipped(cls) -> tuple[Rsqrt, ...]:
        """For fp32, and for bfloat16, which one step is enough for."""
        return (cls(), cls(fmt="bf16", steps=1))

    def flow(self, ops: Flow[V], x: V) -> V:
        """Guess, refine, put half the exponent back."""
        word = ops.read(x, self.fmt)
        power = ops.logic(9, lambda bits: (128 - ((bits >> 23) & 255)) >> 1, word, signed=True)
        y = ops.cut(seed(ops, RSQRT, ops.logic(6, index, word)))
        half = ops.logic(32, halved, word)
        for _ in range(self.steps):
            y = refine_rsqrt(ops, half, y)
        return ops.cut(ops.write(special(ops, word, ops.scale(y, power)), self.fmt))

    def accuracy(self) -> Accuracy:
        """Over every bfloat16, and in fp32 over as many random numbers."""
        given = all_bf16()
        if self.fmt == "fp32":
            rng = np.random.default_rng(0)
            given = np.concatenate([given, rng.uniform(1, 4, len(given)).astype(np.float32)])
        given = given[given > 0]
        return newton_accuracy(self, given, given.astype(np.float64) ** -0.5, self.steps)


def index(bits: Any) -> Any:
    """Of the table: whether the exponent is odd, then 5 bits of the significand. Odd exponents have even fields."""
    return ((bits >> 18) & 63) ^ 32


def halved(bits: Any) -> Any:
    """m/2 as a word: the exponent field is 126 for m in [1, 2) and 127 for m in [2, 4)."""
    return (bits & 0x7FFFFF) | (126 << 23) | ((((bits >> 23) & 1) ^ 1) << 23)


def special(ops: Flow[V], x: V, y: V) -> V:
    """What a result must be for zeros, negative numbers, infinity and NaN."""

    def choose(word: Any, result: Any) -> Any:
        exponent, sign = (word >> 23) & 255, word >> 31
        wrong = (sign == 1) | (word > INF)
        positive = ops.mux(wrong, NAN, ops.mux(word == INF, 0, result))
        return ops.mux(exponent == 0, INF | (sign << 31), positive)

    return ops.logic(32, choose, x, y)
