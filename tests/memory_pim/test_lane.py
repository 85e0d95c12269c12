"""The compiled lane against the plain player, and its leaps against its own steps, on standards of drawn gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.player import Played, play
from archsim.memory.pim.program import Do, Fence, Loop, Program
from tests.memory_pim.drawn import devices, programs, streams

QUICK = (Phase.explicit, Phase.generate)
"""Devices are so large that shrinking takes longer than it helps."""
CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=QUICK)


def outcome(play: Callable[[], Played]) -> tuple[object, ...]:
    """What came out, be it that refreshes leave no time for the program."""
    try:
        found = play()
    except BadInput as error:
        return (str(error),)
    return found.log, found.cycles, found.commands


@settings(CI, max_examples=150)
@given(devices(), programs)
def test_the_compiled_lane_makes_every_choice_of_the_plain_player(device: Dram, program: Program) -> None:
    slow = outcome(lambda: play(device, program))
    assert outcome(lambda: play_fast(device, program, log=1 << 16)) == slow


@settings(CI, max_examples=80)
@given(devices(), programs)
def test_a_program_does_what_it_says(device: Dram, program: Program) -> None:
    """Every command of the program is issued as often as it occurs; only row commands and refreshes come on top."""
    try:
        found = play_fast(device, program)
    except BadInput:
        return
    wanted = Counter(program.counts())
    extra = found.commands - wanted
    assert found.commands - extra == wanted
    assert set(extra) <= {"ACT", "PRE", "ACTAB", "PREAB", "GACT", "PPRE", "REF"}


def test_leaping_equals_stepping() -> None:
    leapt = []

    @settings(CI, max_examples=150)
    @given(devices(), streams())
    def check(device: Dram, program: Program) -> None:
        slow = outcome(lambda: play_fast(device, program, fast_forward=False))
        assert outcome(lambda: play_fast(device, program)) == slow
        if len(slow) > 1:
            leapt.append(play_fast(device, program).leapt > 0)

    check()
    assert sum(leapt) > len(leapt) // 4


@settings(CI, max_examples=30)
@given(devices(window=4), st.integers(1, 40))
def test_a_long_loop_costs_what_a_short_one_does(device: Dram, burst: int) -> None:
    """Twice the iterations take twice the time of the ones in between."""
    body = (Do("WGB"), Do("MACAB", 0, Affine.var("i"), burst), Fence(), Do("OUT"))
    device = device.vary(rows=1 << 24, timing={"trefi": 4000})
    cycles = [play_fast(device, Program((Loop("i", n, body),))).cycles for n in (10**6, 10**7)]
    assert 9.9 < cycles[1] / cycles[0] < 10.1
