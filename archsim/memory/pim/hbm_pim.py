"""HBM-PIM's kernels as programs of commands: what the host sends to a channel to run them, and how long it takes.

What is timed is what computes: `hbm_pim_units` carries out the same steps on data. Barriers and the ways into and out
of all-bank mode are those of PIMKernel.cpp in SAITPublic/PIMSimulator (994d66b). All channels do the same: one program
stands for every channel.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.hbm_pim_isa import REGISTERS, Crf, elementwise_crf, gemv_crf
from archsim.memory.pim.hbm_pim_kernels import (
    BANKS,
    COLUMNS,
    EVEN,
    ODD,
    PARK_ROW,
    REGISTER_ROW,
    Kernel,
    Step,
    elementwise_kernel,
    elementwise_tiles,
    gemv_kernel,
    gemv_tiles,
)
from archsim.memory.pim.program import Do, Fence, Node, Program

HAB_ROW, SB_ROW = 0x17FF, 0x1FFF
"""Rows whose writes ask for all-bank and for single-bank mode."""

_KEY_BANKS = (0, 8, 1, 9)


def gemv(out: int, inp: int, channels: int) -> Program:
    """The program of one channel for `gemv_kernel`; every channel does it."""
    return program(gemv_kernel(out, inp, channels))


def elementwise(op: str, n: int, channels: int) -> Program:
    """The program of one channel for `elementwise_kernel`; every channel does it."""
    return program(elementwise_kernel(op, n, channels))


def program(kernel: Kernel) -> Program:
    """A kernel with everything around it: park, enter all-bank mode, load the units, the steps, leave, park.

    Barriers are on issue only. Rows that are not wanted again close while the other half of the banks works.
    """
    loads = [Step("WRCRF", ODD, REGISTER_ROW, 4 + i, 1) for i in range(kernel.crf.writes)]
    leave = [Step("SB", EVEN, SB_ROW, COLUMNS - 1, 1), Step("SB", ODD, SB_ROW, COLUMNS - 1, 1)]
    entry = [Do("HAB", bank, Affine(HAB_ROW)) for bank in _KEY_BANKS]
    body: list[Node] = [
        *_park(),
        Fence(done=False),
        Do("PREA"),
        *entry,
        Fence(done=False),
    ]
    body += _barriers((*loads, *kernel.steps, *leave))
    body += [Do("PREH", EVEN), Do("PREH", ODD), Fence(done=False), *_park()]
    return Program(tuple(body))


def _parked() -> Iterator[int]:
    """Banks in the order in which they are parked: another bank group each time."""
    yield from (group * 4 + bank for bank in range(4) for group in range(4))


def _park() -> Iterator[Node]:
    yield from (Do("RD", bank, Affine(PARK_ROW)) for bank in _parked())


def _barriers(steps: tuple[Step, ...]) -> Iterator[Node]:
    """The steps with a barrier after each, and the other half's rows closed where they are not wanted again."""
    open_rows = {EVEN: HAB_ROW, ODD: HAB_ROW}
    for step, wanted in zip(steps, _wanted(steps), strict=True):
        yield Do(step.command, step.half, Affine(step.row), step.count)
        idle = 1 - step.half
        open_rows[step.half] = step.row
        if idle in open_rows and open_rows[idle] != wanted:
            yield Do("PREH", idle)
            del open_rows[idle]
        yield Fence(done=False)


def _wanted(steps: tuple[Step, ...]) -> list[int | None]:
    """At each step, the row that the other half of the banks needs next."""
    following: dict[int, int] = {}
    found: list[int | None] = []
    for step in reversed(steps):
        found.append(following.get(1 - step.half))
        following[step.half] = step.row
    return found[::-1]


def gemv_counts(out: int, inp: int, channels: int) -> dict[str, int]:
    """Column commands of one channel, by the closed form."""
    out_tiles, in_tiles = gemv_tiles(out, inp, channels)
    square = REGISTERS * REGISTERS
    return {
        **_around(gemv_crf(in_tiles), out_tiles),
        "WRGRF": REGISTERS * in_tiles * out_tiles,
        "RDH": square * in_tiles * out_tiles,
        "WRH": REGISTERS * out_tiles,
    }


def elementwise_counts(op: str, n: int, channels: int) -> dict[str, int]:
    """Column commands of one channel, by the closed form."""
    tiles = elementwise_tiles(op, n, channels)
    columns = 2 * REGISTERS * tiles
    return {**_around(elementwise_crf(op, tiles), 1), "RDH": columns * (1 if op == "relu" else 2), "WRH": columns}


def _around(crf: Crf, starts: int) -> dict[str, int]:
    return {"RD": 2 * BANKS, "HAB": len(_KEY_BANKS), "WRCRF": crf.writes, "CTRL": 2 * starts, "SB": 2}


def tile_cycles(device: Dram) -> tuple[int, int]:
    """Cycles of a tile of inputs of a GEMV, in the even and in the odd banks, while no refresh comes.

    Eight writes of inputs, 64 reads in two rows, and the ways from one to the other. Registers are behind the odd
    banks, so an odd tile closes and opens rows where an even one only turns the data bus.
    """
    t = device.cycles
    step = max(t["tBURST"], t["nCCDAB"])
    turn, back = t["tCL"] + t["tBURST"] + t["tRTRS"] - t["tCWL"], t["tCWL"] + t["tBURST"] + t["tWTR_L"]
    columns = (REGISTERS - 1) * step + (REGISTERS * REGISTERS - 2) * step
    next_row = t["tRTP"] + t["tRP"] + t["tRCDRD"]
    even = turn + columns + next_row + max(back, t["tRCDRD"])
    written = t["tCWL"] + t["tBURST"] + t["tWR"] + t["tRP"] + t["tRCDRD"]
    odd = max(turn, t["tRTP"] + t["tRP"] + t["tRCDWR"]) + columns + next_row + max(back, written)
    return even, odd
