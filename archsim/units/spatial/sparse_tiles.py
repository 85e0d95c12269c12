"""The tiles of an attention: how many hold a score that is needed, what they compute, what they load.

Tiles of queries follow each other in equal steps, and so do the ends of the keys that they see. Sums over all of them
are sums of rounded quotients (`floor_sums`): a million tiles cost no more than ten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.units.spatial.floor_sums import clamped_sum, reaches
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import Interval, Window, row_positions


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


@dataclass(frozen=True, slots=True)
class Steps:
    """`count` ranges of `width` query rows, every one `step` rows after the one before."""

    first: int
    """Row that the first range begins with."""
    width: int
    step: int
    count: int


def query_blocks(problem: Problem, rows: int) -> Iterator[Interval]:
    """Ranges of query rows, `rows` each, the ragged one first.

    Under a causal mask the first block sees the fewest keys: being short there makes the blocks after it see fewer.
    """
    start = 0
    for stop in range(problem.queries % rows or rows, problem.queries + 1, rows):
        yield start, stop
        start = stop


def tile_steps(first: int, stop: int, cols: int) -> list[Steps]:
    """The tiles of `cols` query rows in a range of rows, the ragged one last."""
    whole, rest = divmod(stop - first, cols)
    found = [Steps(first, cols, cols, whole)] if whole else []
    return [*found, Steps(stop - rest, rest, 0, 1)] if rest else found


def block_steps(queries: int, cols: int, block: int) -> list[Steps]:
    """The tiles of all `query_blocks` of `block` rows: few runs of them, whatever the number of blocks."""
    ragged = queries % block or min(block, queries)
    found, blocks = tile_steps(0, ragged, cols), (queries - ragged) // block
    if block % cols == 0 or not blocks:
        return [*found, *tile_steps(ragged, queries, cols)]
    if blocks < block // cols:
        starts = range(ragged, queries, block)
        return [*found, *(steps for start in starts for steps in tile_steps(start, start + block, cols))]
    places = range(0, block, cols)
    return [*found, *(Steps(ragged + place, min(cols, block - place), block, blocks) for place in places)]


def touched(
    problem: Problem, pattern: Window, rows: int, steps: Steps, part: Interval | None = None
) -> tuple[int, int]:
    """What ranges of query rows touch of a grid of tiles of `rows` keys.

    Parameters
    ----------
    problem, pattern
        Who sees which keys.
    rows
        Keys of a tile.
    steps
        The ranges of query rows.
    part
        The keys that are looked at, where the grid begins; all by default. Parts are for patterns without sinks.

    Returns
    -------
    tuple[int, int]
        Tiles, and keys in them; the last tile has the keys that are left. Both summed over the ranges.

    Raises
    ------
    BadInput
        A range sees no key.
    """
    for at in {0, steps.count - 1}:
        start = steps.first + at * steps.step
        pattern.keys(problem, *row_positions(problem, start, start + steps.width))
    begin, end = part or (0, problem.keys)
    group, offset = problem.heads // problem.kv_heads, problem.keys - problem.positions - begin
    keys, sinks = end - begin, min(pattern.sinks, end - begin)
    most, divisor = -(-keys // rows), group * rows
    if pattern.size is None and not problem.causal:
        return steps.count * most, steps.count * keys
    ahead = 0 if problem.causal or pattern.size is None else pattern.size - 1
    # The tile after the last one that a range sees: its last row's position, and so many keys ahead, in whole tiles.
    reach = steps.first + steps.width + group * (offset + ahead) + divisor - 1
    least = 0 if problem.causal else -(-sinks // rows)
    tiles = clamped_sum(steps.count, divisor, steps.step, reach, least, most)
    last = steps.count - (reaches(steps.count, divisor, steps.step, reach, most) if least < most else 0)
    if pattern.size is not None:  # tiles before the window, without those that hold sinks
        behind, kept = steps.first + group * (offset - pattern.size + 1), -(-sinks // rows)
        tiles -= clamped_sum(steps.count, divisor, steps.step, behind, kept, most) - kept * steps.count
    return tiles, tiles * rows - last * (most * rows - keys)


def work_of(problem: Problem, pattern: Window, rows: int, steps: list[Steps], part: Interval | None = None) -> TileWork:
    """The tiles of `rows` keys by the widths of `steps`, as `touched` counts them."""
    work = NO_WORK
    for each in steps:
        tiles, covered = touched(problem, pattern, rows, each, part)
        work += TileWork(tiles, each.width * tiles, each.width * covered, covered)
    return work


def tile_work(problem: Problem, pattern: Window, rows: int, cols: int, block: int) -> TileWork:
    """Tiles of `rows` keys by `cols` queries, for query rows in blocks of `block`."""
    return work_of(problem, pattern, rows, block_steps(problem.queries, cols, block))


def keys_streamed(problem: Problem, pattern: Window, rows: int, block: int) -> int:
    """Keys of one instance that are loaded, once for every block of query rows that sees their tile."""
    return work_of(problem, pattern, rows, block_steps(problem.queries, block, block)).keys
