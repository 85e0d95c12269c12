"""A DRAM run as plain numbers: what each channel did, and what the headline leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archsim.memory import layout as y
from archsim.memory.energy import uncounted
from archsim.memory.protocol import Scope

if TYPE_CHECKING:
    from archsim.memory.controller import ChannelStatistics, Statistics
    from archsim.memory.device import Dram
    from archsim.memory.measured import Latencies

PERCENTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""Key of a record -> fraction of the reads."""


def latency_record(latencies: Latencies, at_the_door: int) -> dict[str, Any]:
    """Mean, percentiles and longest in cycles; `at_least` names the percentiles that are bounds from below only.

    All count from acceptance but `mean_from_arrival`, with what all reads together waited before.
    """
    return {
        "mean": latencies.mean,
        "mean_from_arrival": latencies.mean + at_the_door / max(1, int(latencies.reads.sum())),
        **percentiles(latencies),
        "longest": latencies.longest,
        "at_least": at_least(latencies),
    }


def percentiles(latencies: Latencies) -> dict[str, int]:
    """Cycles that this part of the reads does not exceed, by the names of `PERCENTILES`."""
    return {key: latencies.within(fraction) for key, fraction in PERCENTILES.items()}


def at_least(latencies: Latencies) -> list[str]:
    """The percentiles that are bounds from below only."""
    return [key for key, fraction in PERCENTILES.items() if latencies.open_ended(fraction)]


def channel_records(found: Statistics, latencies: Sequence[Latencies]) -> list[dict[str, Any]]:
    """What each channel did, in the order of the channels: the entries of `channels` in `archsim dram --json`."""
    return [_channel(found, channel, own) for channel, own in zip(found.channels, latencies, strict=True)]


def detail_record(found: Statistics, latencies: Latencies) -> dict[str, Any]:
    """What the headline leaves out, all channels together; energies in pJ."""
    channels = found.channels
    return {
        "requests": found.requests,
        "bytes_moved": found.bytes_moved,
        "merged_reads": sum(channel.merged for channel in channels),
        "forwarded_reads": sum(channel.forwarded_reads for channel in channels),
        "replaced_writes": sum(channel.replaced for channel in channels),
        "writes_left": sum(channel.writes_left for channel in channels),
        "requests_leapt": found.leapt,
        "channels_simulated": found.channels_simulated,
        "latency_cycles": latency_record(latencies, found.at_the_door[0]),
        "queued": sum(channel.queued_cycles for channel in channels) / max(1, found.cycles) / len(channels),
        "energy_by_cause_pj": dict(found.energy),
        "energy_not_counted": list(uncounted(found.device)),
    }


LOG_COLUMNS = ("cycle", "command", "channel", "rank", "group", "bank", "row", "column", "channels")
"""Of `log_rows`. What a command concerns as a whole stays empty: the group and bank of a refresh of a rank.

A column is that of a request, in bursts; `channels` is how many do the same, of which the channel is the first.
"""


class Logged(NamedTuple):
    """A command that was issued; -1 where there is no row or column."""

    cycle: int
    command: str
    channel: int
    bank: int
    """Of the channel, counted over ranks and groups."""
    row: int
    column: int = -1
    channels: int = 1
    """How many do the same."""


def logged(found: Statistics) -> Iterator[Logged]:
    """Every recorded command of a controller, in the order of time."""
    names = y.names(found.device.protocol)
    for cycle, command, channel, bank, row, column in found.log.tolist():
        yield Logged(cycle, names[command], channel, bank, row, column)


def log_rows(device: Dram, log: Iterable[Logged]) -> Iterator[tuple[int | str, ...]]:
    """A log as `LOG_COLUMNS`; banks count within their group."""
    shape, scopes = device.shape, {command.name: command.scope for command in device.protocol.commands}
    for one in log:
        rank, inside = divmod(one.bank, shape.per_rank)
        group, bank = divmod(inside, shape.banks)
        where: tuple[int | str, ...] = (rank, group, bank)
        match scopes[one.command]:
            case Scope.BANK_GROUP:
                where = (rank, group, "")
            case Scope.SAME_BANK | Scope.HALF:
                where = (rank, "", bank)
            case Scope.RANK:
                where = (rank, "", "")
            case Scope.CHANNEL:
                where = ("", "", "")
        line = "" if one.row < 0 else one.row, "" if one.column < 0 else one.column
        yield one.cycle, one.command, one.channel, *where, *line, one.channels


def _channel(found: Statistics, channel: ChannelStatistics, latencies: Latencies) -> dict[str, Any]:
    cycles, device = max(1, found.cycles), found.device
    return {
        "reads": channel.reads,
        "writes": channel.writes,
        "utilization": found.moved(channel) * device.burst_cycles / cycles,
        "commands": {name: count for name, count in channel.commands.items() if count},
        "row_hits": channel.row_hits,
        "merged_reads": channel.merged,
        "forwarded_reads": channel.forwarded_reads,
        "replaced_writes": channel.replaced,
        "writes_left": channel.writes_left,
        "avg_read_latency_cycles": channel.latency_cycles / max(1, channel.reads),
        "longest_read_latency_cycles": channel.slowest_read,
        "latency_cycles": {**percentiles(latencies), "at_least": at_least(latencies)},
        "queued": channel.queued_cycles / cycles,
        "active": channel.active_cycles / cycles / device.ranks,
        "waited_cycles": {name: waited for name, waited in channel.waited.items() if waited},
        "refreshes_per_bank": list(channel.refreshes),
    }
