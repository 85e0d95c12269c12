"""The compiled controller against the plain channel state made from the same tables, and what it promises."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import dram, load_device
from archsim.memory.controller import Statistics, run
from archsim.memory.device import Dram
from archsim.memory.layout import COMMANDS
from archsim.memory.policy import Policy
from archsim.memory.requests import Given, Stream, pattern
from archsim.memory.state import DeviceState
from tests.memory_dram.refreshing import in_time
from tests.memory_dram.test_fast_forward import rows

NAMES = ["hbm2-8gb-x128", "gddr6-8gb-x16", "ddr4-8gb-x8-3200", "lpddr4-8gb-x16-2400"]
MORE = ["ddr5-16gb-x8-4800", "lpddr5-16gb-x16-6400", "hbm2e-16gb-x64-3600", "hbm3-16gb-x32-6400"]


def replay(found: Statistics) -> None:
    """Issue the recorded commands to plain channels; an illegal one raises and names its rule."""
    device = found.device
    channels = [DeviceState(device.protocol, device.cycles, device.shape) for _ in range(device.channels)]
    for cycle, command, channel, bank, row, _ in found.log.tolist():
        channels[channel].issue(COMMANDS[command], bank, cycle, row)


@st.composite
def devices(draw: st.DrawFn) -> Dram:
    refresh = draw(st.sampled_from(["staggered", "simultaneous", "per-bank", "off"]))
    device = load_device(draw(st.sampled_from([*NAMES, *MORE])))
    if refresh == "per-bank" and "REFPB" not in {command.name for command in device.protocol.commands}:
        refresh = "staggered"
    timing = {name: draw(st.integers(1, 40)) for name in ("tcl", "tcwl", "trp", "trtp", "twr", "tccd_s", "twtr_s")}
    timing |= {"tccd_l": timing["tccd_s"] + 2, "twtr_l": timing["twtr_s"] + 3, "trefi": draw(st.integers(1000, 4000))}
    if refresh == "per-bank":  # all banks have to fit into one interval
        timing["trefi"] += device.shape.total * device.cycles["tRFCPB"]
    policy = {
        **draw(rows),
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
    stream = replace(stream, addresses=stream.addresses % device.capacity)
    found = run(device, stream, log=100_000)
    replay(found)
    if device.policy.refresh != "off":
        in_time(found)
    reads = sum(channel.reads for channel in found.channels)
    assert reads == len(stream) - int(np.sum(stream.is_write))
    assert found.requests == len(stream)
    assert sum(channel.row_hits for channel in found.channels) <= found.requests
    assert int(found.latencies.sum()) == reads
    for channel, own in zip(found.channels, found.by_channel, strict=True):
        told = int(np.dot(np.arange(len(own)), own))
        assert own.sum() == channel.reads
        assert told == channel.latency_cycles if own[-1] == 0 else told <= channel.latency_cycles
    assert all(sum(channel.waited.values()) <= found.cycles for channel in found.channels)


@pytest.mark.parametrize("name", [*NAMES, *MORE])
@pytest.mark.parametrize("text", ["seq", "random", "bankconf", "mix2r1w", "stride:4096"])
def test_patterns_obey_the_rules(name: str, text: str) -> None:
    device = load_device(name)
    found = run(device, pattern(text, 2000, device), log=100_000)
    replay(found)
    assert found.requests == 2000


@settings(deadline=None, max_examples=60)
@given(devices(), streams(), st.sampled_from([1, 2, 5]))
def test_a_capped_row_closes_with_its_last_column(device: Dram, stream: Given, cap: int) -> None:
    stream = replace(stream, addresses=stream.addresses % device.capacity)
    capped = device.vary(policy={"row": "capped", "row_cap": cap})
    found = run(capped, stream, log=100_000)
    replay(found)
    columns: dict[tuple[int, int], int] = {}
    for _, command, channel, bank, *_ in found.log.tolist():
        name = COMMANDS[command]
        if name in ("RD", "WR", "RDA", "WRA"):
            columns[channel, bank] = columns.get((channel, bank), 0) + 1
            assert (columns[channel, bank] == cap) == (name in ("RDA", "WRA"))
        if name in ("ACT", "PRE", "RDA", "WRA"):
            columns[channel, bank] = 0


@settings(deadline=None, max_examples=60)
@given(devices(), streams())
def test_caps_of_one_and_of_very_many_are_closed_and_open_rows(device: Dram, stream: Given) -> None:
    stream = replace(stream, addresses=stream.addresses % device.capacity)
    plain = device.vary(policy=Policy(refresh=device.policy.refresh))
    for row, cap in (("closed", 1), ("open", 1 << 20)):
        one = run(plain.vary(policy={"row": row}), stream)
        other = run(plain.vary(policy={"row": "capped", "row_cap": cap}), stream)
        assert (one.cycles, one.channels, one.energy) == (other.cycles, other.channels, other.energy)


def test_rows_that_close_by_themselves_stay_open_for_tras() -> None:
    found = dram("hbm2-8gb-x128", "bankconf", requests=5000, set={"channels": 1, "policy.row": "closed"}).statistics
    device, channel = found.device, found.channels[0]
    assert channel.active_cycles == pytest.approx(device.cycles["tRAS"] * channel.commands["ACT"], rel=0.01)


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
