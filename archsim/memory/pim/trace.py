"""Traces of PIM commands: what a host sent to a memory, one line each, to be played again.

A line is ``cycle,COMMAND[,place[,row[,count]]]``. The place is a bank, ``5``, of every channel, or ``2:5`` of channel 2
alone. ``cycle,FENCE`` waits until everything before is complete. Lines ``cycle,R|W,hex address`` are ordinary requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from archsim.core.errors import BadInput, UnknownName
from archsim.core.yamlfile import shown
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.program import Do, Fence, Node, Program
from archsim.memory.requests import LATEST, Given, address_of, lines_of

FORM = "cycle,COMMAND[,place[,row[,count]]] such as 12,MACAB,0,7,64, or cycle,FENCE, or cycle,R|W,hex address"


FENCE: tuple[int | None, Node] = (None, Fence(restarts=False))
"""The fence of a trace: on every channel, and the cycles of later lines are still those of the trace."""


@dataclass(frozen=True)
class Trace:
    """Ordinary requests, and a program for each channel."""

    requests: Given
    programs: tuple[Program, ...]


@dataclass
class _Lines:
    cycles: list[int] = field(default_factory=list)
    writes: list[bool] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    bodies: list[list[Node]] = field(default_factory=list)


def read(path: Path, device: Dram) -> Trace:
    """Read a trace file.

    Empty lines and lines that begin with # are skipped. Cycles do not go back.

    Raises
    ------
    BadInput
        No such file, or a line that cannot be read; names the line and what would be right.
    """
    found, latest = _Lines(bodies=[[] for _ in range(device.channels)]), 0
    for number, line in enumerate(lines_of(path), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            where = f"{shown(path)}:{number}"
            cycle = _line([part.strip() for part in line.split(",")], device, found, where)
            if cycle < latest:
                raise BadInput(f"cycle {cycle} comes after cycle {latest}", where=where, right="lines in order of time")
            latest = cycle
    if not found.cycles and not any(found.bodies):
        raise BadInput("no request and no command in the trace", where=shown(path), right=FORM)
    numbers = (np.array(part, dtype=np.int64) for part in (found.addresses, found.writes, found.cycles))
    return Trace(Given(*numbers), tuple(Program(tuple(body)) for body in found.bodies))


def _line(parts: Sequence[str], device: Dram, found: _Lines, where: str) -> int:
    if len(parts) < 2 or not parts[0].isdecimal() or int(parts[0]) >= LATEST:
        raise BadInput(f"{','.join(parts)!r} does not begin with a cycle and a command", where=where, right=FORM)
    cycle, name = int(parts[0]), parts[1].upper()
    if name in ("R", "W"):
        found.cycles.append(cycle)
        found.writes.append(name == "W")
        if len(parts) != 3:
            raise BadInput(f"{','.join(parts)!r} has {len(parts)} fields, not 3", where=where, right=FORM)
        found.addresses.append(address_of(parts[2], device.capacity, where, FORM))
        return cycle
    if name == "FENCE" and len(parts) > 2:
        raise BadInput(f"FENCE with {','.join(parts[2:])!r} behind it", where=where, right="cycle,FENCE alone")
    channel, node = FENCE if name == "FENCE" else _command(cycle, name, parts[2:], device, where)
    for one, body in enumerate(found.bodies):
        if channel in (None, one):
            body.append(node)
    return cycle


def _command(cycle: int, name: str, rest: Sequence[str], device: Dram, where: str) -> tuple[int | None, Node]:
    commands = [command.name for command in device.protocol.commands]
    if name not in commands:
        raise UnknownName("command", name, ["FENCE", "R", "W", *commands], where=where)
    if len(rest) > 3:
        raise BadInput(f"{len(rest) + 2} fields", where=where, right=FORM)
    place, row, count = [*rest, *["0", "-1", "1"][len(rest) :]]
    channel, colon, bank = place.rpartition(":")
    limits = {"bank": (bank, 0, device.shape.total), "row": (row, -1, device.rows), "count": (count, 1, 1 << 40)}
    if colon:
        limits["channel"] = (channel, 0, device.channels)
    numbers = {what: _number(what, *limit, where) for what, limit in limits.items()}
    do = Do(name, numbers["bank"], Affine(numbers["row"]), numbers["count"], start=cycle)
    return numbers.get("channel"), do


def _number(what: str, text: str, least: int, end: int, where: str) -> int:
    if not text.lstrip("-").isdecimal() or not least <= int(text) < end:
        raise BadInput(f"{what} {text!r}", where=where, right=f"a number from {least} to {end - 1}")
    return int(text)
