"""From bits moved to cycles, energy and their product, and what none of these can be below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from archsim.mappers.tiling.batch import Floats
from archsim.mappers.tiling.gemm import OTHERS, Gemm
from archsim.mappers.tiling.hierarchy import Hierarchy
from archsim.mappers.tiling.traffic import Sizes

Metric: TypeAlias = Literal["latency", "energy", "edp"]
METRICS: tuple[Metric, ...] = ("latency", "energy", "edp")
UNITS: dict[Metric, str] = {"latency": "cycles", "energy": "pJ", "edp": "pJ x cycles"}
Number: TypeAlias = Floats | float
FJ_PER_PJ = 1000


def cycles_and_energy(gemm: Gemm, hierarchy: Hierarchy, bits: Sequence[Number], busy: Number) -> tuple[Number, Number]:
    """Cycles and pJ of a product.

    Parameters
    ----------
    gemm, hierarchy
        What runs on what.
    bits
        Bits moved between each level and the one below, both directions; of the innermost, to and from the array.
    busy
        Cycles of the array.
    """
    levels = hierarchy.levels
    energy: Number = gemm.macs * int(hierarchy.array.mac_energy) / FJ_PER_PJ
    for level, moved in zip(levels, bits, strict=True):
        energy = energy + moved / 8 * (int(level.energy) / FJ_PER_PJ)
    cycles: Number = np.maximum(busy, _moving(bits[-1], levels[-1].bandwidth))
    for above, below, moved in zip(reversed(levels[:-1]), reversed(levels[1:]), reversed(bits[:-1]), strict=True):
        moving = _moving(moved, above.bandwidth)
        cycles = np.maximum(cycles, moving) if below.double_buffered else cycles + moving
    return cycles, energy


def _moving(bits: Number, bandwidth: float | None) -> Number:
    return 0.0 if bandwidth is None else np.ceil(bits / (8 * bandwidth))


def keys(metric: Metric, cycles: Number, energy: Number) -> tuple[Number, Number]:
    """What is made small: first the metric, then what of equals is the better."""
    if metric == "latency":
        return cycles, energy
    return (energy, cycles) if metric == "energy" else (energy * cycles, cycles)


def array_bits(gemm: Gemm, folds: Sequence[Number]) -> Number:
    """Bits between the innermost memory and the array: an operand passes once for each pass over the dim it lacks."""
    total: Number = 0.0
    for operand, width in enumerate(gemm.bits):
        first, second = OTHERS[operand]
        total = total + folds[operand] * float(gemm.extents[first] * gemm.extents[second] * width)
    return total


def busy_cycles(extents: Sizes, folds: Sequence[Number], across: Sizes) -> Number:
    """Cycles of the array: passes over both dims that are spread over it, times the extent of the one that is not."""
    total: Number = 1.0
    for extent, passes, width in zip(extents, folds, across, strict=True):
        total = total * (passes if width else float(extent))
    return total


def link_floor(gemm: Gemm, room: int, box: Floats, *, adds: bool) -> Floats:
    """Bits that must pass into a memory with so much room, whatever its tiles and loops, within tiles of given sizes.

    Of the loops with more than one turn the innermost leaves one operand in place; the other two are fetched for every
    one of its turns. That makes at least ``u / a + v / b`` bits per multiply-accumulate, where a x b is the part of the
    first operand that is kept: ``w a b <= room``. Without limits on a and b the least is ``2 sqrt(u v w / room)``: for
    equal widths the bound on I/O of Kwasniewski et al. (SC 2019, arXiv 1908.09606). The operand in place is fetched
    once more for each full tile of the memory above, unless it is all there.

    Parameters
    ----------
    gemm
        The product.
    room
        Bits for tiles.
    box
        Tiles of the memory above, (rows, dim).
    adds
        Whether that memory adds partial sums.
    """
    extents = np.array(gemm.extents, dtype=float)
    factor = np.array([1.0, 1.0, 1.0 if adds else 2.0])
    width = np.array(gemm.bits, dtype=float)
    full = np.floor(extents / box)
    whole = np.prod(full * box, axis=1)
    rates, kept = [], []
    for operand, (first, second) in enumerate(OTHERS):
        rates.append(_rate(width * factor, room / width[operand], box[:, first], box[:, second], first, second))
        turns = np.where(box[:, first] * box[:, second] * width[operand] <= room, 1.0, full[:, operand])
        region = full[:, first] * box[:, first] * full[:, second] * box[:, second]
        kept.append(region * turns * width[operand] * factor[operand] * (full[:, operand] > 0))
    lowest = np.min(rates, axis=0)
    rest = (gemm.macs - whole) * lowest
    least = np.min([whole * rate + held for rate, held in zip(rates, kept, strict=True)], axis=0) + rest
    read_back = 0 if adds else gemm.m * gemm.n * (2 * gemm.sum_bits - gemm.final_bits)
    outputs = gemm.m * gemm.n * (gemm.sum_bits if adds else gemm.final_bits)
    once = gemm.compulsory_bits - gemm.m * gemm.n * gemm.final_bits + outputs
    found: Floats = np.maximum(least * (1 - 1e-12) - read_back, once)
    return found


def _rate(price: Floats, area: float, most_a: Floats, most_b: Floats, first: int, second: int) -> Floats:
    """The least u / a + v / b with a b <= area, a <= most_a, b <= most_b."""
    u, v = price[first], price[second]
    a = np.clip(np.sqrt(u * area / v), np.minimum(area / most_b, most_a), most_a)
    b = np.minimum(most_b, area / a)
    rate: Floats = u / a + v / b
    return rate
