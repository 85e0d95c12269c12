"""Energy of PIM commands, and which of them move data over the pins.

A command that the device gives a `pim_energy` costs that; every other one what `archsim.memory.energy` counts for it.
Standby is that of the supply currents or of a published power, where a device has one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from archsim.memory import energy as ordinary
from archsim.memory.device import Dram
from archsim.memory.protocol import BankState, Protocol

READS, WRITES = ("RD", "RDA"), ("WR", "WRA")
REFRESHES = ("REF", "REFAB", "REFPB", "REFSB")


@dataclass(frozen=True, slots=True)
class Pins:
    """Commands of a standard, beside RD and WR, that move a burst over the pins."""

    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


PINS: dict[str, Pins] = {
    "gddr6-aim": Pins(("RDMAC16", "RDAF16"), ("WRGB", "WRMAC16", "WRA16")),
    "hbm3-attacc": Pins(writes=("WRGB",)),
    "hbm2-pim": Pins(writes=("HAB", "SB", "CTRL", "WRCRF", "WRGRF", "WRSRF")),
    "newton": Pins(("READRES",)),
    "neupims": Pins(("READRES", "COMPS_READRES")),
}
"""By standard; one that is not here has none. What moves inside of a stack does not cross the pins (AttAcc's MVSB and
MVGB), nor do columns that go to the units (HBM-PIM's RDH and WRH)."""


def bursts(device: Dram, counts: Mapping[str, int]) -> tuple[int, int]:
    """Bursts that were read and written over the pins, of commands by name."""
    pins = PINS.get(device.standard, Pins())
    read, written = ((*READS, *pins.reads), (*WRITES, *pins.writes))
    return sum(counts.get(name, 0) for name in read), sum(counts.get(name, 0) for name in written)


def opened(protocol: Protocol, counts: Mapping[str, int]) -> int:
    """Commands that opened rows: one for all rows that it opens."""
    return sum(counts.get(c.name, 0) for c in protocol.commands if c.leaves is BankState.OPEN)


def closed(protocol: Protocol, counts: Mapping[str, int]) -> int:
    """Commands that did nothing but close rows."""
    return sum(counts.get(c.name, 0) for c in protocol.commands if c.leaves is BankState.CLOSED and not c.column)


def refreshes(counts: Mapping[str, int]) -> int:
    """Commands that refreshed a bank, a rank or the channel."""
    return sum(counts.get(name, 0) for name in REFRESHES)


def energies(device: Dram, counts: Mapping[str, int], cycles: int, active: int) -> dict[str, float]:
    """Energy in pJ: by command where the device says what one costs, by `energy.CAUSES` for the rest.

    Parameters
    ----------
    device
        The memory.
    counts
        Commands of all channels by name, those that a macro stands for among them.
    cycles
        Clock cycles of the run.
    active
        Cycles with a row open, added up over ranks and channels.
    """
    own = {name: counts[name] * int(device.pim_energy[name]) / 1e3 for name in device.pim_energy if counts.get(name)}
    rest = Counter({name: count for name, count in counts.items() if name not in device.pim_energy})
    found = ordinary.energies(device, rest, cycles, active)
    return own | {cause: pj for cause, pj in found.items() if pj}


def uncounted(device: Dram, counts: Mapping[str, int], macros: Collection[str] = ()) -> Iterator[str]:
    """What happened and has no energy: commands, in the order of the standard, and ``standby`` where nothing says it.

    Closing rows is not among them, since it is part of opening them; nor are macros whose parts are counted.
    """
    paid = {*device.pim_energy, *READS, *WRITES, *macros}
    paid |= {"ACT"} if device.currents is not None or int(device.activate_energy) else set()
    paid |= {*REFRESHES} if device.currents is not None else set()
    for command in device.protocol.commands:
        closes = command.leaves is BankState.CLOSED and not command.column
        if counts.get(command.name) and command.name not in paid and not closes:
            yield command.name
    if device.currents is None and ordinary.standby_powers(device) is None:
        yield "standby"
