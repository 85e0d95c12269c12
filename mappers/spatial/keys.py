"""Keys in rows of the array: which rows a block of queries needs, and how many of them are worked on together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from archsim.ir.affine import Affine, affine
from archsim.ir.mapping import Range
from archsim.mappers.spatial.tiles import Tile, Tiles, balanced
from archsim.units.spatial.problem import Problem

STEPS = 8
"""Steps in which a causal block approaches its diagonal: what lies between is computed although it is masked."""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One key for each row of the array."""

    start: int
    keys: Affine
    times: int = 1
    """Rows of the array it may grow to while the context does; it takes as long from the beginning."""

    @property
    def span(self) -> Range:
        """Its keys."""
        return Range(affine(self.start), self.keys + self.start)


KeyRows = tuple[KeyRow, ...]


@dataclass(frozen=True, slots=True)
class Units:
    """Rows that are worked on together, `count` times, each `step` keys further."""

    rows: KeyRows
    step: int = 0
    count: int = 1


def key_rows(rows: int, least: int, most: int, keys: Affine) -> KeyRows:
    """Keys in rows of `rows`; what is left, or grows from `least` to `most` keys, is one row at the end."""
    whole = least // rows if least == most else (least - 1) // rows
    out = [KeyRow(i * rows, affine(rows)) for i in range(whole)]
    if most > whole * rows:
        out.append(KeyRow(whole * rows, keys - whole * rows, -(-(most - whole * rows) // rows)))
    return tuple(out)


def units(rows: KeyRows, together: int) -> tuple[Units, ...]:
    """Rows in units of at least `together`, equal ones that follow one another as a loop."""
    out: list[Units] = []
    first = 0
    for size in balanced(len(rows), together):
        unit = rows[first : first + size]
        first += size
        last = out[-1] if out else None
        step = unit[0].start - (last.rows[0].start + last.step * (last.count - 1)) if last else 0
        if last and step > 0 and last.step in (0, step) and _moved(last.rows, step * last.count) == unit:
            out[-1] = replace(last, step=step, count=last.count + 1)
        else:
            out.append(Units(unit))
    return tuple(out)


def _moved(rows: KeyRows, by: int) -> KeyRows:
    return tuple(replace(row, start=row.start + by) for row in rows)


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows of keys that the same tiles need."""

    first: int
    end: int
    tiles: Tiles


def segments(problem: Problem, tiles: Tiles, rows: int, count: int) -> tuple[Segment, ...]:
    """Which of `count` key rows a block's tiles need: all of them, or where causal a staircase."""
    limits = [_limit(problem, tile, rows) if problem.causal else count for tile in tiles]
    low, high = min(limits), max(limits)
    step = max(1, -(-(high - low) // STEPS))
    limits = [min(high, low + -(-(limit - low) // step) * step) for limit in limits]
    edges = sorted({0, *limits})
    return tuple(
        Segment(a, b, tuple(tile for tile, limit in zip(tiles, limits, strict=True) if limit >= b))
        for a, b in pairwise(edges)
    )


def masked(tiles: Tiles, parts: tuple[Segment, ...], count: int) -> tuple[tuple[Tile, int], ...]:
    """Tiles that are done before the last key row, and the row from which on nothing of them is computed."""
    out: list[tuple[Tile, int]] = []
    for tile in tiles:
        end = max(part.end for part in parts if tile in part.tiles)
        if end == count:
            continue
        if out and out[-1][1] == end and (last := out[-1][0]).h == tile.h and last.q + last.rows == tile.q:
            out[-1] = (replace(last, rows=last.rows + tile.rows), end)
        else:
            out.append((tile, end))
    return tuple(out)


def _limit(problem: Problem, tile: Tile, rows: int) -> int:
    """Key rows that the last query of a tile sees a part of."""
    return -(-(problem.keys - problem.positions + tile.q + tile.rows) // rows)
