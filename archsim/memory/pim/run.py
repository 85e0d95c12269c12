"""Runs of PIM programs on all channels of a memory, and what came of them in the terms that all memories share.

Channels that do the same are played once and counted as many times as there are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from archsim.core.errors import BadInput
from archsim.memory.device import Dram
from archsim.memory.measured import Latencies, Measured, loggable
from archsim.memory.pim.aim_host import replay
from archsim.memory.pim.aim_trace import AF_ROWS, Isr
from archsim.memory.pim.energy import bursts, closed, energies, opened, refreshes, uncounted
from archsim.memory.pim.lower import compiled, play_fast
from archsim.memory.pim.player import Played
from archsim.memory.pim.program import Do, Loop, Node, Program
from archsim.memory.pim.trace import Trace
from archsim.memory.records import Logged, logged


@dataclass(frozen=True)
class Share:
    """What some channels do, all the same."""

    program: Program
    channels: int
    """How many."""
    macros: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Command that stands for others -> how many of which, in one channel: these have the energy."""
    closing: Mapping[str, int] = field(default_factory=dict)
    """Commands of one channel that close what the program leaves open, once it is over: counted, and no time."""
    after: int = 0
    """Cycles from the last completion until the host knows of it."""
    first: int | None = None
    """The first of these channels; unless given, the one after those of the share before."""


@dataclass(frozen=True)
class Work:
    """What a memory is asked to do."""

    shares: tuple[Share, ...] = ()
    counted: Mapping[str, int] = field(default_factory=dict)
    """What the work amounts to, of all channels: macs, operations."""
    operand_bytes: int = 0
    """Bytes that lie in the banks and go through the units; 0 where the work does not say."""
    host: tuple[Isr, ...] = ()
    """Instructions that a GDDR6-AiM host sends, in place of shares."""
    notes: tuple[str, ...] = ()
    """What whoever reads the numbers has to know."""


@dataclass(frozen=True)
class Part:
    """What some channels did, all the same."""

    played: Played
    channels: int
    macros: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    closing: Mapping[str, int] = field(default_factory=dict)
    first: int = 0
    """The first of these channels."""


@dataclass(frozen=True)
class PimMeasured(Measured):
    """A finished run of programs on a PIM memory. Its requests are bursts over the pins, the controller's and PIM's."""

    parts: tuple[Part, ...] = field(kw_only=True)
    """What was played; channels without work are in none."""
    log: tuple[Logged, ...] = field(default=(), repr=False)
    """Issued commands in the order of time, if asked for: of channels that do the same, those of the first."""


def run(device: Dram, work: Work, *, fast_forward: bool = True, log: bool = False) -> PimMeasured:
    """Do some work on an idle memory, until it is complete on every channel and the host knows.

    Parameters
    ----------
    device
        The memory.
    work
        The work; its channels are at most those of the device.
    fast_forward
        Leap over what recurs; the result is the same. Instructions of a host are always played one by one.
    log
        Keep every command in `PimMeasured.log`. Programs are played twice: the first time counts them.

    Raises
    ------
    BadInput
        A program or an instruction names what the device does not have, or there are too many commands to keep.
    """
    _playable(device, work)
    if not (work.host or getattr(compiled(), "signatures", ())):
        play_fast(device, Program(()))  # compiles, which is not counted
    start = time.process_time()
    if work.host:
        replayed = replay(work.host, device)
        together = Counter(id(played) for played in replayed.channels.values())
        firsts = {id(played): number for number, played in reversed(list(replayed.channels.items()))}
        played = {key: replayed.channels[number] for key, number in firsts.items()}
        parts = tuple(Part(played[key], channels, first=firsts[key]) for key, channels in together.items())
        cycles = replayed.cycles
    else:
        parts = tuple(_parts(device, work.shares, fast_forward))
        ends = (part.played.cycles + one.after for part, one in zip(parts, work.shares, strict=True))
        cycles = max(ends, default=0)
    found = _measured(device, work, parts, cycles, time.process_time() - start)
    return replace(found, log=_log(device, work, parts)) if log else found


def _parts(device: Dram, shares: Sequence[Share], fast_forward: bool) -> Iterator[Part]:
    after = 0
    for one in shares:
        first = after if one.first is None else one.first
        after = first + one.channels
        played = play_fast(device, one.program, fast_forward=fast_forward)
        yield Part(played, one.channels, one.macros, one.closing, first)


def _log(device: Dram, work: Work, parts: Sequence[Part]) -> tuple[Logged, ...]:
    """The commands of all parts in the order of time; those of programs are stepped through for it."""
    loggable(sum(part.played.commands.total() for part in parts))
    found: list[Logged] = []
    for number, part in enumerate(parts):
        played = part.played
        if not work.host:
            played = play_fast(device, work.shares[number].program, log=played.commands.total())
        rows = (Logged(cycle, name, part.first, bank, row) for cycle, name, bank, row in played.log)
        found += (one._replace(channels=part.channels) for one in rows)
    return tuple(sorted(found, key=lambda one: one.cycle))


def _playable(device: Dram, work: Work) -> None:
    """Raise unless every row exists."""
    for share in work.shares:
        _rows_exist(share.program.body, device, {})


def _rows_exist(body: Sequence[Node], device: Dram, around: Mapping[str, int]) -> None:
    for node in body:
        if isinstance(node, Loop):
            _rows_exist(node.body, device, {**around, node.var: node.count})
        elif isinstance(node, Do):
            moves = [node.row.coefficient(var) * (count - 1) for var, count in around.items()]
            least, most = (node.row.base + sum(limit(0, move) for move in moves) for limit in (min, max))
            # Rows beyond the array stand for tables of functions.
            if least < -1 or device.rows <= most < AF_ROWS:
                row = least if least < -1 else most
                raise BadInput(f"{node.command}: row {row}", right=f"a row from 0 to {device.rows - 1}, -1 for any")


