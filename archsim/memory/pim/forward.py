"""Exact fast-forward of PIM programs: where a state recurs, iterations of a loop are leapt over.

What decides the future is the state relative to now: when each command is legal at the earliest, what waits, how far
the next refresh is, and rows relative to where the loop has come. If it is the same at two turns of a loop, everything
between them repeats, with times, rows and counts moved by what they moved before. Two states are compared in full.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
    turns: int


def snapshot(p: y.Lane, moves: Any) -> Snapshot:
    """The state of a channel now."""
    n = p.numbers
    now, i = n[y.NOW], n[y.LOOPS]
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
        ends - now,
        [max(n[y.GATE] - now, 0)],
        [n[y.NEXT_DUE] - now if p.constants[y.EVERY] < y.NEVER else 0],
        [n[y.REFRESHED] % p.constants[y.UNITS]],
        waiting.ravel(),
        *(np.maximum(times.ravel() - now, 0) for times in (p.ready, p.held, oldest)),
        rows,
    )
    return Snapshot(np.concatenate(parts), n.copy(), p.counts.copy(), int(n[y.TURNS]))


def forward(p: y.Lane, play: Callable[[y.Lane, bool], bool], moves: Coefficients) -> int:
    """Play a program to its end, and leap where a state recurs; how many commands were leapt over.

    States are compared with one that is kept, which is replaced after 1, 2, 4, 8 ... turns (Brent).
    """
    kept: Snapshot | None = None
    patience = age = leapt = 0
    while play(p, True):
        loop = int(p.numbers[y.OUTERMOST])
        if loop not in moves or p.numbers[y.DEPTH] == 0:
            kept = None
            continue
        if kept is not None and kept.numbers[y.OUTERMOST] != loop:
            kept = None
        found = snapshot(p, moves[loop])
        if kept is not None and len(kept.future) == len(found.future) and (kept.future == found.future).all():
            leapt += leap(p, kept, moves[loop])
            kept = None
        elif kept is None or age == patience:
            patience = 1 if kept is None else 2 * patience
            kept, age = found, 0
        age += 1
    return leapt


def leap(p: y.Lane, before: Snapshot, moves: Any) -> int:
    """Repeat what happened since the snapshot as often as the loop has iterations left for; commands leapt over."""
    n = p.numbers
    period = int(n[y.LOOPS] - before.numbers[y.LOOPS])
    times = int(p.code[n[y.OUTERMOST], y.COUNT] - 1 - n[y.LOOPS]) // period
    later = times * int(n[y.NOW] - before.numbers[y.NOW])
    waiting = p.waiting[: n[y.LENGTH]]
    shifts = (p.code[waiting[:, y.ITEM], y.KIND] == y.DO) & (waiting[:, y.ITEM_ROW] >= 0)
    waiting[:, y.ITEM_ROW] += np.where(shifts, p.code[waiting[:, y.ITEM], y.STEPS] * times * period, 0)
    p.rows[:] = np.where(p.rows >= 0, p.rows + moves * times * period, p.rows)
    for place in (y.REFRESHED, y.ISSUED, y.TURNS):
        n[place] += times * (n[place] - before.numbers[place])
    n[y.LOOPS] += times * period
    for place in (y.NOW, y.DONE, y.OPENED, y.GATE, *((y.NEXT_DUE,) if p.constants[y.EVERY] < y.NEVER else ())):
        n[place] += later
    p.counts[:] += times * (p.counts - before.counts)
    for times_of in (p.ready, p.held, p.rings):
        np.add(times_of, later, out=times_of)
    return times * int(n[y.ISSUED] - before.numbers[y.ISSUED]) // (times + 1)
