"""A slice of a simulated schedule drives the RTL: commands come when the simulator says, and so must results."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.hdl.verify.native import amaranth_run
from archsim.hdl.verify.run import Mismatch, Run, check
from archsim.memory import engine
from archsim.memory.channel import CLOSED
from archsim.models.pim_dram.build import channel, pim_banks
from archsim.models.pim_dram.spec import PimMemory
from archsim.units import pim_layout
from archsim.units.cores._dot_stimulus import finite
from archsim.units.cores.core import Beat
from archsim.units.cores.pim_bank import Op, PimBank
from archsim.units.cores.timing import always

COMMANDS = {engine.WRGB: Op.LOAD, engine.MACAB: Op.MAC, engine.RDMAC: Op.READ}
"""Commands of the memory that the datapath of a bank sees; the others are for rows."""


@dataclass(frozen=True)
class Replay:
    """One product `y[results] = W[results, k] x` in one bank, simulated and replayed."""

    commands: tuple[tuple[int, int], ...]
    """Time in ps and command of everything the simulator issues, in order."""
    simulated_ps: int
    """When the simulator has the last result at the pins."""
    replayed_ps: int
    """When the RTL has it there: the edge at which its last output is offered, and one burst."""
    late: int
    """Commands that the RTL took later than the simulator issued them."""
    run: Run


class _Log(list[int]):
    """The engine's last issue time of every command; keeps each command as it is issued."""

    def __init__(self, timers: Iterable[int]) -> None:
        super().__init__(timers)
        self.issued: list[tuple[int, int]] = []

    def __setitem__(self, command: Any, time: Any) -> None:
        self.issued.append((time, command))
        super().__setitem__(command, time)


def pim_schedule(memory: PimMemory, results: int, k: int) -> tuple[tuple[tuple[int, int], ...], int]:
    """Commands of one product as the simulator issues them from closed banks, and when it is done.

    Parameters
    ----------
    memory
        The memory; refresh is left out.
    results, k
        Outputs per bank, and the length of the dot products.
    """
    banks, chan = pim_banks(memory), channel(memory)
    phases = pim_layout.weight_phases(banks, results, k)
    done = chan.multiply(phases, 1, CLOSED, chan.fresh_timers).done
    log, out = _Log(chan.fresh_timers), [0] * engine.OUT_SLOTS
    out[engine.OPEN_ROW], out[engine.LAST_ACT] = engine.CLOSED, -1
    shape = [1, chan.geometry.row_columns, chan.geometry.result_bursts]
    one_by_one = [0, 0, chan.gaps.horizon]
    engine.multiply(phases, shape, log, chan.gaps.channel, out, [0, 0, 0], [], one_by_one)
    return tuple(log.issued), done


def replay_pim(
    memory: PimMemory, *, results: int = 2, k: int = 1024, seed: int = 1, depth: int | None = None
) -> Replay:
    """Drive the RTL of a bank with a product as the simulator schedules it.

    Parameters
    ----------
    memory
        The memory; its `mac_unit` is built.
    results, k
        Outputs of this bank and length of the dot products.
    seed
        Of the numbers that are multiplied.
    depth
        Pipeline registers of the RTL, in place of what the memory says: a mutant that should not finish in time.

    Raises
    ------
    BadInput
        There is no RTL of this memory's MAC unit, or commands do not fall on edges of its clock.
    Mismatch
        The RTL computes something else, or in other cycles than its specification.
    """
    if memory.mac_unit is None:
        raise BadInput(f"no RTL multiplies {memory.dtype} in {memory.lanes} lanes", try_="dtype: bf16, fp16 or int8")
    unit = memory.mac_unit if depth is None else memory.mac_unit.vary(depth=depth)
    spec = PimBank(mac=unit, columns=max(2, 1 << (int(memory.buffer) // memory.column_bytes - 1).bit_length()))
    commands, done = pim_schedule(memory, results, k)
    seen = [(time, command) for time, command in commands if command in COMMANDS]
    period = memory.clock.ps(1)
    if any(time % period for time, _ in seen) or memory.burst != memory.column_bytes:
        raise BadInput("commands do not fall on clock edges of the MAC units", right="gaps that are whole cycles")
    beats = _beats(spec, seen, memory, k, seed)
    offered = [time // period for time, _ in seen]
    run = amaranth_run(spec, beats, offered)
    check(spec, beats, offered, always, run)
    late = sum(taken != cycle for taken, cycle in zip(run.timing.accepted, offered, strict=True))
    if not run.timing.left:
        raise Mismatch("no result came out", where=repr(spec))
    return Replay(commands, done, run.timing.left[-1] * period + memory.burst_ps, late, run)


def _beats(spec: PimBank, seen: list[tuple[int, int]], memory: PimMemory, k: int, seed: int) -> list[Beat]:
    """Commands as beats: buffer columns are loaded in order and multiplied in order, from 0 for every result."""
    banks = pim_banks(memory)
    parts = [pim_layout.ceil_div(part, memory.lanes) for part in pim_layout.segments(k, banks.segment)]
    rng = np.random.default_rng(seed)
    loaded = column = part = 0
    beats: list[Beat] = []
    for _, command in seen:
        op = COMMANDS[command]
        if op is Op.LOAD:
            if column == 0 and loaded == parts[part]:  # the next segment replaces this one
                part, loaded = part + 1, 0
            at, loaded = loaded, loaded + 1
        elif op is Op.MAC:
            at, column = column, (column + 1) % parts[part]
        else:
            at = 0
        numbers = finite(spec.mac.lanes, spec.mac.fmt, rng, 1)[0][0].tolist() if spec.mac.floating else None
        data = tuple(numbers if numbers is not None else rng.integers(0, 256, spec.mac.lanes).tolist())
        beats.append({"op": int(op), "column": at, "data": data})
    return beats
