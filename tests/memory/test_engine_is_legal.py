"""Are the commands legal, and is none of them late? Judged by a second reader of the protocol table."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from archsim.core.quantities import BitRate, Bytes, Frequency, Time
from archsim.memory.bounds import Shape
from archsim.memory.gddr6_pim import GDDR6_PIM, NAMES
from archsim.memory.state import DeviceState
from archsim.models.pim_dram.build import timing_table
from archsim.models.pim_dram.spec import PimMemory
from archsim.models.pim_dram.timing import PimTiming
from tests.memory.cases import GAPS, Call, Case, cases
from tests.memory.oracle import check_legal, check_prompt, check_sense
from tests.memory.recorder import record

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def check_all(case: Case, seen: Counter[str]) -> None:
    commands = record(case).commands
    seen.update(command.name for command in commands)
    check_sense(commands, case.memory.banks)
    check_legal(commands, case.memory)
    check_prompt(commands, case.memory)


def accept_all(case: Case) -> None:
    """The plain channel state, made from the same table for any protocol, takes every command at its time."""
    state = DeviceState(GDDR6_PIM, timing_table(case.memory), Shape(1, 1, case.memory.banks))
    for command in record(case).commands:
        state.issue(command.name, command.bank or 0, command.real)


@settings(CI, max_examples=100)
@given(cases())
def test_the_plain_channel_state_accepts_what_the_scheduler_issues(case: Case) -> None:
    accept_all(case)


def test_every_command_is_legal_and_none_is_late() -> None:
    seen: Counter[str] = Counter()

    @settings(CI, max_examples=300)
    @given(cases())
    def check(case: Case) -> None:
        check_all(case, seen)

    check()
    assert min(seen[name] for name in NAMES) > 200, seen


@pytest.mark.parametrize("kernel", ["load", "write_v"])
def test_the_activation_window_holds_across_kernels(kernel: str) -> None:
    """Four quick activations, then a kernel that would like to activate at once."""
    timing = {**dict.fromkeys(GAPS, Time(0)), "tfaw": Time(40), "tck": Time(1), "tccd": Time(1)}
    memory = PimMemory(
        clock=Frequency(10**12),
        channels=1,
        banks=4,
        lanes=1,
        row_bytes=Bytes(8),
        buffer=Bytes(8),
        burst=Bytes(8),
        pins=1,
        pin_rate=BitRate(64 * 10**12),
        refresh="off",
        timing=PimTiming(**timing),
    )
    args = {"elements": 16} if kernel == "load" else {"heads": 1, "head_dim": 4, "reserve": 4, "row": 0}
    case = Case(memory, (Call(kernel, args, 0), Call(kernel, args, 0)))
    check_all(case, Counter())


def test_the_oracle_sees_what_is_wrong() -> None:
    """A tick too early, a tick too late and a command too many are all found, in the default memory."""
    case = Case(PimMemory(), (Call("gemv", {"groups": 3, "k": 40, "vectors": 1, "row": 0}, 0),))
    commands = record(case).commands
    check_all(case, Counter())
    moved = [i for i, c in enumerate(commands) if c.at > 0]
    for index in moved:
        early = [replace(c, real=c.real - 1) if i == index else c for i, c in enumerate(commands)]
        with pytest.raises(AssertionError, match="breaks"):
            check_legal(early, case.memory)
        late = [replace(c, at=c.at + (i >= index)) for i, c in enumerate(commands)]
        with pytest.raises(AssertionError, match="is bound by"):
            check_prompt(late, case.memory)
    with pytest.raises(AssertionError, match="a row is open"):
        check_sense([*commands, replace(commands[-1], name="ACTAB")], case.memory.banks)
    with pytest.raises(AssertionError, match="no row is open"):
        check_sense(commands[1:], case.memory.banks)
