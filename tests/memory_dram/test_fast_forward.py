"""Fast-forward of streams equals stepping: cycles, every count of every channel, the latency histogram, energy."""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.memory.controller import Statistics, run
from archsim.memory.device import Dram
from archsim.memory.layout import AFFINE
from archsim.memory.requests import Given, Stream, pattern

NAMES = ["hbm2-8gb-x128", "gddr6-8gb-x16", "ddr4-8gb-x8-3200", "lpddr4-8gb-x16-2400", "ddr5-16gb-x8-4800"]
MAPS = ["rochrababgco", "rorabgbachco", "chrababgroco", "corochrababg", "robacobgrach", "bgrocorachba"]
DRAWN = ("tcl", "tcwl", "trcdrd", "trcdwr", "trp", "trtp", "twr", "tccd_s", "twtr_s", "trrd_s", "trtrs")


def same(one: Statistics, other: Statistics) -> None:
    """Both runs say the same of the memory."""
    assert (one.cycles, one.channels, one.slowest_read) == (other.cycles, other.channels, other.slowest_read)
    assert one.energy == other.energy
    assert np.array_equal(one.latencies, other.latencies)
    assert np.array_equal(one.by_channel, other.by_channel)


def both(device: Dram, stream: Any) -> int:
    """Requests leapt over, once stepping has found the same; 0 where both find no time between refreshes."""
    try:
        slow = run(device, stream, fast_forward=False)
    except BadInput:
        with pytest.raises(BadInput, match="no time for requests"):
            run(device, stream)
        return 0
    fast = run(device, stream)
    same(fast, slow)
    assert slow.leapt == 0
    assert fast.leapt + fast.simulated == len(stream)
    return fast.leapt


rows: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.just({"row": "closed"}),
    st.builds(lambda cap: {"hit_cap": cap}, st.integers(0, 6)),
    st.builds(
        lambda most, cap: {"row": "capped", "row_cap": most, "hit_cap": cap}, st.integers(1, 9), st.integers(0, 6)
    ),
)
"""When rows close."""


@st.composite
def devices(draw: st.DrawFn) -> Dram:
    device = load_device(draw(st.sampled_from(NAMES)))
    timing: dict[str, int] = {name: draw(st.integers(1, 30)) for name in DRAWN}
    timing |= {"tccd_l": timing["tccd_s"] + draw(st.integers(0, 4)), "twtr_l": timing["twtr_s"] + 3}
    timing |= {"trrd_l": timing["trrd_s"] + draw(st.integers(0, 4)), "tfaw": 4 * timing["trrd_s"] + 5}
    timing |= {"tras": 40, "trc": 0, "trfc": draw(st.integers(50, 300)), "trefi": draw(st.integers(400, 2000))}
    known = {command.name for command in device.protocol.commands}
    kinds = ["staggered", "simultaneous", "off", "off"]
    kinds += [kind for kind, name in (("per-bank", "REFPB"), ("same-bank", "REFSB")) if name in known]
    write_buffer = draw(st.integers(1, 40))
    policy = {
        **draw(rows),
        "queue": draw(st.integers(1, 12)),
        "read_queue": draw(st.integers(1, 40)),
        "write_buffer": write_buffer,
        "drain_above": draw(st.integers(0, min(20, write_buffer))),
        "refresh": draw(st.sampled_from(kinds)),
    }
    row = device.request_bytes // device.devices
    shape: dict[str, Any] = {
        "channels": draw(st.sampled_from([1, 2, 4])),
        "ranks": draw(st.sampled_from([1, 2])),
        "groups": draw(st.sampled_from([1, 2, 4])),
        "banks": draw(st.sampled_from([1, 2, 4])),
        "rows": draw(st.sampled_from([8, 64, 1024])),
        "page": f"{row * draw(st.sampled_from([1, 2, 8]))} B",
    }
    timing |= {f: 20 for f, name in (("trfcpb", "tRFCPB"), ("trfcsb", "tRFCSB")) if name in device.protocol.timings}
    units = {"per-bank": ("trfcpb", shape["groups"] * shape["banks"]), "same-bank": ("trfcsb", shape["banks"])}
    if policy["refresh"] in units:  # all of them have to fit into one interval
        field, count = units[policy["refresh"]]
        timing["trefi"] += 2 * count * timing[field]
    return device.vary(timing=timing, policy=policy, address_map=draw(st.sampled_from(MAPS)), **shape)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Dram, Any]:
    device, count = draw(devices()), draw(st.sampled_from([100, 5000, 20_000]))
    text = draw(st.sampled_from(["seq", "mix2r1w", "bankconf", "affine"]))
    if text != "affine":
        return device, pattern(text, count, device)
    stride = draw(st.integers(0, 4)) * device.request_bytes + draw(st.sampled_from([0, 0, 8, 24]))
    start = draw(st.integers(0, device.capacity))
    return device, Stream(AFFINE, count, stride << draw(st.integers(0, 8)), start, draw(st.booleans()))


