"""How much of an attention lies in the buffer at once."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.ir.capability import SpatialArrays


@dataclass(frozen=True, slots=True)
class Room:
    """What the buffer holds beside the queries and the running state of a block."""

    keys: int
    """Rows of keys."""
    values: int
    """Rows of values."""
    queries: bool
    """Whether the next block's queries come before the last scores of this one; otherwise they replace its queries."""
    results: bool
    """Whether results have words of their own until they are in the DRAM; otherwise they lie where they were made."""
    used: int
    """Words of everything."""


def room(arrays: SpatialArrays, columns: int, head: int, held: int, row: int, rows: int) -> Room:
    """What fits, first of what saves most: a second row of keys and values, of queries, of results, then more rows.

    Parameters
    ----------
    arrays
        The machine.
    columns
        Queries of a block.
    head
        Head size, in words.
    held
        Words of each query of a block: itself and its running state.
    row
        Keys of a row of the array.
    rows
        Rows of keys that are of use.
    """
    left = arrays.buffer_bytes // arrays.word_bytes - columns * held - 2 * row * head
    counts, extra = [1, 1], [False, False]
    for index in (0, 1):
        if rows > 1 and left >= row * head:
            counts[index], left = 2, left - row * head
    for index in (0, 1):
        if left >= columns * head:
            extra[index], left = True, left - columns * head
    while counts[0] < rows and counts == [counts[0]] * 2 and left >= 2 * row * head:
        counts, left = [counts[0] + 1] * 2, left - 2 * row * head
    used = arrays.buffer_bytes // arrays.word_bytes - left
    return Room(counts[0], counts[1], extra[0], extra[1], used)
