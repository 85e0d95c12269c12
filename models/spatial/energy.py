"""Energy of a spatial array machine: counts times energy per action, leakage times time, every component separate."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING

from archsim.models.spatial.scaling import energy_scale
from archsim.models.spatial.sram import sram

if TYPE_CHECKING:
    from archsim.models.spatial.parts_spec import ProcessingElement
    from archsim.models.spatial.spec import SpatialDesign

Counts = Mapping[str, int]
AJ_PER_FJ = 1000
FJ_PER_PJ = 1000
OPERATORS = ("mac", "mul", "add", "max", "div")
"""Counters of operations that are one action each."""


def unit_energy(design: SpatialDesign, unit: str, counters: Counts, elapsed: int) -> dict[str, int]:
    """FJ by component.

    Parameters
    ----------
    design
        The machine; `design.energy.mode` decides what is charged.
    unit
        ``array_2d``, ``array_1d`` or ``dram``.
    counters
        Of the unit: operations of arrays, bytes of the DRAM, and words of the buffer that each of them moves.
    elapsed
        Ps during which the unit is powered; 0 leaves out what leaks.
    """
    if unit == "dram":
        moved = counters.get("bytes_read", 0) + counters.get("bytes_written", 0)
        return {"dram": moved * 8 * design.energy.dram_bit // AJ_PER_FJ, "buffer": _filled(design, counters)}
    pe: ProcessingElement = design.array_2d.pe if unit == "array_2d" else design.array_1d.pe
    pes = design.array_2d.rows * design.cols if unit == "array_2d" else design.lanes
    pes *= design.copies
    if design.energy.mode == "artifact":
        return _artifact(design, unit, pe, pes, counters)
    return _corrected(design, unit, pe, pes, counters, elapsed)


def unit_traffic(unit: str, counters: Counts) -> dict[str, tuple[int, int]]:
    """Bytes (read, written) by memory: only the DRAM moves any."""
    if unit != "dram":
        return {}
    return {"dram": (counters.get("bytes_read", 0), counters.get("bytes_written", 0))}


def _artifact(design: SpatialDesign, unit: str, pe: ProcessingElement, pes: int, counters: Counts) -> dict[str, int]:
    quirks = design.energy.quirks
    exponentials = _exponentials(design, pe, counters)
    unit_made = pe.exponential == "unit"
    work = _operators(design, counters) + (exponentials[0] if quirks.exp_dropped and unit_made else sum(exponentials))
    registers = _registers(design, pe, counters) // (pes if quirks.registers_of_one else 1)
    return {unit: (work + registers) // AJ_PER_FJ, "buffer": _filled(design, counters)}


def _corrected(
    design: SpatialDesign, unit: str, pe: ProcessingElement, pes: int, counters: Counts, elapsed: int
) -> dict[str, int]:
    scale = Fraction(energy_scale(design.energy.node))
    out = {
        unit: int(_operators(design, counters) * scale) // AJ_PER_FJ,
        f"{unit}.exp": int(sum(_exponentials(design, pe, counters)) * scale) // AJ_PER_FJ,
        f"{unit}.registers": int(_registers(design, pe, counters) * scale) // AJ_PER_FJ,
        "buffer": _filled(design, counters),
    }
    if elapsed:
        cycles = Fraction(elapsed * int(design.array_2d.clock), 10**12)
        out[f"{unit}.leakage"] = int(cycles * pes * _leakage(design, pe) * scale) // AJ_PER_FJ
    if elapsed and unit == "array_2d":  # one of the arrays answers for the buffer between them
        nanowatts = Fraction(sram(design.buffer_bytes, design.line_bytes).leakage) * design.copies
        out["buffer.leakage"] = int(elapsed * nanowatts * scale) // 10**6  # nW ps = 1e-21 J
    return out


def _operators(design: SpatialDesign, counters: Counts) -> int:
    """AJ of everything but exponentials."""
    costs = design.energy.operators
    return sum(counters.get(name, 0) * int(getattr(costs, name)) for name in OPERATORS)


def _exponentials(design: SpatialDesign, pe: ProcessingElement, counters: Counts) -> tuple[int, int]:
    """AJ of the subtractions before exponentials, and of the exponentials."""
    costs, count = design.energy.operators, counters.get("exp", 0)
    one = pe.exp_macs * costs.mac if pe.exponential == "mac" else int(costs.exp)
    return count * costs.add, count * one


def _registers(design: SpatialDesign, pe: ProcessingElement, counters: Counts) -> int:
    """AJ of register files: a unit of its own keeps what is between the steps of an exponential to itself."""
    costs, exps = design.energy.registers, counters.get("exp", 0)
    macs = counters.get("mac", 0) + (exps * pe.exp_macs if pe.exponential == "mac" else 0)
    others = sum(counters.get(name, 0) for name in OPERATORS if name != "mac") + exps
    mac = costs.mac_reads * costs.read + costs.mac_writes * costs.write
    other = costs.other_reads * costs.read + costs.other_writes * costs.write
    return macs * mac + others * other


def _leakage(design: SpatialDesign, pe: ProcessingElement) -> int:
    """AJ of one PE in one cycle."""
    costs = design.energy.leakage
    return (
        costs.mac
        + (costs.max if pe.maximum else 0)
        + (costs.exp if pe.exponential == "unit" else 0)
        + costs.registers * pe.registers // costs.registers_words
    )


def _filled(design: SpatialDesign, counters: Counts) -> int:
    """FJ of the buffer: words to and from it, gathered to lines."""
    energy, size = design.energy, design.buffer_bytes
    if energy.mode == "artifact" and energy.quirks.buffer_as is not None:
        size = int(energy.quirks.buffer_as)
    memory, words = sram(size, design.line_bytes), design.line_bytes * 8 // design.word
    scale = Fraction(energy_scale(energy.node)) if energy.mode == "corrected" else Fraction(1)
    read, written = counters.get("buffer_read", 0), counters.get("buffer_write", 0)
    return int((read * Fraction(memory.read) + written * Fraction(memory.write)) * scale * FJ_PER_PJ / words)
