"""What the RTL of the banks' MAC units says about a design: cycles, and silicon."""

from __future__ import annotations

from archsim.ir.report import Fact
from archsim.models.pim_dram.spec import PimMemory
from archsim.units.cores.synthesis import CONFIDENCE, SOURCE, cell_area_um2

BENCH = "unit dot_tree; hdl/contracts has what its Verilog was measured to do with shipped parameters"


def mac_facts(pim: PimMemory) -> tuple[Fact, ...]:
    """Latency and area of the MAC units, as far as there is RTL of them."""
    unit = pim.mac_unit
    if unit is None:
        return (Fact("MAC units", f"no RTL multiplies {pim.dtype} in {pim.lanes} lanes", "archsim", "stated"),)
    cycles = f"{unit.latency} cycles from operands to sum, a column every {unit.interval}"
    facts = [Fact("MAC units", cycles, BENCH, "stated" if pim.timing.trdmac is None else "assumed")]
    clock = f"{pim.clock} as published; the RTL confirms cycles, not this clock: its accumulator is one long step"
    facts.append(Fact("clock of MAC units", clock, "docs/rtl/dot_tree.md", "assumed"))
    area = cell_area_um2(unit)
    if area is not None:
        count = pim.channels * pim.banks
        each, total = area / 1e6, count * area / 1e6
        facts.append(Fact("area of MAC units", f"{count} x {each:.3g} = {total:.4g} mm^2 of cells", SOURCE, CONFIDENCE))
    return tuple(facts)
