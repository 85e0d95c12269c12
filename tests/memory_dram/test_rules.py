"""Every rule of every ordinary standard: one cycle early is refused and names the rule, on time is accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.protocol import BankState, Protocol, Scope
from archsim.memory.standards import DDR4, DDR5, LPDDR4, LPDDR5
from archsim.memory.standards.common import single_cycle
from archsim.memory.standards.ordinary import ORDINARY
from archsim.memory.state import DeviceState
from archsim.memory.timing import SHEET_NAMES

SHAPE = Shape(ranks=2, groups=8, banks=8)
NAMES = [*SHEET_NAMES.values(), "tBURST"]
TIMING = {**{name: 11 + 3 * place for place, name in enumerate(NAMES)}, "tFAW": 200, "t32AW": 900, "tCL": 60}
"""Numbers that are all different, so that no rule hides behind another one."""
OTHER = {Scope.BANK: 0, Scope.BANK_GROUP: 1, Scope.RANK: 9, Scope.OTHER_RANKS: 64, Scope.CHANNEL: 64}
"""How far the second command's bank is from the first one's; in a rank it is also another bank of another group."""
BEYOND = {Scope.BANK: 1, Scope.BANK_GROUP: 8, Scope.RANK: 64}
START, ROW = 100_000, 7


def bounds() -> list[tuple[Protocol, Bound]]:
    found = [(protocol, bound) for protocol in ORDINARY for bound in bind(protocol, TIMING, SHAPE)]
    return [(replace(protocol, rules=(bound.rule,)), bound) for protocol, bound in found]


def put(state: DeviceState, name: str, bank: int, cycle: int) -> None:
    """Bring a bank into the state that a command needs."""
    needs, is_open = state.command(name).needs, bank in state.open_rows
    if needs is BankState.OPEN and not is_open:
        state.issue("ACT", bank, cycle, ROW)
    if needs is BankState.CLOSED and is_open:
        state.issue("PRE", bank, cycle)


def staged(protocol: Protocol, bound: Bound, distance: int) -> tuple[DeviceState, int]:
    """A channel after the preceding commands, and the bank of the following one."""
    state = DeviceState(protocol, TIMING, SHAPE)
    first, second = 0, distance
    put(state, bound.following, second, 1000) if second != first else None
    put(state, bound.preceding, first, 2000)
    for nth in range(bound.window):
        state.issue(bound.preceding, first + 2 * nth, START + nth, ROW)
    put(state, bound.following, second, START)
    return state, second


@pytest.mark.parametrize(
    ("protocol", "bound"), bounds(), ids=lambda x: x.name if isinstance(x, Protocol) else f"{x.preceding}-{x.following}"
)
def test_a_rule_holds_to_the_cycle(protocol: Protocol, bound: Bound) -> None:
    distance = OTHER[bound.scope] + (bound.window > 1)
    state, bank = staged(protocol, bound, distance if bound.window == 1 else 1)
    refusal = state.probe(bound.following, bank, START + bound.gap - 1, ROW)
    assert refusal is not None
    assert refusal.earliest == START + bound.gap
    assert str(bound.rule) in refusal.reason
    with pytest.raises(BadInput, match="breaks"):
        state.issue(bound.following, bank, START + bound.gap - 1, ROW)
    state.issue(bound.following, bank, START + bound.gap, ROW)


@pytest.mark.parametrize(
    ("protocol", "bound"),
    [(p, b) for p, b in bounds() if b.scope in BEYOND and b.window == 1 and "REF" not in (b.preceding, b.following)],
    ids=lambda x: x.name if isinstance(x, Protocol) else f"{x.preceding}-{x.following}",
)
def test_a_rule_ends_where_its_scope_ends(protocol: Protocol, bound: Bound) -> None:
    state, bank = staged(protocol, bound, BEYOND[bound.scope])
    assert state.probe(bound.following, bank, START + 1, ROW) is None


def test_a_command_in_the_wrong_state_says_so() -> None:
    state = DeviceState(DDR4, TIMING, SHAPE)
    refusal = state.probe("RD", 3, 10, ROW)
    assert refusal is not None
    assert refusal.reason == "RD needs bank 3 open, and it is closed"
    state.issue("ACT", 3, 10, ROW)
    refusal = state.probe("RD", 3, 10_000, ROW + 1)
    assert refusal is not None
    assert refusal.reason == "RD needs row 8 of bank 3 open, and row 7 is"


def test_names_of_rules_exist_in_every_standard() -> None:
    for protocol in ORDINARY:
        known = {command.name for command in protocol.commands}
        assert {name for rule in protocol.rules for name in (*rule.preceding, *rule.following)} == known


SLOTS: dict[str, dict[str, int]] = {
    "ddr5": {"ACT": 2, "RD": 2, "WR": 2, "RDA": 2, "WRA": 2, "PRE": 1, "REF": 1, "REFSB": 1},
    "lpddr4": {"ACT": 4, "RD": 4, "WR": 4, "RDA": 4, "WRA": 4, "PRE": 2, "REF": 2, "REFPB": 2},
    "lpddr5": {"ACT": 2, "RD": 1, "WR": 1, "RDA": 1, "WRA": 1, "PRE": 1, "REF": 1, "REFPB": 1},
}
"""Clocks on the command bus: command truth tables of JESD79-5, JESD209-4 and JESD209-5 with the data clock on."""


@pytest.mark.parametrize("protocol", [DDR5, LPDDR4, LPDDR5], ids=lambda protocol: protocol.name)
def test_a_command_takes_the_bus_as_long_as_its_truth_table_says(protocol: Protocol) -> None:
    timing, names = TIMING | {"tCAS": 0}, [command.name for command in protocol.commands]
    for tables, expected in ((protocol, SLOTS[protocol.name]), (single_cycle(protocol), dict.fromkeys(names, 1))):
        channel = [bound for bound in bind(tables, timing, SHAPE) if bound.scope is Scope.CHANNEL]
        assert {(b.preceding, b.following): b.gap for b in channel} == {
            (before, after): expected[before] for before in names for after in names
        }


def test_a_cas_before_each_burst_takes_one_more_slot() -> None:
    gaps = {
        (b.preceding, gap): b.gap
        for gap in (0, 1)
        for b in bind(LPDDR5, TIMING | {"tCAS": gap}, SHAPE)
        if b.scope is Scope.CHANNEL
    }
    assert all(gaps[name, 1] - gaps[name, 0] == (name in ("RD", "WR", "RDA", "WRA")) for name, _ in gaps)


@given(st.integers(0, SHAPE.total - 1), st.integers(0, SHAPE.total - 1))
def test_a_same_bank_refresh_closes_one_bank_of_every_group_and_slows_the_others(bank: int, other: int) -> None:
    timing = TIMING | {"tRFCSB": 300, "tREFSBRD": 70}
    state = DeviceState(DDR5, timing, SHAPE)
    state.issue("REFSB", bank, START)
    same_rank, same_set = bank // SHAPE.per_rank == other // SHAPE.per_rank, bank % SHAPE.banks == other % SHAPE.banks
    wait = 1 if not same_rank else timing["tRFCSB"] if same_set else timing["tREFSBRD"]
    refusal = state.probe("ACT", other, START, ROW)
    assert refusal is not None
    assert refusal.earliest == START + wait


@given(st.integers(0, SHAPE.groups - 1), st.integers(0, SHAPE.banks - 1))
def test_a_same_bank_refresh_needs_that_bank_of_every_group_closed(group: int, bank: int) -> None:
    state = DeviceState(DDR5, TIMING, SHAPE)
    state.issue("ACT", group * SHAPE.banks + bank, START, ROW)
    for one in range(SHAPE.banks):
        refusal = state.probe("REFSB", one, START + 100_000)
        assert (refusal is not None) == (one == bank)
