"""Programs of one GDDR6-AiM channel, made from instructions.

The host sends one instruction in a cycle. It waits for the answer to RD_MAC, RD_AF, SYNC and EOC. An instruction of n
columns is n commands; the rows they need open and close on demand, and so does the mode of the channel change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.aim_trace import ALL_BANKS, Isr
from archsim.memory.pim.player import Played
from archsim.memory.pim.program import Do, Fence, Loop, Node, Program

ANSWER = 1
"""Cycles from the last data of RD_MAC or RD_AF until the host can send again: it hears in the cycle of the data and
sends in the next (aim_DRAM_system.cpp at 0f28a07b) [stated]."""
BARRIER_ANSWER = 2
"""The same for SYNC and EOC, which are answered a cycle after everything before them is complete
(AiM_dram_controller.cpp at 0f28a07b) [stated]."""


def elapsed(done: Program, played: Played) -> int:
    """Cycles until the host has the answer to an EOC right behind a program that was played."""
    last = done.body[-1] if done.body else None
    while isinstance(last, Loop):
        last = last.body[-1]
    return played.cycles + BARRIER_ANSWER + (last.extra if isinstance(last, Fence) else 0)


def columns(device: Dram) -> int:
    """Columns of a row, and of the global buffer."""
    return device.row_bytes // device.request_bytes


def do(isr: Isr, device: Dram, start: int = 0, row: Affine | None = None) -> Do:
    """The commands of an instruction.

    Parameters
    ----------
    isr
        The instruction; not one that the host deals with.
    device
        The memory that it is for.
    start
        Cycle in which the host sends it, counted from where the last fence let go.
    row
        The row in loop variables, in place of the instruction's own.

    Raises
    ------
    BadInput
        The device has no such command, bank, row or column; names the line.
    """
    if isr.form.command not in (command.name for command in device.protocol.commands):
        right, try_ = "a device of the standard gddr6-aim", "gddr6-aim"
        raise BadInput(
            f"{isr.opcode}: {device.standard} has no command for it", where=isr.where, right=right, try_=try_
        )
    limits = {"bank": (isr.bank, device.shape.total), "columns": (isr.size, columns(device) + 1)}
    if isr.opcode != "AF":
        limits["row"] = (isr.row, device.rows)
    for what, (value, end) in limits.items():
        if value >= end:
            raise BadInput(f"{isr.opcode}: {what} {value}", where=isr.where, right=f"at most {end - 1}")
    return Do(isr.form.command, isr.bank, row or Affine(isr.row), isr.size, start=start)


def program(isrs: Iterable[Isr], channel: int, device: Dram) -> Program:
    """What one channel does up to EOC, if no other one keeps the host waiting.

    Parameters
    ----------
    isrs
        The instructions, those to other channels too: each takes the host a cycle.
    channel
        The channel.
    device
        The memory.

    Raises
    ------
    BadInput
        The host waits for an answer of other channels alone.
    """
    return Program(tuple(_nodes(isrs, channel, device)))


def partly_open(isr: Isr, rows: Mapping[int, int], device: Dram) -> bool:
    """Whether an instruction to all banks finds its row open in some and the others shut: no ACT16 can mend that.

    The reference sends ACT16 to banks that are open then. Here PREA goes first.
    """
    return isr.form.command in ALL_BANKS and 0 < len(rows) < device.shape.total and set(rows.values()) == {isr.row}


def _leave(isr: Isr, rows: dict[int, int], device: Dram) -> None:
    """Note which rows an instruction leaves open; a refresh may close all of them, and then one bank's is alone."""
    banks = range(device.shape.total) if isr.form.command in ALL_BANKS else [isr.bank] if isr.row >= 0 else []
    if len(banks) == 1 and device.policy.refresh != "off":
        rows.clear()
    rows.update(dict.fromkeys(banks, isr.row))
    if isr.form.command == "WRA16":
        rows.clear()


def _nodes(isrs: Iterable[Isr], channel: int, device: Dram) -> Iterator[Node]:
    start, rows = 0, dict[int, int]()
    for isr in isrs:
        if isr.opcode == "EOC":
            return
        if isr.opcode == "SYNC":
            yield Fence(extra=BARRIER_ANSWER, start=start)
            start = 0
            continue
        if channel in isr.channels:
            request = do(isr, device, start)
            if partly_open(isr, rows, device):
                yield Do("PREA", start=start)
            _leave(isr, rows, device)
            yield request
        start += 1
        if isr.form.waits:
            if channel not in isr.channels:
                what = f"{isr.opcode} waits for channels {', '.join(map(str, isr.channels))} and not for {channel}"
                raise BadInput(what, where=isr.where, right="channels that are asked together", try_="aim_host.replay")
            yield Fence(extra=ANSWER)
            start = 0
