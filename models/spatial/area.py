"""Silicon area of a spatial array machine by component."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

from archsim.ir.report import Fact
from archsim.models.spatial.scaling import AREAS
from archsim.models.spatial.sizing import balanced_registers
from archsim.models.spatial.sram import sram
from archsim.models.spatial.sram_table import SOURCE as CACTI

if TYPE_CHECKING:
    from archsim.models.spatial.parts_spec import ProcessingElement
    from archsim.models.spatial.spec import SpatialDesign

SOURCE = "area fields of the design; buffer: CACTI 7"


def areas(design: SpatialDesign) -> dict[str, float]:
    """Um^2 by component, all copies together.

    In artifact mode every register file takes the whole one of the library, as the published areas have it; in
    corrected mode it takes its share, and all scale with `energy.node`.
    """
    a = design.area
    registers = design.array_2d.pe.registers, design.array_1d.pe.registers
    if design.buffer.sizing == "balanced":
        registers = balanced_registers(design)
    element = _element(design, design.array_2d.pe, registers[0])
    lane = _element(design, design.array_1d.pe, registers[1])
    lines = design.buffer_bytes // design.line_bytes
    out = {
        "array_2d": design.array_2d.rows * design.cols * element + design.cols * a.wiring,
        "array_1d": design.lanes * lane + 2 * a.wiring,
        "buffer": sram(design.buffer_bytes, design.line_bytes).area + 2 * _bits(lines) * a.address_bit,
    }
    scale = AREAS[design.energy.node] if design.energy.mode == "corrected" else 1.0
    return {name: value * scale * design.copies for name, value in out.items()}


def _element(design: SpatialDesign, pe: ProcessingElement, registers: int) -> float:
    a = design.area
    share = 1.0 if design.energy.mode == "artifact" else registers * design.word / a.register_bits
    return (
        a.mac
        + (a.max if pe.maximum else 0.0)
        + (a.exp if pe.exponential == "unit" else 0.0)
        + (a.div if pe.divide else 0.0)
        + share * (a.register_bits * a.register_bit + a.register_word * a.register_compare)
        + 2 * _bits(registers) * a.address_bit
    )


def _bits(entries: int) -> int:
    """Bits of an address, at least one."""
    return max(1, ceil(log2(entries))) if entries > 1 else 1


def buffer_facts(design: SpatialDesign) -> tuple[Fact, ...]:
    """What the buffer's size and line make of it, for `archsim explain`."""
    memory, size = sram(design.buffer_bytes, design.line_bytes), f"{design.buffer_bytes / 1024:g} KiB"
    line = f"read {memory.read:.6g} pJ, written {memory.write:.6g} pJ, leaks {memory.leakage / 1e3:.4g} uW at 45 nm"
    return (Fact(f"line of the buffer of {size}", line, CACTI, "derived"),)


def area_facts(design: SpatialDesign) -> tuple[Fact, ...]:
    """Areas for `archsim explain`."""
    parts = areas(design)
    named = {**parts, "total": sum(parts.values())}
    return tuple(Fact(f"area of {name}", f"{value / 1e6:.6g} mm^2", SOURCE, "derived") for name, value in named.items())
