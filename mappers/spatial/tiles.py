"""How attention is cut for a 2D array: tiles of queries, blocks of resident tiles, and loops over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

from archsim.ir.affine import Affine
from archsim.ir.mapping import Range
from archsim.units.spatial.problem import Problem

ZERO = Affine(0)


@dataclass(frozen=True, slots=True)
class Tile:
    """Query positions `q` to ``q + rows`` of heads `h` to ``h + heads`` of one KV head: a column of the array each."""

    h: int
    heads: int
    q: int
    rows: int
    more: tuple[Tile, ...] = ()
    """Further columns, where the queries of a tile are not all positions of all of its heads."""

    @property
    def columns(self) -> int:
        """Queries of the tile."""
        return self.heads * self.rows + sum(part.columns for part in self.more)

    @property
    def parts(self) -> tuple[Tile, ...]:
        """Its columns as rectangles of heads and positions."""
        return (replace(self, more=()), *self.more) if self.more else (self,)

    def moved(self, dim: str, by: int) -> Tile:
        """The tile `by` further along h or q."""
        more = tuple(part.moved(dim, by) for part in self.more)
        if dim == "h":
            return replace(self, h=self.h + by, more=more)
        return replace(self, q=self.q + by, more=more)


Tiles = tuple[Tile, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """Some tiles, and the loops that repeat them: (dim, step, count), the inner one first."""

    tiles: Tiles
    loops: tuple[tuple[str, int, int], ...] = ()


@lru_cache(maxsize=64)
def query_tiles(problem: Problem, cols: int) -> Tiles:
    """The queries of one KV head in tiles of at most `cols`: parts of one head, or several short heads at once."""
    group, rows = problem.heads // problem.kv_heads, problem.positions
    if rows >= cols or group == 1:
        return tuple(Tile(h, 1, q, min(cols, rows - q)) for h in range(group) for q in range(0, rows, cols))
    heads = cols // rows
    return tuple(Tile(h, min(heads, group - h), 0, rows) for h in range(0, group, heads))


def blocks(tiles: Tiles, resident: int) -> tuple[Tiles, ...]:
    """Tiles in blocks of `resident`, the last one of what is left."""
    return tuple(tiles[i : i + resident] for i in range(0, len(tiles), resident))


@lru_cache(maxsize=64)
def packed_tiles(problem: Problem, cols: int, resident: int) -> tuple[Tiles, ...]:
    """The queries of one KV head in blocks of `resident` full tiles, as the closed form of one pass counts them.

    Heads that share their keys fill tiles together: head by head, and where causal position by position, so that a tile
    has few of these. There, the first block is the one that is not full.
    """
    group, rows = problem.heads // problem.kv_heads, problem.positions
    total, size = problem.queries, resident * cols
    inner = group if problem.causal else rows
    starts = [0, *range(total % size or size, total, size)] if problem.causal else list(range(0, total, size))
    ends = [*starts[1:], total]
    return tuple(
        tuple(rows_as_tile(first, min(first + cols, end), inner, problem.causal) for first in range(start, end, cols))
        for start, end in zip(starts, ends, strict=True)
    )


def rows_as_tile(first: int, stop: int, inner: int, by_position: bool) -> Tile:
    """Consecutive query rows: what is left of an outer index (head or position), whole ones, and a part of the last."""
    parts: list[Tile] = []
    while first < stop:
        outer, at = divmod(first, inner)
        whole = (stop - first) // inner if not at else 0
        count, width = (whole, inner) if whole else (1, min(inner - at, stop - first))
        parts.append(Tile(at, width, outer, count) if by_position else Tile(outer, count, at, width))
        first += count * width
    return replace(parts[0], more=tuple(parts[1:]))


def runs(parts: Iterable[Tiles], *, along: Sequence[str] = ("q", "h")) -> tuple[Run, ...]:
    """Equal parts that follow one another in equal steps, as loops: first along queries, then along heads."""
    found = [Run(part) for part in parts]
    for dim in along:
        found = _folded(found, dim)
    return tuple(found)


def _folded(found: list[Run], dim: str) -> list[Run]:
    out: list[Run] = []
    index = 0
    while index < len(found):
        first, count = found[index], 1
        step = _step(first, found[index + 1], dim) if index + 1 < len(found) else 0
        while step and index + count < len(found) and _step(first, found[index + count], dim) == step * count:
            count += 1
        out.append(replace(first, loops=(*first.loops, (dim, step, count))) if count > 1 else first)
        index += count
    return out


def _step(a: Run, b: Run, dim: str) -> int:
    """How far `b` lies behind `a` along a dim; 0 where they differ in anything else."""
    if a.loops != b.loops or len(a.tiles) != len(b.tiles):
        return 0
    by = b.tiles[0].h - a.tiles[0].h if dim == "h" else b.tiles[0].q - a.tiles[0].q
    same = all(x.moved(dim, by) == y for x, y in zip(a.tiles, b.tiles, strict=True))
    return by if same and by > 0 else 0


def balanced(count: int, least: int) -> tuple[int, ...]:
    """Sizes of groups that share `count` tiles, none smaller than `least` unless there are fewer; equal if possible."""
    most = max(1, count // least)
    even = next(n for n in range(most, 0, -1) if count % n == 0)
    if count // even < 2 * least:
        return (count // even,) * even
    size, more = divmod(count, most)
    return (size + 1,) * more + (size,) * (most - more)


def grouped(tiles: Tiles, sizes: Sequence[int]) -> tuple[Tiles, ...]:
    """Tiles in groups of these sizes, in order."""
    ends = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return tuple(tiles[a:b] for a, b in pairwise(ends))


@dataclass(frozen=True, slots=True)
class Spot:
    """Where the loops around a task stand: offsets along the dims of an attention."""

    problem: Problem
    offsets: Mapping[str, Affine] = field(default_factory=dict)
    """Dim (b, kv, h, q, t) -> offset, 0 where it is not named."""

    def at(self, dim: str) -> Affine:
        """The offset along a dim."""
        return self.offsets.get(dim, ZERO)

    def moved(self, dim: str, var: str, step: int = 1) -> Spot:
        """Inside a loop that moves `dim` by `step`."""
        return replace(self, offsets={**self.offsets, dim: self.at(dim) + Affine.var(var, step)})

    def shifted(self, dim: str, by: int) -> Spot:
        """`by` further along a dim."""
        return replace(self, offsets={**self.offsets, dim: self.at(dim) + by})

    def at_end(self, var: str, last: int) -> Spot:
        """Where a loop stands in its last iteration."""
        ends = {dim: old + (Affine.var(var) * -1 + last) * old.coefficient(var) for dim, old in self.offsets.items()}
        return replace(self, offsets=ends)

    def product(self, tile: Tile, keys: Range, first: Affine | None = None) -> dict[str, Range]:
        """The part of scores or values that a tile of queries, from the position `first` on, has with some keys."""
        p = self.problem
        start = self.at("q") + tile.q
        head = self.at("h") + self.at("kv") * (p.heads // p.kv_heads) + tile.h
        return {
            "b": Range(self.at("b"), self.at("b") + 1),
            "h": Range(head, head + tile.heads),
            "kv": Range.of(0, p.kv_heads),
            "q": Range(start if first is None else first, start + tile.rows),
            "t": Range(self.at("t") + keys.start, self.at("t") + keys.stop),
            "d": Range.of(0, p.head),
        }

    def softmaxes(self, tile: Tile, keys: Range) -> tuple[dict[str, Range], ...]:
        """The same part of the softmax, one for each head of which not all positions are there."""
        p, out = self.problem, list[dict[str, Range]]()
        for part in tile.parts:
            whole = part.rows == p.positions
            heads = (part,) if whole else tuple(Tile(part.h + i, 1, part.q, part.rows) for i in range(part.heads))
            for one in heads:
                found = self.softmax(one, keys)
                if out and out[-1]["m"].stop == found["m"].start:
                    found["m"] = Range(out.pop()["m"].start, found["m"].stop)
                out.append(found)
        return tuple(out)

    def softmax(self, tile: Tile, keys: Range, first: Affine | None = None) -> dict[str, Range]:
        """The same part of the softmax, whose rows are those of all heads of all sequences.

        From the position `first` on, of a tile of one head.
        """
        p = self.problem
        head = self.at("b") * p.heads + self.at("kv") * (p.heads // p.kv_heads) + self.at("h") + tile.h
        start = head * p.positions + self.at("q") + tile.q
        rows = Range(start if first is None else head * p.positions + first, start + tile.columns)
        return {"m": rows, "n": Range(self.at("t") + keys.start, self.at("t") + keys.stop)}
