"""The one function that others call: tile a product for a hierarchy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from time import perf_counter
from typing import Literal, get_args

import numpy as np

from archsim.core.errors import BadInput, DoesNotFit, Infeasible
from archsim.mappers.tiling.cost import METRICS, Metric, array_bits, busy_cycles, cycles_and_energy, link_floor
from archsim.mappers.tiling.deep import beam, by_program
from archsim.mappers.tiling.gemm import DIMS, OPERANDS, Gemm
from archsim.mappers.tiling.hierarchy import EDGE, Hierarchy, Unroll
from archsim.mappers.tiling.presets import PRESETS
from archsim.mappers.tiling.result import Link, Tiling, price, reasons, tile_bits
from archsim.mappers.tiling.search import Found, search
from archsim.mappers.tiling.sizes import Grid
from archsim.mappers.tiling.traffic import Order, Sizes, count

Method = Literal["auto", "search", "beam", "program", "stationary", "square", "random"]
SizeChoice = Literal["auto", "divisors", "all"]
SIZES: tuple[SizeChoice, ...] = get_args(SizeChoice)
METHODS: tuple[Method, ...] = get_args(Method)
SEARCHED_LEVELS = 3
"""Up to so many levels the search is complete."""
SECONDS = 60.0
"""Limit of an integer program."""


def tile(
    gemm: Gemm,
    hierarchy: Hierarchy = EDGE,
    metric: Metric = "edp",
    *,
    sizes: SizeChoice = "auto",
    method: Method = "auto",
    seconds: float = SECONDS,
) -> Tiling:
    """The best tiles and loop orders of a product for a hierarchy. The same question is answered from memory.

    Parameters
    ----------
    gemm
        The product.
    hierarchy
        The memories and the array.
    metric
        What is made small: latency, energy, or their product.
    sizes
        divisors: of each dim, and where they are few or the array's edge is none of them also tiles that leave a rest.
        all: for every number of tiles of a dim the smallest that gives it, and up to 32 all sizes. Often some percent
        better, sometimes a quarter; it takes up to some hundred times longer where there are three levels. auto: all
        for two levels, else divisors.
    method
        search: complete, for up to three levels. beam: the most hopeful tiles of each memory in turn. program: an
        integer program over all tile sizes at once, which takes seconds. auto: the search, or for more than three
        levels the beam. stationary, square, random: what others do, to compare with.
    seconds
        Limit for an integer program.

    Raises
    ------
    DoesNotFit
        The product in the first memory, or a single element of each operand in another.
    BadInput
        An unknown metric or method, or the search for more than three levels.
    """
    if metric not in METRICS:
        raise BadInput(f"unknown metric {metric!r}", right=f"one of {', '.join(METRICS)}")
    if method not in METHODS:
        raise BadInput(f"unknown method {method!r}", right=f"one of {', '.join(METHODS)}")
    if sizes not in SIZES:
        raise BadInput(f"unknown sizes {sizes!r}", right=f"one of {', '.join(SIZES)}")
    if method == "search" and len(hierarchy.levels) > SEARCHED_LEVELS:
        what = f"{len(hierarchy.levels)} levels are too many to search through"
        raise BadInput(what, right=f"at most {SEARCHED_LEVELS}", try_="method 'auto'")
    if not seconds > 0:
        raise BadInput(f"seconds is {seconds:g}", right="more than 0")
    _fits(gemm, hierarchy)
    return _tile(gemm, hierarchy, metric, sizes, method, seconds)


@lru_cache(maxsize=4096)
def _tile(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, sizes: SizeChoice, method: Method, seconds: float
) -> Tiling:
    start = perf_counter()
    best, proved = Found(_grid(hierarchy, sizes)), False
    name: str = method
    for unroll in hierarchy.array.unrolls:
        if method in PRESETS:
            PRESETS[method](gemm, hierarchy, metric, unroll, best)
        elif method == "search" or (method == "auto" and len(hierarchy.levels) <= SEARCHED_LEVELS):
            search(gemm, hierarchy, metric, unroll, best)
            name, proved = "search", all(best.grid.whole(extent) for extent in gemm.extents)
        elif method == "program":
            by_program(gemm, hierarchy, metric, unroll, best, seconds)
        else:
            beam(gemm, hierarchy, metric, unroll, best)
            name = "beam"
    return tiling(gemm, hierarchy, metric, best, method=name, proved=proved, seconds=perf_counter() - start)


def _grid(hierarchy: Hierarchy, sizes: SizeChoice) -> Grid:
    every = sizes == "all" or (sizes == "auto" and len(hierarchy.levels) == 2)
    return Grid(max(hierarchy.array.rows, hierarchy.array.cols), every=every)


def tiling(
    gemm: Gemm, hierarchy: Hierarchy, metric: Metric, best: Found, *, method: str, proved: bool, seconds: float
) -> Tiling:
    """The result for what a method found, counted again in whole numbers."""
    if not best.tiles:
        raise Infeasible(
            f"method {method!r} found no tiling that fits",
            where=f"hierarchy {hierarchy.name!r}",
            right=f"room for tiles in bytes: {', '.join(str(room // 8) for room in hierarchy.rooms)}",
            try_="method 'auto'",
        )
    bits, cycles, energy = price(gemm, hierarchy, best.unroll, best.tiles, best.orders)
    floors, bound_cycles, bound_pj = bounds(gemm, hierarchy)
    names = [*(level.name for level in hierarchy.levels), "array"]
    links = tuple(
        Link(above, below, -(-down // 8), -(-up // 8), floor)
        for above, below, (down, up), floor in zip(names, names[1:], bits, floors, strict=False)
    )
    found = Tiling(
        gemm, hierarchy, metric, best.tiles, tuple("".join(DIMS[d] for d in order) for order in best.orders),
        best.unroll, links, cycles, energy, bound_cycles, bound_pj, method, proved,
        best.evaluated, reasons(gemm, hierarchy, best.tiles, best.orders, links, cycles), seconds,
    )  # fmt: skip
    return replace(found, proved=True) if found.objective <= found.bound else found


def priced(
    gemm: Gemm,
    hierarchy: Hierarchy,
    tiles: Sequence[Sizes],
    orders: Sequence[str],
    *,
    unroll: Unroll | None = None,
    metric: Metric = "edp",
) -> Tiling:
    """A tiling of one's own: its traffic, cycles, energy, bound and gap.

    Parameters
    ----------
    gemm, hierarchy, metric
        As for `tile`.
    tiles, orders
        For each memory below the first its tile, and the loops over its tiles, outermost first, such as ``mnk``.
    unroll
        Dims spread over the array; by default as the hierarchy says.

    Raises
    ------
    BadInput
        A tile does not fit or is larger than the one above, or an order is not one.
    """
    _fits(gemm, hierarchy)
    where: tuple[Order, ...] = tuple(_order(text) for text in orders)
    best = Found(
        _grid(hierarchy, "all"),
        unroll=unroll or hierarchy.array.unrolls[0],
        tiles=tuple(tiles),
        orders=where,
        evaluated=1,
    )
    return tiling(gemm, hierarchy, metric, best, method="given", proved=False, seconds=0.0)


def _order(text: str) -> Order:
    if sorted(text) != sorted(DIMS):
        raise BadInput(f"loop order {text!r}", right="each of m, n and k once, outermost first, such as 'mnk'")
    first, second, third = (DIMS.index(letter) for letter in text)
    return first, second, third


def bounds(gemm: Gemm, hierarchy: Hierarchy) -> tuple[tuple[int, ...], int, float]:
    """Bytes on each link, cycles and pJ that no tiling is below."""
    box = np.array([gemm.extents], dtype=float)
    bits = [
        float(link_floor(gemm, room, box, adds=above.adds)[0])
        for above, room in zip(hierarchy.levels[:-1], hierarchy.rooms, strict=True)
    ]
    found = []
    for unroll in hierarchy.array.unrolls:
        across = hierarchy.array.across(unroll)
        passes = [float(count(size, width)) if width else 1.0 for size, width in zip(gemm.extents, across, strict=True)]
        array = float(array_bits(gemm, passes))
        busy = busy_cycles(gemm.extents, passes, across)
        found.append((array, *cycles_and_energy(gemm, hierarchy, [*bits, array], busy)))
    floors = tuple(int(b // 8) for b in (*bits, min(array for array, _, _ in found)))
    return floors, min(int(cycles) for _, cycles, _ in found), min(float(energy) for _, _, energy in found)


def _fits(gemm: Gemm, hierarchy: Hierarchy) -> None:
    first = hierarchy.levels[0]
    whole = dict(zip(OPERANDS, (-(-bits // 8) for bits in gemm.operand_bits()), strict=True))
    if first.capacity is not None and sum(whole.values()) > first.capacity:
        raise DoesNotFit(
            f"the product {gemm} does not fit",
            need=sum(whole.values()),
            have=int(first.capacity),
            terms=whole,
            where=f"level {first.name!r}",
            try_="a first level with capacity null, which holds anything",
        )
    for level, room in zip(hierarchy.levels[1:], hierarchy.rooms, strict=True):
        if (bits := tile_bits(gemm, (1, 1, 1))) > room:
            raise DoesNotFit(
                "not even one element of each operand fits",
                need=bits,
                have=room,
                terms=dict(zip(OPERANDS, gemm.bits, strict=True)),
                unit="bit",
                where=f"level {level.name!r}" + (", half of which is being filled" if level.double_buffered else ""),
                try_=("more capacity", "double_buffered: false", "leave the level out"),
            )
