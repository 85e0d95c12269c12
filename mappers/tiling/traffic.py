"""How much a tiling moves: exact counts for any depth of memories, any loop orders, any tile sizes.

Every memory below the first holds one tile of each operand. A tile is fetched when the loops come to another one, and
not when they come to the same again: also across the tiles of the memories above. The tiles at the edges are as small
as what is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

from archsim.mappers.tiling.gemm import OTHERS, Gemm

Sizes = tuple[int, int, int]
"""Elements along m, n and k."""
Order = tuple[int, int, int]
"""Loops from the outermost to the innermost, as indices of dims."""


def splits(size: int, tile: int) -> tuple[tuple[int, int], ...]:
    """The sizes that parts of at most `tile` elements have, and how many there are of each.

    >>> splits(20, 8)
    ((8, 2), (4, 1))
    """
    full, rest = divmod(size, tile)
    return (*(((tile, full),) if full else ()), *(((rest, 1),) if rest else ()))


def count(size: int, tile: int) -> int:
    """Parts of at most `tile` elements in `size`."""
    return -(-size // tile)


def loads(extents: Sizes, tiles: Sequence[Sizes], orders: Sequence[Order], operand: int) -> int:
    """Elements of an operand that are brought into the innermost of these memories, all fetches together.

    Parameters
    ----------
    extents
        Of the whole product.
    tiles
        Tile sizes in the memories from below the first down to the one that is asked about.
    orders
        The loops over the tiles of each of these memories, within a tile of the memory above.
    operand
        Index of `OPERANDS`.
    """
    first, second = OTHERS[operand]
    last = tiles[-1]

    @cache
    def visit(level: int, box: Sizes) -> int:
        if level == len(tiles):
            return box[first] * box[second]
        tile = tiles[level]
        total = 0
        for sub, times in _parts(box, tile):
            total += times * visit(level + 1, sub)
        inside = orders[level][orders[level].index(operand) + 1 :]
        steps = count(box[operand], tile[operand]) - 1
        if steps and all(box[dim] <= tile[dim] for dim in inside):
            # The next tile of the memory above has the same part of the operand, and there is only one tile of it.
            for (a, times_a), (b, times_b) in product(
                splits(box[first], tile[first]), splits(box[second], tile[second])
            ):
                if a <= last[first] and b <= last[second]:
                    total -= steps * times_a * times_b * a * b
        return total

    return visit(0, extents)


def _parts(box: Sizes, tile: Sizes) -> Iterator[tuple[Sizes, int]]:
    """The tiles of a box by their sizes, and how many there are of each."""
    for (a, times_a), (b, times_b), (c, times_c) in product(*(splits(s, t) for s, t in zip(box, tile, strict=True))):
        yield (a, b, c), times_a * times_b * times_c


def moved_bits(gemm: Gemm, weights: int, inputs: int, sums: int, *, adds: bool) -> tuple[int, int]:
    """Bits that a memory sends down and gets back for so many elements of the operands brought into the one below.

    Outputs are counted as often as their place in the lower memory is taken. The first time it starts from zero; later
    the partial sum is read back, unless the upper memory `adds`. What leaves it for the last time is final.
    """
    again = sums - gemm.m * gemm.n
    down = weights * gemm.weight_bits + inputs * gemm.input_bits + (0 if adds else again * gemm.sum_bits)
    up = sums * gemm.sum_bits if adds else again * gemm.sum_bits + gemm.m * gemm.n * gemm.final_bits
    return down, up


def folds(extent: int, tiles: Sequence[int], across: int) -> int:
    """Passes over a dim that an array of `across` multipliers needs; with 0, parts into which the tiles cut it."""
    if not tiles:
        return count(extent, across) if across else 1
    return sum(times * folds(size, tiles[1:], across) for size, times in splits(extent, tiles[0]))
