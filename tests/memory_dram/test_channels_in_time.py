"""Channels are left behind in time until a request needs them: nobody can tell from what the memory does.

A log keeps all channels in step, cycle by cycle, which is the plain way to do it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.memory.controller import run
from archsim.memory.device import Dram
from archsim.memory.layout import TWINS
from archsim.memory.requests import Given, pattern
from tests.memory_dram.test_fast_forward import devices, same


@st.composite
def requests(draw: st.DrawFn, device: Dram) -> Any:
    """Requests of a pattern, or given ones that come in bursts, repeat lines and write."""
    text, count = draw(st.sampled_from(["seq", "random", "mix2r1w", "given"])), draw(st.sampled_from([50, 500, 4000]))
    if text != "given":
        return pattern(text, count, device)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    lines = draw(st.sampled_from([2, 100, 1 << 24]))
    addresses = rng.integers(0, lines, count) * device.request_bytes * draw(st.sampled_from([1, 32]))
    arrivals = np.cumsum(rng.integers(0, draw(st.sampled_from([2, 40])), count) * (rng.random(count) < 0.3))
    timed = arrivals if draw(st.booleans()) else None
    return Given(addresses % device.capacity, rng.random(count) < draw(st.sampled_from([0.0, 0.3, 1.0])), timed)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_channels_on_their_own_do_what_they_do_in_step(data: st.DataObject) -> None:
    device = data.draw(devices()).vary(channels=data.draw(st.sampled_from([1, 2, 4, 8])))
    stream = data.draw(requests(device))
    try:
        in_step = run(device, stream, log=1)
    except BadInput:
        with pytest.raises(BadInput, match="no time for requests"):
            run(device, stream, fast_forward=False)
        return
    same(run(device, stream, fast_forward=False), in_step)


@pytest.mark.parametrize("lines", [1, 3, 40])
def test_more_merged_reads_than_can_be_outstanding_wait_for_any_channel(lines: int) -> None:
    device = load_device("hbm2-8gb-x128")
    rng, count = np.random.default_rng(lines), 3 * TWINS
    stream = Given(rng.integers(0, lines, count) * 4096, None)
    free, in_step = run(device, stream), run(device, stream, log=1)
    same(free, in_step)
    assert sum(channel.merged for channel in free.channels) > TWINS


def test_a_log_is_in_the_order_of_cycles_and_then_of_channels() -> None:
    device = load_device("hbm2-8gb-x128")
    log = run(device, pattern("random", 3000, device), log=100_000).log
    assert set(log[:, 2].tolist()) == set(range(8))
    assert (np.diff(log[:, 0] * 8 + log[:, 2]) >= 0).all()
    first = run(device, pattern("random", 3000, device), log=500).log
    assert np.array_equal(first, log[:500])


@settings(deadline=None, max_examples=120)
@given(st.data())
def test_idle_gaps_leave_what_stepping_through_them_leaves(data: st.DataObject) -> None:
    device = data.draw(devices())
    rng, count = np.random.default_rng(data.draw(st.integers(0, 2**32))), data.draw(st.integers(2, 60))
    interval = device.cycles["tREFI"]
    gaps = rng.integers(0, 12 * interval, count) * (rng.random(count) < data.draw(st.sampled_from([0.1, 0.5, 1.0])))
    addresses = rng.integers(0, device.capacity, count)
    stream = Given(addresses, rng.random(count) < data.draw(st.sampled_from([0.0, 0.5])), np.cumsum(gaps))
    try:
        stepped = run(device, stream, log=1)
    except BadInput:
        return
    same(run(device, stream), stepped)


@pytest.mark.parametrize("refresh", ["staggered", "simultaneous", "per-bank", "off"])
@pytest.mark.parametrize("ranks", [1, 2])
def test_a_gap_of_a_million_million_cycles_has_all_its_refreshes(refresh: str, ranks: int) -> None:
    device = load_device("hbm2-8gb-x128").vary(policy={"refresh": refresh}, ranks=ranks)
    found = run(device, Given([0, 64, 1 << 20], None, [0, 10**12, 3 * 10**12]))
    due = 0 if refresh == "off" else found.cycles // device.cycles["tREFI"]
    for channel in found.channels:
        # An interval that its units do not divide is rounded down, by a unit's share of it.
        most = due * (1 + device.shape.total / device.cycles["tREFI"])
        assert all(due - 1 <= done <= most + 1 for done in channel.refreshes)
        assert max(channel.refreshes) - min(channel.refreshes) <= 1


def test_what_waits_at_the_door_is_told_beside_the_latency() -> None:
    device = load_device("hbm2-8gb-x128").vary(channels=1)
    rng = np.random.default_rng(3)
    crowded = Given(rng.integers(0, device.capacity, 2000), None, np.arange(2000))
    found = run(device, crowded)
    assert found.at_the_door[0] > 5 * found.mean_read_latency * found.requests
    calm = run(device, Given(rng.integers(0, device.capacity, 200), None, 1000 * np.arange(200)))
    assert calm.at_the_door == (0, 0)
    assert run(device, crowded, log=1).at_the_door == found.at_the_door
