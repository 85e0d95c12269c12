"""The reciprocal: a table's guess for the significand, Newton-Raphson steps, and the exponent turned around."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores._flow import SIGN, Flow
from archsim.units.cores._flowcore import FlowCore, all_bf16, newton_accuracy
from archsim.units.cores._seed import ONE, RECIPROCAL, refine_reciprocal, seed
from archsim.units.cores.core import Accuracy
from archsim.units.cores.softfloat import INF, NAN, SMALLEST

V = TypeVar("V")


class Reciprocal(FlowCore, kind="reciprocal"):
    """1 / x, every cycle.

    1/0 and the reciprocal of subnormals are infinite, 1/inf is 0, with the sign of x; NaN stays. Results below the
    smallest normal number are 0.
    """

    steps: int = Field(2, ge=1, le=2)
    """Newton-Raphson steps: with one the relative error is below 1.5e-4, with two below 2e-7."""

    @classmethod
    def shipped(cls) -> tuple[Reciprocal, ...]:
        """For fp32, and for bfloat16, which one step is enough for."""
        return (cls(), cls(fmt="bf16", steps=1))

    def flow(self, ops: Flow[V], x: V) -> V:
        """Guess, refine, put sign and exponent back."""
        word = ops.read(x, self.fmt)
        m = ops.logic(32, lambda bits: ONE | (bits & 0x7FFFFF), word)
        power = ops.logic(9, lambda bits: 127 - ((bits >> 23) & 255), word, signed=True)
        y = ops.cut(seed(ops, RECIPROCAL, ops.logic(6, lambda bits: bits >> 17, word)))
        for _ in range(self.steps):
            y = refine_reciprocal(ops, m, y)
        return ops.cut(ops.write(_special(ops, word, ops.scale(y, power)), self.fmt))

    def accuracy(self) -> Accuracy:
        """Over every bfloat16, and in fp32 over as many random numbers."""
        given = all_bf16()
        if self.fmt == "fp32":
            rng = np.random.default_rng(0)
            given = np.concatenate([given, rng.uniform(1, 2, len(given)).astype(np.float32)])
        given = given[(given != 0) & (np.abs(given) <= 1 / SMALLEST)]
        return newton_accuracy(self, given, 1 / given.astype(np.float64), self.steps)


def _special(ops: Flow[V], x: V, y: V) -> V:
    def choose(word: Any, result: Any) -> Any:
        exponent, rest = (word >> 23) & 255, word & 0x7FFFFF
        size = ops.mux(exponent == 0, INF, ops.mux(exponent == 255, 0, result & 0x7FFFFFFF))
        return ops.mux((exponent == 255) & (rest != 0), NAN, size | (word & SIGN))

    return ops.logic(32, choose, x, y)