def same_on_all(device: Dram, program: Program) -> Work:
    """A program that every channel of a device plays."""
    return Work((Share(program, device.channels),))


def grouped(programs: Sequence[Program]) -> Work:
    """A program for each channel; those without commands have no work."""
    members: dict[Program, list[int]] = {}
    for channel, program in enumerate(programs):
        if program.counts():
            members.setdefault(program, []).append(channel)
    return Work(tuple(Share(program, len(own), first=own[0]) for program, own in members.items()))


def replay_trace(device: Dram, trace: Trace, *, fast_forward: bool = True, log: bool = False) -> Measured:
    """Play a trace of PIM commands, of ordinary requests, or of both beside each other.

    Ordinary requests alone go through the controller, as they do for any DRAM.
    """
    work = grouped(trace.programs)
    if not work.shares:
        return device.simulate(trace.requests)
    if not len(trace.requests):
        return run(device, work, fast_forward=fast_forward, log=log)
    return _beside(device, trace, fast_forward, log)


def _beside(device: Dram, trace: Trace, fast_forward: bool, log: bool) -> PimMeasured:
    """Ordinary requests and programs on the same channels."""
    from archsim.memory.pim.mixed import run_mixed

    _playable(device, grouped(trace.programs))
    enters = [c.name for c in device.protocol.commands if c.enters > 0]
    if used := sorted({name for program in trace.programs for name in program.counts()}.intersection(enters)):
        what = f"{', '.join(used)} beside ordinary requests: they would find the other mode of the channel"
        raise BadInput(what, right="programs of the ordinary mode, or a trace without R and W")
    mixed = run_mixed(device, trace.requests, trace.programs, fast_forward=fast_forward)
    s = mixed.statistics
    kept: tuple[Logged, ...] = ()
    if log:
        commands = loggable(sum(sum(channel.commands.values()) for channel in s.channels))
        again = run_mixed(device, trace.requests, trace.programs, log=commands, lane_log=0)
        kept = tuple(logged(again.statistics))
    counts = Counter[str]()
    for channel in s.channels:
        counts.update(channel.commands)
    channels = enumerate(zip(mixed.played, trace.programs, strict=True))
    busy = tuple(Part(played, 1, first=number) for number, (played, program) in channels if program.counts())
    cycles = max([s.cycles, *(part.played.cycles for part in busy)])
    active = sum(channel.active_cycles for channel in s.channels)
    found = _of(device, Work(), busy, counts, cycles, active, s.cpu_seconds)
    latencies = Latencies.binned(s.latencies, sum(channel.latency_cycles for channel in s.channels), s.slowest_read)
    hits = sum(channel.row_hits for channel in s.channels)
    return replace(found, latencies=latencies, events={**found.events, "row_hits": hits}, log=kept)


def _measured(device: Dram, work: Work, parts: tuple[Part, ...], cycles: int, spent: float) -> PimMeasured:
    """Of programs alone. A channel that plays is taken to have a row open in every rank until its program ends."""
    counts, active = Counter[str](), 0
    for part in parts:
        counts.update({name: count * part.channels for name, count in part.played.commands.items()})
        active += part.played.cycles * part.channels * device.ranks
    return _of(device, work, parts, counts, cycles, active, spent)


def _of(
    device: Dram,
    work: Work,
    parts: tuple[Part, ...],
    counts: Counter[str],
    cycles: int,
    active: int,
    spent: float,
) -> PimMeasured:
    """From what happened on all channels; `active` are the cycles with a row open, added up over ranks."""
    reads, writes = bursts(device, counts)
    within, closing = Counter[str](), Counter[str]()
    for part in parts:
        for inner in part.macros.values():
            within.update({name: count * part.channels for name, count in inner.items()})
        closing.update({name: count * part.channels for name, count in part.closing.items()})
    energy = energies(device, counts + within, cycles, active)
    macros = {name for part in parts for name in part.macros}
    return PimMeasured(
        device,
        cycles,
        int(device.tck),
        reads + writes,
        reads,
        writes,
        Latencies.of([]),
        energy,
        units={"channel cycles": tuple(part.played.cycles for part in parts for _ in range(part.channels))},
        events={
            "acts": opened(device.protocol, counts),
            "pres": closed(device.protocol, counts + closing),
            "refreshes": refreshes(counts),
        },
        detail={
            **_detail(device, work, parts, counts + within + closing, cycles),
            "energy_by_cause_pj": energy,
            "energy_not_counted": list(uncounted(device, counts, macros)),
        },
        cpu_seconds=spent,
        parts=parts,
    )


def _detail(
    device: Dram, work: Work, parts: tuple[Part, ...], counts: Mapping[str, int], cycles: int
) -> dict[str, Any]:
    """What only PIM has."""
    seconds = cycles * int(device.tck) * 1e-12
    found: dict[str, Any] = {
        "commands": {c.name: counts[c.name] for c in device.protocol.commands if counts.get(c.name)},
        "refreshes": refreshes(counts),
        "commands_leapt": sum(part.played.leapt for part in parts),
        "channels_busy": sum(part.channels for part in parts),
        "channels_simulated": len(parts),
        "notes": list(work.notes),
    }
    for name, amount in work.counted.items():
        found |= {name: amount, f"{name}_per_s": amount / seconds}
    if work.operand_bytes:
        found["internal_gbps"] = work.operand_bytes / seconds / 1e9
    return found
