"""The memory controller as a function: a device and requests in, counts, latencies and energy out."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.memory import layout as y
from archsim.memory.address import ORDER
from archsim.memory.bounds import bind
from archsim.memory.device import Dram
from archsim.memory.energy import energies
from archsim.memory.forward import forward
from archsim.memory.protocol import Scope
from archsim.memory.requests import Requests
from archsim.memory.tables import tables


@dataclass(frozen=True, slots=True)
class ChannelStatistics:
    """What one channel did."""

    commands: dict[str, int]
    """Commands by name."""
    waited: dict[str, int]
    """Cycles between the command before and one of this name, by name: what the command bus waited for."""
    row_hits: int
    """Column commands that were not the first one of their open row."""
    reads: int
    writes: int
    forwarded: int
    """Reads answered from the write buffer and writes that replaced one in it."""
    merged: int
    """Reads that shared the burst of another one."""
    latency_cycles: int
    """Sum over the reads, from acceptance to the last data."""
    slowest_read: int
    """Longest of these; 0 without reads."""
    active_cycles: int
    """Cycles with a row open, added up over ranks."""
    queued_cycles: int
    """Requests in the command queues, added up over cycles."""
    writes_left: int
    """Accepted writes that were still in the buffer or in a command queue at the end."""
    refreshes: tuple[int, ...]
    """Refreshes of each bank."""

    @property
    def bursts(self) -> int:
        """Column commands."""
        return sum(self.commands[name] for name in ("RD", "RDA", "WR", "WRA"))

    @property
    def replaced(self) -> int:
        """Writes that a later one to the same line replaced in the buffer, so that they never went to a bank."""
        return self.writes - self.commands["WR"] - self.commands["WRA"] - self.writes_left

    @property
    def forwarded_reads(self) -> int:
        """Reads answered from the write buffer."""
        return self.forwarded - self.replaced


NUMBERS: Mapping[str, int] = {
    **{"row_hits": y.ROW_HITS, "reads": y.READS, "writes": y.WRITES, "forwarded": y.FORWARDED, "merged": y.MERGED},
    **{"latency_cycles": y.LATENCY, "slowest_read": y.SLOWEST, "active_cycles": y.ACTIVE, "queued_cycles": y.QUEUED},
}
"""Field of `ChannelStatistics` -> its place among the statistics of a channel."""


@dataclass(frozen=True)
class Statistics:
    """What a memory did with a stream of requests. Cycles are of the device's clock, energies in pJ."""

    device: Dram
    cycles: int
    channels: tuple[ChannelStatistics, ...]
    latencies: Any = field(repr=False)
    """Histogram: reads by their latency in cycles; the last bin takes all longer ones."""
    by_channel: Any = field(repr=False)
    """The same of each channel, with fewer bins: [channel, cycles]."""
    slowest_read: int
    energy: dict[str, float]
    cpu_seconds: float
    log: Any = field(repr=False)
    """Issued commands as rows (cycle, command, channel, bank, row, column), if asked for; -1 where there is none."""
    channels_simulated: int
    """Fewer than there are channels where one stands for others that do the same."""
    leapt: int = 0
    """Requests that were not simulated one by one, since the state recurred."""
    at_the_door: tuple[int, int] = (0, 0)
    """Cycles from arrival to acceptance, added up over reads and over writes; 0 where requests have no arrivals."""

    def total(self, command: str) -> int:
        """Commands of a name, of all channels."""
        return sum(channel.commands[command] for channel in self.channels)

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return self.cycles * int(self.device.tck) * 1e-12

    @property
    def requests(self) -> int:
        """Reads and writes that were answered."""
        return sum(channel.reads + channel.writes for channel in self.channels)

    @property
    def simulated(self) -> int:
        """Requests that were simulated one by one."""
        return self.requests - self.leapt

    def moved(self, channel: ChannelStatistics) -> int:
        """Bursts of a channel that were over at the end; what was issued last may still be on its way."""
        return min(channel.bursts, self.cycles // self.device.burst_cycles)

    @property
    def bytes_moved(self) -> int:
        """Bytes of the bursts that crossed the pins: none for merged and forwarded reads, nor for writes that wait."""
        return sum(self.moved(channel) for channel in self.channels) * self.device.request_bytes

    @property
    def bandwidth(self) -> float:
        """Bytes per second over the pins."""
        return self.bytes_moved / self.seconds if self.cycles else 0.0

    @property
    def mean_read_latency(self) -> float:
        """Cycles from acceptance to the last data; 0 without reads."""
        reads = sum(channel.reads for channel in self.channels)
        return sum(channel.latency_cycles for channel in self.channels) / reads if reads else 0.0

    def read_latency(self, fraction: float) -> int:
        """The latency in cycles that this fraction of the reads does not exceed; exact below 65,535 cycles."""
        seen = np.cumsum(self.latencies)
        return int(np.searchsorted(seen, fraction * seen[-1])) if seen[-1] else 0


def run(device: Dram, requests: Requests, *, log: int = 0, fast_forward: bool = True) -> Statistics:
    """Simulate requests, from an idle memory until the last one is complete.

    Requests are accepted in their order, as many per cycle as the queues of their channels take; the first one that
    finds no room stops those behind it. Writes are complete when accepted, so the last ones may still be in the buffer.

    Parameters
    ----------
    device
        The memory.
    requests
        What it is asked for.
    log
        Commands to record at most; with a record every request is simulated.
    fast_forward
        Leap over whole periods of a stream once the state recurs. The result is the same.
    """
    from archsim.memory.compiled import compiled

    constants, blocks = memory_of(device)
    state, simulate = y.fresh(constants, blocks, device.channels, log), compiled()
    stream, *given = requests.arrays(device)
    state.shared[y.STREAM : y.STREAM + y.STREAM_NUMBERS] = stream
    arguments = (state.shared, state.memory.ravel(), state.memory.shape[1], *given)
    start, leapt = time.process_time(), 0
    if fast_forward and log == 0 and len(requests):
        leapt = forward(lambda: simulate(*arguments), state)
    elif len(requests):
        simulate(*arguments)
    spent = time.process_time() - start
    if state.shared[y.END] < 0:
        interval = device.cycles["tREFI"]
        what = f"timing.trefi: refreshes leave no time for requests, one is due every {interval} cycles"
        raise BadInput(what, right="a longer trefi, a shorter trfc, or policy.refresh: off")
    return statistics(device, state, spent, leapt)


def memory_of(device: Dram, more: Collection[str] = ()) -> tuple[dict[int, int], dict[int, Any]]:
    """The device as the kernel interprets it: single places of a channel's memory, and blocks of it.

    `more` are commands to keep the rules of beside those that the controller issues itself.
    """
    policy, shape, t = device.policy, device.shape, device.cycles
    cap = {"open": 0, "closed": 1, "capped": policy.row_cap}[policy.row]
    columns = (*(("RD", "WR") if cap != 1 else ()), *(("RDA", "WRA") if cap else ()))
    refresh = {"per-bank": y.REFPB, "same-bank": y.REFSB}.get(policy.refresh, y.REF)
    closing = _closes_all(device, refresh)
    used = {"ACT", "PRE", *columns, "REF", y.COMMANDS[refresh], *closing, *more}
    rules, blocks = tables(device.protocol, device.cycles, shape, used)
    constants = {
        **{y.RANKS: shape.ranks, y.PER_RANK: shape.per_rank, y.PER_GROUP: shape.banks, y.BANKS: shape.total},
        **{y.QUEUE: policy.queue, y.READ_QUEUE: policy.read_queue, y.WRITE_BUFFER: policy.write_buffer},
        **{y.DRAIN_ABOVE: policy.drain_above, y.HIT_CAP: policy.hit_cap},
        **{y.ROW_CAP: cap, y.READ_CLOSES: t["tRTP"], y.WRITE_CLOSES: t["tCWL"] + t["tBURST"] + t["tWR"]},
        y.PRECHARGE_AS: y.names(device.protocol).index(closing[0]) if closing else y.NONE,
        **{y.REFRESH_AS: refresh, y.READ_DELAY: t["tCL"] + device.burst_cycles},
        **_refresh(device, y.COMMANDS[refresh]),
        **rules,
    }
    where, widths = device.addresses.positions, device.addresses.widths
    blocks[y.FIELDS] = np.array([(where[name], (1 << widths[name]) - 1) for name in ORDER[:5]], dtype=np.int64)
    return constants, blocks


def _closes_all(device: Dram, refresh: int) -> tuple[str, ...]:
    """The command that closes all banks of a refresh at once, where the standard has one for them and no others."""
    commands = {command.name: command for command in device.protocol.commands}
    name = commands["REF"].closed_by if refresh == y.REF else ""
    alone = name and (device.shape.ranks == 1 or commands[name].scope is Scope.RANK)
    return (name,) if alone else ()


def _refresh(device: Dram, command: str) -> dict[int, int]:
    """Which banks are refreshed together, how many such units there are, and how often one of them is."""
    kind, units = device.policy.refresh, refresh_units(device)
    at_once = len(units) if kind == "simultaneous" else 1
    every = y.NEVER if kind == "off" else max(1, device.cycles["tREFI"] * at_once // len(units))
    round_ = len(units) // at_once * every
    # Refreshes of an idle channel go when they are due if the ones before them in their rank and on the bus are over.
    bounds = bind(device.protocol, device.cycles, device.shape)
    own = [bound for bound in bounds if bound.preceding == bound.following == command]
    longest = max((b.gap for b in own if b.scope is not Scope.CHANNEL), default=0) * at_once
    longest = max(longest, max((b.gap for b in own if b.scope is Scope.CHANNEL), default=1) * at_once * device.ranks)
    on_time = kind != "off" and longest < every * device.ranks
    return {
        **{y.REFRESH_EVERY: every, y.REFRESH_AT_ONCE: at_once, y.REFRESH_UNITS: len(units)},
        **{y.UNIT_BANKS: len(units[0]), y.UNIT_STEP: units[0].step, y.IDLE_ROUND: round_ if on_time else y.NEVER},
    }


def refresh_units(device: Dram) -> tuple[range, ...]:
    """The banks that are refreshed together, in the order of their turns; the ranks take turns."""
    shape, kind = device.shape, device.policy.refresh
    firsts = range(0, shape.total, shape.per_rank)
    if kind == "per-bank":
        return tuple(range(a + b, a + b + 1) for b in range(shape.per_rank) for a in firsts)
    if kind == "same-bank":
        return tuple(range(a + b, a + shape.per_rank, shape.banks) for b in range(shape.banks) for a in firsts)
    return tuple(range(first, first + shape.per_rank) for first in firsts)


def _refreshes(device: Dram, done: int) -> tuple[int, ...]:
    """Refreshes of each bank of a channel after so many turns."""
    units, found = refresh_units(device), [0] * device.shape.total
    for turn, unit in enumerate(units):
        for bank in unit:
            found[bank] = done // len(units) + (turn < done % len(units))
    return tuple(found)


def statistics(device: Dram, state: y.State, spent: float, leapt: int) -> Statistics:
    """What a finished run did; it took `spent` CPU seconds and leapt over `leapt` requests."""
    names, cycles = y.names(device.protocol), int(state.shared[y.END])
    channels = tuple(_channel(device, names, row) for row in state.memory)
    counts = {name: sum(channel.commands[name] for channel in channels) for name in names}
    active = sum(channel.active_cycles for channel in channels)
    own = state.memory[:, y.HISTOGRAM : y.HISTOGRAM + y.BINS]
    latencies = state.shared[y.LATENCIES : y.LATENCIES + y.LONGEST_LATENCY].copy()
    latencies[: y.BINS] = own.sum(axis=0)
    longer = np.array([channel.reads for channel in channels]) - own.sum(axis=1)
    return Statistics(
        device,
        cycles,
        channels,
        latencies,
        np.concatenate((own, longer[:, None]), axis=1),
        int(state.memory[:, y.COUNTS + y.SLOWEST].max()),
        energies(device, counts, cycles, active),
        spent,
        _log(device, state),
        device.channels,
        leapt,
        (int(state.shared[y.DOOR]), int(state.shared[y.DOOR + 1])),
    )


def _log(device: Dram, state: y.State) -> Any:
    """The recorded commands: cycle, command, channel, bank, row, column; -1 where a command has no row or column."""
    end = y.LOG + y.LOG_FIELDS * int(state.shared[y.LOGGED])
    found = state.shared[y.LOG : end].reshape(-1, y.LOG_FIELDS).copy()
    addresses = device.addresses
    mask = (1 << addresses.widths["co"]) - 1
    found[:, 5] = np.where(found[:, 5] < 0, -1, found[:, 5] >> addresses.positions["co"] & mask)
    return found


def _channel(device: Dram, names: tuple[str, ...], m: Any) -> ChannelStatistics:
    """From a channel's memory. One without requests only refreshed: nothing waited for its bus."""
    row = m[y.COUNTS : y.COUNTS + y.STATISTICS]
    counts = {name: int(row[i]) for i, name in enumerate(names)}
    asked = row[y.READS] + row[y.WRITES] > 0
    waited = {name: int(row[y.WAITED + i]) if asked else 0 for i, name in enumerate(names)}
    more = {name: int(row[place]) for name, place in NUMBERS.items()}
    refreshes = _refreshes(device, sum(counts[name] for name in ("REF", "REFPB", "REFSB")))
    return ChannelStatistics(counts, waited, **more, writes_left=int(m[y.WRITES_HELD]), refreshes=refreshes)
