"""One channel that stands for all equals all of them, each with the requests that it stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import dram, load_device, run_memory
from archsim.core.errors import BadInput
from archsim.memory.alike import one_channel, run_on_each
from archsim.memory.controller import run
from archsim.memory.device import Dram
from archsim.memory.requests import Given
from tests.memory_dram.test_fast_forward import same

NAMES = ["hbm2-8gb-x128", "ddr4-8gb-x8-3200", "lpddr5-16gb-x16-6400", "gddr6-16gb-x16-16000"]
POLICIES: list[dict[str, object]] = [{}, {"row": "closed"}, {"row": "capped", "row_cap": 3}, {"refresh": "off"}]


def everywhere(device: Dram, requests: Given) -> Given:
    """Each request once for every channel, the channels in turn."""
    one, whole = one_channel(device).addresses, device.addresses
    places = [one.decode(int(address)) for address in requests.addresses]
    addresses = [whole.encode((channel, *place[1:])) for place in places for channel in range(device.channels)]
    writes, arrivals = (
        None if given is None else np.repeat(given, device.channels) for given in (requests.is_write, requests.arrivals)
    )
    return Given(np.array(addresses, dtype=np.int64), writes, arrivals)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.sampled_from([2, 4]),
    st.sampled_from(POLICIES),
    st.integers(1, 400),
    st.sampled_from([0, 1, 7, 40]),
    st.integers(0, 2**16),
)
def test_it_is_as_if_every_channel_were_simulated(
    name: str, channels: int, policy: dict[str, object], count: int, gap: int, seed: int
) -> None:
    device = load_device(name).vary(channels=channels, policy=policy)
    draw = np.random.default_rng(seed)
    lines = draw.integers(0, min(2**14, one_channel(device).capacity // device.request_bytes), count)
    arrivals = np.cumsum(draw.integers(0, gap + 1, count)) if gap else None
    asked = Given(lines * device.request_bytes, draw.random(count) < draw.random(), arrivals)
    logged = count * channels * 40
    all_of_them, one = run(device, everywhere(device, asked), log=logged), run_on_each(device, asked, log=logged)
    same(one, all_of_them)
    assert one.at_the_door == all_of_them.at_the_door
    assert sorted(map(tuple, one.log.tolist())) == sorted(map(tuple, all_of_them.log.tolist()))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pattern", ["seq", "random", "mix2r1w", "bankconf", "stride:4096"])
def test_counts_are_of_all_channels_and_times_of_one(name: str, pattern: str) -> None:
    device = load_device(name, set={"channels": 4})
    all_of_them = dram(device, pattern, requests=3000, per_channel=True)
    alone = dram(one_channel(device), pattern, requests=3000)
    one, found = alone.record(), all_of_them.record()
    for key in ("acts", "pres", "refreshes", "reads", "writes", "row_hits", "bandwidth_gbps", "peak_gbps"):
        assert found[key] == pytest.approx(4 * one[key], rel=1e-12)
    assert found["energy_pj"] == pytest.approx(4 * one["energy_pj"], rel=1e-12)
    for key in ("total_cycles", "avg_read_latency_cycles", "utilization"):
        assert found[key] == pytest.approx(one[key], rel=1e-12)
    assert found["channels"] == 4 * one["channels"]
    assert found["detail"]["latency_cycles"] == one["detail"]["latency_cycles"]
    assert (found["detail"]["channels_simulated"], one["detail"]["channels_simulated"]) == (1, 1)
    s = all_of_them.statistics
    assert s.simulated == alone.statistics.simulated


def test_the_log_has_the_commands_of_every_channel(tmp_path: Path) -> None:
    device = load_device("hbm2-8gb-x128")
    found = dram(device, "random", requests=200, per_channel=True, log=True)
    assert found.write_log(tmp_path / "log.csv") == sum(sum(c.commands.values()) for c in found.statistics.channels)
    assert {row[2] for row in found.statistics.log.tolist()} == set(range(8))


@pytest.mark.parametrize(
    ("device", "pattern", "what"),
    [
        ("hbm2-pim-aquabolt", "gemv:256x256", "a kernel or a program"),
        ("sram-256kib-32x8b-1000", "seq", "a memory of the kind 'sram'"),
        ("nand-tlc-64gb-x8-1200", "seq", "a memory of the kind 'flash'"),
    ],
)
def test_what_has_no_equal_channels_is_refused(device: str, pattern: str, what: str) -> None:
    with pytest.raises(BadInput, match=f"per channel: {what}"):
        run_memory(device, pattern, per_channel=True)


def test_addresses_lie_within_a_channel(tmp_path: Path) -> None:
    trace = tmp_path / "far.trace"
    trace.write_text("0,R,0x0\n0,R,0x40000000\n")
    assert run_memory("hbm2-8gb-x128", f"trace:{trace}").measured.requests == 2
    with pytest.raises(BadInput, match="outside of the memory") as caught:
        run_memory("hbm2-8gb-x128", f"trace:{trace}", per_channel=True)
    assert str(caught.value).startswith(f"{trace}:2")
