"""A tiling: what lies where, in which order the loops run, what that costs, and how far from the bound it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from archsim.core.errors import BadInput
from archsim.core.gap import gap
from archsim.mappers.answer import common
from archsim.mappers.tiling.cost import UNITS, Metric, array_bits, busy_cycles, cycles_and_energy, keys
from archsim.mappers.tiling.gemm import DIMS, OPERANDS, Gemm
from archsim.mappers.tiling.hierarchy import Hierarchy, Unroll
from archsim.mappers.tiling.traffic import Order, Sizes, count, folds, loads, moved_bits

SCHEMA = "archsim.tiling/1"
"""What the JSON form is, and its version."""


@dataclass(frozen=True, slots=True)
class Link:
    """What passes between a memory and the one below, or from the innermost memory to the array."""

    above: str
    below: str
    down: int
    """Bytes towards the array."""
    up: int
    """Bytes back."""
    floor: int
    """Bytes, both directions together, that no tiling is below."""

    @property
    def moved(self) -> int:
        """Bytes in both directions."""
        return self.down + self.up


@dataclass(frozen=True, slots=True)
class Tiling:
    """A product cut into tiles for a hierarchy.

    Parameters
    ----------
    gemm, hierarchy, metric
        What was asked.
    tiles
        Sizes along m, n and k in each memory below the first.
    orders
        For each of these memories the loops over its tiles, outermost first, such as ``mnk``.
    unroll
        The two dims that are spread over the array.
    links
        What each memory exchanges with the one below.
    cycles
        From the first fetch to the last write in steady state: the slowest of computing and moving, or their sum where
        a memory is not double-buffered. Filling and draining are not counted.
    energy_pj
        Of all that is moved and computed, pJ.
    bound_cycles, bound_pj
        What no tiling can be below.
    method
        What found it.
    proved
        Whether no tile sizes and loop orders are better at all: every size was searched, or the bound is reached.
    evaluated
        Tilings whose cost was counted.
    why
        What limits it and what stays in place, in words.
    seconds
        How long it took. Not part of the value.
    """

    gemm: Gemm
    hierarchy: Hierarchy
    metric: Metric
    tiles: tuple[Sizes, ...]
    orders: tuple[str, ...]
    unroll: Unroll
    links: tuple[Link, ...]
    cycles: int
    energy_pj: float
    bound_cycles: int
    bound_pj: float
    method: str = ""
    proved: bool = False
    evaluated: int = 0
    why: tuple[str, ...] = ()
    seconds: float = field(default=0.0, compare=False)

    @property
    def objective(self) -> float:
        """The metric: cycles, pJ, or pJ times cycles."""
        return float(keys(self.metric, float(self.cycles), self.energy_pj)[0])

    @property
    def bound(self) -> float:
        """What the metric cannot be below, from compulsory traffic, I/O bounds and the array's peak."""
        return float(keys(self.metric, float(self.bound_cycles), self.bound_pj)[0])

    @property
    def gap(self) -> float:
        """Objective above the bound, as a part of the bound."""
        return gap(self.objective, self.bound)

    def record(self) -> dict[str, Any]:
        """What the command line prints as JSON."""
        return {
            "schema": SCHEMA,
            "gemm": dict(zip(DIMS, self.gemm.extents, strict=True)),
            "hierarchy": self.hierarchy.name,
            "metric": self.metric,
            "unit": UNITS[self.metric],
            **common(self),
            "cycles": self.cycles,
            "energy_pj": self.energy_pj,
            "tiles": {
                level.name: dict(zip(DIMS, tile, strict=True))
                for level, tile in zip(self.hierarchy.levels[1:], self.tiles, strict=True)
            },
            "orders": {level.name: order for level, order in zip(self.hierarchy.levels[1:], self.orders, strict=True)},
            "unroll": self.unroll,
            "links": [
                {"from": one.above, "to": one.below, "down": one.down, "up": one.up, "floor": one.floor}
                for one in self.links
            ],
            "evaluated": self.evaluated,
            "why": list(self.why),
        }


