"""The tiles of an attention: how many hold a score that is needed, what they compute, what they load."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import Interval, Pattern, row_positions


@dataclass(frozen=True, slots=True)
class TileWork:
    """What the tiles of one instance come to."""

    tiles: int
    """Tiles with at least one needed score."""
    visits: int
    """Query rows times key tiles: how often the running state of a row is updated."""
    scores: int
    """Scores computed: whole tiles, except for rows and keys that do not exist."""
    keys: int
    """Keys of all tiles, those of every tile counted: what the array takes from the buffer."""

    def __add__(self, other: TileWork) -> TileWork:
        return TileWork(
            self.tiles + other.tiles, self.visits + other.visits, self.scores + other.scores, self.keys + other.keys
        )


NO_WORK = TileWork(0, 0, 0, 0)


def query_blocks(problem: Problem, rows: int) -> Iterator[Interval]:
    """Ranges of query rows, `rows` each, the ragged one first.

    Under a causal mask the first block sees the fewest keys: being short there makes the blocks after it see fewer.
    """
    start = 0
    for stop in range(problem.queries % rows or rows, problem.queries + 1, rows):
        yield start, stop
        start = stop


def key_tiles(ranges: tuple[Interval, ...], size: int, keys: int) -> tuple[int, int]:
    """(tiles, keys in them) of a grid of `size` keys that ranges touch; the last tile has the keys that are left."""
    tiles, covered, last = 0, 0, -1
    for low, high in ranges:
        first, stop = max(low // size, last + 1), -(-high // size)
        if stop > first:
            tiles += stop - first
            covered += min(stop * size, keys) - first * size
            last = stop - 1
    return tiles, covered


def tile_work(problem: Problem, pattern: Pattern, rows: int, cols: int, block: int) -> TileWork:
    """Tiles of `rows` keys by `cols` queries, for query rows in blocks of `block`, by counting along the queries."""
    tiles = visits = scores = keys = 0
    for start, stop in query_blocks(problem, block):
        for first in range(start, stop, cols):
            width = min(cols, stop - first)
            seen = pattern.keys(problem, *row_positions(problem, first, first + width))
            count, covered = key_tiles(seen, rows, problem.keys)
            tiles, visits = tiles + count, visits + width * count
            scores, keys = scores + width * covered, keys + covered
    return TileWork(tiles, visits, scores, keys)


def keys_streamed(problem: Problem, pattern: Pattern, rows: int, block: int) -> int:
    """Keys of one instance that are loaded, once for every block of query rows that sees their tile."""
    return sum(
        key_tiles(pattern.keys(problem, *row_positions(problem, start, stop)), rows, problem.keys)[1]
        for start, stop in query_blocks(problem, block)
    )
