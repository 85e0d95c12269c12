"""What a run reports adds up: bytes over the pins, requests that reach no bank, channels, percentiles, the log."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import dram, load_device, run_memory
from archsim.core.errors import BadInput
from archsim.memory import layout as y
from archsim.memory.address import ORDER
from archsim.memory.controller import run
from archsim.memory.device import Dram
from archsim.memory.records import LOG_COLUMNS
from archsim.memory.requests import Given, Requests, Stream, pattern
from tests.memory_dram.refreshing import refreshes
from tests.memory_dram.test_channels_in_time import requests
from tests.memory_dram.test_fast_forward import devices

PRESETS = ["hbm2-8gb-x128", "gddr6-8gb-x16", "ddr4-8gb-x8-3200", "lpddr4-8gb-x16-2400", "ddr5-16gb-x8-4800"]
PRESETS += ["lpddr5-16gb-x16-6400", "hbm3-16gb-x32-6400", "gddr6-aim", "hbm3-attacc-bank"]


def adds_up(device: Dram, asked: Requests) -> None:
    """Nothing beats the pins, and every request is a burst of its own, shared, forwarded, replaced or waiting."""
    try:
        record = dram(device, asked).record()
    except BadInput:  # refreshes leave no time for requests
        return
    detail, channels = record["detail"], record["channels"]
    assert 0 <= record["utilization"] <= 1
    assert all(0 <= channel["utilization"] <= 1 for channel in channels)
    assert detail["bytes_moved"] <= (record["reads"] + record["writes"]) * device.request_bytes
    assert detail["bytes_moved"] >= (record["reads"] + record["writes"] - len(channels)) * device.request_bytes
    answered = sum(channel["reads"] for channel in channels)
    assert answered == record["reads"] + detail["merged_reads"] + detail["forwarded_reads"]
    accepted = sum(channel["writes"] for channel in channels)
    assert accepted == record["writes"] + detail["replaced_writes"] + detail["writes_left"]
    assert answered + accepted == len(asked) == detail["requests"]
    assert min(detail["forwarded_reads"], detail["replaced_writes"], detail["writes_left"]) >= 0
    for name, key in {"row_hits": "row_hits", "merged_reads": "merged_reads"}.items():
        assert sum(channel[name] for channel in channels) == {**detail, **record}[key]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_nothing_beats_the_pins_and_no_request_is_lost(data: st.DataObject) -> None:
    device = data.draw(devices())
    adds_up(device, data.draw(requests(device)))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("text", ["seq", "random", "bankconf", "mix2r1w", "stride:0", "stride:8", "stride:4096"])
@pytest.mark.parametrize("count", [7, 3000])
def test_presets_add_up_too(name: str, text: str, count: int) -> None:
    device = load_device(name)
    adds_up(device, pattern(text, count, device))


def test_writes_that_only_wait_move_nothing() -> None:
    record = run_memory("hbm2-8gb-x128", Given(64 * np.arange(32), np.ones(32)), set={"channels": 1}).record()
    assert (record["bandwidth_gbps"], record["writes"], record["detail"]["writes_left"]) == (0, 0, 32)


MAPS = ["rochrababgco", "chrorababgco", "rachbarocobg", "rorabgbachco", "chrabgbaroco", "corochrababg"]


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(PRESETS), st.sampled_from(MAPS), st.sampled_from([8, 64, 16384]), st.integers(1, 300))
def test_bankconf_is_one_bank_and_another_row_each_time(name: str, fields: str, rows: int, count: int) -> None:
    device = load_device(name).vary(address_map=fields, rows=rows)
    numbers, *_ = pattern("bankconf", count, device).arrays(device)
    addresses = [i * int(numbers[y.STRIDE]) % int(numbers[y.CAPACITY]) for i in range(count)]
    places = [dict(zip(ORDER, device.addresses.decode(address), strict=True)) for address in addresses]
    assert [place.pop("ro") for place in places] == [i % rows for i in range(count)]
    assert all(place == places[0] for place in places)
    found = run(device, pattern("bankconf", count, device), log=10_000)
    asked = found.log[np.isin(found.log[:, 1], (y.ACT, y.RD))]
    assert len({(channel, bank) for _, _, channel, bank, *_ in asked.tolist()}) == 1


OF_A_PART = [("ddr5-16gb-x8-4800", "same-bank"), ("hbm2-8gb-x128", "per-bank"), ("gddr6-8gb-x16", "per-bank")]
OF_A_PART += [("lpddr4-8gb-x16-2400", "per-bank"), ("lpddr5-16gb-x16-6400", "per-bank"), ("gddr6-aim", "per-bank")]
OF_RANKS = [(name, refresh) for name in PRESETS for refresh in ("staggered", "simultaneous", "off")]


@pytest.mark.parametrize(("name", "refresh"), OF_RANKS + OF_A_PART)
def test_refreshes_per_bank_are_those_of_the_log(name: str, refresh: str) -> None:
    device = load_device(name).vary(policy={"refresh": refresh}, channels=2)
    found = run(device, pattern("random", 3000, device), log=200_000)
    seen = refreshes(found)
    for number, channel in enumerate(found.channels):
        assert channel.refreshes == tuple(len(seen[number, bank]) for bank in range(device.shape.total))


def test_a_channel_that_nobody_asks_waits_for_nothing() -> None:
    found = dram("hbm2-8gb-x128", "bankconf", requests=3000).statistics
    assert any(found.channels[0].waited.values())
    assert all(channel.commands["REF"] for channel in found.channels[1:])
    assert not any(waited for channel in found.channels[1:] for waited in channel.waited.values())


def test_percentiles_beyond_the_histogram_are_bounds_from_below() -> None:
    changes: dict[str, object] = {"channels": 1, "policy.read_queue": 4096}
    found = dram("hbm2-8gb-x128", "bankconf", requests=20_000, set=changes)
    latency = found.record()["detail"]["latency_cycles"]
    assert latency["at_least"] == ["p50", "p90", "p99", "p999"]
    assert latency["p50"] < latency["mean"] < latency["longest"]
    short = dram("hbm2-8gb-x128", "random", requests=3_000).record()["detail"]["latency_cycles"]
    assert short["at_least"] == []
    assert short["p50"] <= short["p90"] <= short["p99"] <= short["p999"] <= short["longest"]


@pytest.mark.parametrize("refresh", ["per-bank", "staggered"])
def test_the_log_file_is_every_command_where_it_went(refresh: str, tmp_path: Path) -> None:
    changes: dict[str, object] = {"policy.refresh": refresh, "channels": 4}
    found = dram("hbm3-16gb-x32-6400", "mix2r1w", requests=6_000, set=changes, log=True)
    path = tmp_path / "log.csv"
    assert found.write_log(path) == sum(sum(channel.commands.values()) for channel in found.statistics.channels)
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == LOG_COLUMNS
    counts = Counter((int(row["channel"]), row["command"]) for row in rows)
    for number, channel in enumerate(found.statistics.channels):
        assert {name: counts[number, name] for name in channel.commands} == channel.commands
    assert [int(row["cycle"]) for row in rows] == sorted(int(row["cycle"]) for row in rows)
    for row in rows:
        whole = row["command"] == "REF"
        assert (row["bank"] == "") == (row["group"] == "") == whole
        assert (row["row"] == "") == row["command"].startswith("REF")


def test_stepping_is_asked_for_and_the_same() -> None:
    slow = dram("hbm2-8gb-x128", "seq", requests=60_000, set={"channels": 1}, fast_forward=False).record()
    fast = dram("hbm2-8gb-x128", "seq", requests=60_000, set={"channels": 1}).record()
    assert slow["detail"].pop("requests_leapt") == 0 < fast["detail"].pop("requests_leapt")
    assert {**slow, "cpu_seconds": 0} == {**fast, "cpu_seconds": 0}


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "floats": (lambda: Given([1.5], None), "addresses: an array of 1 dimensions and type float64"),
    "a table": (lambda: Given([[0, 64]], None), "addresses: an array of 2 dimensions"),
    "texts": (lambda: Given(["0"], None), "addresses: an array"),
    "ragged": (lambda: Given([[0], [0, 1]], None), "addresses: entries of different shapes"),
    "negative": (lambda: Given([-64], None), "addresses: -64"),
    "two directions": (lambda: Given([0], [2]), "is_write: 2"),
    "late": (lambda: Given([0], None, [1 << 60]), "arrivals: 1152921504606846976"),
    "form": (lambda: Stream(99, 10), "form: 99"),
    "part of a request": (lambda: Stream(y.UNIFORM, 1.5), "count: 1.5"),  # type: ignore[arg-type]
    "half a request": (lambda: run_memory("hbm2-8gb-x128", requests=1.5), "1.5 requests"),  # type: ignore[arg-type]
    "a text": (lambda: run_memory("hbm2-8gb-x128", requests="10"), "'10' requests"),  # type: ignore[arg-type]
    "none": (lambda: run_memory("hbm2-8gb-x128", None), "pattern None"),  # type: ignore[arg-type]
    "own number": (lambda: run_memory("hbm2-newton", "gemv:512x512", requests=3), "3 requests of gemv:512x512"),
    "given": (lambda: run_memory("hbm2-8gb-x128", Given([0], None), requests=3), "3 requests of given"),
    "beyond": (lambda: run_memory("hbm2-8gb-x128", Given([0, 1 << 40], None)), r"addresses\[1\]: 0x10000000000"),
    "stepping": (lambda: run_memory("sram-256kib-32x8b-1000", fast_forward=False), "stepping of a memory"),
    "log": (lambda: run_memory("sram-256kib-32x8b-1000", log=True), "a log of a memory"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_requests_are_named(name: str) -> None:
    make, said = WRONG[name]
    with pytest.raises(BadInput, match=said):
        make()
