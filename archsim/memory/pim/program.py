"""What a PIM channel is told to do: commands in order, loops around them, fences between them.

A program names the commands that do the work. The rows they need are opened and closed on demand, by the commands that
the protocol names for it, so that a program does not say ACT and PRE unless it means to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.protocol import Command

ANY_ROW = Affine(-1)
DEEPEST = 4
"""Loops around a command at most."""


@dataclass(frozen=True, slots=True)
class Do:
    """A command to one place, `count` times back to back."""

    command: str
    place: int = 0
    """A bank of the channel, counted over ranks and groups; the command acts on all of its scope around this bank."""
    row: Affine = ANY_ROW
    """The row that has to be open, in the variables of the loops around; -1 for any, row 0 if none is."""
    count: int = 1
    hold: int = 0
    """Cycles from this command to the next one of its name: what depends on its argument and so is in no table."""
    reserve: int = 0
    """Cycles that have to be left until the next refresh is due when the first command for it goes, be it one that
    opens or closes rows; else it waits until that refresh is over."""
    start: int = 0
    """Cycle in which the host asks for it, counted from where the last fence let go: no command for it goes before."""


@dataclass(frozen=True, slots=True)
class Fence:
    """Nothing after it is issued before everything ahead of it is issued; if `done`, is complete."""

    done: bool = True
    extra: int = 0
    """Cycles that the host takes on top, counted from the last completion."""
    start: int = 0
    """As for `Do`: the fence does not let go before this cycle plus `extra`. Only where `done`."""
    rows: bool = False
    """Rows for requests after it may be opened and closed before it lets go."""
    restarts: bool = True
    """First cycles of what follows are counted from where it lets go. Only where `done`."""


@dataclass(frozen=True, slots=True)
class Loop:
    """The body, `count` times; rows inside may depend on `var`, which counts from 0."""

    var: str
    count: int
    body: tuple[Node, ...]


Node = Do | Fence | Loop


@dataclass(frozen=True, slots=True)
class Program:
    """The work of one channel."""

    body: tuple[Node, ...]

    def flat(self) -> Iterator[tuple[Do, int] | Fence]:
        """Every command with its row, one by one, and the fences between them."""
        yield from _flat(self.body, {})

    def counts(self) -> dict[str, int]:
        """How often each command occurs, loops multiplied out; rows that open and close on demand do not count."""
        found: dict[str, int] = {}
        _count(self.body, 1, found)
        return found


def _flat(body: tuple[Node, ...], env: Mapping[str, int]) -> Iterator[tuple[Do, int] | Fence]:
    for node in body:
        match node:
            case Do():
                row = int(node.row.at(env))
                for _ in range(node.count):
                    yield node, row
            case Fence():
                yield node
            case Loop(var, count, inner):
                for i in range(count):
                    yield from _flat(inner, {**env, var: i})


def _count(body: tuple[Node, ...], times: int, found: dict[str, int]) -> None:
    for node in body:
        match node:
            case Do():
                found[node.command] = found.get(node.command, 0) + times * node.count
            case Loop(_, count, inner):
                _count(inner, times * count, found)


def check(body: tuple[Node, ...], device: Dram) -> None:
    """Raise unless every command, place and loop variable exists, and every command finds the mode that it needs.

    Raises
    ------
    BadInput
        Names the command and what is wrong with it.
    """
    commands = [command.name for command in device.protocol.commands]
    longest = device.cycles["tREFI"] // device.shape.ranks if device.policy.refresh != "off" else 1 << 60
    _check(body, _Limits(commands, device.shape.total, longest), ())
    own = {command.name: command for command in device.protocol.commands}
    if not any(command.switches for command in own.values()):
        _check_modes(body, own, 0)


def _check_modes(body: tuple[Node, ...], commands: Mapping[str, Command], mode: int) -> int:
    """The mode of the channel behind the nodes, if it is `mode` before; raise if a command finds the wrong one."""
    for node in body:
        match node:
            case Do():
                command = commands[node.command]
                if command.mode not in (-1, mode):
                    ways = [other.name for other in commands.values() if other.enters == command.mode]
                    what = f"{node.command} needs mode {command.mode} of the channel, and it is {mode}"
                    raise BadInput(what, right=f"{' or '.join(ways)} before it")
                mode = command.enters if command.enters >= 0 else mode
            case Loop(_, count, inner):
                for _ in range(min(count, 2)):
                    mode = _check_modes(inner, commands, mode)
    return mode


@dataclass(frozen=True, slots=True)
class _Limits:
    commands: list[str]
    banks: int
    reserve: int


def _check(body: tuple[Node, ...], limits: _Limits, around: tuple[str, ...]) -> None:
    for node in body:
        match node:
            case Do():
                _check_command(node, limits, around)
            case Loop(var, count, inner):
                if count < 1 or var in around or len(around) >= DEEPEST:
                    right = f"at least one iteration, a name of its own, at most {DEEPEST} loops in one another"
                    raise BadInput(f"loop {var!r} of {count} iterations", right=right)
                _check(inner, limits, (*around, var))


def _check_command(do: Do, limits: _Limits, around: tuple[str, ...]) -> None:
    if do.command not in limits.commands:
        raise UnknownName("command", do.command, limits.commands)
    if not 0 <= do.place < limits.banks:
        raise BadInput(f"{do.command}: place {do.place}", right=f"a bank from 0 to {limits.banks - 1}")
    if do.count < 1 or min(do.hold, do.reserve, do.start) < 0:
        given = f"count {do.count}, hold {do.hold}, reserve {do.reserve}, start {do.start}"
        raise BadInput(f"{do.command}: {given}", right="count >= 1, others >= 0")
    if do.reserve > limits.reserve:
        right = f"at most the {limits.reserve} cycles from one refresh to the next"
        raise BadInput(f"{do.command}: reserve {do.reserve}", right=right)
    if do.row.terms and (loose := do.row.names() - set(around)):
        raise BadInput(f"{do.command}: row {do.row} uses {', '.join(sorted(loose))}, no loop around it")
