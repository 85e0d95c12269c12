"""More than three levels: the most hopeful tiles of each memory in turn, and an integer program over all of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from archsim.mappers.tiling.batch import ORDERS, nested_folds, visit_loads
from archsim.mappers.tiling.cost import Metric, array_bits, busy_cycles, cycles_and_energy, keys, link_floor
from archsim.mappers.tiling.gemm import Gemm
from archsim.mappers.tiling.hierarchy import FEWEST, Hierarchy, Unroll
from archsim.mappers.tiling.presets import offer
from archsim.mappers.tiling.program import solve_program
from archsim.mappers.tiling.search import Found, all_tiles, link_bits, search
from archsim.mappers.tiling.sizes import Grid
from archsim.mappers.tiling.traffic import Order, Sizes

WIDTH = 12
"""Tiles of each memory that are followed further."""


def beam(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    """Follow the tiles and orders of the first memory with the lowest bounds, and tile each of them for the rest.

    The rest sees one such tile as its whole product, the last two memories by the complete search.
    """
    for tiles, orders in _chains(gemm, hierarchy, metric, unroll, best.grid):
        offer(gemm, hierarchy, metric, unroll, best, tiles, orders)


def _chains(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, grid: Grid
) -> list[tuple[tuple[Sizes, ...], tuple[Order, ...]]]:
    if len(hierarchy.levels) <= FEWEST + 1:
        found = Found(grid)
        search(gemm, hierarchy, metric, unroll, found)
        return [(found.tiles, found.orders)]
    below = hierarchy.model_copy(update={"levels": hierarchy.levels[1:]})
    chains = []
    for tile, order in _hopeful(gemm, hierarchy, metric, unroll, grid):
        part = replace(gemm, m=tile[0], n=tile[1], k=tile[2])
        for tiles, orders in _chains(part, below, metric, unroll, grid):
            chains.append(((tile, *tiles), (order, *orders)))
    return chains


def _hopeful(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, grid: Grid) -> list[tuple[Sizes, Order]]:
    """Tiles of the first memory below the top with the lowest bounds on the metric, each with its best order."""
    across = hierarchy.array.across(unroll)
    tiles = all_tiles(gemm, hierarchy.rooms[0], gemm.extents, grid)
    box = np.broadcast_to(np.array(gemm.extents), tiles.shape)
    links = [link_bits(gemm, visit_loads(box, tiles), adds=hierarchy.levels[0].adds)]
    for above, room in zip(hierarchy.levels[1:-1], hierarchy.rooms[1:], strict=True):
        links.append(link_floor(gemm, room, tiles.astype(float), adds=above.adds)[:, None])
    folds = nested_folds(gemm.extents, tiles, tiles, across)
    passes = [folds[:, d, None] for d in range(3)]
    bits = [*links, array_bits(gemm, passes)]
    cycles, energy = cycles_and_energy(gemm, hierarchy, bits, busy_cycles(gemm.extents, passes, across))
    first, second = (np.broadcast_to(key, links[0].shape) for key in keys(metric, cycles, energy))
    order = np.lexsort((second, first), axis=1)[:, 0]
    rows = np.arange(len(tiles))
    chosen = np.lexsort((second[rows, order], first[rows, order]))[:WIDTH]
    return [((int(tiles[r, 0]), int(tiles[r, 1]), int(tiles[r, 2])), ORDERS[order[r]]) for r in chosen]


def by_program(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found, seconds: float) -> None:
    """What the integer program chooses, counted exactly."""
    for tiles, orders in solve_program(gemm, hierarchy, metric, unroll, best.grid, seconds):
        offer(gemm, hierarchy, metric, unroll, best, tiles, orders)
