"""Supply currents of a DRAM device, as data sheets measure them."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from archsim.core.errors import BadInput
from archsim.core.quantities import Current, Voltage
from archsim.core.spec import Spec


class Currents(Spec):
    """Supply currents of one device, as data sheets measure them; energies follow from their differences."""

    vdd: Voltage
    """Supply voltage."""
    idd0: Current
    """One bank is opened and closed every tRC."""
    idd2n: Current
    """Standby, every row closed."""
    idd3n: Current
    """Standby, rows open."""
    idd4r: Current
    """Bursts are read without a gap."""
    idd4w: Current
    """Bursts are written without a gap."""
    idd5: Current
    """A refresh of all banks is under way."""
    idd5pb: Current = Current(0)
    """A refresh of one bank is under way; 0 takes its share of `idd5`."""
    idd5sb: Current = Current(0)
    """A refresh of the same bank of every group is under way (DDR5, IDD5C); 0 takes its share of `idd5`."""

    @model_validator(mode="after")
    def _above_standby(self) -> Self:
        if int(self.vdd) < 1:
            raise BadInput(f"vdd: {self.vdd}", right="the supply voltage, such as 1.2 V; currents: null counts none")
        if self.idd3n < self.idd2n:
            what = f"idd3n: {self.idd3n} with rows open are less than idd2n = {self.idd2n} with every row closed"
            raise BadInput(what, right="idd3n >= idd2n")
        for name in ("idd4r", "idd4w", "idd5"):
            if (drawn := getattr(self, name)) < self.idd3n:
                what = f"{name}: {drawn} are less than standby with open rows, idd3n = {self.idd3n}"
                raise BadInput(what, right=f"{name} >= idd3n: work comes on top of standby")
        return self
