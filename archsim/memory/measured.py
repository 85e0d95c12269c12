"""What a memory of any kind did with a stream of requests, in the terms that all kinds share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.memory.device import Dram, Memory
from archsim.memory.records import channel_records, detail_record
from archsim.memory.requests import Requests

if TYPE_CHECKING:
    from archsim.memory.controller import Statistics


@dataclass(frozen=True)
class Latencies:
    """How long reads took, in clock cycles: from acceptance to the last data."""

    cycles: Any = field(repr=False)
    """The latencies that occurred, ascending."""
    reads: Any = field(repr=False)
    """How many reads took each of them."""
    mean: float
    """Over all reads, exactly; 0 without reads."""
    longest: int
    """Of the slowest read; 0 without reads."""
    limit: int = 0
    """Reads that took this long or longer were counted together; 0 if each latency was counted by itself."""

    @classmethod
    def of(cls, latencies: Any) -> Latencies:
        """From the latency of each read."""
        cycles, reads = np.unique(np.asarray(latencies, dtype=np.int64), return_counts=True)
        total = int(np.dot(cycles, reads))
        return cls(cycles, reads, total / max(1, int(reads.sum())), int(cycles[-1]) if len(cycles) else 0)

    @classmethod
    def binned(cls, histogram: Any, total: int, longest: int) -> Latencies:
        """From reads by latency, where the last bin also holds all longer ones; `total` adds them up exactly."""
        cycles = np.flatnonzero(histogram)
        reads = histogram[cycles]
        return cls(cycles, reads, total / max(1, int(reads.sum())), longest, len(histogram) - 1)

    def within(self, fraction: float) -> int:
        """The latency that this fraction of the reads does not exceed; 0 without reads."""
        seen = np.cumsum(self.reads)
        return int(self.cycles[np.searchsorted(seen, fraction * seen[-1])]) if len(seen) else 0

    def open_ended(self, fraction: float) -> bool:
        """Whether `within` says no more than that it is that long or longer."""
        return self.limit > 0 and self.longest > self.limit and self.within(fraction) >= self.limit


@dataclass(frozen=True)
class Measured:
    """A finished run of any kind of memory. Cycles are of its clock, energies in pJ."""

    device: Memory
    """What was asked."""
    cycles: int
    """Until the last request was complete."""
    tck: int
    """Picoseconds of one cycle."""
    requests: int
    """Reads and writes that were answered."""
    reads: int
    """Accesses that read the array."""
    writes: int
    """Accesses that wrote it."""
    latencies: Latencies
    """Of the reads among the requests."""
    energy: Mapping[str, float]
    """By cause."""
    units: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Counts of each bank, channel or die, by what is counted."""
    events: Mapping[str, int] = field(default_factory=dict)
    """Counts of the headline that not every kind has: row_hits, acts, pres, refreshes."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """What only this kind has, as plain numbers."""
    cpu_seconds: float = 0.0
    """What the simulation took, compilation left out."""

    @property
    def bytes_moved(self) -> int:
        """Bytes of all answered requests; a kind that answers some without its pins overrides this."""
        return self.requests * self.device.request_bytes

    @property
    def seconds(self) -> float:
        """Time of the run."""
        return self.cycles * self.tck * 1e-12

    @property
    def bandwidth(self) -> float:
        """Bytes per second; 0 if nothing took time."""
        return self.bytes_moved / self.seconds if self.cycles else 0.0

    def record(self) -> dict[str, Any]:
        """The headline as plain numbers, the same keys for every kind; `detail` where the kind has something to add."""
        events = {name: self.events.get(name, 0) for name in ("row_hits", "acts", "pres", "refreshes")}
        found: dict[str, Any] = {
            "total_cycles": self.cycles,
            "tck_ps": self.tck,
            "bandwidth_gbps": self.bandwidth / 1e9,
            "peak_gbps": self.device.peak / 1e9,
            "utilization": self.bandwidth / self.device.peak,
            **events,
            "reads": self.reads,
            "writes": self.writes,
            "avg_read_latency_cycles": self.latencies.mean,
            "energy_pj": sum(self.energy.values()),
            "cpu_seconds": self.cpu_seconds,
        }
        units = {name.replace(" ", "_"): list(counts) for name, counts in self.units.items()}
        return {**found, "detail": {**self.detail, "units": units}} if self.detail else found


@dataclass(frozen=True)
class DramMeasured(Measured):
    """A finished run of a DRAM, with what its controller counted."""

    statistics: Statistics = field(kw_only=True)
    """Commands, waits and queues of each channel."""

    @property
    def bytes_moved(self) -> int:
        """Bytes that crossed the pins; fewer than the requests have where reads share bursts or writes still wait."""
        return self.statistics.bytes_moved

    def record(self) -> dict[str, Any]:
        """As `Measured.record`, with `channels`, one by one, and `detail`."""
        channels = channel_records(self.statistics, self.channel_latencies)
        detail = detail_record(self.statistics, self.latencies)
        return {**super().record(), "channels": channels, "detail": detail}

    @property
    def channel_latencies(self) -> list[Latencies]:
        """Of the reads of each channel; long ones are counted together sooner than in `latencies`."""
        s = self.statistics
        pairs = zip(s.by_channel, s.channels, strict=True)
        return [Latencies.binned(own, channel.latency_cycles, channel.slowest_read) for own, channel in pairs]


MOST_LOGGED = 20_000_000
"""Commands that a log holds."""


def loggable(commands: int) -> int:
    """So many commands, if a log holds them.

    Raises
    ------
    BadInput
        They are too many.
    """
    if commands > MOST_LOGGED:
        raise BadInput(f"a log of {commands:,} commands", right=f"at most {MOST_LOGGED:,}: fewer requests")
    return commands


def controlled(
    device: Dram, requests: Requests, *, fast_forward: bool = True, log: bool = False, per_channel: bool = False
) -> DramMeasured:
    """Answer requests by the DRAM controller.

    Parameters
    ----------
    device
        The memory.
    requests
        What it is asked for.
    fast_forward
        Leap over whole periods of a stream; the result is the same.
    log
        Keep every command in `statistics.log`. The run is made twice: the first one counts them.
    per_channel
        Every channel gets all the requests, at addresses within it; one is simulated.

    Raises
    ------
    BadInput
        Refreshes leave no time for the requests, or there are too many commands to keep.
    """
    from archsim.memory.alike import run_on_each
    from archsim.memory.controller import run

    play = run_on_each if per_channel else run
    s = play(device, requests, fast_forward=fast_forward)
    if log:
        commands = sum(sum(channel.commands.values()) for channel in s.channels)
        s = play(device, requests, log=loggable(commands))
    channels = s.channels
    return DramMeasured(
        device,
        s.cycles,
        int(device.tck),
        s.requests,
        s.total("RD") + s.total("RDA"),
        s.total("WR") + s.total("WRA"),
        Latencies.binned(s.latencies, sum(channel.latency_cycles for channel in channels), s.slowest_read),
        s.energy,
        events={
            "row_hits": sum(channel.row_hits for channel in channels),
            "acts": s.total("ACT"),
            "pres": sum(s.total(name) for name in channels[0].commands if name.startswith("PRE")),
            "refreshes": sum(s.total(name) for name in channels[0].commands if name.startswith("REF")),
        },
        cpu_seconds=s.cpu_seconds,
        statistics=s,
    )
