"""Area, energy and leakage of an SRAM by size and line, between the rows of a table made with CACTI."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from math import exp, log

from archsim.models.spatial.sram_table import TABLE

SIZES: dict[int, list[int]] = {}
for _line, _size, *_ in TABLE:
    SIZES.setdefault(_line, []).append(_size)
LINES = sorted(SIZES)
ROWS = {(row[0], row[1]): row[2:] for row in TABLE}


@dataclass(frozen=True, slots=True)
class Sram:
    """One SRAM at 45 nm."""

    area: float
    """um^2, without address generators."""
    read: float
    """pJ per line."""
    write: float
    """pJ per line."""
    leakage: float
    """nW."""


@lru_cache(maxsize=256)
def sram(size: int, line: int) -> Sram:
    """An SRAM of `size` bytes accessed in lines of `line` bytes.

    At the rows of the table its values; between them, and beyond its ends, power laws in size and in line.
    """
    return Sram(*(_between(LINES, line, partial(_at, size=size, column=column)) for column in range(4)))


def _at(line: int, size: int, column: int) -> float:
    return _between(SIZES[line], size, lambda known: ROWS[line, known][column])


def _between(knots: Sequence[int], at: int, value: Callable[[int], float]) -> float:
    if at in knots:
        return value(at)
    above = min(max(bisect_right(knots, at), 1), len(knots) - 1)
    low, high = knots[above - 1], knots[above]
    share = (log(at) - log(low)) / (log(high) - log(low))
    return exp((1 - share) * log(value(low)) + share * log(value(high)))
