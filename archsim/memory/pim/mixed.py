"""Runs of ordinary requests and PIM programs on the same channels."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from archsim.core.errors import BadInput, Broken
from archsim.memory import compiled as ordinary
from archsim.memory import controller, front, kernel, schedule
from archsim.memory import layout as y
from archsim.memory.device import Dram
from archsim.memory.pim import beside, lower
from archsim.memory.pim import lane as l
from archsim.memory.pim.player import Played, check_refresh
from archsim.memory.pim.program import Program, check
from archsim.memory.requests import Requests

POLICIES = {"blocked": beside.BLOCKED, "first": beside.FIRST, "slack": beside.SLACK}


@dataclass(frozen=True)
class Mixed:
    """What a memory did with requests and programs at once."""

    statistics: controller.Statistics
    """Of the requests; its commands are those of both sides."""
    played: tuple[Played, ...]
    """Of the program of each channel; its commands are those of the lane, refreshes included."""


def run_mixed(
    device: Dram, requests: Requests, programs: Sequence[Program], *, log: int = 0, fast_forward: bool = True
) -> Mixed:
    """Simulate requests and programs, from an idle memory until the last of them is complete.

    Parameters
    ----------
    device
        The memory; `policy.pim` says who goes when both could.
    requests
        What it is asked for.
    programs
        One for each channel.
    log
        Commands to record at most, of all channels together.
    fast_forward
        Leap over what recurs; the result is the same.

    Raises
    ------
    BadInput
        A program names what the device does not have, there are more or fewer programs than channels, or refreshes
        leave no time for the work.
    """
    if len(programs) != device.channels:
        raise BadInput(f"{len(programs)} programs", right=f"one for each of {device.channels} channels")
    for program in programs:
        check(program.body, device)
    lanes = lanes_of(device, programs, log)
    names = [command.name for command in device.protocol.commands]
    constants, blocks = controller.memory_of(device, names)
    state = y.fresh({**constants, y.REFRESH_EVERY: y.NEVER}, blocks, device.channels, log)
    state.memory[:, [y.COMMAND_AT, y.WAKE]] = 0
    stream, *given = requests.arrays(device)
    state.shared[y.STREAM : y.STREAM + y.STREAM_NUMBERS] = stream
    start = time.process_time()
    compiled()(state.shared, state.memory.ravel(), state.memory.shape[1], *given, lanes)
    spent = time.process_time() - start
    return Mixed(
        controller._statistics(device, state, spent, 0),
        tuple(_played(device, lanes, c) for c in range(device.channels)),
    )


def lanes_of(device: Dram, programs: Sequence[Program], log: int) -> beside.Lanes:
    """The lanes of all channels, from programs of their own."""
    each = [lower.lower(device, program, log) for program in programs]
    longest = max(len(one.code) for one in each)
    padding = np.zeros((1, l.CODE_WIDTH), dtype=np.int64)
    padding[0, l.KIND] = l.FENCE
    code = np.stack([np.concatenate([one.code, padding.repeat(longest - len(one.code), axis=0)]) for one in each])
    names, known = [command.name for command in device.protocol.commands], y.names(device.protocol)
    t, first = device.cycles, each[0]
    return beside.Lanes(
        code,
        *first[1:6],
        *(np.stack([one[field] for one in each]) for field in range(6, len(l.Lane._fields))),
        known_as=np.array([known.index(name) for name in names], dtype=np.int64),
        number_of=np.array([names.index(name) if name in names else 0 for name in known], dtype=np.int64),
        rules=np.array([POLICIES[device.policy.pim], t["tRCDWR"], t["tRP"]], dtype=np.int64),
        slack=np.zeros(len(each), dtype=np.int64),
    )


def _played(device: Dram, lanes: beside.Lanes, c: int) -> Played:
    n, names = lanes.numbers[c], [command.name for command in device.protocol.commands]
    check_refresh(int(max(n[l.DUE], n[l.IDLE])), device)
    if n[l.LENGTH]:
        raise Broken("no command can ever be issued", right="a program whose commands find their rows")
    counts = Counter({name: int(count) for name, count in zip(names, lanes.counts[c], strict=True) if count})
    kept = lanes.log[c, : n[l.ISSUED]].tolist()
    return Played(int(n[l.ENDED]), counts, [(cycle, names[number], bank, row) for cycle, number, bank, row in kept])


@cache
def compiled() -> Callable[..., None]:
    """`beside.simulate` as machine code, from the disk where another process made it before."""
    import numba

    njit: Any = numba.njit
    options = {"error_model": "numpy", "_nrt": False}
    space, tag = _modules(njit, options)
    for name, function in vars(beside).items():
        if isinstance(function, FunctionType) and function.__module__ == beside.__name__:
            copy = FunctionType(function.__code__, space, name)
            copy.__module__ = __name__
            copy.__qualname__ = f"{name}_{tag}"
            space[name] = njit(copy, cache=name == "simulate", **options)
    return space["simulate"]  # type: ignore[no-any-return]


def _modules(njit: Any, options: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The names that the source sees: modules whose functions are compiled."""
    sources = [Path(str(m.__file__)) for m in (y, kernel, schedule, front, l, beside)]
    tag = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    both: dict[str, Any] = {"y": y, "at": ordinary._pointer()}
    for module in ordinary.MODULES:
        for name, function in vars(module).items():
            if (
                isinstance(function, FunctionType)
                and function.__module__ == module.__name__
                and name not in ("simulate", "at")
            ):
                copy = FunctionType(function.__code__, both, name)
                copy.__module__ = __name__
                both[name] = njit(copy, **options)
    own: dict[str, Any] = {name: value for name, value in vars(l).items() if isinstance(value, (int, type))}
    for name, function in vars(l).items():
        if isinstance(function, FunctionType) and function.__module__ == l.__name__:
            copy = FunctionType(function.__code__, own, name)
            copy.__module__ = __name__
            own[name] = njit(copy, **options)
    space: dict[str, Any] = {n: v for n, v in vars(beside).items() if isinstance(v, int)} | {"y": y}
    for name, content in (("front", both), ("kernel", both), ("schedule", both), ("l", own)):
        module = ModuleType(name)
        module.__dict__.update(content)
        space[name] = module
    return space, tag
