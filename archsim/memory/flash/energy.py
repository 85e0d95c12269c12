"""Energy of a flash run: pages, blocks and bytes, times what the supply currents say."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.memory.flash.commands import Data
from archsim.memory.flash.device import Flash

PJ = 1e-12
"""uV times uA times ps are 1e-24 J, and so 1e-12 pJ."""


def energies(device: Flash, done: tuple[int, int, int], data_ps: Mapping[Data, int], end: int) -> dict[str, float]:
    """Energy in pJ by cause.

    Parameters
    ----------
    device
        The memory. A plane at work draws the current of the data sheet, however many work with it.
    done
        Pages read, pages programmed, blocks erased, plane by plane.
    data_ps
        Time of data on the buses, by direction.
    end
        Length of the run in ps.
    """
    i, t, (read, programmed, erased) = device.currents, device.timing, done
    volt = PJ * int(i.vcc)
    return {
        "read": volt * i.icc1 * t.tr * read,
        "program": volt * i.icc2 * t.tprog * programmed,
        "erase": volt * i.icc3 * t.tbers * erased,
        "data_out": volt * i.icc4r * data_ps[Data.OUT],
        "data_in": volt * i.icc4w * data_ps[Data.IN],
        "standby": volt * i.isb * device.channels * device.dies * end,
    }