def price(
    gemm: Gemm, hierarchy: Hierarchy, unroll: Unroll, tiles: Sequence[Sizes], orders: Sequence[Order]
) -> tuple[list[tuple[int, int]], int, float]:
    """Bits (down, up) on each link, cycles and pJ of a tiling, counted in whole numbers.

    Raises
    ------
    BadInput
        A tile is larger than the one above, does not fit its memory, or an order is not one of the three dims.
    """
    _check(gemm, hierarchy, tiles, orders)
    links = []
    for depth, above in enumerate(hierarchy.levels[:-1], 1):
        brought = [loads(gemm.extents, tiles[:depth], orders[:depth], operand) for operand in range(len(OPERANDS))]
        links.append(moved_bits(gemm, *brought, adds=above.adds))
    across = hierarchy.array.across(unroll)
    passes = [folds(gemm.extents[d], [tile[d] for tile in tiles], across[d]) for d in range(3)]
    weights, inputs, outputs = (
        int(array_bits(gemm, [passes[d] if d == operand else 0 for d in range(3)])) for operand in range(3)
    )
    links.append((weights + inputs, outputs))
    busy = busy_cycles(gemm.extents, [float(p) for p in passes], across)
    cycles, energy = cycles_and_energy(gemm, hierarchy, [float(sum(link)) for link in links], busy)
    return links, int(cycles), float(energy)


def _check(gemm: Gemm, hierarchy: Hierarchy, tiles: Sequence[Sizes], orders: Sequence[Order]) -> None:
    below = hierarchy.levels[1:]
    if not len(tiles) == len(orders) == len(below):
        what = f"{len(tiles)} tiles and {len(orders)} loop orders"
        raise BadInput(what, right=f"one of each for {', '.join(level.name for level in below)}")
    around = gemm.extents
    for level, room, tile, order in zip(below, hierarchy.rooms, tiles, orders, strict=True):
        where = f"level {level.name!r}"
        if sorted(order) != [0, 1, 2]:
            raise BadInput(f"loop order {order}", where=where, right="each of m, n and k once")
        if any(not 1 <= size <= most for size, most in zip(tile, around, strict=True)):
            raise BadInput(f"tile {tile}", where=where, right=f"1 or more, within {around} of the level above")
        if (bits := tile_bits(gemm, tile)) > room:
            raise BadInput(f"tile {tile} takes {-(-bits // 8):,} B", where=where, right=f"at most {room // 8:,} B")
        around = tile


def tile_bits(gemm: Gemm, tile: Sizes) -> int:
    """Bits of one tile of each operand."""
    m, n, k = tile
    weights, inputs, sums = gemm.bits
    return m * n * sums + m * k * inputs + n * k * weights


def reasons(
    gemm: Gemm,
    hierarchy: Hierarchy,
    tiles: Sequence[Sizes],
    orders: Sequence[Order],
    links: Sequence[Link],
    cycles: int,
) -> tuple[str, ...]:
    """What limits a tiling and which operand stays in each memory."""
    words = []
    slow = [link for link in links if (rate := _rate(hierarchy, link.above)) and link.moved / rate >= cycles - 1]
    if slow:
        words.append(f"limited by moving {slow[0].moved:,} B from {slow[0].above} to {slow[0].below}")
    else:
        peak = hierarchy.array.rows * hierarchy.array.cols
        words.append(f"limited by computing, at {100 * gemm.macs / (peak * cycles):.3g} % of the array's peak")
    around = gemm.extents
    for level, room, tile, order in zip(hierarchy.levels[1:], hierarchy.rooms, tiles, orders, strict=True):
        turning = [dim for dim in order if count(around[dim], tile[dim]) > 1]
        stays = f"{OPERANDS[turning[-1]]} stay while {DIMS[turning[-1]]} runs" if turning else "one tile, nothing moves"
        used = f"{-(-tile_bits(gemm, tile) // 8):,} of {room // 8:,} B"
        words.append(f"{level.name}: {stays}; a tile takes {used}")
        around = tile
    return tuple(words)


def _rate(hierarchy: Hierarchy, name: str) -> float | None:
    return next(level.bandwidth for level in hierarchy.levels if level.name == name)
