"""Greedy rules: buffers one by one, by some order or lowest first, each to the first or the tightest room for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heapify, heappop, heappush

from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.problem import Problem

Placer = Callable[[Problem, Sequence[int]], tuple[int, list[int]]]
"""Height and offsets in units, from an order of all buffers."""


@dataclass(frozen=True, slots=True)
class Placed:
    """What a rule found: height and offsets in units, and how."""

    height: int
    offsets: list[int]
    method: str


def place_in_order(p: Problem, order: Sequence[int], *, tightest: bool = False) -> tuple[int, list[int]]:
    """Height and offsets when buffers are placed one by one; fixed ones go first whatever the order.

    Parameters
    ----------
    p
        The problem, in units.
    order
        All buffers.
    tightest
        Into the smallest room between two placed neighbours that is large enough, as TensorFlow Lite's arena does,
        instead of into the lowest.
    """
    offsets = list(p.fixed)
    height = max((p.fixed[b] + p.size[b] for b in order if p.fixed[b] >= 0), default=0)
    for b in order:
        if p.fixed[b] < 0:
            offsets[b] = _room(p, offsets, b, tightest=tightest)
            height = max(height, offsets[b] + p.size[b])
    return height, offsets


def place_lowest(p: Problem, order: Sequence[int]) -> tuple[int, list[int]]:
    """Height and offsets when the next buffer is always one that can lie lowest; the order decides among equals."""
    offsets = list(p.fixed)
    height = max((p.fixed[b] + p.size[b] for b in order if p.fixed[b] >= 0), default=0)
    holes = any(fixed >= 0 for fixed in p.fixed)
    low = [0] * len(offsets)  # the top of the neighbours placed so far
    queue = [(0, rank, b) for rank, b in enumerate(order) if p.fixed[b] < 0]
    heapify(queue)
    while queue:
        before, rank, b = heappop(queue)
        here = _room(p, offsets, b, tightest=False) if holes else -(-low[b] // p.align[b]) * p.align[b]
        if here > before:  # a neighbour came in between
            heappush(queue, (here, rank, b))
            continue
        offsets[b] = here
        height = max(height, here + p.size[b])
        for k in range(p.overlap_at[b], p.overlap_at[b + 1]):
            other = p.overlap_buffer[k]
            low[other] = max(low[other], here + p.overlap_above[k])
    return height, offsets


PLACERS: dict[str, Placer] = {
    "lowest first": place_lowest,
    "first fit": place_in_order,
    "best fit": partial(place_in_order, tightest=True),
}
"""Ways to place buffers, by name."""


def _room(p: Problem, offsets: list[int], b: int, *, tightest: bool) -> int:
    """An offset at which the buffer shares nothing with those that are placed."""
    closed = []  # offsets that each placed neighbour forbids: above the first number, below the second
    for k in range(p.overlap_at[b], p.overlap_at[b + 1]):
        at = offsets[p.overlap_buffer[k]]
        if at >= 0:
            closed.append((at - p.overlap_above[k], at + p.overlap_below[k]))
    closed.sort()
    align, here, best, least = p.align[b], 0, -1, -1
    for low, high in closed:
        room = low - here
        if room >= 0 and (best < 0 or room < least):
            best, least = here, room
            if not tightest:
                return best
        if high > here:
            here = -(-high // align) * align
    return here if best < 0 else best


def rules(p: Problem, lives: Sequence[tuple[int, int]]) -> Iterator[tuple[str, list[int]]]:
    """Orders by name; `lives` are the times from which and until before which the buffers live.

    By size and by start are TensorFlow Lite's; by area and by contention those that MiniMalloc and TelaMalloc look at;
    by breadth is Pisarchyk and Lee's (arXiv 2001.03288): the operations that need most at once come first.
    """
    width = [upper - lower for lower, upper in lives]
    most, fullest = _crowds(p)
    keys: dict[str, Callable[[int], tuple[int, ...]]] = {
        "area": lambda b: (-p.size[b] * width[b],),
        "start": lambda b: (lives[b][0], -p.size[b]),
        "size": lambda b: (-p.size[b], -width[b]),
        "lifetime": lambda b: (-width[b], -p.size[b]),
        "end": lambda b: (-lives[b][1], -p.size[b]),
        "breadth": lambda b: (-most[b], fullest[b], -p.size[b]),
        "contention": lambda b: (-most[b] * width[b], -p.size[b]),
    }
    for name, key in keys.items():
        yield name, sorted(range(len(p.size)), key=key)


def _crowds(p: Problem) -> tuple[list[int], list[int]]:
    """Per buffer the load of its fullest section, and which that is."""
    ends = range(len(p.section_at) - 1)
    loads = [
        sum(p.section_high[k] - p.section_low[k] for k in range(p.section_at[s], p.section_at[s + 1])) for s in ends
    ]
    fullest = [
        max(p.buffer_section[p.buffer_at[b] : p.buffer_at[b + 1]], key=loads.__getitem__) for b in range(len(p.size))
    ]
    return [loads[s] for s in fullest], fullest


def best_greedy(p: Problem, lives: Sequence[tuple[int, int]], enough: int, budget: Budget) -> Placed:
    """The lowest of all rules; stops at the first whose height is at most `enough` units, or when time is up."""
    best: Placed | None = None
    for name, order in rules(p, lives):
        for way, placer in PLACERS.items():
            height, offsets = placer(p, order)
            if best is None or height < best.height:
                best = Placed(height, offsets, f"{way} by {name}")
            if best.height <= enough or budget.remaining <= 0:
                return best
    assert best is not None
    return best
