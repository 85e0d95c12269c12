"""How others choose tiles: a stationary operand, square tiles, random tries. Kept to see what the search is worth."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from math import isqrt

from archsim.mappers.tiling.batch import ORDERS
from archsim.mappers.tiling.cost import Metric, keys
from archsim.mappers.tiling.gemm import Gemm
from archsim.mappers.tiling.hierarchy import Hierarchy, Unroll
from archsim.mappers.tiling.result import price, tile_bits
from archsim.mappers.tiling.search import Found
from archsim.mappers.tiling.sizes import Grid
from archsim.mappers.tiling.traffic import Order, Sizes

SEED = 0
VICTORY = 200
"""Random search ends after so many valid tilings in a row that are no better (Timeloop's victory condition)."""
MOST_TRIES = 20_000

Preset = Callable[[Gemm, Hierarchy, Metric, Unroll, Found], None]


def stationary(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    """The best of weight-, input- and output-stationary: one operand stays in every memory, tiles as cubic as fits."""
    for stays in range(3):
        others = [d for d in range(3) if d != stays]
        order: Order = (others[0], others[1], stays)
        offer(
            gemm, hierarchy, metric, unroll, best, _nested(gemm, hierarchy, best.grid), (order,) * len(hierarchy.rooms)
        )


def square(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    """Tiles with equal edges, the closed form: the largest t for which t x t of each operand fits; outputs stay."""
    tiles, around = [], gemm.extents
    for room in hierarchy.rooms:
        edge = max(1, isqrt(room // sum(gemm.bits)))
        m, n, k = (min(edge, size) for size in around)
        tiles.append(around := (m, n, k))
    offer(gemm, hierarchy, metric, unroll, best, tuple(tiles), ((0, 1, 2),) * len(tiles))


def at_random(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    """Random tiles that fit and random orders until there was nothing better for a while. Seeded."""
    dice, since = random.Random(SEED), 0
    for _ in range(MOST_TRIES):
        tiles = _random_tiles(gemm, hierarchy, best.grid, dice)
        if tiles is None:
            continue
        before = best.key
        offer(gemm, hierarchy, metric, unroll, best, tiles, tuple(dice.choice(ORDERS) for _ in tiles))
        since = 0 if best.key < before else since + 1
        if since >= VICTORY:
            return


PRESETS: Mapping[str, Preset] = {"stationary": stationary, "square": square, "random": at_random}
"""Name of a method -> the method."""


def offer(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found, tiles: tuple[Sizes, ...],
    orders: tuple[Order, ...],
) -> None:  # fmt: skip
    """Count a tiling and keep it if it is better."""
    _, cycles, energy = price(gemm, hierarchy, unroll, tiles, orders)
    first, second = keys(metric, float(cycles), energy)
    best.evaluated += 1
    if (float(first), float(second)) < best.key:
        best.key, best.unroll, best.tiles, best.orders = (float(first), float(second)), unroll, tiles, orders


def _nested(gemm: Gemm, hierarchy: Hierarchy, grid: Grid) -> tuple[Sizes, ...]:
    """Per memory: from a single element the shortest edge grows to its next size for as long as one fits."""
    tiles, around = [], gemm.extents
    for room in hierarchy.rooms:
        axes = [grid.sizes(size) for size in around]
        at = [0, 0, 0]
        while True:
            grown = None
            for dim in sorted(range(3), key=lambda d: axes[d][at[d]]):
                more = [at[d] + (d == dim) for d in range(3)]
                if more[dim] < len(axes[dim]) and tile_bits(gemm, _sizes(axes, more)) <= room:
                    grown = more
                    break
            if grown is None:
                break
            at = grown
        tiles.append(around := _sizes(axes, at))
    return tuple(tiles)


def _random_tiles(gemm: Gemm, hierarchy: Hierarchy, grid: Grid, dice: random.Random) -> tuple[Sizes, ...] | None:
    tiles, around = [], gemm.extents
    for room in hierarchy.rooms:
        m, n, k = (dice.choice(grid.sizes(size)) for size in around)
        tiles.append(around := (m, n, k))
        if tile_bits(gemm, around) > room:
            return None
    return tuple(tiles)


def _sizes(axes: list[tuple[int, ...]], at: list[int]) -> Sizes:
    m, n, k = (axis[index] for axis, index in zip(axes, at, strict=True))
    return m, n, k
