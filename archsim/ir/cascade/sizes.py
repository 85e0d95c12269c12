"""Closed forms in the sizes of ranks: ``B*H*M*P + B*H*M1*P``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod


@dataclass(frozen=True, slots=True)
class Poly:
    """A polynomial in sizes with whole coefficients, kept normal: terms sorted, no zero coefficient.

    >>> m, p = Poly.size("M"), Poly.size("P")
    >>> str(m * p + p * m + p * 0 + 3)
    '2*M*P + 3'
    """

    terms: tuple[tuple[tuple[str, ...], int], ...] = ()
    """(symbols in sorted order, repeated for powers; coefficient)."""

    @staticmethod
    def size(symbol: str) -> Poly:
        """The size of one rank."""
        return Poly((((symbol,), 1),))

    @staticmethod
    def product(symbols: Iterable[str]) -> Poly:
        """The product of these sizes; 1 for none."""
        return Poly(((tuple(sorted(symbols)), 1),))

    def __add__(self, other: Poly | int) -> Poly:
        return _normal([*self.terms, *_poly(other).terms])

    def __mul__(self, other: Poly | int) -> Poly:
        pairs = ((a, b) for a in self.terms for b in _poly(other).terms)
        return _normal([(tuple(sorted(a[0] + b[0])), a[1] * b[1]) for a, b in pairs])

    def __bool__(self) -> bool:
        return bool(self.terms)

    def at(self, sizes: Mapping[str, int]) -> int:
        """The value for these sizes; a missing symbol is a KeyError."""
        return sum(factor * prod(sizes[symbol] for symbol in symbols) for symbols, factor in self.terms)

    @property
    def symbols(self) -> frozenset[str]:
        """The sizes that it depends on."""
        return frozenset(symbol for symbols, _ in self.terms for symbol in symbols)

    def __str__(self) -> str:
        return " + ".join(_term(symbols, factor) for symbols, factor in self.terms) or "0"


def total(parts: Iterable[Poly]) -> Poly:
    """The sum; zero for none."""
    return _normal([term for part in parts for term in part.terms])


def ceil_div(a: int, b: int) -> int:
    """How many pieces of `b` cover `a`."""
    return -(-a // b)


def _term(symbols: tuple[str, ...], factor: int) -> str:
    powers = [name if count == 1 else f"{name}^{count}" for name, count in Counter(symbols).items()]
    return "*".join(([str(factor)] if factor != 1 or not powers else []) + powers)


def _poly(value: Poly | int) -> Poly:
    return value if isinstance(value, Poly) else _normal([((), value)])


def _normal(terms: list[tuple[tuple[str, ...], int]]) -> Poly:
    summed: Counter[tuple[str, ...]] = Counter()
    for symbols, factor in terms:
        summed[symbols] += factor
    ordered = sorted(((s, f) for s, f in summed.items() if f), key=lambda term: (-len(term[0]), term[0]))
    return Poly(tuple(ordered))
