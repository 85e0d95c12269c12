"""Sets of integers as nested loops leave them: a range, repeated at a stride, that again repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comb:
    """``[start, stop)``, repeated `count` times every `step` for each of `teeth`, the widest step last.

    Each step is at least as wide as all before it together, so repetitions do not overlap.

    >>> sorted(Comb(0, 2, ((5, 3),)))
    [0, 1, 5, 6, 10, 11]
    """

    start: int
    stop: int
    teeth: tuple[tuple[int, int], ...] = ()

    @property
    def size(self) -> int:
        """How many integers."""
        total = self.stop - self.start
        for _, count in self.teeth:
            total *= count
        return total

    @property
    def end(self) -> int:
        """One past the largest."""
        return self.stop + sum(step * (count - 1) for step, count in self.teeth)

    def __iter__(self) -> Iterator[int]:
        """The integers, unordered."""
        members = list(range(self.start, self.stop))
        for step, count in self.teeth:
            members = [member + step * i for i in range(count) for member in members]
        return iter(members)

    def meets(self, other: Comb) -> bool:
        """Whether the two have an integer in common."""
        if not self.teeth and not other.teeth:
            return self.start < other.stop and other.start < self.stop
        if self.start >= other.end or other.start >= self.end:
            return False
        if not self.teeth or (other.teeth and other.teeth[-1][0] > self.teeth[-1][0]):
            return other.meets(self)
        step, count = self.teeth[-1]
        inner = Comb(self.start, self.stop, self.teeth[:-1])
        if other.teeth and other.teeth[-1][0] == step:
            theirs = other.teeth[-1][1]
            # Only how many steps the two lie apart matters, and few distances let them touch at all.
            rest = Comb(other.start, other.stop, other.teeth[:-1])
            return inner._ever_meets(rest, step, 1 - theirs, count - 1)
        return inner._ever_meets(other, step, 0, count - 1)

    def _ever_meets(self, fixed: Comb, step: int, first: int, last: int) -> bool:
        """Whether this, moved by some number of steps from `first` to `last`, meets `fixed`."""
        low = max(first, (fixed.start - self.end) // step + 1)
        high = min(last, -(-(fixed.end - self.start) // step) - 1)
        moved = (Comb(self.start + step * i, self.stop + step * i, self.teeth) for i in range(low, high + 1))
        return any(comb.meets(fixed) for comb in moved)
