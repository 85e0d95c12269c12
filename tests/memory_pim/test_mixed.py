"""PIM programs and ordinary requests on one channel: legal together, each as if alone where the other is not there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory import layout
from archsim.memory.controller import run
from archsim.memory.device import Dram
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.mixed import Mixed, run_mixed
from archsim.memory.pim.program import Do, Loop, Program
from archsim.memory.requests import Given, pattern
from archsim.memory.state import DeviceState
from tests.memory_pim.drawn import devices, programs

CI = settings(
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
NONE = Given(np.zeros(0, dtype=np.int64), None)
TILES = Program((Loop("i", 60, (Do("P_HEADER", reserve=250), Do("COMPS_READRES", 0, Affine.var("i", 1, 1), 2, 18))),))


def replay(device: Dram, found: Mixed) -> None:
    """Issue everything to plain channels; an illegal command raises and names its rule."""
    names = layout.names(device.protocol)
    states = [DeviceState(device.protocol, device.cycles, device.shape) for _ in range(device.channels)]
    for cycle, number, channel, bank, row, _ in found.statistics.log.tolist():
        states[channel].issue(names[number], bank, cycle, row)


@st.composite
def requests(draw: st.DrawFn) -> Any:
    count = draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    addresses = rng.integers(0, 1 << draw(st.sampled_from([8, 12, 20])), count) << 5
    arrivals = np.cumsum(rng.integers(0, draw(st.sampled_from([1, 30])), count))
    return Given(addresses, rng.random(count) < draw(st.sampled_from([0.0, 0.4])), arrivals)


def drawn(device: Dram, arbitration: str) -> Dram:
    """Row and column commands on buses of their own, as the queues take them; PIM beside them as told."""
    return device.vary(policy={"pim": arbitration})


@settings(CI, max_examples=120)
@given(devices(), programs, requests(), st.sampled_from(["blocked", "first", "slack"]))
def test_what_both_issue_is_legal_and_nothing_is_lost(device: Dram, program: Program, stream: Given, how: str) -> None:
    device = drawn(device, how)
    try:
        found = run_mixed(device, stream, [program], log=1 << 16)
    except BadInput:
        return
    replay(device, found)
    assert found.statistics.requests == len(stream)
    for name, count in program.counts().items():
        assert found.played[0].commands[name] >= count


@pytest.mark.parametrize("name", ["hbm2-neupims", "ddr4-8gb-x8-3200", "hbm2-8gb-x128", "gddr6-8gb-x16"])
@pytest.mark.parametrize("text", ["seq", "random", "bankconf", "mix2r1w"])
def test_without_a_program_it_is_the_ordinary_controller(name: str, text: str) -> None:
    """Two ways to the same result: refresh by the lane, and by the controller itself."""
    device = load_device(name).vary(channels=2)
    alone = run(device, pattern(text, 3000, device), fast_forward=False)
    beside = run_mixed(device, pattern(text, 3000, device), [Program(())] * 2).statistics
    assert (beside.cycles, beside.channels) == (alone.cycles, alone.channels)
    assert np.array_equal(beside.latencies, alone.latencies)


@settings(CI, max_examples=60)
@given(devices(), programs)
def test_without_requests_it_is_the_lane(device: Dram, program: Program) -> None:
    try:
        alone = play_fast(device, program, log=1 << 16)
    except BadInput:
        return
    beside = run_mixed(device, NONE, [program], log=1 << 16).played[0]
    assert beside.log[: len(alone.log)] == alone.log
    assert beside.cycles == alone.cycles


@st.composite
def loops(draw: st.DrawFn) -> Program:
    """A loop that works from the second row buffers."""
    step, body = draw(st.integers(0, 2)), []
    for name in draw(st.lists(st.sampled_from(["COMP", "HEAD", "WGB", "OUT"]), min_size=1, max_size=3)):
        row = Affine.var("i", step, draw(st.integers(0, 3))) if name == "COMP" else Affine(-1)
        body.append(Do(name, 0, row, draw(st.integers(1, 4)), draw(st.sampled_from([0, 7]))))
    return Program((Loop("i", draw(st.integers(1, 3000)), tuple(body)),))


def test_leaping_beside_a_program_equals_stepping() -> None:
    leapt = []

    @settings(CI, max_examples=50)
    @given(
        devices(),
        loops(),
        st.sampled_from(["seq", "mix2r1w", "bankconf", "stride:96"]),
        st.sampled_from(["first", "slack", "blocked"]),
        st.integers(500, 8000),
    )
    def check(device: Dram, program: Program, text: str, how: str, count: int) -> None:
        device = drawn(device, how)
        try:
            slow = run_mixed(device, pattern(text, count, device), [program], fast_forward=False)
        except BadInput:
            return
        fast = run_mixed(device, pattern(text, count, device), [program])
        assert (fast.statistics.cycles, fast.statistics.channels) == (slow.statistics.cycles, slow.statistics.channels)
        assert np.array_equal(fast.statistics.latencies, slow.statistics.latencies)
        assert [(one.cycles, one.commands) for one in fast.played] == [
            (one.cycles, one.commands) for one in slow.played
        ]
        leapt.append(fast.statistics.leapt > 0)

    check()
    assert sum(leapt) > len(leapt) // 8


def test_blocked_requests_wait_for_the_program() -> None:
    device = load_device("hbm2-neupims").vary(channels=1, policy={"pim": "blocked"})
    found = run_mixed(device, pattern("seq", 500, device), [TILES], log=1 << 16)
    assert found.played[0].cycles == play_fast(device, TILES).cycles
    first_read = min(entry[0] for entry in found.statistics.log.tolist() if entry[1] == layout.RD)
    assert first_read >= max(cycle for cycle, name, *_ in found.played[0].log if name == "COMPS_READRES")


def test_a_second_row_buffer_lets_both_run_at_once() -> None:
    device = load_device("hbm2-neupims").vary(channels=1)
    count = 4000
    together = {
        how: run_mixed(device.vary(policy={"pim": how}), pattern("seq", count, device), [TILES]).statistics.cycles
        for how in ("blocked", "first", "slack")
    }
    requests_alone = run(device, pattern("seq", count, device)).cycles
    program_alone = play_fast(device, TILES).cycles
    assert together["blocked"] > 0.95 * (requests_alone + program_alone)
    assert together["first"] < 1.1 * max(requests_alone, program_alone)
    assert together["first"] <= together["slack"] <= together["blocked"]


def test_commands_of_the_other_mode_cannot_be_beside_requests() -> None:
    device = load_device("gddr6-aim").vary(channels=1)
    with pytest.raises(BadInput, match="WRGB beside ordinary requests"):
        run_mixed(device, pattern("seq", 10, device), [Program((Do("WRGB"),))])
    beside = run_mixed(
        device, pattern("seq", 10, device), [Program((Do("MAC16", row=Affine(3), count=8),))], log=1 << 10
    )
    replay(device, beside)


def test_programs_are_one_for_each_channel() -> None:
    device = load_device("hbm2-neupims")
    with pytest.raises(BadInput, match=f"one for each of {device.channels} channels"):
        run_mixed(device, NONE, [TILES])
