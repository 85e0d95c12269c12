"""GELU: ReLU minus a small even function of |x|, which a table of 16 parabolas has."""

from __future__ import annotations

from math import cos, erfc, pi, sqrt
from typing import TypeVar

import numpy as np

from archsim.units.cores._flow import SIGN, Flow
from archsim.units.cores._flowcore import FlowCore, all_bf16, last_place
from archsim.units.cores.core import Accuracy
from archsim.units.cores.softfloat import INF, NAN

V = TypeVar("V")

SEGMENTS = 16
RANGE = 4
"""Where the table ends. From there on the delta is below 1.3e-4 and taken as 0."""
FRACTION = 16
"""Bits behind the point of |x|, of the delta and of the constant terms."""
STEP = FRACTION - 2
"""Bits of the place within a segment, which is RANGE / SEGMENTS = 1/4 wide."""


def delta(x: float) -> float:
    """ReLU(x) - GELU(x) for x >= 0: x times the probability of the normal distribution above x."""
    return x * erfc(x / sqrt(2)) / 2


def parabola(segment: int) -> tuple[int, int, int]:
    """Coefficients of a segment as integers in 2^-16: of 1, of d and of d^2 with d in segments, from 0 to 1.

    The parabola meets the function at the Chebyshev nodes, which is close to the best in the largest error; the first
    one at both ends, so that GELU(0) is 0.
    """
    width = RANGE / SEGMENTS
    nodes = [(1 - cos((2 * k + 1) * pi / 6)) / 2 for k in range(3)] if segment else [0.0, 0.5, 1.0]
    y0, y1, y2 = (delta((segment + node) * width) for node in nodes)
    x0, x1, x2 = nodes
    first = (y1 - y0) / (x1 - x0)
    second = ((y2 - y1) / (x2 - x1) - first) / (x2 - x0)
    terms = (y0 - first * x0 + second * x0 * x1, first - second * (x0 + x1), second)
    return tuple(round(term * 2**FRACTION) for term in terms)


TABLE = tuple(parabola(segment) for segment in range(SEGMENTS))
CONSTANT, SLOPE, CURVE = (tuple(row[column] for row in TABLE) for column in range(3))


class Gelu(FlowCore, kind="gelu"):
    """x times the normal distribution's probability below x (the erf form), every cycle.

    The parabola is computed in integers of 2^-16, the difference in fp32. From |x| = 4 on it is ReLU: +inf stays, -inf
    gives 0, NaN stays; zeros and subnormals give +0.
    """

    @classmethod
    def shipped(cls) -> tuple[Gelu, ...]:
        """One for each format."""
        return (cls(), cls(fmt="bf16"))

    def flow(self, ops: Flow[V], x: V) -> V:
        """Fix the point of |x|, look up, two products of integers, back to fp32, subtract."""
        word = ops.read(x, self.fmt)
        near = ops.logic(1, lambda bits: ((bits >> 23) & 255) < 129, word)
        minus = ops.from_int(_table(ops, ops.cut(_fixed(ops, word))))
        minus = ops.logic(
            32,
            lambda inside, bits: ops.mux((inside == 1) & (bits != 0), (bits - (FRACTION << 23)) ^ SIGN, 0),
            near,
            minus,
        )
        relu = ops.logic(
            32,
            lambda bits: ops.mux((bits & ~SIGN) > INF, NAN, ops.mux((bits >> 31) == 1, 0, bits)),
            word,
        )
        return ops.cut(ops.write(ops.add(relu, ops.cut(minus)), self.fmt))

    def accuracy(self) -> Accuracy:
        """Over every bfloat16 between -8 and 8; beyond half a last place, where the result is a bfloat16."""
        given = all_bf16()
        given = given[np.abs(given) <= 8]
        wide = given.astype(np.float64)
        exact = np.maximum(wide, 0) - np.array([delta(abs(value)) for value in wide])
        error = np.abs(self.values(given) - exact)
        if self.fmt == "bf16":
            error -= last_place(exact, 8) / 2
        return Accuracy(float(error.max()), 2e-4, "absolute", len(given), exhaustive=True)


def _fixed(ops: Flow[V], word: V) -> V:
    """|x| in 2^-16, cut off; right below 4."""
    # The significand counts in 2^(exponent - 150).
    shift = ops.logic(5, lambda bits: ops.mux(((bits >> 23) & 255) < 103, 31, 134 - ((bits >> 23) & 255)), word)
    man = ops.logic(24, lambda bits: ops.mux(((bits >> 23) & 255) == 0, 0, (bits & 0x7FFFFF) | (1 << 23)), word)
    return ops.logic(FRACTION + 2, lambda value, places: value >> places, man, shift)


def _table(ops: Flow[V], place: V) -> V:
    """The delta at a place of the table in 2^-16, two registers later."""
    segment = ops.logic(4, lambda fixed: fixed >> STEP, place)
    within = ops.logic(STEP, lambda fixed: fixed, place)
    slope, curve = (_signed(ops, ops.rom([n & 0xFFFF for n in column], 16, segment)) for column in (SLOPE, CURVE))
    inner = ops.logic(17, lambda b, c, d: b + ((c * d) >> STEP), slope, curve, within, signed=True)
    constant = ops.rom(CONSTANT, 16, ops.cut(segment))
    value = ops.logic(17, lambda a, b, d: a + ((b * d) >> STEP), constant, ops.cut(inner), ops.cut(within), signed=True)
    return ops.cut(value)


def _signed(ops: Flow[V], entry: V) -> V:
    return ops.logic(16, lambda bits: bits, entry, signed=True)
