"""Energy of a DRAM run: counts of commands and times in each state, times what one of them costs.

Where the vendor publishes supply currents, the usual way of data sheets: an activation costs what IDD0 draws over tRC
beyond standby, a burst what IDD4 draws beyond active standby, a refresh what IDD5 draws beyond it; standby itself is
IDD3N with a row open and IDD2N without. Elsewhere a published energy per activation and per bit, and standby where its
power is published.

IDD currents are measured with idle data pins or without their termination, so what drives the pins comes on top.
"""

from __future__ import annotations

from collections.abc import Mapping

from archsim.memory.currents import Currents
from archsim.memory.device import Dram

PJ = 1e-12
"""uV times uA times ps are 1e-24 J, and so 1e-12 pJ."""

CAUSES: Mapping[str, str] = {
    "activate": "rows opened and closed",
    "read": "bursts read from the row buffer, beyond active standby (currents)",
    "write": "bursts written to the row buffer, beyond active standby (currents)",
    "access": "bits moved between row buffer and interface (published energy per bit)",
    "refresh": "refreshes, beyond active standby (currents)",
    "active_standby": "time with a row open in a rank (currents, or published power)",
    "idle_standby": "time with every row of a rank closed (currents, or published power)",
    "io": "drivers and termination of the data pins",
}
"""Cause of energy -> what it counts; the keys of `energies`, of which a device has those of its model."""


def energies(device: Dram, counts: Mapping[str, int], cycles: int, active: int) -> dict[str, float]:
    """Energy in pJ by cause, see `CAUSES`; `io` is missing where the device counts none.

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
    bits = sum(counts[name] for name in ("RD", "RDA", "WR", "WRA")) * device.request_bytes * 8
    if device.currents is not None:
        found = _from_currents(device, device.currents, counts, cycles, active)
    else:
        opened = counts["ACT"] * int(device.activate_energy)
        found = {"activate": opened / 1e3} if opened else {}
        found["access"] = bits * int(device.access_energy) / 1e3
        if (powers := standby_powers(device)) is not None:
            idle, each = cycles * device.ranks * device.channels - active, int(device.tck) * 1e-6 / device.ranks
            found |= {"active_standby": active * powers[0] * each, "idle_standby": idle * powers[1] * each}
    return found | ({"io": bits * int(device.io_energy) / 1e3} if int(device.io_energy) else {})


def uncounted(device: Dram) -> tuple[str, ...]:
    """What an ordinary run spends energy on and its device has no number for, by `CAUSES`; ``standby`` is both."""
    missing = () if device.currents is not None else ("refresh", *(() if standby_powers(device) else ("standby",)))
    return (*missing, *(() if int(device.io_energy) else ("io",)))


def standby_powers(device: Dram) -> tuple[int, int] | None:
    """Published power of a channel in uW with a row open and with none; None where there is neither."""
    powers = int(device.active_power), int(device.idle_power)
    return powers if any(powers) else None


def _from_currents(
    device: Dram, currents: Currents, counts: Mapping[str, int], cycles: int, active: int
) -> dict[str, float]:
    per = {name: PJ * amount * device.devices for name, amount in _charges(device, currents).items()}
    idle = cycles * device.ranks * device.channels - active
    parts = counts.get("REFPB", 0) * per["refresh_bank"] + counts.get("REFSB", 0) * per["refresh_same_bank"]
    return {
        "activate": counts["ACT"] * per["activate"],
        "read": (counts["RD"] + counts["RDA"]) * per["read"],
        "write": (counts["WR"] + counts["WRA"]) * per["write"],
        "refresh": counts["REF"] * per["refresh"] + parts,
        "active_standby": active * per["active"],
        "idle_standby": idle * per["idle"],
    }


def _charges(device: Dram, i: Currents) -> dict[str, int]:
    """Energy of one event, or of one cycle of standby, in one device: uV x uA x ps."""
    t, cycle = device.cycles, int(i.vdd) * int(device.tck)
    bank = i.idd5pb or i.idd3n + (i.idd5 - i.idd3n) // (device.groups * device.banks)
    same = i.idd5sb or i.idd3n + (i.idd5 - i.idd3n) // device.banks
    return {
        "activate": cycle * (i.idd0 * t["tRC"] - i.idd3n * t["tRAS"] - i.idd2n * (t["tRC"] - t["tRAS"])),
        "read": cycle * (i.idd4r - i.idd3n) * t["tBURST"],
        "write": cycle * (i.idd4w - i.idd3n) * t["tBURST"],
        "refresh": cycle * (i.idd5 - i.idd3n) * t["tRFC"],
        "refresh_bank": cycle * max(bank - i.idd3n, 0) * t["tRFCPB"],
        "refresh_same_bank": cycle * max(same - i.idd3n, 0) * t["tRFCSB"],
        "active": cycle * i.idd3n,
        "idle": cycle * i.idd2n,
    }
