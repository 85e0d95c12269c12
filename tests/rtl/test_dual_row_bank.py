"""Does the RTL take each command in the very cycle in which the simulator's player of PIM memories issues it?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import BadInput
from archsim.hdl.body import build
from archsim.hdl.verify.native import amaranth_run
from archsim.hdl.verify.run import Mismatch, check
from archsim.memory.device import Dram
from archsim.memory.pim.neupims import Attention, attention, macro_gap
from archsim.memory.pim.player import Played, play
from archsim.memory.pim.program import Do, Program
from archsim.memory.protocol import Scope
from archsim.memory.standards import NEUPIMS, STANDARDS
from archsim.memory.state import DeviceState
from archsim.units.cores.dual_row_bank import MACRO, DualRowBank, one_bank
from archsim.units.cores.timing import always

BANK = DualRowBank()
ASKED = (
    "ACT",
    "PRE",
    "RD",
    "WR",
    "RDA",
    "WRA",
    "GWRITE",
    "G_ACT",
    "COMP",
    "READRES",
    MACRO,
    "P_HEADER",
    "PIM_PRECHARGE",
)
LONE = {"ranks": 1, "groups": 1, "banks": 1, "channels": 1, "policy.refresh": "off", "policy.pim": "blocked"}


@pytest.fixture
def lone() -> Iterator[Dram]:
    """NeuPIMs' memory cut down to one bank, which every rule that reaches it still reaches."""
    with STANDARDS.undone():
        STANDARDS.add("neupims-one-bank", replace(one_bank(NEUPIMS), name="neupims-one-bank"))
        yield load_device("hbm2-neupims", set={**LONE, "standard": "neupims-one-bank"})


def played(device: Dram, commands: list[tuple[str, int]]) -> tuple[Played, list[int]]:
    """What the player makes of commands one after the other, rows opened and closed on demand; COMPs per entry."""
    asked = list(closable(commands))
    program = Program(tuple(Do(name, hold=macro_gap(device, n) if name == MACRO else 0) for name, n in asked))
    found = play(device, program)
    macros = iter([n for name, n in asked if name == MACRO])
    return found, [next(macros) if name == MACRO else 0 for _, name, _, _ in found.log]


