"""The best tiling for one or two memories below the first, proved by bounds on all that is not looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from archsim.mappers.tiling.batch import ORDERS, Floats, Ints, nested_folds, nested_loads, visit_loads
from archsim.mappers.tiling.cost import Metric, array_bits, busy_cycles, cycles_and_energy, keys, link_floor
from archsim.mappers.tiling.gemm import Gemm
from archsim.mappers.tiling.hierarchy import Hierarchy, Unroll
from archsim.mappers.tiling.sizes import Grid
from archsim.mappers.tiling.traffic import Order, Sizes

CHUNK = 24
"""Tiles of the upper memory that are opened at once."""
NEVER = 0
"""In place of a larger size: there is none."""


@dataclass
class Found:
    """The best so far, among which sizes, and how much was looked at."""

    grid: Grid
    key: tuple[float, float] = (np.inf, np.inf)
    unroll: Unroll = "mn"
    tiles: tuple[Sizes, ...] = ()
    orders: tuple[Order, ...] = ()
    evaluated: int = field(default=0, compare=False)
    """Tilings whose cost was counted; the bounds prove the others no better."""

    def offer(self, first: Floats, second: Floats, tiles: Ints) -> int | None:
        """The place in the flattened arrays of a better tiling than the one known; None where there is none.

        Of equals the one with the largest tiles in the lowest memory, since each tile has to be asked for.
        """
        flat, other = np.ravel(first), np.ravel(second)
        self.evaluated += flat.size
        least = flat.min()
        ties = np.flatnonzero(flat == least)
        ties = ties[other[ties] == other[ties].min()]
        volume = np.prod(tiles, axis=1, dtype=float)[ties // (flat.size // len(tiles))]
        place = int(ties[np.argmax(volume)])
        if (least, other[place]) >= self.key:
            return None
        self.key = (float(least), float(other[place]))
        return place


def search(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    """Look for something better than `best` with these two dims spread over the array.

    For two or three levels. Complete: no chain of tile sizes of the grid, each a size for the one above as its extent,
    with any loop orders is better than what is left in `best`.
    """
    if len(hierarchy.levels) == 2:
        _one(gemm, hierarchy, metric, unroll, best)
    else:
        _two(gemm, hierarchy, metric, unroll, best)


def _one(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    across = hierarchy.array.across(unroll)
    tiles = largest_tiles(gemm, hierarchy.rooms[0], gemm.extents, across, best.grid)
    box = np.broadcast_to(np.array(gemm.extents), tiles.shape)
    bits = link_bits(gemm, visit_loads(box, tiles), adds=hierarchy.levels[0].adds)
    folds = nested_folds(gemm.extents, box.astype(np.int64), tiles, across)
    place = best.offer(*_keys(gemm, hierarchy, metric, [bits], folds, across), tiles)
    if place is not None:
        row, order = divmod(place, len(ORDERS))
        best.unroll, best.tiles, best.orders = unroll, (_sizes(tiles[row]),), (ORDERS[order],)


def _two(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found) -> None:
    across = hierarchy.array.across(unroll)
    outer = all_tiles(gemm, hierarchy.rooms[0], gemm.extents, best.grid)
    box = np.broadcast_to(np.array(gemm.extents), outer.shape)
    upper = link_bits(gemm, visit_loads(box, outer), adds=hierarchy.levels[0].adds)
    floor = link_floor(gemm, hierarchy.rooms[1], outer.astype(float), adds=hierarchy.levels[1].adds)
    least = nested_folds(gemm.extents, outer, outer, across)
    first, second = _keys(gemm, hierarchy, metric, [upper, floor[:, None]], least, across)
    first, second = np.broadcast_to(first, upper.shape), np.broadcast_to(second, upper.shape)
    # Of a tile's six orders only the most hopeful one counts for when it is opened.
    pick = np.lexsort((second, first), axis=1)[:, :1]
    first, second = (np.take_along_axis(array, pick, axis=1)[:, 0] for array in (first, second))
    turns = np.lexsort((second, first))
    for start in range(0, len(turns), CHUNK):
        rows = turns[start : start + CHUNK]
        rows = rows[(first[rows] < best.key[0]) | ((first[rows] == best.key[0]) & (second[rows] < best.key[1]))]
        if not len(rows):
            if first[turns[start]] > best.key[0]:
                break
            continue
        _open(gemm, hierarchy, metric, unroll, best, outer[rows], upper[rows])


def _open(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, unroll: Unroll, best: Found, outer: Ints, upper: Floats
) -> None:
    """All tiles of the lower memory and all orders for these tiles of the upper one."""
    across = hierarchy.array.across(unroll)
    tiles = [largest_tiles(gemm, hierarchy.rooms[1], _sizes(row), across, best.grid) for row in outer]
    lengths = [len(some) for some in tiles]
    inner, above = np.concatenate(tiles), np.repeat(outer, lengths, axis=0)
    lower = link_bits(gemm, nested_loads(gemm.extents, above, inner), adds=hierarchy.levels[1].adds)
    folds = nested_folds(gemm.extents, above, inner, across)
    links: list[Floats] = [np.repeat(upper, lengths, axis=0)[:, None, :], lower]
    place = best.offer(*_keys(gemm, hierarchy, metric, links, folds, across), inner)
    if place is not None:
        row, inner_order, outer_order = (int(i) for i in np.unravel_index(place, lower.shape))
        best.unroll, best.tiles = unroll, (_sizes(above[row]), _sizes(inner[row]))
        best.orders = (ORDERS[outer_order], ORDERS[inner_order])


def _keys(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, links: list[Floats], folds: Floats, across: Sizes
) -> tuple[Floats, Floats]:
    shape = (-1, *(1,) * (links[-1].ndim - 1))
    passes = [folds[:, dim].reshape(shape) for dim in range(3)]
    bits = [*links, array_bits(gemm, passes)]
    cycles, energy = cycles_and_energy(gemm, hierarchy, bits, busy_cycles(gemm.extents, passes, across))
    shaped = np.broadcast_shapes(*(np.shape(link) for link in links))
    first, second = keys(metric, cycles, energy)
    return np.broadcast_to(first, shaped), np.broadcast_to(second, shaped)


def link_bits(gemm: Gemm, loads: Floats, *, adds: bool) -> Floats:
    """Bits moved for elements loaded, (rows, operand, ...), as `traffic.moved_bits` has it, both directions."""
    weights, inputs, sums = loads[:, 0], loads[:, 1], loads[:, 2]
    bits: Floats = weights * gemm.weight_bits + inputs * gemm.input_bits
    if adds:
        return bits + sums * gemm.sum_bits
    again = sums - gemm.m * gemm.n
    return bits + again * (2 * gemm.sum_bits) + gemm.m * gemm.n * gemm.final_bits


def all_tiles(gemm: Gemm, room: int, box: Sizes, grid: Grid) -> Ints:
    """Every tile of a box that fits: (rows, dim), in lexicographic order."""
    axes = [np.array(grid.sizes(size), dtype=np.int64) for size in box]
    found: Ints = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return found[footprint(gemm, found) <= room]


def largest_tiles(gemm: Gemm, room: int, box: Sizes, across: Sizes, grid: Grid) -> Ints:
    """The tiles of a box that fit and of which no dim can grow: no smaller one moves less or computes faster.

    A dim grows to the next size that does not need more passes of the array over a full box or over what is left of the
    product at its edge.
    """
    sizes, grown = zip(*(_growth(gemm.extents[d], box[d], across[d], grid) for d in range(3)), strict=True)
    m, n, k = (sizes[0][:, None, None], sizes[1][None, :, None], sizes[2][None, None, :])
    up_m, up_n, up_k = (grown[0][:, None, None], grown[1][None, :, None], grown[2][None, None, :])
    weights, inputs, sums = gemm.bits
    keep = m * n * sums + m * k * inputs + n * k * weights <= room
    for a, b, c, up in ((up_m, n, k, up_m), (m, up_n, k, up_n), (m, n, up_k, up_k)):
        keep = keep & ((a * b * sums + a * c * inputs + b * c * weights > room) | (up == NEVER))
    i, j, l = np.nonzero(keep)  # noqa: E741
    return np.stack([sizes[0][i], sizes[1][j], sizes[2][l]], axis=1)


@lru_cache(maxsize=4096)
def _growth(extent: int, box: int, across: int, grid: Grid) -> tuple[Ints, Ints]:
    """The sizes of a dim, and for each the next larger that needs no more passes, or `NEVER`."""
    sizes = np.array(grid.sizes(box), dtype=np.int64)
    if not across:
        return sizes, np.append(sizes[1:], NEVER)
    rest = extent % box
    passes = np.array([[_passes(box, size, across), _passes(rest, size, across)] for size in sizes.tolist()])
    better = (passes[None, :, :] <= passes[:, None, :]).all(axis=2) & (sizes[None, :] > sizes[:, None])
    grown = np.where(better.any(axis=1), sizes[np.argmax(better, axis=1)], NEVER)
    return sizes, grown


def _passes(size: int, tile: int, across: int) -> int:
    full, rest = divmod(size, tile)
    return full * -(-tile // across) + -(-rest // across)


def footprint(gemm: Gemm, tiles: Ints) -> Ints:
    """Bits of a tile of every operand: (rows,)."""
    m, n, k = tiles[:, 0], tiles[:, 1], tiles[:, 2]
    weights, inputs, sums = gemm.bits
    bits: Ints = m * n * sums + m * k * inputs + n * k * weights
    return bits


def _sizes(row: Ints) -> Sizes:
    m, n, k = (int(size) for size in row)
    return m, n, k
