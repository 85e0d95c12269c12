"""The steady state that the tiled dataflows share: tiles of the 1-pass cascade, as FuseMax binds and interleaves them.

What a dataflow does beside the tiles is said by `Amounts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.onepass_cascade import (
    EINSUMS,
    FUSEMAX,
    HEAD,
    ON_FLAT,
    Binding,
    Einsum,
    Size,
    per_tile,
    tile_cycles,
)
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem, Steady
from archsim.units.spatial.sparse_tiles import TileWork
from archsim.units.spatial.tile_counts import operation_counts

UNV = Einsum("UNV", "mul", "row", HEAD, ("O", "RD"), query_read=Size(1, 1), query_written=HEAD)
"""Undoes a division on the 1D array: RNV = O RD."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a dataflow comes to."""

    work: TileWork
    """Tiles of one instance."""
    divided: int
    """Query rows of one instance that are divided by their sum, each time counted."""
    divided_tiles: int
    """The tiles of query rows that these fill; a part of a tile keeps the 1D array as long as a whole one."""
    read: int
    """Words from DRAM, all instances."""
    written: int
    """Words to DRAM, all instances."""
    renormalised: bool = False
    """Whether every division finds a result that has been divided before, and multiplies it by its sum first."""


def binding_for(arrays: SpatialArrays) -> Binding:
    """Softmax beside the products on the 2D array where its PEs can do it, on the 1D array otherwise."""
    return FUSEMAX if {"max", "sub_exp", "add"} <= set(arrays.array_cycles) else ON_FLAT


def einsum_cycles(problem: Problem, arrays: SpatialArrays, amounts: Amounts) -> dict[str, tuple[str, Fraction]]:
    """Einsum -> role and cycles, all instances on one copy of the arrays."""
    binding, n = binding_for(arrays), problem.instances
    found = {}
    for name, cycles in tile_cycles(binding, arrays, problem.head).items():
        tiles = amounts.divided_tiles if EINSUMS[name].scope == "row" else amounts.work.tiles
        found[name] = (binding.roles[name], Fraction(n * tiles * cycles))
    if amounts.renormalised:
        found["UNV"] = (VECTOR, found["AV"][1] * _undoing(arrays))
    return found


def cycles_per_tile(problem: Problem, arrays: SpatialArrays, amounts: Amounts) -> Fraction:
    """Cycles from one tile to the next, what is done per query row spread over the tiles."""
    share = Fraction(amounts.divided_tiles, amounts.work.tiles)
    if amounts.renormalised:
        share *= 1 + _undoing(arrays)
    return per_tile(binding_for(arrays), arrays, problem.head, share)


def interleaved(problem: Problem, arrays: SpatialArrays, amounts: Amounts) -> Steady:
    """The closed form of all tiles in a row; copies of the arrays share instances evenly."""
    tiles = -(-problem.instances // arrays.copies) * amounts.work.tiles
    cycles = tiles * cycles_per_tile(problem, arrays, amounts)
    einsums = einsum_cycles(problem, arrays, amounts)
    return finish(arrays, cycles, einsums, amounts, counted(problem, arrays, amounts))


def finish(
    arrays: SpatialArrays,
    cycles: Fraction,
    einsums: Mapping[str, tuple[str, Fraction]],
    amounts: Amounts,
    counts: Mapping[str, Mapping[str, int]],
) -> Steady:
    """A steady state of one phase: DRAM beside the arrays, einsums and busy times as means over the copies."""
    read, written = (Fraction(words * arrays.word_bytes) for words in (amounts.read, amounts.written))
    mean = {name: (role, spent / arrays.copies) for name, (role, spent) in einsums.items()}
    return Steady(
        cycles=cycles,
        seconds=max(cycles / arrays.clock, (read + written) / arrays.bandwidth),
        busy={
            unit: sum((spent for role, spent in mean.values() if role == unit), Fraction(0)) for unit in (ARRAY, VECTOR)
        },
        einsums=mean,
        read=read,
        written=written,
        counts=counts,
    )


def counted(problem: Problem, arrays: SpatialArrays, amounts: Amounts) -> dict[str, dict[str, int]]:
    """Operations and buffer words of all tiles, with the words that DRAM brings to the buffer."""
    besides = ((UNV, VECTOR),) if amounts.renormalised else ()
    return operation_counts(
        binding_for(arrays),
        problem,
        amounts.work,
        divided=amounts.divided,
        loaded=amounts.read,
        besides=besides,
    )


def _undoing(arrays: SpatialArrays) -> Fraction:
    """Cycles of UNV for each cycle of AV."""
    undo = operator_cycles(arrays, VECTOR, UNV.operator, UNV.name, "f,p")
    return Fraction(undo, operator_cycles(arrays, VECTOR, "div", "AV"))
