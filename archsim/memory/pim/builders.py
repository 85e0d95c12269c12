"""Builders of the named kernels: from a device and sizes to the work of its channels.

Everything else is imported when a kernel is built, so that the table of kernels costs nothing to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from archsim.core.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from archsim.memory.device import Dram
    from archsim.memory.pim.run import Work


def aim_gemv(device: Dram, outputs: int, inputs: int) -> Work:
    """A matrix times a vector on GDDR6-AiM, up to the host's answer."""
    from archsim.memory.pim.aim import elapsed
    from archsim.memory.pim.aim_gemv import gemv
    from archsim.memory.pim.player import Played
    from archsim.memory.pim.run import Share, Work

    program = gemv(outputs, inputs, device)
    share = Share(program, device.channels, after=elapsed(program, Played(0, Counter(), [])))
    return Work((share,), {"macs": outputs * inputs}, 2 * outputs * inputs)


def aim_file(device: Dram, path: Path) -> Work:
    """The instructions of a trace of GDDR6-AiM."""
    from archsim.memory.pim.aim_trace import read
    from archsim.memory.pim.run import Work

    return Work(host=read(path))


def newton_gemv(device: Dram, outputs: int, inputs: int) -> Work:
    """A matrix times a vector on Newton; the largest share of outputs decides."""
    from archsim.memory.pim.newton import gemv, shares
    from archsim.memory.pim.run import Share, Work

    dealt = {own: channels for own, channels in shares(device, outputs).items() if own}
    parts = tuple(Share(gemv(device, own, inputs), channels) for own, channels in dealt.items())
    return Work(parts, {"macs": outputs * inputs}, 2 * outputs * inputs)


def neupims_attention(device: Dram, heads: int, length: int, head_dim: int = 128, requests: int = 0) -> Work:
    """Attention of one new token of each request on NeuPIMs, the requests dealt to channels in turn; 0 for one each."""
    from archsim.memory.pim.neupims import Attention, attention, counts
    from archsim.memory.pim.run import Share, Work

    requests = requests or device.channels
    fewest, more = divmod(requests, device.channels)
    parts: list[Share] = []
    for own, channels in ((fewest + 1, more), (fewest, device.channels - more)):
        if own and channels:
            task = Attention((length,) * own, heads, head_dim)
            parts_of = {name: counts(device, task)[name] for name in ("COMP", "READRES")}
            last = {"PIM_PRECHARGE": device.shape.total}
            parts.append(Share(attention(device, task), channels, {"COMPS_READRES": parts_of}, last))
    macs = 2 * requests * heads * length * head_dim
    note = "COMP and READRES are those of COMPS_READRES; PIM_PRECHARGE closes the last tile too, after the end"
    return Work(tuple(parts), {"macs": macs}, 2 * macs, notes=(note,))


def attacc_attention(device: Dram, heads: int, length: int, head_dim: int = 128) -> Work:
    """Attention of one new token on AttAcc, where the one MAC that has an energy says at which level the units are."""
    from archsim.memory.pim.attacc import attention
    from archsim.memory.pim.attacc_layout import CHANNELS, LAYOUTS
    from archsim.memory.pim.run import Share, Work

    stacks, rest = divmod(device.channels, CHANNELS)
    if rest:
        raise BadInput(f"attention: {device.channels} channels", right=f"stacks of {CHANNELS} channels each")
    levels = [level for level, layout in LAYOUTS.items() if layout.mac in device.pim_energy]
    if len(levels) != 1:
        macs = ", ".join(layout.mac for layout in LAYOUTS.values())
        what = f"attention: pim_energy says that the units are at {len(levels)} levels ({', '.join(levels) or 'none'})"
        raise BadInput(what, right=f"the energy of one of {macs}, which says where they are")
    more = heads % CHANNELS
    compat: Literal["none", "attacc-simulator"] = "attacc-simulator" if device.compat == "attacc-simulator" else "none"
    parts = [Share(attention(levels[0], heads, length, head_dim, compat=compat), stacks * (more or CHANNELS))]
    if more and heads > more:
        parts.append(
            Share(attention(levels[0], heads - more, length, head_dim, compat=compat), stacks * (CHANNELS - more))
        )
    macs_done = 2 * stacks * heads * length * head_dim
    twice = "the values of one head of two are read twice, as attacc_simulator does"
    once = "every head's values are read, where attacc_simulator reads those of one head of two twice"
    note = f"{once} (compat: attacc-simulator)" if compat == "none" else f"{twice} (compat: none reads each once)"
    return Work(tuple(parts), {"macs": macs_done}, 2 * macs_done, notes=(note,))


def hbm_pim_gemv(device: Dram, outputs: int, inputs: int) -> Work:
    """A matrix times a vector on HBM-PIM."""
    from archsim.memory.pim.hbm_pim import gemv
    from archsim.memory.pim.run import Share, Work

    share = Share(gemv(outputs, inputs, device.channels), device.channels)
    return Work((share,), {"macs": outputs * inputs}, 2 * outputs * inputs)


def elementwise(op: str) -> Callable[[Dram, int], Work]:
    """What builds ``add``, ``mul`` or ``relu`` of so many numbers on HBM-PIM."""

    def build(device: Dram, numbers: int) -> Work:
        from archsim.memory.pim.hbm_pim import elementwise
        from archsim.memory.pim.run import Share, Work

        share = Share(elementwise(op, numbers, device.channels), device.channels)
        return Work((share,), {"operations": numbers}, 2 * numbers * (2 if op == "relu" else 3))

    return build
