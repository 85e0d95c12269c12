"""Energy of a PIM DRAM machine.

Counts times energy per action, and standby power times time, every component separate.
"""

from __future__ import annotations

from collections.abc import Mapping

from archsim.models.pim_dram.energy_spec import AsicEnergy, PimEnergy
from archsim.models.pim_dram.spec import PimMemory

ROW, COLUMN = 2048, 32
"""Bytes of the row and of the column access that the energies are given for; others cost in proportion."""


def memory_energy(spec: PimMemory, energy: PimEnergy, counters: Mapping[str, int], elapsed: int) -> dict[str, int]:
    """FJ by component.

    With `elapsed` 0 only what the counted commands cost; else also standby during that time (ps).
    """

    def n(name: str) -> int:
        return counters.get(name, 0)

    bits = 8 * int(spec.burst)
    moved = n("rd") + n("wr") + n("wrgb") + n("rdmac")
    columns = n("macab") * spec.banks
    out = {
        "pim.activate": (n("act") + n("actab") * spec.banks) * energy.act * int(spec.row_bytes) // ROW,
        "pim.column": columns * energy.column * spec.column_bytes // COLUMN,
        "pim.mac": columns * spec.lanes * energy.mac,
        "pim.buffer": n("wrgb") * energy.buffer_write + n("rdmac") * energy.result_read,
        "pim.kv_write": n("wr") * energy.write,
        "pim.read": n("rd") * energy.read,
        "pim.io": moved * bits * energy.io_bit,
        "pim.refresh": n("refab") * energy.refresh,
    }
    if elapsed:
        # uW x ps = 1e-18 J = 1e-3 fJ
        whole = elapsed * spec.channels
        opened = min(n("open_ps"), whole)
        out["pim.background"] = (opened * energy.open_power + (whole - opened) * energy.closed_power) // 1000
    return out


def asic_energy(energy: AsicEnergy, counters: Mapping[str, int], elapsed: int) -> dict[str, int]:
    """FJ by component of the controller."""
    out = {
        "asic.arithmetic": counters.get("adds", 0) * energy.add + counters.get("muls", 0) * energy.mul,
        "asic.sram": (counters.get("sram_read", 0) + counters.get("sram_written", 0)) * energy.sram_byte,
    }
    if elapsed:
        out["asic.static"] = elapsed * energy.static // 1000
    return out
