"""Programs and devices as the arrays that the compiled lane interprets, and runs of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np

from archsim.core.copies import copied, digest_of, functions_of, numbers_of
from archsim.core.errors import Broken
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.compiled import OPTIONS
from archsim.memory.device import Dram
from archsim.memory.pim import lane as y
from archsim.memory.pim.forward import coefficients, forward
from archsim.memory.pim.player import Played, Refreshing, check_refresh, closer, closers, opener
from archsim.memory.pim.program import Do, Fence, Loop, Node, Program, check
from archsim.memory.protocol import BankState, Command, Protocol, Scope, evaluate
from archsim.memory.state import DeviceState

STATES = {None: y.NOTHING, BankState.OPEN: y.OPEN, BankState.CLOSED: y.CLOSED}


def play_fast(device: Dram, program: Program, *, log: int = 0, fast_forward: bool = True) -> Played:
    """Play a program on one channel of a device, compiled; see `player.play`.

    Parameters
    ----------
    device
        The memory.
    program
        What to do.
    log
        Commands to record at most; with a log, every command is stepped through.
    fast_forward
        Leap over iterations of outermost loops once the state of the channel recurs; exact.
    """
    check(program.body, device)
    lane, play, leapt = lower(device, program, log), compiled(), 0
    if fast_forward and not log:
        leapt = forward(lane, play, coefficients(device, program))
    else:
        play(lane, False)
    if lane.numbers[y.IDLE] and device.policy.refresh == "off":
        raise Broken("no command can ever be issued", right="a program whose commands find their rows")
    check_refresh(int(max(lane.numbers[y.DUE], lane.numbers[y.IDLE])), device)
    names = [command.name for command in device.protocol.commands]
    counts = Counter({name: int(n) for name, n in zip(names, lane.counts, strict=True) if n})
    kept = lane.log[: lane.numbers[y.ISSUED]].tolist()
    rows = [(cycle, names[number], bank, row) for cycle, number, bank, row in kept]
    return Played(int(lane.numbers[y.DONE]), counts, rows, leapt)


def lower(device: Dram, program: Program, log: int) -> y.Lane:
    """A channel that has been idle for long, with its program before it."""
    commands, banks = device.protocol.commands, device.shape.total
    bounds = bind(device.protocol, device.cycles, device.shape)
    numbered = {command.name: number for number, command in enumerate(commands)}
    windows = [(numbered[b.preceding], b.window, b.gap, numbered[b.following]) for b in bounds if b.window > 1]
    first, delays = _delays(device.protocol, tuple(device.cycles.items()), device.shape)
    numbers = np.zeros(y.NUMBERS, dtype=np.int64)
    numbers[y.NEXT_DUE] = Refreshing.of(device).every
    longest = max((count for _, count, _, _ in windows), default=1)
    lines: list[list[int]] = []
    _write(program.body, (), numbered, lines)
    return y.Lane(
        code=np.array(lines, dtype=np.int64).reshape(-1, y.CODE_WIDTH),
        facts=np.array([_facts(device, command, numbered) for command in commands], dtype=np.int64),
        constants=_constants(device, len(windows), numbered),
        delays=delays,
        first_delay=first,
        windows=np.array(windows, dtype=np.int64).reshape(-1, 4),
        numbers=numbers,
        waiting=np.zeros((device.policy.pim_window, y.WINDOW_WIDTH), dtype=np.int64),
        held=np.zeros(len(commands), dtype=np.int64),
        ready=np.zeros(len(commands) * banks, dtype=np.int64),
        rows=np.full(2 * banks, -1, dtype=np.int64),
        rings=np.full((max(1, len(windows)), device.shape.ranks, longest), -y.NEVER, dtype=np.int64),
        counts=np.zeros(len(commands), dtype=np.int64),
        log=np.zeros((log, 4), dtype=np.int64),
    )


def _write(body: Sequence[Node], around: tuple[str, ...], numbered: Mapping[str, int], lines: list[list[int]]) -> None:
    """Append a program's nodes as lines of code."""
    for node in body:
        begin = len(lines)
        match node:
            case Do():
                steps = [node.row.coefficient(var) for var in around]
                numbers = [node.count, node.hold, node.reserve, node.start, node.row.base]
                lines.append([y.DO, numbered[node.command], node.place, *numbers, *steps])
            case Fence():
                lines.append([y.FENCE, 0, node.restarts, node.done, node.extra, node.rows, node.start])
            case Loop():
                lines.append([y.LOOP, 0, 0, node.count])
                _write(node.body, (*around, node.var), numbered, lines)
                lines.append([y.END, 0, begin])
    for place, line in enumerate(lines):
        lines[place] = line + [0] * (y.CODE_WIDTH - len(line))


