"""Every rule of every standard: one cycle early is refused and names the rule, on time is accepted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsim.core.errors import BadInput
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.protocol import BankState, Protocol, Scope
from archsim.memory.standards import STANDARDS
from archsim.memory.state import DeviceState
from archsim.memory.timing import SHEET_NAMES

SHAPE = Shape(ranks=2, groups=8, banks=8)
NAMES = [*SHEET_NAMES.values(), "tBURST"]
TIMING = {**{name: 11 + 3 * place for place, name in enumerate(NAMES)}, "tFAW": 200, "t32AW": 900, "tCL": 60}
"""Numbers that are all different, so that no rule hides behind another one."""
OTHER = {Scope.BANK: 0, Scope.BANK_GROUP: 1, Scope.RANK: 8, Scope.OTHER_RANKS: 64, Scope.CHANNEL: 64}
"""How far the second command's bank is from the first one's."""
BEYOND = {Scope.BANK: 1, Scope.BANK_GROUP: 8, Scope.RANK: 64}
START, ROW = 100_000, 7


def bounds() -> list[tuple[Protocol, Bound]]:
    found = [(protocol, bound) for _, protocol in STANDARDS.items() for bound in bind(protocol, TIMING, SHAPE)]
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
    state = DeviceState(STANDARDS.get("ddr4"), TIMING, SHAPE)
    refusal = state.probe("RD", 3, 10, ROW)
    assert refusal is not None
    assert refusal.reason == "RD needs bank 3 open, and it is closed"
    state.issue("ACT", 3, 10, ROW)
    refusal = state.probe("RD", 3, 10_000, ROW + 1)
    assert refusal is not None
    assert refusal.reason == "RD needs row 8 of bank 3 open, and row 7 is"


def test_names_of_rules_exist_in_every_standard() -> None:
    for _, protocol in STANDARDS.items():
        known = {command.name for command in protocol.commands}
        assert {name for rule in protocol.rules for name in (*rule.preceding, *rule.following)} == known
