"""The memory controller as a function: a device and requests in, counts, latencies and energy out."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.memory import layout as y
from archsim.memory.address import ORDER
from archsim.memory.device import Dram
from archsim.memory.energy import energies
from archsim.memory.forward import forward
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
    active_cycles: int
    """Cycles with a row open, added up over ranks."""
    queued_cycles: int
    """Requests in the command queues, added up over cycles."""


@dataclass(frozen=True)
class Statistics:
    """What a memory did with a stream of requests. Cycles are of the device's clock, energies in pJ."""

    device: Dram
    cycles: int
    channels: tuple[ChannelStatistics, ...]
    latencies: Any = field(repr=False)
    """Histogram: reads by their latency in cycles; the last bin takes all longer ones."""
    slowest_read: int
    energy: dict[str, float]
    cpu_seconds: float
    log: Any = field(repr=False)
    """Issued commands as rows (cycle, command, channel, bank, row), if asked for."""
    leapt: int = 0
    """Requests that were not simulated one by one, since the state recurred."""

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

    @property
    def bandwidth(self) -> float:
        """Bytes per second."""
        return self.requests * self.device.request_bytes / self.seconds if self.cycles else 0.0

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
    policy, shape, closed = device.policy, device.shape, device.policy.row == "closed"
    refresh = {"per-bank": y.REFPB, "same-bank": y.REFSB}.get(policy.refresh, y.REF)
    used = {"ACT", "PRE", *(("RDA", "WRA") if closed else ("RD", "WR")), "REF", y.COMMANDS[refresh], *more}
    rules, blocks = tables(device.protocol, device.cycles, shape, used)
    constants = {
        **{y.RANKS: shape.ranks, y.PER_RANK: shape.per_rank, y.PER_GROUP: shape.banks, y.BANKS: shape.total},
        **{y.QUEUE: policy.queue, y.READ_QUEUE: policy.read_queue, y.WRITE_BUFFER: policy.write_buffer},
        **{y.DRAIN_ABOVE: policy.drain_above, y.HIT_CAP: policy.hit_cap},
        **{y.READ_AS: y.RDA if closed else y.RD, y.WRITE_AS: y.WRA if closed else y.WR, y.REFRESH_AS: refresh},
        y.READ_DELAY: device.cycles["tCL"] + device.burst_cycles,
        **_refresh(device),
        **rules,
    }
    where, widths = device.addresses.positions, device.addresses.widths
    blocks[y.FIELDS] = np.array([(where[name], (1 << widths[name]) - 1) for name in ORDER[:5]], dtype=np.int64)
    return constants, blocks


def _refresh(device: Dram) -> dict[int, int]:
    """Which banks are refreshed together, how many such units there are, and how often one of them is."""
    shape, t, kind = device.shape, device.cycles, device.policy.refresh
    units, banks, step = shape.ranks, shape.per_rank, 1
    if kind == "per-bank":
        units, banks = shape.total, 1
    if kind == "same-bank":
        units, banks, step = shape.ranks * shape.banks, shape.groups, shape.banks
    at_once = shape.ranks if kind == "simultaneous" else 1
    every = y.NEVER if kind == "off" else max(1, t["tREFI"] * at_once // units)
    # Longest from the moment a rank waits until the refresh after this one may go: where that is more than there is,
    # waiting would leave nothing for requests.
    longest = t["tRC"] + t["tCWL"] + t["tBURST"] + t["tWR"] + t["tRP"] + max(t["tRFCPB"], t["tRFCSB"])
    return {
        **{y.REFRESH_EVERY: every, y.REFRESH_AT_ONCE: at_once, y.REFRESH_UNITS: units},
        **{y.UNIT_BANKS: banks, y.UNIT_STEP: step, y.REFRESH_LATE: at_once if longest < every else y.NEVER},
    }


def statistics(device: Dram, state: y.State, spent: float, leapt: int) -> Statistics:
    """What a finished run did; it took `spent` CPU seconds and leapt over `leapt` requests."""
    names, cycles = y.names(device.protocol), int(state.shared[y.END])
    channels = tuple(_channel(names, row) for row in state.memory[:, y.COUNTS : y.COUNTS + y.STATISTICS])
    counts = {name: sum(channel.commands[name] for channel in channels) for name in names}
    active = sum(channel.active_cycles for channel in channels)
    return Statistics(
        device,
        cycles,
        channels,
        state.shared[y.LATENCIES : y.LATENCIES + y.LONGEST_LATENCY],
        int(state.memory[:, y.COUNTS + y.SLOWEST].max()),
        energies(device, counts, cycles, active),
        spent,
        state.shared[y.LOG : y.LOG + 5 * int(state.shared[y.LOGGED])].reshape(-1, 5),
        leapt,
    )


def _channel(names: tuple[str, ...], row: Any) -> ChannelStatistics:
    counts = {name: int(row[i]) for i, name in enumerate(names)}
    waited = {name: int(row[y.WAITED + i]) for i, name in enumerate(names)}
    numbers = (y.ROW_HITS, y.READS, y.WRITES, y.FORWARDED, y.MERGED, y.LATENCY, y.ACTIVE, y.QUEUED)
    return ChannelStatistics(counts, waited, *(int(row[n]) for n in numbers))
