"""Command timing of a PIM memory as settable fields."""

from __future__ import annotations

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from archsim.core.quantities import Time
from archsim.core.spec import Spec
from archsim.ir.sourced import sourced

PAPER = "PIM-GPT, npj Unconv. Comput. 2024 / arXiv 2310.09385, table of DRAM parameters"
AIM = "GDDR6_AiM_timing of arkhadem/aim_simulator (src/dram/impl/GDDR6.cpp)"


class PimTiming(Spec):
    """How long a command must wait for another. Defaults are PIM-GPT's where it states them, else GDDR6-AiM's."""

    tck: Time = sourced(Time("1 ns"), PAPER + ": 1 GHz", "from memory (high)")
    """Command clock period: one command per channel and period."""
    trcd: Time = sourced(Time("12 ns"), PAPER, "from memory (medium)")
    """ACT to RD or WR of the same bank."""
    trcdmac: Time = sourced(Time("12 ns"), PAPER + ": tRCD", "from memory (medium)")
    """ACTAB to MACAB."""
    trp: Time = sourced(Time("12 ns"), PAPER, "from memory (medium)")
    """Precharge to activate."""
    tras: Time = sourced(Time("27 ns"), AIM + ": nRAS 54", "stated")
    """Activate to precharge."""
    trtp: Time = sourced(
        Time("1 ns"),
        "implied by the row model of PIM-GPT (a row costs its columns + tRP + tRCD); AiM has 6 ns",
        "assumed",
    )
    """Last column read (MACAB, RD) to precharge."""
    tccd: Time = sourced(Time("1 ns"), PAPER, "from memory (high)")
    """Column access to column access."""
    twr: Time = sourced(Time("12 ns"), PAPER, "from memory (medium)")
    """End of write data to precharge."""
    tcwl: Time = sourced(Time("3 ns"), AIM + ": nCWL 6", "stated")
    """WR to its data."""
    tcl: Time = sourced(Time("25 ns"), AIM + ": nCL 50", "stated")
    """RD to its data."""
    trrd: Time = sourced(Time("3 ns"), AIM + ": nRRDL 6 as in force", "stated")
    """ACT to ACT of another bank."""
    tfaw: Time = sourced(Time("14 ns"), AIM + ": nFAW 28 as in force", "stated")
    """Window with at most four single-bank ACTs; all-bank activation is exempt, as in AiM."""
    trtw: Time = sourced(Time("3 ns"), AIM + ": RD to WRGB turn-around without nCL, rounded up", "derived")
    """Result or data read to buffer or data write: the bus turns around."""
    twtr: Time = sourced(Time("6 ns"), AIM + ": nWTRL 11, rounded up", "stated")
    """End of write data to read command."""
    trdmac: Time | None = sourced(None, "the latency of the MAC unit's RTL, see mac_depth", "derived")
    """RDMAC to its data: the pipeline of the MAC unit drains. None takes its latency at its clock."""
    trfc: Time = sourced(Time("455 ns"), PAPER, "from memory (medium)")
    """All-bank refresh."""
    trefi: Time = sourced(Time("6825 ns"), PAPER, "from memory (medium)")
    """One refresh is due every tREFI."""

    @model_validator(mode="after")
    def _consistent(self) -> PimTiming:
        for name in ("tck", "tccd", "trefi"):
            if getattr(self, name) < 1:
                raise PydanticCustomError("timing", "{n} must be positive", {"n": name})
        if self.trfc >= self.trefi:
            raise PydanticCustomError(
                "timing",
                "trfc ({a}) is not shorter than trefi ({b}): the memory would only refresh",
                {"a": str(self.trfc), "b": str(self.trefi)},
            )
        return self
