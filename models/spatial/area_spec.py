"""Silicon area of the parts of spatial arrays, as Accelergy's libraries give it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from archsim.core.spec import Spec
from archsim.ir.sourced import sourced

ART = "FPSG-UIUC/micro24-fusemax-artifact@218ce19: workspace/inputs/yamls/area_energy/outputs-*/ART*.yaml, 45 nm"
Micron2 = Annotated[float, Field(ge=0)]


class SpatialArea(Spec):
    """Areas in um^2 at 45 nm; the buffer's comes from CACTI (see `sram`), the DRAM has none."""

    mac: Micron2 = sourced(1545.0, f"{ART}: fp16 adder 1030 and multiplier 515; additions use the adder", "stated")
    """Multiply-accumulate unit of a PE."""
    max: Micron2 = sourced(49.28944, ART, "stated")
    """Comparator of a PE that compares, and of each PE of the 1D array."""
    exp: Micron2 = sourced(8240.0, f"{ART}: 5 MACs and a multiplier", "stated")
    """Exponential unit of a PE, where it has one."""
    div: Micron2 = sourced(23740.9375, ART, "stated")
    """Divider of a PE that divides."""
    register_bit: Micron2 = sourced(5.98, ART, "stated")
    """One bit of a register file."""
    register_compare: Micron2 = sourced(71.0, ART, "stated")
    """One of the `register_word` comparators of a register file."""
    register_bits: PositiveInt = sourced(2048, ART, "stated")
    """Bits of the register file in the library."""
    register_word: PositiveInt = sourced(64, ART, "stated")
    """Bits of its word."""
    address_bit: Micron2 = sourced(5.81742, f"{ART}: a 5-bit generator takes 29.0871, a 4-bit one 23.26968", "derived")
    """One bit of an address generator; register files and the buffer have two generators each."""
    wiring: Micron2 = sourced(1.0, f"{ART}: dummy table", "stated")
    """Each container of PEs: one per column of the 2D array, one for all columns, one for the 1D array."""
