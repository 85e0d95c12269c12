"""Timings and currents of a NAND flash die, under the names of ONFI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import model_validator

from archsim.core.errors import BadInput
from archsim.core.quantities import Current, Time, Voltage
from archsim.core.spec import Spec
from archsim.ir.sourced import sourced

MQSIM = "CMU-SAFARI/MQSim@2b6904b7 src/ssd/ONFI_Channel_NVDDR2.h, defaults of the constructor"
SIMPLESSD = "SimpleSSD/SimpleSSD@1fdebfc0 fil/config.cc, defaults"

SHEET_NAMES: Mapping[str, str] = {
    **{"tr": "tR", "tprog": "tPROG", "tbers": "tBERS", "trcbsy": "tRCBSY", "tpcbsy": "tPCBSY", "tdbsy": "tDBSY"},
    **{"twc": "tWC", "tcs": "tCS", "twb": "tWB", "trr": "tRR", "tadl": "tADL", "twhr": "tWHR", "trhw": "tRHW"},
    **{"tccs": "tCCS", "trpre": "tRPRE", "tdqsre": "tDQSRE", "twpst": "tWPST", "twpsth": "tWPSTH"},
}
"""Field -> the name in data sheets and in the tables."""


class FlashTiming(Spec):
    """How long a die is busy, and the gaps on its channel."""

    tr: Time
    """Read: from the array to the page register."""
    tprog: Time
    """Program: from the page register to the array."""
    tbers: Time
    """Erase of a block."""
    trcbsy: Time = sourced(Time("3 us"), SIMPLESSD, "stated")
    """Cache read: the page moves to the cache register."""
    tpcbsy: Time = sourced(Time("3 us"), "as tRCBSY: the page moves between the same registers", "assumed")
    """Cache program: the page moves from the cache register."""
    tdbsy: Time = sourced(Time("500 ns"), MQSIM, "stated")
    """Busy after each but the last plane of a multi-plane command."""
    twc: Time = sourced(Time("25 ns"), MQSIM, "stated")
    """One cycle of command or address."""
    tcs: Time = sourced(Time("20 ns"), MQSIM, "stated")
    """Chip enable before the first cycle."""
    twb: Time = sourced(Time("100 ns"), MQSIM, "stated")
    """From the last cycle until the die shows that it is busy."""
    trr: Time = sourced(Time("20 ns"), MQSIM, "stated")
    """From ready to data out."""
    tadl: Time = sourced(Time("70 ns"), MQSIM, "stated")
    """From the address to data in."""
    twhr: Time = sourced(
        Time("120 ns"), "baramjin92/py_ssd_sim@cb47a866 sim_config.py, in the comment on nand_t_chk", "stated"
    )
    """From the status command to the status."""
    trhw: Time = sourced(Time("100 ns"), MQSIM, "stated")
    """From data out to the next command."""
    tccs: Time = sourced(Time("300 ns"), MQSIM, "stated")
    """From a change of column to data."""
    trpre: Time = sourced(Time("15 ns"), MQSIM, "stated")
    """Preamble of data out."""
    tdqsre: Time = sourced(Time("15 ns"), MQSIM, "stated")
    """Access window of the data strobe."""
    twpst: Time = sourced(Time("6 ns"), MQSIM, "stated")
    """Postamble of data in."""
    twpsth: Time = sourced(Time("15 ns"), MQSIM, "stated")
    """Hold after the postamble."""

    @model_validator(mode="after")
    def _possible(self) -> Self:
        for name in ("tr", "tprog", "tbers"):
            if int(getattr(self, name)) < 1:
                raise BadInput(f"{name}: an array that takes no time", right="more than 0 ps")
        return self

    @property
    def named(self) -> dict[str, int]:
        """Data sheet name -> ps."""
        return {sheet: int(getattr(self, name)) for name, sheet in SHEET_NAMES.items()}


class FlashCurrents(Spec):
    """Supply currents of one die at work; energies are these times voltage and time."""

    vcc: Voltage = sourced(Voltage("3.3 V"), SIMPLESSD, "stated")
    """Supply voltage."""
    icc1: Current = sourced(Current("25 mA"), SIMPLESSD, "stated")
    """Reading the array, one plane."""
    icc2: Current = sourced(Current("25 mA"), SIMPLESSD, "stated")
    """Programming the array, one plane."""
    icc3: Current = sourced(Current("25 mA"), SIMPLESSD, "stated")
    """Erasing, one plane."""
    icc4r: Current = sourced(Current("10 mA"), SIMPLESSD, "stated")
    """Data out over the channel."""
    icc4w: Current = sourced(Current("10 mA"), SIMPLESSD, "stated")
    """Data in over the channel."""
    isb: Current = sourced(Current("30 uA"), SIMPLESSD, "stated")
    """Standby of every die, all the time."""