def closable(commands: list[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Without those PIM_PRECHARGEs that find the second buffer closed: no program has them."""
    pim_open = False
    for name, n in commands:
        if name != "PIM_PRECHARGE" or pim_open:
            yield name, n
        pim_open = name in ("G_ACT", "COMP", "READRES", MACRO) or (
            pim_open and name not in ("P_HEADER", "PIM_PRECHARGE")
        )


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_lockstep_with_the_player(data: st.DataObject) -> None:
    """Random programs: the RTL, offered the same commands as early as can be, issues all of them in the same cycles."""
    command = st.tuples(st.sampled_from(ASKED), st.sampled_from([0, 1, 6, 7, 20]))
    with STANDARDS.undone():
        STANDARDS.add("neupims-one-bank", replace(one_bank(NEUPIMS), name="neupims-one-bank"))
        device = load_device("hbm2-neupims", set={**LONE, "standard": "neupims-one-bank"})
        commands = data.draw(st.lists(command, min_size=2, max_size=25).filter(lambda many: any(closable(many))))
        found, comps = played(device, commands)
    beats = [BANK.beat(name, n) for (_, name, _, _), n in zip(found.log, comps, strict=True)]
    run = amaranth_run(BANK, beats)
    assert run.timing.accepted == tuple(cycle for cycle, *_ in found.log)
    check(BANK, beats, [0] * len(beats), always, run)


def test_the_lockstep_would_notice_a_timing_that_is_off_by_one(lone: Dram) -> None:
    found, comps = played(lone, [("RD", 0), ("ACT", 0), ("COMP", 0), ("PIM_PRECHARGE", 0), ("G_ACT", 0)])
    beats = [BANK.beat(name, n) for (_, name, _, _), n in zip(found.log, comps, strict=True)]
    for wrong in ({"tras": 35}, {"trp": 13}, {"trcdrd": 15}):
        assert amaranth_run(BANK.vary(**wrong), beats).timing.accepted != tuple(cycle for cycle, *_ in found.log)


@pytest.mark.parametrize("bank", [0, 13, 31])
def test_every_bank_of_a_simulated_attention_could_have_been_this_rtl(bank: int) -> None:
    """A real program on the real memory, 32 banks and refreshes: no command to a bank comes before the RTL takes it."""
    device = load_device("hbm2-neupims")
    work = Attention(lengths=(64,) * 4, heads=1)
    log = play(device, attention(device, work, macro=False)).log
    state = DeviceState(device.protocol, device.cycles, device.shape)
    mine = [(cycle, name) for cycle, name, at, _ in log if bank in state.banks(state.command(name), at)]
    mine = list(takewhile(lambda entry: entry[0] < 4500, mine))
    assert {"GWRITE", "G_ACT", "COMP", "READRES", "PIM_PRECHARGE", "P_HEADER", "REF"} <= {name for _, name in mine} | {
        "GWRITE"
    }
    offered = [cycle for cycle, _ in mine]
    assert amaranth_run(BANK, [BANK.beat(name) for _, name in mine], offered).timing.accepted == tuple(offered)


def test_its_timings_are_those_of_the_memory() -> None:
    cycles = load_device("hbm2-neupims").cycles
    assert {name: cycles[name] for name in BANK.named if name != "tREFI"} == {
        name: value for name, value in BANK.named.items() if name != "tREFI"
    }


def test_one_bank_sees_every_rule_but_those_between_ranks() -> None:
    """The cut-down table, pair by pair, against the largest gap of any rule of the full one."""
    for before in BANK.commands:
        for after in BANK.commands:
            gaps = [
                load_gap
                for rule in NEUPIMS.rules
                if rule.scope is not Scope.OTHER_RANKS and rule.window == 1
                if before in rule.preceding and after in rule.following
                for load_gap in [eval_gap(rule.gap)]
            ]
            assert BANK.gaps.cycles[before, after] == max(1, *gaps, 1)


def eval_gap(expression: str) -> int:
    """A gap expression, by Python itself."""
    return int(eval(expression, {"max": max}, dict(BANK.named)))


@pytest.mark.parametrize(
    ("before", "illegal"),
    [
        ([], "RD"),
        ([], "PRE"),
        ([], "COMP"),
        (["ACT"], "ACT"),
        (["ACT"], "REF"),
        (["G_ACT"], "REF"),
        (["G_ACT"], "P_HEADER"),
        (["ACT"], "COMP"),
        (["G_ACT"], "RD"),
    ],
)
def test_what_the_row_buffers_do_not_allow_is_never_taken(before: list[str], illegal: str) -> None:
    beats = [BANK.beat(name) for name in [*before, illegal]]
    with pytest.raises(BadInput, match="needs bank 0"):
        BANK.golden(beats)
    with pytest.raises(Mismatch, match=f"stuck .* {len(before)} of {len(beats)} beats taken"):
        amaranth_run(BANK, beats, outputs=len(beats))


@pytest.mark.parametrize("code", [14, 15])
def test_codes_without_a_command_are_refused(code: int) -> None:
    with pytest.raises(BadInput, match=f"command code {code}"):
        BANK.golden([{"command": code, "comps": 0}])
    with pytest.raises(Mismatch, match="stuck"):
        amaranth_run(BANK, [{"command": code, "comps": 0}], outputs=1)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 9), st.integers(1, 20))
def test_other_timings_make_other_banks_that_keep_them(seed: int, scale: int, gwrite: int) -> None:
    times = {"trp": scale, "tras": 3 * scale, "trcdrd": scale + 1, "trfc": 7 * scale, "tfaw": 16 * scale}
    spec = BANK.vary(**times, gwrite=gwrite, fill=scale)
    beats = spec.stimulus(np.random.default_rng(seed), 40)
    check(spec, beats, [0] * len(beats), always, amaranth_run(spec, beats, body=build(spec)))


def test_a_window_that_one_bank_could_break_is_refused() -> None:
    with pytest.raises(ValueError, match="tfaw: 193"):
        DualRowBank(tfaw=193)
