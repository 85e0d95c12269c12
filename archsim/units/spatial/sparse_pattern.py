"""Which keys a query sees: all of them, a sliding window, or a window and the first few (attention sinks).

Query position i of the last `positions` of `keys` stands at p = keys - positions + i. Rows of one instance are ordered
by position first and by the heads that share the keys second, so that a tile of consecutive rows spans few positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from archsim.core.errors import BadInput
from archsim.units.spatial.problem import Problem

Interval = tuple[int, int]
"""Half-open range of keys."""


class Pattern(Protocol):
    """A rule that says which keys each position sees, apart from causality, which the problem says."""

    def keys(self, problem: Problem, first: int, stop: int) -> tuple[Interval, ...]:
        """Disjoint, rising ranges: the union of what query positions ``first..stop-1`` see."""
        ...

    def pairs(self, problem: Problem) -> int:
        """Pairs of query row and key of one instance that need a score."""
        ...


@dataclass(frozen=True, slots=True)
class Window:
    """Keys closer than `size` positions, the query's own included, and the first `sinks` keys.

    With a causal mask these are the last `size` keys (sliding window); without, `size` - 1 on either side too. `size`
    None sees everything. `sinks` > 0 gives the Lambda shape of StreamingLLM (arXiv 2309.17453) and LM-Infinite
    (arXiv 2308.16137) [stated].
    """

    size: int | None
    sinks: int = 0

    def __post_init__(self) -> None:
        if (self.size is not None and self.size < 1) or self.sinks < 0:
            raise BadInput(
                f"a window of {self.size} keys and {self.sinks} sinks",
                where="dataflow",
                right="a window of at least 1 key, sinks of at least 0",
                try_=("window:4096", "lambda:4+4092"),
            )

    def keys(self, problem: Problem, first: int, stop: int) -> tuple[Interval, ...]:
        """The window from the first position's start to the last one's end, and the sinks before it."""
        offset = _offset(problem)
        low = 0 if self.size is None else max(0, offset + first - self.size + 1)
        high = problem.keys
        if problem.causal:
            high = min(high, offset + stop)
        elif self.size is not None:
            high = min(high, offset + stop - 1 + self.size)
        if low >= high:
            raise BadInput(
                f"positions {offset + first} to {offset + stop - 1} see none of {problem.keys} keys",
                right="every query position lies within a window of a key",
                try_="as many keys as queries, or a longer window",
            )
        sinks = min(self.sinks, offset + stop if problem.causal else problem.keys)
        if sinks >= low:
            return ((0, max(high, sinks)),)
        return ((0, sinks), (low, high)) if sinks else ((low, high),)

    def pairs(self, problem: Problem) -> int:
        """By sums of arithmetic series, so that a million positions cost nothing."""
        n, offset, count = problem.keys, _offset(problem), problem.positions
        self.keys(problem, 0, 1)  # refuses positions that see nothing
        self.keys(problem, count - 1, count)
        total = count * n
        if problem.causal:
            total -= _excess(n - 1 - offset, count)
        elif self.size is not None:
            total -= _excess(n - self.size - offset, count)
            total += _excess(min(self.sinks, n) - self.size - offset, count)
        if self.size is not None:  # keys before the window, without the sinks among them
            total -= _beyond(offset - self.size + 1 - self.sinks, count)
        return total * (problem.heads // problem.kv_heads)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some `size` keys for every position, whichever data decide: the least that top-k attention needs.

    It counts, for bounds; the keys it names stand for as many others. Under a causal mask a position has no more keys
    to choose from than come before it.
    """

    size: int

    def keys(self, problem: Problem, first: int, stop: int) -> tuple[Interval, ...]:
        """As many keys as the positions attend to at least, if all choose the same."""
        if problem.causal:
            return Window(self.size).keys(problem, first, stop)
        return ((0, min(self.size, problem.keys)),)

    def pairs(self, problem: Problem) -> int:
        """`size` for every query row, or as many as it sees."""
        if problem.causal:
            return Window(self.size).pairs(problem)
        return problem.queries * min(self.size, problem.keys)


FULL = Window(None)
"""Every key, or every key up to the query's own position."""


def row_positions(problem: Problem, first: int, stop: int) -> Interval:
    """Positions of query rows ``first..stop-1`` of one instance."""
    group = problem.heads // problem.kv_heads
    return first // group, -(-min(stop, problem.queries) // group)


def _offset(problem: Problem) -> int:
    return problem.keys - problem.positions


def _beyond(start: int, count: int) -> int:
    """Sum of max(0, start + i) for i in 0..count-1."""
    return _triangle(start + count - 1) - _triangle(start - 1)


def _excess(start: int, count: int) -> int:
    """Sum of max(0, start - i) for i in 0..count-1."""
    return _beyond(start - count + 1, count)


def _triangle(last: int) -> int:
    return last * (last + 1) // 2 if last > 0 else 0
