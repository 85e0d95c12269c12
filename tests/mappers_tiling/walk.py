"""Slow references: a walk through the loops with one tile per operand in each memory, and a search over everything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from archsim.mappers.tiling.batch import ORDERS
from archsim.mappers.tiling.cost import Metric, keys
from archsim.mappers.tiling.gemm import OTHERS, Gemm
from archsim.mappers.tiling.hierarchy import Hierarchy
from archsim.mappers.tiling.result import price, tile_bits
from archsim.mappers.tiling.sizes import Grid
from archsim.mappers.tiling.traffic import Order, Sizes

Part = tuple[int, int]
"""From and until along one dim."""
Place = tuple[Part, Part]


class Memory:
    """One tile of each operand; what is brought in is counted, outputs are written back and read again."""

    def __init__(self) -> None:
        self.held: list[Place | None] = [None, None, None]
        self.loaded = [0, 0, 0]
        self.read_back = 0
        self.begun: set[Place] = set()

    def hold(self, operand: int, place: Place) -> None:
        if self.held[operand] == place:
            return
        self.held[operand] = place
        size = (place[0][1] - place[0][0]) * (place[1][1] - place[1][0])
        self.loaded[operand] += size
        if operand == 2:
            self.read_back += size * (place in self.begun)
            self.begun.add(place)


def walk(extents: Sizes, tiles: Sequence[Sizes], orders: Sequence[Order]) -> list[Memory]:
    """The memories below the first after all loops have run."""
    memories = [Memory() for _ in tiles]

    def enter(level: int, box: Sequence[Part]) -> None:
        if level:
            for operand, (first, second) in enumerate(OTHERS):
                memories[level - 1].hold(operand, (box[first], box[second]))
        if level == len(tiles):
            return
        order = orders[level]
        parts = [[(at, min(at + tiles[level][d], box[d][1])) for at in range(*box[d], tiles[level][d])] for d in order]
        for chosen in product(*parts):
            inside = dict(zip(order, chosen, strict=True))
            enter(level + 1, [inside[d] for d in range(3)])

    enter(0, [(0, extent) for extent in extents])
    return memories


def chains(
    gemm: Gemm, hierarchy: Hierarchy, around: Sizes, *, every: bool, level: int = 0
) -> Iterator[tuple[Sizes, ...]]:
    """Every chain of tile sizes that fits."""
    if level == len(hierarchy.rooms):
        yield ()
        return
    grid = Grid(max(hierarchy.array.rows, hierarchy.array.cols))
    for m, n, k in product(*(range(1, size + 1) if every else grid.sizes(size) for size in around)):
        if tile_bits(gemm, (m, n, k)) <= hierarchy.rooms[level]:
            for rest in chains(gemm, hierarchy, (m, n, k), every=every, level=level + 1):
                yield ((m, n, k), *rest)


def least(gemm: Gemm, hierarchy: Hierarchy, metric: Metric, *, every: bool = False) -> tuple[float, float]:
    """The best of all tilings, one by one."""
    found = []
    for tiles in chains(gemm, hierarchy, gemm.extents, every=every):
        for orders in product(ORDERS, repeat=len(tiles)):
            for unroll in hierarchy.array.unrolls:
                _, cycles, energy = price(gemm, hierarchy, unroll, tiles, orders)
                first, second = keys(metric, float(cycles), energy)
                found.append((float(first), float(second)))
    return min(found)
