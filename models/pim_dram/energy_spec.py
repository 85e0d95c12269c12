"""Energy constants of a PIM DRAM machine as settable fields."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from archsim.core.quantities import Current, Energy, Power, Time, Voltage
from archsim.core.spec import Spec
from archsim.ir.sourced import sourced

POWER = "arkhadem/aim_simulator, scripts/cellar_power_calculator.py"
IDD = "DRAMsim3 GDDR6_8Gb_x16 as used by PIMeval (pimParamsGDDRDram.cpp)"


class IddTable(Spec):
    """Supply currents of one channel, for energy from data-sheet currents."""

    vdd: Voltage = sourced(Voltage("1.35 V"), IDD, "stated")
    """Supply voltage."""
    idd0: Current = sourced(Current("71 mA"), IDD, "stated")
    """One bank activate-precharge, average over tRC."""
    idd2n: Current = sourced(Current("60 mA"), IDD, "stated")
    """Precharge standby."""
    idd3n: Current = sourced(Current("61 mA"), IDD, "stated")
    """Active standby."""
    idd4r: Current = sourced(Current("248 mA"), IDD, "stated")
    """Burst read."""
    idd4w: Current = sourced(Current("231 mA"), IDD, "stated")
    """Burst write."""
    idd5b: Current = sourced(Current("286 mA"), IDD, "stated")
    """All-bank refresh."""
    column_share: float = sourced(
        0.15, "PIMeval pimPerfEnergyAquabolt.cpp: share of a read that stays inside the bank", "stated", ge=0, le=1
    )
    """Part of the read current that a column access without I/O draws."""


class PimEnergy(Spec):
    """Where the memory's energy per command comes from: published per command (default), or supply currents."""

    source: Literal["commands", "idd"] = "commands"
    """`commands` uses the energies below, `idd` derives activation, column, write and refresh energy from `idd`."""
    act: Energy = sourced(Energy("2.95 nJ"), POWER + ": 66.3 mW x tRC 44.5 ns, one bank", "stated")
    """Activate and precharge one row of 2 KiB in one bank; other rows cost in proportion."""
    column: Energy = sourced(
        Energy("72.8 pJ"), POWER + ": 3 x 438.15 mW x 1 ns per all-bank MAC, less the MAC units, / 16", "derived"
    )
    """One column access of 32 B in one bank, without I/O; wider accesses cost in proportion."""
    mac: Energy = sourced(
        Energy("582 fJ"), "PIM-GPT: 149 mW of MAC units per channel / 256 lanes / 1 GHz", "from memory (low)"
    )
    """One multiply-accumulate."""
    buffer_write: Energy = sourced(
        Energy("548 pJ"), POWER + ": RD 438.15 mW x burst 1.25 ns, taken for a GB write", "derived"
    )
    """One burst into the global buffer."""
    result_read: Energy = sourced(
        Energy("548 pJ"), POWER + ": RD 438.15 mW x burst 1.25 ns, taken for RDMAC", "derived"
    )
    """One burst of results out of the accumulators."""
    read: Energy = sourced(Energy("548 pJ"), POWER + ": RD 438.15 mW x burst 1.25 ns", "stated")
    """One burst read from a bank, without I/O."""
    write: Energy = sourced(Energy("691 pJ"), POWER + ": WR 553.15 mW x burst 1.25 ns", "stated")
    """One burst written to a bank, without I/O."""
    io_bit: Energy = sourced(Energy("5.5 pJ"), POWER + ": DQ", "stated")
    """One bit over the pins, both ends."""
    refresh: Energy = sourced(
        Energy("139 nJ"), "IDD5B 286 mA less IDD2N 60 mA, x 1.35 V x tRFC 455 ns, " + IDD, "derived"
    )
    """One all-bank refresh of one channel, above standby."""
    open_power: Power = sourced(Power("263.75 mW"), POWER + ": ACT_STBY per channel", "stated")
    """Standby of one channel while rows are open."""
    closed_power: Power = sourced(Power("183.15 mW"), POWER + ": PRE_STBY per channel", "stated")
    """Standby of one channel while all banks are closed."""
    idd: IddTable = IddTable()
    """Supply currents for `source: idd`."""

    def resolved(self, trc: Time, tras: Time, trfc: Time, column: Time) -> PimEnergy:
        """These energies, or for `idd` the same fields derived from the currents (JEDEC power calculation)."""
        if self.source == "commands":
            return self
        t, v = self.idd, self.idd.vdd

        def energy(charge: int) -> Energy:  # uA x ps x uV = 1e-24 J
            return Energy(charge * v // 10**9)

        rows = t.idd0 * trc - t.idd3n * tras - t.idd2n * (trc - tras)
        return self.vary(
            source="commands",
            act=energy(rows),
            column=energy(round((t.idd4r - t.idd3n) * column * t.column_share)),
            read=energy((t.idd4r - t.idd3n) * column),
            buffer_write=energy((t.idd4w - t.idd3n) * column),
            result_read=energy(round((t.idd4r - t.idd3n) * column * (1 - t.column_share))),
            write=energy((t.idd4w - t.idd3n) * column),
            refresh=energy((t.idd5b - t.idd2n) * trfc),
            open_power=Power(t.idd3n * v // 10**6),
            closed_power=Power(t.idd2n * v // 10**6),
        )

    @model_validator(mode="after")
    def _physical(self) -> PimEnergy:
        t = self.idd
        if self.source == "idd" and (
            t.idd0 <= t.idd3n or t.idd4r <= t.idd3n or t.idd4w <= t.idd3n or t.idd5b <= t.idd2n
        ):
            raise PydanticCustomError(
                "idd",
                "the currents give a negative energy: idd0 {a} and idd4r {b} must exceed idd3n {c}, idd5b idd2n",
                {"a": str(t.idd0), "b": str(t.idd4r), "c": str(t.idd3n)},
            )
        return self


class AsicEnergy(Spec):
    """Energy of the controller."""

    add: Energy = sourced(
        Energy("0.4 pJ"), "Horowitz ISSCC 2014: FP16 add 0.4 pJ at 45 nm, kept as an upper value for 28 nm", "stated"
    )
    """One addition or comparison."""
    mul: Energy = sourced(
        Energy("1.1 pJ"),
        "Horowitz ISSCC 2014: FP16 multiply 1.1 pJ at 45 nm, kept as an upper value for 28 nm",
        "stated",
    )
    """One multiplication."""
    sram_byte: Energy = sourced(
        Energy("1.25 pJ"), "Horowitz ISSCC 2014: 10 pJ per 64-bit access of an 8 KB SRAM", "stated"
    )
    """One byte read from or written to the scratchpad."""
    static: Power = sourced(Power("30 mW"), "a tenth of PIM-GPT's 304.6 mW peak", "assumed")
    """Leakage and clock tree while powered."""