@settings(deadline=None, max_examples=150)
@given(cases())
def test_fast_forward_equals_stepping(case: tuple[Dram, Any]) -> None:
    both(*case)


@pytest.mark.parametrize("name", NAMES[:4])
@pytest.mark.parametrize("text", ["seq", "bankconf", "mix2r1w", "stride:4096"])
def test_most_of_a_stream_is_leapt_without_refresh(name: str, text: str) -> None:
    device = load_device(name, set={"policy.refresh": "off", "channels": 1})
    assert both(device, pattern(text, 300_000, device)) > 150_000


@pytest.mark.parametrize("text", ["seq", "bankconf", "mix2r1w"])
def test_a_period_may_span_refreshes(text: str) -> None:
    device = load_device("hbm2-8gb-x128", set={"channels": 1})
    found = both(device, pattern(text, 400_000, device))
    assert found > 100_000


def test_a_stream_of_writes_and_one_that_wraps_around() -> None:
    device = load_device("ddr4-8gb-x8-3200", set={"rows": 16, "policy.refresh": "off"})
    line, lines = device.request_bytes, device.capacity // device.request_bytes
    for stride, writes in ((line, True), (3 * line, False), (device.capacity - line, False)):
        count = 40 * lines // gcd(lines, stride // line)
        assert both(device, Stream(AFFINE, min(count, 400_000), stride, 5 * line, writes)) > 0


@pytest.mark.parametrize("name", ["hbm2-8gb-x128", "lpddr4-8gb-x16-2400"])
def test_reads_that_overtake_the_writes_are_stepped(name: str) -> None:
    device = load_device(name, set={"channels": 1, "rows": 128, "policy.refresh": "off"})
    lines = device.capacity // device.request_bytes
    # The reads go twice as fast: they meet the writes at the end of the memory, and lie in the same rows for a while.
    assert both(device, pattern("mix2r1w", 4 * lines, device)) > lines


def test_what_is_no_stream_is_stepped() -> None:
    device = load_device("hbm2-8gb-x128", set={"channels": 1})
    assert run(device, pattern("random", 20_000, device)).leapt == 0
    assert run(device, Given(np.arange(20_000) * 64, None)).leapt == 0
    recorded = run(device, pattern("seq", 100_000, device), log=10)
    assert recorded.leapt == 0
    same(recorded, run(device, pattern("seq", 100_000, device)))


def test_the_number_of_requests_hardly_matters() -> None:
    device = load_device("hbm2-8gb-x128", set={"channels": 1})
    found = run(device, pattern("seq", 100_000_000, device))
    assert found.simulated < 200_000
    assert int(found.latencies.sum()) == found.requests == found.total("RD") == 100_000_000


@settings(deadline=None, max_examples=15)
@given(st.integers(100_000, 400_000), st.integers(400, 1000), st.sampled_from([1, 2, 4]), st.sampled_from([64, 128]))
def test_leaps_from_inside_a_period_equal_stepping(count: int, trefi: int, channels: int, stride: int) -> None:
    device = load_device("hbm2-8gb-x128", set={"channels": channels, "rows": 1024})
    device = device.vary(timing={"trefi": trefi, "trfc": 100})
    both(device, Stream(AFFINE, count, stride, 0, False))


def test_what_is_left_over_by_whole_periods_is_mostly_not_stepped_again() -> None:
    device = load_device("hbm2-8gb-x128")
    found = run(device, pattern("seq", 100_000_000, device))
    period = 7_352_320  # requests; 13 periods leave 4.4 million over
    assert found.leapt > 12 * period
    assert found.simulated < period + period // 10
