"""The search's view of a problem: units instead of bytes, sections of time, who overlaps whom. Flat lists only."""

from __future__ import annotations

from collections.abc import Sequence, Sized
from math import gcd
from typing import NamedTuple, TypeAlias

from archsim.mappers.allocation.buffer import Buffer

Ints: TypeAlias = Sequence[int]
"""A list of int, or in machine code an array of int64."""


class Problem(NamedTuple):
    """Buffers that take room, as flat lists; `x_at[i]` to `x_at[i + 1]` are the places of `i`'s entries in `x`.

    A section is a stretch of time with the same live buffers, kept only where no neighbour has them all: what holds in
    the larger section holds in the smaller one. Sizes and addresses count units, their greatest common divisor.
    """

    size: Ints
    fixed: Ints
    """Offset that a buffer must have; -1 where it is free."""
    align: Ints
    alike: Ints
    """The first buffer with the same life, size and alignment: which of two equals comes first does not matter."""
    first: Ints
    """First section in which a buffer is alive."""
    last: Ints
    """Last section in which a buffer is alive, gaps included."""
    section_at: Ints
    section_buffer: Ints
    section_low: Ints
    """Where the buffer's bytes begin in this section, above its offset; not 0 only inside a gap with a window."""
    section_high: Ints
    buffer_at: Ints
    buffer_section: Ints
    buffer_height: Ints
    """Units that a buffer takes in this section."""
    overlap_at: Ints
    overlap_buffer: Ints
    overlap_above: Ints
    """How far above the buffer's offset the other's lies at least, if it lies above."""
    overlap_below: Ints
    """How far below the buffer's offset the other's lies at least, if it lies below."""


Piece: TypeAlias = tuple[int, int, int]
"""(buffer or section, first byte, byte after the last one), bytes counted from the buffer's offset."""


def unit_of(buffers: Sequence[Buffer]) -> int:
    """The greatest number of bytes that divides all sizes, windows, fixed offsets and alignments that are not 1.

    Alignments finer than the unit always hold, so they are left out where they divide it.
    """
    unit = gcd(*(b.size for b in buffers), *(b.offset or 0 for b in buffers))
    unit = gcd(unit, *(edge for b in buffers for gap in b.gaps for edge in gap.window or ()))
    return max(1, gcd(unit, *(b.alignment for b in buffers if unit % b.alignment)))


def problem_of(buffers: Sequence[Buffer], unit: int) -> Problem:
    """The flat form of buffers whose sizes are not 0 and multiples of `unit`."""
    sections, overlaps = sweep(buffers)
    spans: list[list[Piece]] = [[] for _ in buffers]
    for index, section in enumerate(sections):
        for buffer, low, high in section:
            spans[buffer].append((index, low // unit, high // unit))
    kinds: dict[object, int] = {}
    facts = [(b.lower, b.upper, b.size, b.alignment, b.gaps, b.offset) for b in buffers]
    return Problem(
        size=[b.size // unit for b in buffers],
        fixed=[-1 if b.offset is None else b.offset // unit for b in buffers],
        align=[max(1, b.alignment // unit) for b in buffers],
        alike=[kinds.setdefault(fact, index) for index, fact in enumerate(facts)],
        first=[own[0][0] for own in spans],
        last=[own[-1][0] for own in spans],
        section_at=_starts(sections),
        section_buffer=[buffer for section in sections for buffer, _, _ in section],
        section_low=[low // unit for section in sections for _, low, _ in section],
        section_high=[high // unit for section in sections for _, _, high in section],
        buffer_at=_starts(spans),
        buffer_section=[section for own in spans for section, _, _ in own],
        buffer_height=[high - low for own in spans for _, low, high in own],
        overlap_at=_starts(overlaps),
        overlap_buffer=[other for own in overlaps for other in own],
        overlap_above=[above // unit for own in overlaps for above, _ in own.values()],
        overlap_below=[below // unit for own in overlaps for _, below in own.values()],
    )


def sweep(buffers: Sequence[Buffer]) -> tuple[list[list[Piece]], list[dict[int, tuple[int, int]]]]:
    """Go through time once.

    Returns
    -------
    sections
        What is alive in each, in order of time.
    overlaps
        Per buffer: the others alive with it -> the least distances of the two offsets, other above and other below.
    """
    starts: dict[int, list[Piece]] = {}
    ends: dict[int, list[Piece]] = {}
    for index, buffer in enumerate(buffers):
        for lower, upper, low, high in buffer.pieces():
            starts.setdefault(lower, []).append((index, low, high))
            ends.setdefault(upper, []).append((index, low, high))
    live: dict[Piece, None] = {}
    sections: list[list[Piece]] = []
    overlaps: list[dict[int, tuple[int, int]]] = [{} for _ in buffers]
    grown = False
    for time in sorted({*starts, *ends}):
        leaving = ends.get(time, ())
        if leaving and grown:  # something ends after something began: no neighbouring set holds this one
            sections.append(list(live))
            grown = False
        for piece in leaving:
            del live[piece]
        for piece in starts.get(time, ()):
            for other in live:
                _meet(overlaps, piece, other)
                _meet(overlaps, other, piece)
            live[piece] = None
            grown = True
    return sections, overlaps


def _meet(overlaps: list[dict[int, tuple[int, int]]], piece: Piece, other: Piece) -> None:
    above, below = overlaps[piece[0]].get(other[0], (0, 0))
    overlaps[piece[0]][other[0]] = max(above, piece[2] - other[1]), max(below, other[2] - piece[1])


def _starts(lists: Sequence[Sized]) -> list[int]:
    starts = [0]
    for entries in lists:
        starts.append(starts[-1] + len(entries))
    return starts


def aligned_peak(buffers: Sequence[Buffer]) -> tuple[int, int]:
    """The most bytes that buffers alive at one time need where their offsets are aligned, and the alignment; or 0, 1.

    Of those that begin at multiples of a number, all but the uppermost are followed by the next multiple.

    >>> aligned_peak([Buffer(name, 0, 1, 5, alignment=4) for name in "abc"])
    (21, 4)
    """
    most, which = 0, 1
    alignments = sorted({b.alignment for b in buffers if b.alignment > 1})
    sections = sweep(buffers)[0] if alignments else []
    for alignment in alignments:
        fits = [b.alignment % alignment == 0 and (b.offset or 0) % alignment == 0 for b in buffers]
        for section in sections:
            sizes = [high for buffer, low, high in section if not low and fits[buffer]]
            rests = [-size % alignment for size in sizes]
            if sum(sizes) + sum(rests) - max(rests, default=0) > most:
                most, which = sum(sizes) + sum(rests) - max(rests), alignment
    return most, which


def peak(buffers: Sequence[Buffer]) -> tuple[int, int]:
    """The most bytes alive at one time, which no allocation is below, and the first time at which they are.

    >>> peak([Buffer("a", 0, 2, 5), Buffer("b", 1, 3, 4), Buffer("c", 2, 4, 1)])
    (9, 1)
    """
    change: dict[int, int] = {}
    for buffer in buffers:
        for lower, upper, low, high in buffer.pieces():
            change[lower] = change.get(lower, 0) + high - low
            change[upper] = change.get(upper, 0) - high + low
    most = when = total = 0
    for time in sorted(change):
        total += change[time]
        if total > most:
            most, when = total, time
    return most, when
