"""Which tile sizes are worth a look."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import isqrt

COARSE = 2
"""Divisors further apart than this factor leave gaps, so that tiles which do not divide are looked at as well."""


EVERY = 32
"""Dims up to this size may be tried in all sizes."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The sizes that tiles may have.

    Parameters
    ----------
    grain
        The array's longer edge, of which tiles that leave a rest are multiples.
    every
        Whether tiles that leave a rest are looked at everywhere, not only where divisors are few or the array's edge is
        none of them: for every number of tiles the smallest that gives it, and up to `EVERY` all sizes.
    """

    grain: int
    every: bool = False

    def sizes(self, extent: int) -> tuple[int, ...]:
        """Tile sizes for a dim, ascending: its divisors, and where there is need tiles that leave a rest.

        Such tiles are multiples of the grain, of which the smallest for every number of tiles stands for all that give
        this number, and below the grain powers of two.

        >>> Grid(4).sizes(12)
        (1, 2, 3, 4, 6, 12)
        >>> Grid(4).sizes(37)
        (1, 2, 4, 8, 12, 16, 20, 37)
        """
        return _sizes(extent, self.grain, self.every)

    def whole(self, extent: int) -> bool:
        """Whether these are all sizes that there are, for a dim and for parts of it."""
        return extent == 1 or (self.every and extent <= EVERY)


@lru_cache(maxsize=8192)
def _sizes(extent: int, grain: int, every: bool) -> tuple[int, ...]:
    if every and extent <= EVERY:
        return tuple(range(1, extent + 1))
    found = divisors(extent)
    uneven = extent > grain and extent % grain
    if every or uneven or any(high > COARSE * low for low, high in pairwise(found)):
        powers = tuple(1 << i for i in range(grain.bit_length()) if 1 << i < min(grain, extent))
        found = tuple(sorted({*found, *powers, *_with_rest(extent, grain), *(_with_rest(extent, 1) if every else ())}))
    return found


def divisors(number: int) -> tuple[int, ...]:
    """All divisors, ascending."""
    low = [d for d in range(1, isqrt(number) + 1) if number % d == 0]
    return tuple(sorted({*low, *(number // d for d in low)}))


def _with_rest(extent: int, grain: int) -> set[int]:
    """Per number of tiles the smallest multiple of `grain` that gives it."""
    found, times = set[int](), 1
    while (size := grain * times) < extent:
        found.add(size)
        # The next size with fewer tiles: all in between need as many as this one.
        tiles = -(-extent // size)
        times = max(times + 1, -(-extent // (grain * (tiles - 1))))
    return found | {extent}
