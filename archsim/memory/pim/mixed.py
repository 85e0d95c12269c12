"""Runs of ordinary requests and PIM programs on the same channels."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from archsim.core.copies import copied, digest_of, functions_of
from archsim.core.errors import BadInput, Broken
from archsim.memory import compiled as ordinary
from archsim.memory import controller
from archsim.memory import layout as y
from archsim.memory.device import Dram
from archsim.memory.forward import forward
from archsim.memory.picture import units
from archsim.memory.pim import beside, lower
from archsim.memory.pim import lane as l
from archsim.memory.pim.forward import Lanes, beside_requests
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
    device: Dram,
    requests: Requests,
    programs: Sequence[Program],
    *,
    log: int = 0,
    lane_log: int | None = None,
    fast_forward: bool = True,
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
    lane_log
        Commands to record at most of each program alone; as many unless told.
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
    used = {name for program in programs for name in program.counts()}
    if len(requests) and (other := [c.name for c in device.protocol.commands if c.mode == 1 and c.name in used]):
        what = f"{', '.join(other)} beside ordinary requests: they need the other mode of the channel"
        raise BadInput(what, right="commands of the ordinary mode, or a program without requests")
    lanes = lanes_of(device, programs, log if lane_log is None else lane_log)
    names = [command.name for command in device.protocol.commands]
    constants, blocks = controller.memory_of(device, names)
    state = y.fresh({**constants, y.REFRESH_EVERY: y.NEVER}, blocks, device.channels, log)
    state.memory[:, [y.COMMAND_AT, y.WAKE]] = 0
    stream, *given = requests.arrays(device)
    state.shared[y.STREAM : y.STREAM + y.STREAM_NUMBERS] = stream
    simulate = compiled()

    def step() -> bool:
        _same_rows(state, each)
        return simulate(state.shared, state.memory.ravel(), state.memory.shape[1], *given, lanes)

    each = [beside.lane_of(lanes, c) for c in range(device.channels)]
    start, leapt = time.process_time(), 0
    if fast_forward and not log:
        moves = [beside_requests(device, program) for program in programs]
        leapt = forward(step, state, Lanes(each, moves, lanes.slack))
    else:
        step()
    spent = time.process_time() - start
    played = tuple(_played(device, lanes, c) for c in range(device.channels))
    return Mixed(controller.statistics(device, state, spent, leapt), played)


def _same_rows(state: y.State, lanes: Sequence[l.Lane]) -> None:
    """Tell the lanes which rows are open in the controller's banks, after a leap has moved them."""
    for rows, lane in zip(units(state)[:, :, y.ROW], lanes, strict=True):
        lane.rows[: len(lane.rows) // 2] = rows[: len(lane.rows) // 2]


def lanes_of(device: Dram, programs: Sequence[Program], log: int) -> beside.Lanes:
    """The lanes of all channels, from programs of their own."""
    each = [lower.lower(device, program, log) for program in programs]
    longest = max(len(one.code) for one in each)
    padding = np.zeros((1, l.CODE_WIDTH), dtype=np.int64)
    padding[0, l.KIND] = l.FENCE
    code = np.stack([np.concatenate([one.code, padding.repeat(longest - len(one.code), axis=0)]) for one in each])
    names, known = [command.name for command in device.protocol.commands], y.names(device.protocol)
    t, first = device.cycles, each[0]
    in_common = first[1:6]
    own = [np.stack([one[field] for one in each]) for field in range(6, len(l.Lane._fields))]
    known_as = [known.index(name) for name in names]
    number_of = [names.index(name) if name in names else 0 for name in known]
    rules = [POLICIES[device.policy.pim], t["tRCDWR"], t["tRP"]]
    more = [np.array(numbers, dtype=np.int64) for numbers in (known_as, number_of, rules, [0] * len(each))]
    return beside.Lanes(code, *in_common, *own, *more)


def _played(device: Dram, lanes: beside.Lanes, c: int) -> Played:
    n, names = lanes.numbers[c], [command.name for command in device.protocol.commands]
    check_refresh(int(max(n[l.DUE], n[l.IDLE])), device)
    if n[l.LENGTH]:
        raise Broken("no command can ever be issued", right="a program whose commands find their rows")
    counts = Counter({name: int(count) for name, count in zip(names, lanes.counts[c], strict=True) if count})
    kept = lanes.log[c, : n[l.ISSUED]].tolist()
    return Played(int(n[l.ENDED]), counts, [(cycle, names[number], bank, row) for cycle, number, bank, row in kept])


@cache
def compiled() -> Callable[..., bool]:
    """`beside.simulate` as machine code, from the disk where another process made it before."""
    import numba

    njit: Any = numba.njit
    tag = digest_of(*ordinary.SOURCES, l, beside)
    space = _modules(tag)
    for name, function in functions_of(beside).items():
        space[name] = njit(copied(function, space, __name__, tag), cache=name == "simulate", **ordinary.OPTIONS)
    return space["simulate"]  # type: ignore[no-any-return]


def _modules(tag: str) -> dict[str, Any]:
    """The names that the source of `beside` sees: numbers, and modules whose functions are compiled."""
    both, own = ordinary.namespace(tag), lower.namespace(tag)
    space: dict[str, Any] = {name: value for name, value in vars(beside).items() if isinstance(value, int)} | {"y": y}
    for name, content in (("front", both), ("kernel", both), ("schedule", both), ("l", own)):
        space[name] = ModuleType(name)
        space[name].__dict__.update(content)
    return space
