"""Keys in rows of the array: which rows a block of queries needs, and which tiles are worked on together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from math import gcd

from archsim.ir.affine import Affine, affine
from archsim.mappers.spatial.cell import Cell
from archsim.mappers.spatial.rows import KeyRow, KeyRows, moved
from archsim.mappers.spatial.tiles import Tile, Tiles, balanced, grouped, rows_as_tile, runs
from archsim.mappers.spatial.weave import Together
from archsim.units.spatial.problem import Problem

MANY = 64
"""Tiles of an uneven staircase from which on those of a row go as one."""
STAIRS = 5
"""Tiles of a staircase that is laid out tile by tile; of larger ones, most is left to loops."""


@dataclass(frozen=True, slots=True)
class Bunch:
    """Cells that are woven together, and the loops that repeat them: (dim, step, count), the inner one first."""

    cells: tuple[Cell, ...]
    loops: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows of keys with all their tiles, `count` times, each `step` keys further."""

    rows: KeyRows
    bunches: tuple[Bunch, ...]
    step: int = 0
    count: int = 1

    def apart(self, index: int, count: int) -> Unit:
        """Its iterations from `index` on."""
        bunches = tuple(replace(b, cells=tuple(c.apart(index, count) for c in b.cells)) for b in self.bunches)
        return replace(self, rows=moved(self.rows, self.step * index), bunches=bunches, count=count)


Pick = Callable[[int, int], Together]
"""(tiles of queries, rows of keys) -> how many of them to work on together."""


