"""The compiled controller against the plain channel state made from the same tables, and what it promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.memory.controller import Statistics, run
from archsim.memory.device import Dram
from archsim.memory.layout import COMMANDS
from archsim.memory.requests import Given, Stream, pattern
from archsim.memory.state import DeviceState

NAMES = ["hbm2-8gb-x128", "gddr6-8gb-x16", "ddr4-8gb-x8-3200", "lpddr4-8gb-x16-2400"]
MORE = ["ddr5-16gb-x8-4800", "lpddr5-16gb-x16-6400", "hbm2e-16gb-x64-3600", "hbm3-16gb-x32-6400"]


def replay(found: Statistics) -> None:
    """Issue the recorded commands to plain channels; an illegal one raises and names its rule."""
    device = found.device
    channels = [DeviceState(device.protocol, device.cycles, device.shape) for _ in range(device.channels)]
    for cycle, command, channel, bank, row in found.log.tolist():
        channels[channel].issue(COMMANDS[command], bank, cycle, row)


@st.composite
def devices(draw: st.DrawFn) -> Dram:
    refresh = draw(st.sampled_from(["staggered", "simultaneous", "per-bank", "off"]))
    device = load_device(draw(st.sampled_from([*NAMES, *MORE])))
    if refresh == "per-bank" and "REFPB" not in {command.name for command in device.protocol.commands}:
        refresh = "staggered"
    timing = {name: draw(st.integers(1, 40)) for name in ("tcl", "tcwl", "trp", "trtp", "twr", "tccd_s", "twtr_s")}
    timing |= {"tccd_l": timing["tccd_s"] + 2, "twtr_l": timing["twtr_s"] + 3, "trefi": draw(st.integers(1000, 4000))}
    if refresh == "per-bank":  # all banks of a rank have to fit into one interval
        timing["trfcpb"] = min(device.timing.trfc, (timing["trefi"] - 1) // device.shape.per_rank)
    policy = {
        "row": draw(st.sampled_from(["open", "closed"])),
        "hit_cap": draw(st.integers(0, 6)),
        "queue": draw(st.integers(1, 8)),
        "read_queue": draw(st.integers(1, 32)),
        "write_buffer": draw(st.integers(1, 32)),
        "refresh": refresh,
    }
    return device.vary(timing=timing | {"trc": 0}, policy=policy, channels=draw(st.sampled_from([1, 2])))


@st.composite
def streams(draw: st.DrawFn) -> Any:
    count = draw(st.integers(1, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    addresses = rng.integers(0, 1 << draw(st.sampled_from([10, 14, 20, 30])), count) << draw(
        st.sampled_from([0, 6, 12])
    )
    arrivals = np.cumsum(rng.integers(0, draw(st.sampled_from([1, 4, 400])), count))
    return Given(addresses, rng.random(count) < draw(st.sampled_from([0.0, 0.3, 1.0])), arrivals)


@settings(deadline=None, max_examples=150)
@given(devices(), streams())
def test_no_command_breaks_a_rule_and_no_request_is_lost(device: Dram, stream: Given) -> None:
    found = run(device, stream, log=100_000)
    replay(found)
    reads = sum(channel.reads for channel in found.channels)
    assert reads == len(stream) - int(np.sum(stream.is_write))
    assert found.requests == len(stream)
    assert sum(channel.row_hits for channel in found.channels) <= found.requests
    assert int(found.latencies.sum()) == reads
    assert all(sum(channel.waited.values()) <= found.cycles for channel in found.channels)


@pytest.mark.parametrize("name", [*NAMES, *MORE])
@pytest.mark.parametrize("text", ["seq", "random", "bankconf", "mix2r1w", "stride:4096"])
def test_patterns_obey_the_rules(name: str, text: str) -> None:
    device = load_device(name)
    found = run(device, pattern(text, 2000, device), log=100_000)
    replay(found)
    assert found.requests == 2000


def test_streams_equal_the_same_requests_one_by_one() -> None:
    device = load_device("ddr4-8gb-x8-3200")
    stream = pattern("mix2r1w", 5000, device)
    assert isinstance(stream, Stream)
    i = np.arange(5000)
    write = i % 3 == 2
    addresses = np.where(write, device.capacity // 2 + i // 3 * 64, (i - i // 3) * 64)
    one, other = run(device, stream), run(device, Given(addresses, write))
    assert (one.cycles, one.channels) == (other.cycles, other.channels)


def test_a_channel_does_not_notice_the_others() -> None:
    one = load_device("hbm2-8gb-x128", set={"channels": 1})
    eight = load_device("hbm2-8gb-x128")
    assert run(one, pattern("bankconf", 3000, one)).cycles == run(eight, pattern("bankconf", 3000, eight)).cycles


def test_a_lone_read_costs_what_the_data_sheet_says() -> None:
    device = load_device("hbm2-8gb-x128")
    found = run(device, Given([0], None))
    # One cycle into the command queue, ACT, tRCD, RL, burst.
    assert found.slowest_read == 1 + 14 + 14 + 2
    assert found.cycles == found.slowest_read + 1


def test_repeated_reads_share_a_burst_and_reads_after_writes_are_forwarded() -> None:
    device = load_device("hbm2-8gb-x128")
    found = run(device, Given([0, 0, 0, 64, 64], [False, False, False, True, False]))
    assert (found.total("RD"), sum(c.merged for c in found.channels), sum(c.forwarded for c in found.channels)) == (
        1,
        2,
        1,
    )


def test_two_runs_are_the_same() -> None:
    device = load_device("lpddr4-8gb-x16-2400")
    first, second = (run(device, pattern("random", 3000, device), log=10_000) for _ in range(2))
    assert (first.cycles, first.channels, first.energy) == (second.cycles, second.channels, second.energy)
    assert np.array_equal(first.log, second.log)


def test_percentiles_follow_the_histogram() -> None:
    device = load_device("hbm2-8gb-x128")
    found = run(device, pattern("random", 3000, device))
    assert found.read_latency(0.0) <= found.read_latency(0.5) <= found.read_latency(1.0) == found.slowest_read
