"""The compiled lane against the plain player, and its leaps against its own steps, on standards of drawn gaps."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.lower import play_fast
from archsim.memory.pim.player import play
from archsim.memory.pim.program import Do, Fence, Loop, Program
from tests.memory_pim.drawn import devices, programs, streams

CI = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@settings(CI, max_examples=150)
@given(devices(), programs)
def test_the_compiled_lane_makes_every_choice_of_the_plain_player(device: Dram, program: Program) -> None:
    slow, fast = play(device, program), play_fast(device, program, log=1 << 16)
    assert fast.log == slow.log
    assert (fast.cycles, fast.commands) == (slow.cycles, slow.commands)


@settings(CI, max_examples=80)
@given(devices(), programs)
def test_a_program_does_what_it_says(device: Dram, program: Program) -> None:
    """Every command of the program is issued as often as it occurs; only row commands and refreshes come on top."""
    found = play_fast(device, program)
    wanted = Counter(program.counts())
    extra = found.commands - wanted
    assert found.commands - extra == wanted
    assert set(extra) <= {"ACT", "PRE", "ACTAB", "PREAB", "GACT", "PPRE", "REF"}


def test_leaping_equals_stepping() -> None:
    leapt = []

    @settings(CI, max_examples=150)
    @given(devices(), streams())
    def check(device: Dram, program: Program) -> None:
        slow = play_fast(device, program, fast_forward=False)
        fast = play_fast(device, program)
        assert (fast.cycles, fast.commands) == (slow.cycles, slow.commands)
        leapt.append(fast.leapt > 0)

    check()
    assert sum(leapt) > len(leapt) // 4


@settings(CI, max_examples=30)
@given(devices(window=4), st.integers(1, 40))
def test_a_long_loop_costs_what_a_short_one_does(device: Dram, burst: int) -> None:
    """Twice the iterations take twice the time of the ones in between."""
    body = (Do("WGB"), Do("MACAB", 0, Affine.var("i"), burst), Fence(), Do("OUT"))
    cycles = [play_fast(device.vary(rows=1 << 40), Program((Loop("i", n, body),))).cycles for n in (10**6, 10**7)]
    assert 9.9 < cycles[1] / cycles[0] < 10.1