@dataclass(frozen=True)
class Rows:
    """Cuts the keys of a block of queries into units."""

    problem: Problem
    rows: int
    """Of the array."""
    cols: int
    pick: Pick

    def units(self, tiles: Tiles, keys: KeyRows) -> tuple[Unit, ...]:
        """All of them in order. A tile takes part up to the last row that one of its queries sees."""
        if not self.problem.causal:
            return tuple(self._even(tiles, keys))
        ends = [min(len(keys), limit(self.problem, tile, self.rows)) for tile in tiles]
        first = [sum(end <= row for end in ends) for row in range(max(ends))]
        full = first.count(0)
        stairs = tuple(self._stairs(tiles, keys, first)) if full < len(first) else ()
        return (*self._even(tiles, keys[:full]), *stairs)

    def _even(self, tiles: Tiles, keys: KeyRows) -> Iterator[Unit]:
        """Rows that all of the tiles need."""
        if not keys:
            return
        how, start = self.pick(len(tiles), len(keys)), 0
        ragged = keys[-1] != moved(keys[:1], keys[-1].start - keys[0].start)[0]
        sizes = balanced(len(keys), how.rows)
        last = len(sizes) - 1
        for (size, _), same in groupby(enumerate(sizes), lambda one: (one[1], ragged and one[0] == last)):
            cells = tuple(Cell.of(row, tile) for row in range(size) for tile in tiles)
            bunches = tuple(self._bunches(tiles, how)) if how.tiles else (Bunch(cells),)
            count = len(tuple(same))
            yield Unit(keys[start : start + size], bunches, self.rows * size if count > 1 else 0, count)
            start += size * count

    def _bunches(self, tiles: Tiles, how: Together) -> Iterator[Bunch]:
        """The tiles of a row in groups."""
        for run in runs(grouped(tiles, self._sizes(len(tiles), how.tiles))):
            yield Bunch(tuple(Cell.of(0, tile) for tile in run.tiles), run.loops)

    def _sizes(self, tiles: int, least: int) -> tuple[int, ...]:
        """Sizes of groups of tiles: where heads do not divide the columns, of as many as repeat themselves."""
        heads = self.problem.heads // self.problem.kv_heads
        period = heads // gcd(heads, self.cols) if self.problem.causal else 1
        size = -(-least // period) * period
        if period == 1 or tiles < 2 * size:
            return balanced(tiles, least)
        return (size,) * (tiles // size - 1) + (size + tiles % size,)

    def _stairs(self, tiles: Tiles, keys: KeyRows, first: Sequence[int]) -> Iterator[Unit]:
        """Rows of which each needs fewer tiles than the one before, or as many.

        The tiles that half of what is left has in common are groups as anywhere; those above them, which are fewer in
        every row, go as one.
        """
        row = first.count(0)
        while row < len(first) and len(tiles) - first[row] > STAIRS:
            half = first[row] + (len(tiles) - first[row]) // 2
            edge = self._queries(tiles[first[row]], tiles[half - 1])
            end = next((r for r in range(row, len(first)) if first[r] >= half), len(first))
            while end > row and not self._sees(edge, keys[end - 1]):
                end -= 1
            above = [half - first[r] for r in range(row, end)]
            drop = above[0] - above[1] if len(above) > 1 else 0
            even = drop and all(a - b == drop for a, b in pairwise(above))
            alike = even and all(r.keys == keys[row].keys for r in keys[row:end])
            if len(above) < 3 or not alike:
                break
            number = Affine.var("m1", -drop, above[0])
            wide, same = Cell(0, number * tiles[first[row]].columns, number, edge, edge=True), tiles[half:]
            how = self.pick(len(same), 1)
            whole, *others = grouped(same, self._sizes(len(same), how.tiles or len(same)))
            joined = (wide, *(Cell.of(0, tile) for tile in whole))
            head = (Bunch(joined),) if how.tiles != 1 else (Bunch((wide,)), Bunch(joined[1:]))
            rest = (Bunch(tuple(Cell.of(0, t) for t in run.tiles), run.loops) for run in runs(others))
            yield Unit((keys[row],), (*head, *rest), keys[row + 1].start - keys[row].start, end - row)
            row = end
        yield from self._steps(tiles, keys, first, row)

    def _queries(self, first: Tile, last: Tile) -> Tile:
        """All queries from a tile to another one."""
        group = self.problem.heads // self.problem.kv_heads
        return rows_as_tile(first.q * group + first.h, last.q * group + last.h + last.columns, group, True)

    def _sees(self, tile: Tile, row: KeyRow) -> bool:
        """Whether a position of which the tile has all heads sees a row of keys."""
        p = self.problem
        last = max((part.q + part.rows for part in tile.parts if part.heads == p.heads // p.kv_heads), default=0)
        return row.start - (p.keys - p.positions) < last

    def _steps(self, tiles: Tiles, keys: KeyRows, first: Sequence[int], row: int) -> Iterator[Unit]:
        """The same tile by tile: rows together until there are enough tiles for a group."""
        how, parts, part = self.pick(1, len(keys)), list[list[int]](), list[int]()
        wanted = how.rows
        for index in range(row, len(first)):
            part.append(index)
            if sum(len(tiles) - first[r] for r in part) >= wanted:
                parts.append(part)
                part = []
        if part:
            parts = [*parts[:-1], [*parts[-1], *part]] if parts else [part]
        many = sum(len(tiles) - first[r] for r in range(row, len(first))) > MANY
        for chosen in parts:
            left = [tiles[first[r] :] for r in chosen]
            named = [(merged(some),) if many else some for some in left]
            cells = tuple(
                Cell(index, affine(tile.columns), affine(len(some) if many else 1), tile)
                for index, (some, row_tiles) in enumerate(zip(left, named, strict=True))
                for tile in row_tiles
            )
            bunches = (Bunch(cells),) if wanted > 1 else tuple(Bunch((cell,)) for cell in cells)
            yield Unit(tuple(keys[r] for r in chosen), bunches)


def limit(problem: Problem, tile: Tile, rows: int) -> int:
    """Key rows that the last query of a tile sees a part of."""
    last = max(part.q + part.rows for part in tile.parts)
    return -(-(problem.keys - problem.positions + last) // rows)


def merged(tiles: Sequence[Tile]) -> Tile:
    """Tiles side by side as one, in as few rectangles as their order allows."""
    parts: list[Tile] = []
    for part in (part for tile in tiles for part in tile.parts):
        last = parts[-1] if parts else None
        if last and (last.h, last.heads, last.q + last.rows) == (part.h, part.heads, part.q):
            parts[-1] = replace(last, rows=last.rows + part.rows)
        else:
            parts.append(part)
    return replace(parts[0], more=tuple(parts[1:]))
