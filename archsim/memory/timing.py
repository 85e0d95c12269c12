"""Timings of a DRAM device in clock cycles, with the consistency that every data sheet has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import Field, model_validator

from archsim.core.errors import BadInput
from archsim.core.spec import Spec

SHEET_NAMES: Mapping[str, str] = {
    **{
        name: f"t{name[1:].upper()}"
        for name in ("tcl", "tcwl", "trcdrd", "trcdwr", "trp", "tras", "trc", "tfaw", "trtp")
    },
    **{name: f"t{name[1:].upper()}" for name in ("twr", "trtrs", "tppd", "t32aw", "trfc", "trefi", "trfcpb", "trrefd")},
    **{name: f"t{name[1:].upper()}" for name in ("trfcsb", "trefsbrd", "tcas")},
    **{"trrd_s": "tRRD_S", "trrd_l": "tRRD_L", "tccd_s": "tCCD_S", "tccd_l": "tCCD_L", "tccd_l_wr": "tCCD_L_WR"},
    **{"twtr_s": "tWTR_S", "twtr_l": "tWTR_L"},
}
"""Field -> the name that data sheets and rules use."""


class Timing(Spec):
    """Timings in whole clock cycles. Those with a default of 0 are taken from another one, or do not exist."""

    tcl: int = Field(ge=1)
    """READ to its first data (RL)."""
    tcwl: int = Field(ge=1)
    """WRITE to its first data (WL)."""
    trcdrd: int = Field(ge=1)
    """ACTIVATE to READ."""
    trcdwr: int = Field(0, ge=0)
    """ACTIVATE to WRITE; 0 for the same as `trcdrd`."""
    trp: int = Field(ge=1)
    """PRECHARGE to ACTIVATE."""
    tras: int = Field(ge=1)
    """ACTIVATE to PRECHARGE."""
    trc: int = Field(0, ge=0)
    """ACTIVATE to ACTIVATE in one bank; 0 for `tras` + `trp`."""
    trrd_s: int = Field(ge=1)
    """ACTIVATE to ACTIVATE of another bank group."""
    trrd_l: int = Field(0, ge=0)
    """ACTIVATE to ACTIVATE in one bank group; 0 for the same as `trrd_s`."""
    tfaw: int = Field(ge=1)
    """Window that holds four ACTIVATEs of one rank."""
    t32aw: int = Field(0, ge=0)
    """Window that holds 32 ACTIVATEs (GDDR); 0 for eight times `tfaw`."""
    tccd_s: int = Field(ge=1)
    """Column command to column command of another bank group."""
    tccd_l: int = Field(0, ge=0)
    """Column command to column command in one bank group; 0 for the same as `tccd_s`."""
    tccd_l_wr: int = Field(0, ge=0)
    """WRITE to WRITE in one bank group (DDR5); 0 for the same as `tccd_l`."""
    trtp: int = Field(ge=1)
    """READ to PRECHARGE."""
    twr: int = Field(ge=1)
    """Last data written to PRECHARGE."""
    twtr_s: int = Field(ge=1)
    """Last data written to READ of another bank group."""
    twtr_l: int = Field(0, ge=0)
    """Last data written to READ in one bank group; 0 for the same as `twtr_s`."""
    trtrs: int = Field(1, ge=0)
    """Gap on the data bus when another rank or direction takes over."""
    tppd: int = Field(0, ge=0)
    """PRECHARGE to PRECHARGE of another bank (GDDR, LPDDR)."""
    trfc: int = Field(ge=1)
    """A refresh of all banks lasts."""
    trefi: int = Field(ge=1)
    """One refresh is due every."""
    trfcpb: int = Field(0, ge=0)
    """A refresh of one bank lasts; 0 for half of `trfc`."""
    trrefd: int = Field(0, ge=0)
    """Refresh of one bank to ACTIVATE of another, and back; 0 for `trrd_s`."""
    trfcsb: int = Field(0, ge=0)
    """A refresh of the same bank in every group lasts (DDR5); 0 for half of `trfc`."""
    trefsbrd: int = Field(0, ge=0)
    """Refresh of the same bank in every group to ACTIVATE of another bank (DDR5); 0 for `trrd_l`."""
    tcas: int = Field(0, ge=0)
    """CAS that starts the data clock, before each column command (LPDDR5); 0 while the data clock is always on."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        least = self.tras + self.trp
        if self.trc and self.trc < least:
            what = f"trc: {self.trc} cycles are less than tras + trp = {self.tras} + {self.trp} = {least}"
            raise BadInput(
                what, right=f"trc >= {least}: a row is restored (tRAS) and closed (tRP) before the next one opens"
            )
        if self.trfc >= self.trefi:
            what = f"trfc: a refresh of {self.trfc} cycles does not fit into its interval trefi = {self.trefi}"
            raise BadInput(what, right="trfc < trefi, else the memory does nothing but refresh")
        row = self.trc or least
        if row >= self.trefi:
            cycle = "trc" if self.trc else "tras + trp"
            what = f"trefi: {self.trefi} cycles are not more than one row cycle, {cycle} = {row}"
            raise BadInput(what, right="a row opens and closes at least once between two refreshes")
        for part in ("trfcpb", "trfcsb"):
            if (long := getattr(self, part)) > self.trfc:
                what = f"{part}: {long} cycles are more than trfc = {self.trfc}"
                raise BadInput(what, right=f"{part} <= trfc: a part of the banks takes no longer than all of them")
        if self.tras < self.trcdrd:
            what = f"tras: {self.tras} cycles are less than trcdrd = {self.trcdrd}"
            raise BadInput(what, right="a row stays open at least until its first read")
        pairs = (
            ("trrd_s", "trrd_l"),
            ("tccd_s", "tccd_l"),
            ("twtr_s", "twtr_l"),
            ("trrd_s", "tfaw"),
            ("tfaw", "t32aw"),
        )
        for short, long in pairs:
            low, high = getattr(self, short), getattr(self, long)
            if high and high < low:
                raise BadInput(f"{long}: {high} cycles are less than {short} = {low}", right=f"{long} >= {short}")
        return self

    @property
    def named(self) -> dict[str, int]:
        """Every timing by its data sheet name, defaults filled in."""
        own = {name: int(getattr(self, field)) for field, name in SHEET_NAMES.items()}
        own["tRC"] = own["tRC"] or own["tRAS"] + own["tRP"]
        own["t32AW"] = own["t32AW"] or 8 * own["tFAW"]
        for name in ("tRFCPB", "tRFCSB"):
            own[name] = own[name] or max(1, own["tRFC"] // 2)
        same = {"tRCDWR": "tRCDRD", "tRRD_L": "tRRD_S", "tCCD_L": "tCCD_S", "tWTR_L": "tWTR_S", "tRREFD": "tRRD_S"}
        for name, other in same.items():
            own[name] = own[name] or own[other]
        own["tREFSBRD"] = own["tREFSBRD"] or own["tRRD_L"]
        own["tCCD_L_WR"] = own["tCCD_L_WR"] or own["tCCD_L"]
        return own