def _facts(device: Dram, command: Command, numbered: Mapping[str, int]) -> list[int]:
    shape = device.shape
    whole = {Scope.BANK: 1, Scope.BANK_GROUP: shape.banks, Scope.RANK: shape.per_rank, Scope.CHANNEL: shape.total}
    stride = {Scope.SAME_BANK: shape.banks, Scope.HALF: 2}.get(command.scope, 1)
    unit = whole.get(command.scope, shape.per_rank)
    lasts = evaluate(command.done, device.cycles) if command.done else 1
    tools = [numbered[opener(command)], numbered[closer(command)]]
    states = STATES[command.needs], STATES[command.leaves]
    changes = y.MODES + command.enters if command.enters >= 0 else y.OTHER_MODE * command.switches
    last = [lasts, states[1], command.mode, changes]
    return [states[0], command.row_buffer, *tools, unit, stride, unit // stride, *last]


def _constants(device: Dram, windows: int, numbered: Mapping[str, int]) -> Any:
    refreshing, shape = Refreshing.of(device), device.shape
    commands = device.protocol.commands
    refresh = commands[numbered[refreshing.command]]
    switch = next((number for number, command in enumerate(commands) if command.switches), -1)
    second = closers(device.protocol, refresh).get(1, closer(refresh))
    unit = shape.total // len(refreshing.units)
    numbers = [numbered[refresh.name], refreshing.every, refreshing.at_once, len(refreshing.units), unit, shape.total]
    numbers += [switch, numbered[second], shape.per_rank, windows, int(device.policy.refresh_yields)]
    return np.array(numbers, dtype=np.int64)


@lru_cache(maxsize=64)
def _delays(protocol: Protocol, timing: tuple[tuple[str, int], ...], shape: Shape) -> tuple[Any, Any]:
    """For each command to each first bank: which commands, where, wait how long."""
    commands, total = protocol.commands, shape.total
    state = DeviceState(protocol, dict(timing), shape)
    covers = {c.name: np.zeros((total, total), dtype=bool) for c in commands}
    for c in commands:
        for bank in range(total):
            covers[c.name][bank, list(state.banks(c, bank))] = True
    firsts = {name: found.argmax(axis=1) == np.arange(total) for name, found in covers.items()}
    gaps = {c.name: np.full((total, len(commands), total), -1, dtype=np.int64) for c in commands}
    numbered = {command.name: number for number, command in enumerate(commands)}
    for bound in bind(protocol, dict(timing), shape):
        if bound.window == 1:
            binds = _binds(bound, covers, shape) & firsts[bound.preceding][:, None] & firsts[bound.following][None, :]
            target = gaps[bound.preceding][:, numbered[bound.following], :]
            np.maximum(target, np.where(binds, bound.gap, -1), out=target)
    per_place = np.concatenate([gaps[c.name].reshape(total, -1) for c in commands])
    rows, places = np.nonzero(per_place >= 0)
    first = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=len(per_place)))))
    return first.astype(np.int64), np.ascontiguousarray(np.stack([places, per_place[rows, places]], axis=1))


def _binds(bound: Bound, covers: Mapping[str, Any], shape: Shape) -> Any:
    """Whether a rule keeps a command to one bank apart from one to another bank: [preceding, following]."""
    before, after = covers[bound.preceding], covers[bound.following]
    if bound.scope is Scope.OTHER_RANKS:
        touched = _units(before, shape.per_rank).astype(np.int64)
        return touched.sum(axis=1)[:, None] > touched[:, np.arange(shape.total) // shape.per_rank]
    sizes = {Scope.BANK: 1, Scope.BANK_GROUP: shape.banks, Scope.RANK: shape.per_rank, Scope.CHANNEL: shape.total}
    size = sizes[bound.scope]
    return _units(before, size) @ _units(after, size).T


def _units(covers: Any, size: int) -> Any:
    """Which groups, ranks ... of `size` banks the banks of each row lie in."""
    return covers.reshape(len(covers), -1, size).any(axis=2)


@cache
def compiled() -> Callable[[y.Lane, bool], bool]:
    """`lane.play` as machine code, from the disk where another process made it before."""
    import numba

    njit: Any = numba.njit
    tag = digest_of(y)
    outermost = copied(y.play, namespace(tag), __name__, tag)
    return njit(outermost, cache=True, **OPTIONS)  # type: ignore[no-any-return]


def namespace(tag: str) -> dict[str, Any]:
    """The functions of `lane` by name, compiled when they are first called, with its numbers and types."""
    import numba

    njit: Any = numba.njit
    space = numbers_of(y)
    for name, function in functions_of(y).items():
        space[name] = njit(copied(function, space, __name__, tag), **OPTIONS)
    return space
