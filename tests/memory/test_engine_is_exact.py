"""Bursts, skips, lookups, lanes and the compiler change how long the scheduler takes, never what it answers."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.core.quantities import Bytes
from archsim.ir.block import Calendar, Step
from archsim.memory import engine
from archsim.memory.channel import CLOSED, HIT, OTHER, Channel, Phase, Result
from archsim.models.pim_dram.block import PimBlock
from archsim.models.pim_dram.build import channel, pim_banks
from archsim.models.pim_dram.spec import PimMemory
from archsim.units.pim_layout import weight_phases
from tests.memory.cases import Case, cases, memories
from tests.memory.recorder import record

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def run_all(case: Case) -> list[Step]:
    """Every kernel by `run`, refreshes left out, in the shape in which `step` answers."""
    block, out = case.block(), []
    state = block.initial()[None, :]
    for call in case.calls:
        args = {name: np.array([value]) for name, value in call.args.items()}
        got = block.run(call.kernel, args, state, np.array([call.idle]))
        counters = {name: int(value[0]) for name, value in got.counters.items()}
        out.append(Step(int(got.done[0]), int(got.free[0]), counters, got.state[0], 0))
        state = got.state
    return out


def step_all(case: Case) -> list[Step]:
    """Every kernel by `step`, one command at a time, compiled."""
    block, out = case.block(), []
    state, now, issued = block.initial(), 0, 0
    for call in case.calls:
        now += call.idle
        due = (issued + 1) * block.calendar.interval - now if block.calendar else 0
        out.append(block.step(call.kernel, call.args, state, call.idle, due))
        state, now, issued = out[-1].state, now + out[-1].free, issued + out[-1].refreshes
    return out


def plain(steps: list[Step]) -> list[tuple[object, ...]]:
    return [(s.done, s.free, dict(s.counters), s.state.tolist(), s.refreshes) for s in steps]


@settings(CI, max_examples=300)
@given(cases())
def test_run_equals_step_without_refresh(case: Case) -> None:
    quiet = replace(case, memory=case.memory.vary(refresh="off"))
    assert plain(run_all(quiet)) == plain(step_all(quiet))


@settings(CI, max_examples=300)
@given(cases())
def test_compiled_equals_uncompiled(case: Case) -> None:
    assert plain(record(case).steps) == plain(step_all(case))


def phases() -> st.SearchStrategy[tuple[Phase, ...]]:
    """Phases that no layout would make: results of any length, strides, starts in the middle of a row."""
    one = st.tuples(
        st.integers(1, 5), st.integers(1, 60), st.integers(1, 9), st.sampled_from([0, 0, 1, 3]), st.integers(0, 3)
    )
    return st.lists(one.map(lambda p: (*p, 0)), min_size=1, max_size=3).map(tuple)


@settings(CI, max_examples=500)
@given(memories(), phases(), st.integers(0, 5), st.integers(1, 2), st.sampled_from([CLOSED, OTHER, HIT]), st.data())
def test_bursts_and_skips_equal_plain_stepping(
    memory: PimMemory, walk: tuple[Phase, ...], column: int, repeats: int, entry: int, data: st.DataObject
) -> None:
    """From any timers, also of a state that no kernel leaves."""
    columns = memory.row_columns
    fit = tuple((b, n, min(each, columns) if stride else each, stride, row, 0) for b, n, each, stride, row, _ in walk)
    fit = ((*fit[0][:5], 0 if fit[0][3] else column % columns), *fit[1:])
    quick, slow = channel(memory), channel(memory)
    ages = st.one_of(st.just(quick.gaps.horizon), st.integers(0, quick.gaps.horizon))
    timers = tuple(-data.draw(ages) for _ in range(engine.COMMAND_COUNT))
    a = quick.multiply(fit, repeats, entry, timers)
    b = slow.step_multiply(fit, repeats, entry, timers, [0, 0, 0])
    assert replace(a, events=0) == replace(b, events=0)
    assert a.events <= b.events
    assert quick.multiply(fit, repeats, entry, timers) is a


def test_skips_save_nearly_all_events() -> None:
    """A matrix of a thousand rows costs a few rows of work."""
    memory = PimMemory()
    steady = channel(memory).multiply(weight_phases(pim_banks(memory), 1000, 1024), 1, CLOSED, (-(10**9),) * 10)
    assert steady.counts[engine.ACTAB] == 1000
    assert steady.events < 100


@settings(CI, max_examples=100)
@given(cases(most=1), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), min_size=1, max_size=6))
def test_a_lane_does_not_see_the_others(case: Case, lanes: list[tuple[int, int]]) -> None:
    """Many sizes and idle times at once, or one after the other."""
    (call,) = case.calls
    vary = next(name for name in ("vectors", "elements", "reserve") if name in call.args)
    values = np.array([call.args[vary] + extra for extra, _ in lanes])
    idle = np.array([idle for _, idle in lanes])
    block = case.block()
    args = {name: np.array([value]) for name, value in call.args.items()} | {vary: values}
    first = {name: np.array([2]) for name in ("groups", "k", "vectors", "row")}
    state = block.run("gemv", first, block.initial()[None], idle[:1]).state
    together = block.run(call.kernel, args, state, idle)
    for i in range(len(lanes)):
        own = {name: value[i % len(value)][None] for name, value in args.items()}
        alone = case.block().run(call.kernel, own, state, idle[i : i + 1])
        assert np.array_equal(together.state[i % len(together.state)], alone.state[0])
        for name in ("done", "free", "boundary"):
            mine = getattr(together, name)
            assert mine[i % len(mine)] == getattr(alone, name)[0], name
        for name, counted in together.counters.items():
            assert counted[i % len(counted)] == alone.counters[name][0], name


@settings(CI, max_examples=200)
@given(cases())
def test_refreshes_go_at_the_first_row_opening_at_or_after_they_are_due(case: Case) -> None:
    """Counted from the openings alone; nothing else moves, so every command keeps its time on the suspended clock."""
    run, block = record(case), case.block()
    quiet = record(replace(case, memory=case.memory.vary(refresh="off")))
    kept = [(c.name, c.bank, c.at) for c in run.commands if c.name != "REFAB"]
    assert kept == [(c.name, c.bank, c.at) for c in quiet.commands]
    if block.calendar is None:
        assert len(kept) == len(run.commands)
        return
    interval, duration = block.calendar.interval, block.calendar.duration
    issued = waiting = 0
    for command in run.commands:
        if command.name == "REFAB":
            waiting += 1
        if command.name == "ACTAB":
            wanted = 0
            while (issued + wanted + 1) * interval <= command.at + (issued + wanted) * duration:
                wanted += 1
            assert waiting == wanted, command
            issued, waiting = issued + wanted, 0
    assert waiting == 0
    assert issued == sum(step.refreshes for step in run.steps)
    for slow, quick in zip(run.steps, quiet.steps, strict=True):
        assert slow.free - quick.free == slow.done - quick.done == slow.refreshes * duration
        assert slow.state.tolist() == quick.state.tolist()


@given(st.integers(1, 400), st.integers(0, 399), st.lists(st.integers(0, 900), min_size=1, max_size=30))
def test_the_closed_form_of_a_calendar_counts_like_a_loop(interval: int, duration: int, gaps: list[int]) -> None:
    duration %= interval
    calendar = Calendar(interval, duration)
    boundary = issued = 0
    for gap in gaps:
        boundary += gap
        while duration and (issued + 1) * interval <= boundary + issued * duration:
            issued += 1
        if duration:
            assert calendar.count(boundary) == issued
    assert calendar.count(-1) == 0


def default_block() -> PimBlock:
    memory = PimMemory(refresh="off")
    return PimBlock(memory, pim_banks(memory), channel(memory))


def time_of(kernel: str, **args: int) -> tuple[int, int]:
    """(done, free) of a kernel on an idle memory with PIM-GPT timing, in ns."""
    step = default_block().step(kernel, args, default_block().initial(), 0, 0)
    return step.done // 1000, step.free // 1000


def test_a_row_costs_its_columns_and_one_miss() -> None:
    """88 ns = 64 columns + tRCD 12 + tRP 12, the row model; plus one result read of 1 ns wherever a result ends."""
    times = [time_of("gemv", groups=groups, k=1024, vectors=1, row=0)[0] for groups in range(1, 40)]
    assert {b - a for a, b in pairwise(times)} == {88 + 1}
    halves = [time_of("gemv", groups=groups, k=512, vectors=1, row=0)[0] for groups in range(2, 40, 2)]
    assert {b - a for a, b in pairwise(halves)} == {88 + 2}
    memory = PimMemory(refresh="off", buffer=Bytes("64 KiB"), row_bytes=Bytes("2 KiB"))
    one = channel(memory)
    long = [one.multiply(((1, 1, 64 * rows, 0, 0, 0),), 1, CLOSED, one.fresh_timers).done for rows in range(1, 30)]
    assert {b - a for a, b in pairwise(long)} == {88_000}


@pytest.mark.parametrize(
    ("kernel", "args", "done"),
    [
        ("fetch", {"elements": 16}, 12 + 25 + 1),  # tRCD, tCL, burst
        ("fetch", {"elements": 32}, 12 + 1 + 25 + 1),
        # tRCD, tCWL, burst, tWR, tRP
        ("write_k", {"heads": 1, "head_dim": 16, "reserve": 1, "token": 0, "row": 0}, 12 + 3 + 1 + 12 + 12),
        ("gemv", {"groups": 1, "k": 16, "vectors": 1, "row": 0}, 12 + 1 + 6 + 1),  # tRCD, MACAB, drain, burst
    ],
)
def test_a_lone_access_costs_what_the_timing_says(kernel: str, args: dict[str, int], done: int) -> None:
    assert time_of(kernel, **args)[0] == done


@settings(CI, max_examples=200)
@given(cases())
def test_the_work_is_done(case: Case) -> None:
    """Multiplications, operands and results of every kernel fit into the commands counted for it."""
    memory, run = case.memory, record(replace(case, memory=case.memory.vary(refresh="off")))
    size, lanes = memory.element_bytes, memory.channels * memory.banks * memory.lanes
    for call, step in zip(case.calls, run.steps, strict=True):
        a, n = call.args, step.counters
        moved = {"in": n["wrgb"] + n["wr"], "out": n["rdmac"] + n["rd"]}
        bytes_of = {way: bursts * int(memory.burst) for way, bursts in moved.items()}
        assert sum(n[f"t_{cause}"] for cause in ("mac", "row", "input", "output")) == step.done
        if call.kernel == "gemv":
            assert n["macab"] // memory.channels * lanes >= a["groups"] * lanes // memory.lanes * a["k"] * a["vectors"]
            assert bytes_of["in"] >= a["k"] * size * a["vectors"] * memory.channels
            assert bytes_of["out"] >= a["groups"] * memory.banks * memory.channels * size * a["vectors"]
        elif call.kernel in ("scores", "values"):
            macs = a["tokens"] * a["heads"] * a["head_dim"] * a["vectors"]
            assert n["macab"] // memory.channels * lanes >= macs
        elif call.kernel in ("write_k", "write_v"):
            assert bytes_of["in"] >= a["heads"] * a["head_dim"] * size
            assert n["act"] == n["pre"] > 0
        else:
            assert bytes_of["out"] >= a["elements"] * size


def test_row_policy_closes_or_keeps_the_last_row() -> None:
    def multiplied(policy: str) -> Result:
        one: Channel = channel(PimMemory(refresh="off").vary(row_policy=policy))
        return one.multiply(((4, 3, 64, 0, 0, 0),), 1, CLOSED, one.fresh_timers)

    kept, shut = multiplied("open"), multiplied("close")
    assert (kept.open_row, shut.open_row) == (2, engine.CLOSED)
    assert kept.done == shut.done
    assert shut.counts[engine.PREAB] == kept.counts[engine.PREAB] + 1 == 3
