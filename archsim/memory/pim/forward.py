"""Exact fast-forward of PIM programs: where a state recurs, iterations of a loop are leapt over.

What decides the future is the state relative to now: when each command is legal at the earliest, what waits, how far
the next refresh is, and rows relative to where the loop has come. If it is the same at two turns of a loop, everything
between them repeats, with times, rows and counts moved by what they moved before. Two states are compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archsim.memory.device import Dram
from archsim.memory.pim import lane as y
from archsim.memory.pim.program import Do, Loop, Node, Program
from archsim.memory.state import DeviceState

Coefficients = Mapping[int, Any]
"""Line of an outermost loop -> by how much rows move per iteration, in each bank of each row buffer."""

KEPT = (y.PC, y.DEPTH, y.REPEAT, y.LENGTH, y.IN_MODE, y.DUE, y.OUTERMOST, *range(y.LOOPS + 1, y.NUMBERS))


def coefficients(device: Dram, program: Program) -> Coefficients:
    """How rows move with each outermost loop; loops in which one bank's rows move in different ways are missing."""
    state, line, found = DeviceState(device.protocol, device.cycles, device.shape), 0, {}
    for node in program.body:
        if isinstance(node, Loop):
            moves = _moves(node, state)
            if moves is not None:
                found[line] = moves
        line += _lines(node)
    return found


def _moves(loop: Loop, state: DeviceState) -> Any:
    banks = state.shape.total
    moves: dict[int, int] = {}
    for do in _commands(loop.body):
        command, step = state.command(do.command), do.row.coefficient(loop.var)
        if command.needs is None or (do.row.base < 0 and not step):
            continue
        for bank in state.banks(command, do.place):
            if moves.setdefault(command.row_buffer * banks + bank, step) != step:
                return None
    return np.array([moves.get(place, 0) for place in range(2 * banks)], dtype=np.int64)


def beside_requests(device: Dram, program: Program) -> Coefficients:
    """As `coefficients`, of the loops that leave the ordinary row buffers alone."""
    commands = {command.name: command for command in device.protocol.commands}
    found, line = coefficients(device, program), 0
    left: dict[int, Any] = {}
    for node in program.body:
        if line in found and isinstance(node, Loop):
            used = [commands[do.command] for do in _commands(node.body)]
            if all(command.row_buffer or (command.needs, command.leaves) == (None, None) for command in used):
                left[line] = found[line]
        line += _lines(node)
    return left


def _commands(body: tuple[Node, ...]) -> list[Do]:
    inner = [_commands(node.body) if isinstance(node, Loop) else [node] for node in body]
    return [node for nodes in inner for node in nodes if isinstance(node, Do)]


def _lines(node: Node) -> int:
    return 2 + sum(map(_lines, node.body)) if isinstance(node, Loop) else 1


@dataclass(frozen=True)
class Snapshot:
    """A state at a turn of a loop: what decides the future, relative to now, and the counters."""

    future: Any
    numbers: Any
    counts: Any
    now: int


def snapshot(p: y.Lane, moves: Any, now: int) -> Snapshot:
    """The state of a lane.

    Parameters
    ----------
    p
        The lane.
    moves
        By how much rows move per iteration of the outermost loop.
    now
        The cycle.
    """
    n, i = p.numbers, p.numbers[y.LOOPS]
    waiting = p.waiting[: n[y.LENGTH]].copy()
    is_do = p.code[waiting[:, y.ITEM], y.KIND] == y.DO
    steps = p.code[waiting[:, y.ITEM], y.STEPS]
    waiting[:, y.ITEM_ROW] -= np.where(is_do & (waiting[:, y.ITEM_ROW] >= 0), steps * i, 0)
    rows = np.where(p.rows >= 0, p.rows - moves * i, np.iinfo(np.int64).min)
    oldest = p.rings[: len(p.windows)] + p.windows[:, y.WINDOW_GAP, None, None]
    # Without first cycles in the program, only the later one of the two matters: to the next fence.
    ends = n[[y.DONE, y.OPENED]] if p.code[:, y.START].any() else n[[y.DONE, y.OPENED]].max(keepdims=True)
    parts = (
        n[list(KEPT)],
        ends - now if n[y.LENGTH] else [],
        [max(n[y.GATE] - now, 0), max(n[y.NOW] - now, 0)],
        [n[y.NEXT_DUE] - now if p.constants[y.EVERY] < y.NEVER else 0],
        [n[y.REFRESHED] % p.constants[y.UNITS]],
        waiting.ravel(),
        *(np.maximum(times.ravel() - now, 0) for times in (p.ready, p.held, oldest)),
        rows,
    )
    return Snapshot(np.concatenate(parts), n.copy(), p.counts.copy(), now)


