"""Energy of a DRAM run: counts of commands and times in each state, times what the supply currents say.

The usual way of data sheets: an activation costs what IDD0 draws over tRC beyond standby, a burst what IDD4 draws
beyond active standby, a refresh what IDD5 draws beyond it; standby itself is IDD3N with a row open and IDD2N without.
"""

from __future__ import annotations

from collections.abc import Mapping

from archsim.memory.device import Currents, Dram

PJ = 1e-12
"""uV times uA times ps are 1e-24 J, and so 1e-12 pJ."""


def energies(device: Dram, counts: Mapping[str, int], cycles: int, active: int) -> dict[str, float]:
    """Energy in pJ by cause.

    Parameters
    ----------
    device
        The memory; its currents are those of one device, all devices of a rank work together.
    counts
        Commands of all channels by name.
    cycles
        Clock cycles of the run.
    active
        Cycles with a row open, added up over ranks and channels.
    """
    if device.currents is None:
        bits = (counts["RD"] + counts["RDA"] + counts["WR"] + counts["WRA"]) * device.request_bytes * 8
        return {"access": bits * int(device.access_energy) / 1e3}
    per = {name: PJ * amount * device.devices for name, amount in _charges(device, device.currents).items()}
    idle = cycles * device.ranks * device.channels - active
    return {
        "activate": counts["ACT"] * per["activate"],
        "read": (counts["RD"] + counts["RDA"]) * per["read"],
        "write": (counts["WR"] + counts["WRA"]) * per["write"],
        "refresh": counts["REF"] * per["refresh"] + counts["REFPB"] * per["refresh_bank"],
        "active_standby": active * per["active"],
        "idle_standby": idle * per["idle"],
    }


def _charges(device: Dram, i: Currents) -> dict[str, int]:
    """Energy of one event, or of one cycle of standby, in one device: uV x uA x ps."""
    t, cycle = device.cycles, int(i.vdd) * int(device.tck)
    bank = i.idd5pb or i.idd3n + (i.idd5 - i.idd3n) // (device.groups * device.banks)
    return {
        "activate": cycle * (i.idd0 * t["tRC"] - i.idd3n * t["tRAS"] - i.idd2n * (t["tRC"] - t["tRAS"])),
        "read": cycle * (i.idd4r - i.idd3n) * t["tBURST"],
        "write": cycle * (i.idd4w - i.idd3n) * t["tBURST"],
        "refresh": cycle * (i.idd5 - i.idd3n) * t["tRFC"],
        "refresh_bank": cycle * max(bank - i.idd3n, 0) * t["tRFCPB"],
        "active": cycle * i.idd3n,
        "idle": cycle * i.idd2n,
    }
