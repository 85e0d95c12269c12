"""Tables of 64 first guesses of 8 bits for Newton-Raphson, and its steps."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from archsim.units.cores._flow import Flow

V = TypeVar("V")

ENTRIES = 64
ONE = 127 << 23
"""The exponent field of 1."""


def seeds(inverse: Callable[[float], float], edges: list[float]) -> tuple[int, ...]:
    """In 1/256, between 128 and 255: the guess whose relative error at both ends of its interval is smallest."""

    def worst(guess: int, low: float, high: float) -> float:
        return max(abs(guess / 256 / inverse(end) - 1) for end in (low, high))

    pairs = pairwise(edges)
    return tuple(min(range(128, 256), key=lambda guess: worst(guess, low, high)) for low, high in pairs)


RECIPROCAL = seeds(lambda x: 1 / x, [1 + index / 64 for index in range(65)])
"""Of 1/m for m in [1, 2): the index is the first 6 bits behind the leading one."""
RSQRT = seeds(lambda x: x**-0.5, [1 + index / 32 for index in range(33)] + [2 + index / 16 for index in range(1, 33)])
"""Of m^-1/2 for m in [1, 4): the index is whether m >= 2, then the first 5 bits behind the leading one."""


def seed(ops: Flow[V], table: tuple[int, ...], index: V) -> V:
    """The guess as a word: between 1/2 and 1."""
    entry = ops.rom([guess - 128 for guess in table], 7, index)
    return ops.logic(32, lambda bits: (126 << 23) | (bits << 16), entry)


def refine_reciprocal(ops: Flow[V], m: V, y: V) -> V:
    """Gives y (2 - m y): the relative error is squared."""
    return ops.mul(y, ops.add(ops.constant(2.0), ops.neg(ops.mul(m, y))))


def refine_rsqrt(ops: Flow[V], half: V, y: V) -> V:
    """Gives y (3/2 - m/2 y^2) with `half` = m/2: the relative error is squared, times 3/2."""
    return ops.mul(y, ops.add(ops.constant(1.5), ops.neg(ops.mul(half, ops.mul(y, y)))))