def forward(p: y.Lane, play: Callable[[y.Lane, bool], bool], moves: Coefficients) -> int:
    """Play a program to its end, and leap where a state recurs; how many commands were leapt over.

    States are compared with one that is kept, which is replaced after 1, 2, 4, 8 ... turns (Brent).
    """
    kept: Snapshot | None = None
    patience = age = leapt = 0
    n = p.numbers
    while play(p, True):
        loop = int(n[y.OUTERMOST])
        if loop not in moves or n[y.DEPTH] == 0:
            kept = None
            continue
        if kept is not None and kept.numbers[y.OUTERMOST] != loop:
            kept = None
        found = snapshot(p, moves[loop], int(n[y.NOW]))
        if kept is not None and np.array_equal(kept.future, found.future):
            periods = int(p.code[loop, y.COUNT] - 1 - n[y.LOOPS]) // int(n[y.LOOPS] - kept.numbers[y.LOOPS])
            leap(p, kept, moves[loop], periods, periods * (found.now - kept.now))
            leapt += periods * int(found.numbers[y.ISSUED] - kept.numbers[y.ISSUED])
            kept = None
        elif kept is None or age == patience:
            patience = 1 if kept is None else 2 * patience
            kept, age = found, 0
        age += 1
    return leapt


def leap(p: y.Lane, before: Snapshot, moves: Any, periods: int, time: int) -> None:
    """Repeat what happened since a snapshot: rows, times and counts move by what they moved, `periods` times over."""
    n = p.numbers
    turns = periods * int(n[y.LOOPS] - before.numbers[y.LOOPS])
    waiting = p.waiting[: n[y.LENGTH]]
    shifts = (p.code[waiting[:, y.ITEM], y.KIND] == y.DO) & (waiting[:, y.ITEM_ROW] >= 0)
    waiting[:, y.ITEM_ROW] += np.where(shifts, p.code[waiting[:, y.ITEM], y.STEPS] * turns, 0)
    p.rows[:] = np.where(p.rows >= 0, p.rows + moves * turns, p.rows)
    for place in (y.REFRESHED, y.ISSUED, y.TURNS):
        n[place] += periods * (n[place] - before.numbers[place])
    n[y.LOOPS] += turns
    for place in (y.NOW, y.DONE, y.OPENED, y.GATE, *((y.NEXT_DUE,) if p.constants[y.EVERY] < y.NEVER else ())):
        n[place] += time
    p.counts[:] += periods * (p.counts - before.counts)
    for times_of in (p.ready, p.held, p.rings):
        np.add(times_of, time, out=times_of)


class Lanes:
    """The lanes of all channels beside a stream of requests: they have to recur together with it.

    Only where the program leaves the ordinary row buffers alone, since its rows and those of the requests move in
    different ways; and where it is over.
    """

    def __init__(self, lanes: Sequence[y.Lane], moves: Sequence[Coefficients], slack: Any) -> None:
        self.lanes, self.moves, self.slack = lanes, moves, slack

    def picture(self, now: int) -> list[Snapshot | None]:
        """See `archsim.memory.forward.Beside`."""
        return [self._picture(p, moves, now) for p, moves in zip(self.lanes, self.moves, strict=True)]

    def _picture(self, p: y.Lane, moves: Coefficients, now: int) -> Snapshot | None:
        found = self._moves(p, moves)
        if found is None:
            return None
        # Rows of the ordinary buffers are the stream's, and pictured with it.
        own = snapshot(p._replace(rows=np.where(np.arange(len(p.rows)) < len(p.rows) // 2, -1, p.rows)), found, now)
        return replace(own, future=np.concatenate((own.future, self.slack)))

    @staticmethod
    def _moves(p: y.Lane, moves: Coefficients) -> Any:
        n = p.numbers
        if n[y.LENGTH] == 0:
            return np.zeros(len(p.rows), dtype=np.int64)
        return moves.get(int(n[y.OUTERMOST])) if n[y.DEPTH] else None

    def periods(self, old: Sequence[Snapshot | None], new: Sequence[Snapshot | None], most: int) -> int:
        """See `archsim.memory.forward.Beside`."""
        for p, before, after in zip(self.lanes, old, new, strict=True):
            if before is None or after is None or not np.array_equal(before.future, after.future):
                return 0
            turns = int(after.numbers[y.LOOPS] - before.numbers[y.LOOPS])
            if after.numbers[y.LENGTH] and after.numbers[y.TURNS] != before.numbers[y.TURNS]:
                if turns <= 0:
                    return 0
                left = int(p.code[after.numbers[y.OUTERMOST], y.COUNT] - 1 - after.numbers[y.LOOPS])
                most = min(most, left // turns)
        return most

    def leap(self, old: Sequence[Snapshot], new: Sequence[Snapshot], periods: int, time: int) -> None:
        """See `archsim.memory.forward.Beside`."""
        for p, before, moves in zip(self.lanes, old, self.moves, strict=True):
            found = self._moves(p, moves)
            assert found is not None
            leap(p, before, np.where(np.arange(len(p.rows)) < len(p.rows) // 2, 0, found), periods, time)
