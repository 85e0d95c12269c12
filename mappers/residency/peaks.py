"""The order that needs the least memory when nothing leaves the chip: exact, by a search over sets of finished ops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

from archsim.mappers.residency.orders import candidates
from archsim.mappers.residency.problem import Problem
from archsim.mappers.residency.stay import peak

STATES = 60_000
"""Sets of finished ops that the search may look at."""


@dataclass(frozen=True, slots=True)
class Peak:
    """An order, the most units on chip at one of its steps, and what no order is below."""

    order: tuple[int, ...]
    height: int
    bound: int

    @property
    def proved(self) -> bool:
        """Whether no order needs less."""
        return self.height == self.bound


def least_peak(problem: Problem, states: int = STATES) -> Peak:
    """The least peak over all orders.

    Sets are visited by the peak of the best way to them, lowest first, so the first complete set is the optimum and the
    last peak looked at a bound where the limit comes first.

    Parameters
    ----------
    problem
        The graph.
    states
        Sets to look at; then the best of the list orders is the answer.
    """
    orders = candidates(problem)
    best = min(orders.values(), key=lambda order: peak(problem, order))
    height, floor = peak(problem, best), max(problem.working_set)
    if height == floor or problem.forced:
        return Peak(best, height, height)
    whole = (1 << len(problem.ops)) - 1
    waits, readers = [_bits(before) for before in problem.before], [_bits(ops) for ops in problem.readers]
    start = _bits([op for op, wait in enumerate(waits) if not wait])
    # (peak so far, less the ops done, set of done ops, set of ready ops, tensors on chip and their units): deep sets
    # first among equals
    queue: list[tuple[int, int, int, int, int, int]] = [(floor, 0, 0, start, 0, 0)]
    came: dict[int, tuple[int, int]] = {0: (floor, -1)}
    closed: set[int] = set()
    while queue:
        so_far, _, done, ready, held, live = heappop(queue)
        if done in closed:
            continue
        closed.add(done)
        if done == whole:
            return Peak(_path(came, whole), so_far, so_far)
        if so_far >= height:
            return Peak(best, height, height)
        if len(closed) > states:
            return Peak(best, height, so_far)
        for op in _members(ready):
            need = live + sum(problem.size[a] for a in problem.operands[op] if not held >> a & 1)
            after, peak_then = done | 1 << op, max(so_far, need)
            if after not in came or peak_then < came[after][0]:
                came[after] = (peak_then, op)
                enabled = _bits([other for other in problem.behind[op] if not waits[other] & ~after])
                kept = held | _bits(problem.operands[op])
                over = [a for a in problem.operands[op] if not readers[a] & ~after]
                left = need - sum(problem.size[a] for a in over)
                item = (ready & ~(1 << op) | enabled, kept & ~_bits(over), left)
                heappush(queue, (peak_then, -after.bit_count(), after, *item))
    return Peak(best, height, height)


def _members(bits: int) -> Iterator[int]:
    """The places of the bits that are set, lowest first."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def _path(came: dict[int, tuple[int, int]], done: int) -> tuple[int, ...]:
    order = []
    while done:
        op = came[done][1]
        order.append(op)
        done &= ~(1 << op)
    return tuple(reversed(order))


def _bits(members: Sequence[int]) -> int:
    return sum(1 << member for member in members)
