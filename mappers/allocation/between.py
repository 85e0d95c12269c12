"""A complete search for buffers that keep but a window of their bytes for a while: others may lie between their parts.

The search of `search.py` takes one of two overlapping buffers to lie above the other in all the time that they share.
With windows one may lie above the other now and below it later; then what fails there may still be possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import lcm
from typing import TypeAlias

from archsim.mappers.allocation.problem import Problem

PRICE = 64
"""Nodes of the other search that take as long as one of these."""
MOST_SEEN = 100_000
"""Partial placements that are remembered; where there are more, nothing is proved."""
MOST_CHOICES = 64
"""Offsets above one neighbour that alignments may leave open; with more, nothing is tried."""
MOST_BUFFERS = 16
"""With more there is no end to it: nothing is tried."""

Meet: TypeAlias = tuple[int, int, int, int]
"""First and last byte of a buffer, then of another, while both are needed; counted from their offsets."""


class Unfinished(Exception):
    """Nothing is proved: there was too much to try."""


def between(p: Problem, capacity: int) -> Iterator[list[int] | None]:
    """Offsets below a capacity: None for every node that leads on, then a solution. It ends without one if none exists.

    A solution whose offsets have the least sum cannot be lowered, not even several buffers together, by a common
    multiple A of all alignments. So from the buffers that are fixed, or lie below A, every other one is reached by
    steps to one that lies less than A above a part of the one before: else those that are not reached could be lowered
    together. Partial placements are therefore extended by such offsets alone, each set of them once.

    Raises
    ------
    Unfinished
        There are too many of them.
    """
    step = lcm(*p.align)
    if step > MOST_CHOICES or len(p.size) > MOST_BUFFERS:
        raise Unfinished
    meets = _meets(p)
    start = tuple(p.fixed)
    stack, seen = [start], {start}
    if any(at + size > capacity for at, size in zip(p.fixed, p.size, strict=True) if at >= 0):
        return
    while stack:
        offsets = stack.pop()
        if -1 not in offsets:
            yield list(offsets)
            return
        yield None
        for b, at in _extensions(p, meets, offsets, step, capacity):
            longer = (*offsets[:b], at, *offsets[b + 1 :])
            if longer not in seen:
                seen.add(longer)
                stack.append(longer)
        if len(seen) > MOST_SEEN:
            raise Unfinished


def _meets(p: Problem) -> list[dict[int, list[Meet]]]:
    """Per buffer: the others that are needed at the same time, and which bytes of both are."""
    found: list[dict[int, set[Meet]]] = [{} for _ in p.size]
    for s in range(len(p.section_at) - 1):
        rows = [(p.section_buffer[k], p.section_low[k], p.section_high[k]) for k in _range(p, s)]
        for (b, low, high), (c, begin, end) in combinations(rows, 2):
            found[b].setdefault(c, set()).add((low, high, begin, end))
            found[c].setdefault(b, set()).add((begin, end, low, high))
    return [{c: sorted(pairs) for c, pairs in own.items()} for own in found]


def _range(p: Problem, s: int) -> range:
    return range(p.section_at[s], p.section_at[s + 1])


def _extensions(
    p: Problem, meets: list[dict[int, list[Meet]]], offsets: tuple[int, ...], step: int, capacity: int
) -> list[tuple[int, int]]:
    """Open buffers and offsets that they can have next, the best last: low ones, of large buffers. One of equals."""
    found, equals = [], set[int]()
    for b, offset in enumerate(offsets):
        if offset >= 0 or p.alike[b] in equals:
            continue
        equals.add(p.alike[b])
        placed = {c: pairs for c, pairs in meets[b].items() if offsets[c] >= 0}
        floors = {0, *(offsets[c] + end - low for c, pairs in placed.items() for low, _, _, end in pairs)}
        align = p.align[b]
        for at in {
            k for floor in floors for k in range(-(-max(0, floor) // align) * align, max(0, floor + step), align)
        }:
            if at + p.size[b] <= capacity and not _clash(placed, offsets, at):
                found.append((-at, p.size[b], b))
    return [(b, -down) for down, _, b in sorted(found)]


def _clash(placed: dict[int, list[Meet]], offsets: tuple[int, ...], at: int) -> bool:
    """Whether a buffer at this offset shares bytes with a placed one."""
    return any(
        at + low < offsets[c] + end and offsets[c] + begin < at + high
        for c, pairs in placed.items()
        for low, high, begin, end in pairs
    )
