"""Integers that may depend on loop variables: ``base + sum(coefficient * variable)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
Value = int | IntArray
"""One integer, or one integer per lane (a lane is one iteration of a loop that is evaluated all at once)."""
Env = Mapping[str, Any]
"""Loop variable -> Value."""


@dataclass(frozen=True, slots=True)
class Affine:
    """An integer expression in loop variables, kept normal: terms sorted by name, no zero coefficient."""

    base: int
    terms: tuple[tuple[str, int], ...] = ()

    @staticmethod
    def var(name: str, coefficient: int = 1, base: int = 0) -> Affine:
        """``base + coefficient * name``."""
        return Affine(base, ((name, coefficient),) if coefficient else ())

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.base + other, self.terms)
        total = dict(self.terms)
        for name, coefficient in other.terms:
            total[name] = total.get(name, 0) + coefficient
        return Affine(self.base + other.base, tuple(sorted((n, c) for n, c in total.items() if c)))

    def __sub__(self, other: Affine | int) -> Affine:
        return self + (-other if isinstance(other, int) else other * -1)

    def __mul__(self, factor: int) -> Affine:
        return Affine(self.base * factor, tuple((n, c * factor) for n, c in self.terms if c * factor))

    def coefficient(self, name: str) -> int:
        """How much the expression grows per step of the loop variable `name`."""
        return dict(self.terms).get(name, 0)

    def at(self, env: Env) -> Any:
        """The value (int or one int per lane) for these loop variables; an unbound variable is a KeyError."""
        value: Any = self.base
        for name, coefficient in self.terms:
            value = value + coefficient * env[name]
        return value

    def names(self) -> frozenset[str]:
        """The loop variables it depends on."""
        return frozenset(name for name, _ in self.terms)

    def to_json(self) -> int | dict[str, int]:
        """A plain integer where constant, else ``{"": base, "t": 1}``."""
        return self.base if not self.terms else {"": self.base, **dict(self.terms)}

    @staticmethod
    def from_json(data: int | Mapping[str, int]) -> Affine:
        """Inverse of `to_json`."""
        if isinstance(data, int):
            return Affine(data)
        return Affine(data.get("", 0), tuple(sorted((n, c) for n, c in data.items() if n and c)))

    def __str__(self) -> str:
        parts = [(f"{c}*" if c != 1 else "") + n for n, c in self.terms]
        if self.base or not parts:
            parts.append(str(self.base))
        return " + ".join(parts)


def affine(value: Affine | int) -> Affine:
    """An int as an `Affine`; an `Affine` as it is."""
    return value if isinstance(value, Affine) else Affine(int(value))


def sum_over(count: int, value: Callable[[int], int], degree: int = 3) -> int:
    """Exact ``sum(value(i) for i in range(count))`` of a polynomial of at most `degree`, in closed form.

    Newton's forward differences: ``sum = sum_j diff_j(0) * C(count, j + 1)``, so a million iterations cost four
    evaluations.

    >>> sum_over(1_000_000, lambda i: i * i) == sum(i * i for i in range(1_000_000))
    True
    """
    points = [value(i) for i in range(min(count, degree + 1))]
    total = 0
    for order in range(len(points)):
        total += points[0] * comb(count, order + 1)
        points = [b - a for a, b in pairwise(points)]
    return total
