"""Every rule of every PIM standard, to the cycle and to the end of its scope; no pair of row commands without one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsim.core.errors import BadInput
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.protocol import BankState, Command, Protocol, Rule, Scope, names_in
from archsim.memory.standards import STANDARDS
from archsim.memory.standards.ordinary import ORDINARY
from archsim.memory.state import DeviceState

PIM = [protocol for name, protocol in STANDARDS.items() if protocol not in ORDINARY and name != "drawn"]
RULES = [(protocol, rule) for protocol in PIM for rule in protocol.rules]
SHAPE = Shape(ranks=2, groups=8, banks=8)
BESIDE = {Scope.BANK: 0, Scope.BANK_GROUP: 1, Scope.RANK: 9, Scope.OTHER_RANKS: 64, Scope.CHANNEL: 64}
"""How far the second command's bank is from the first one's: as far as the scope reaches."""
UNIT = {Scope.BANK: 1, Scope.BANK_GROUP: 8, Scope.RANK: 64}
START, ROW = 100_000, 7

NAMES = sorted({name for protocol in PIM for name in protocol.timings})
LONG = {name: 900 for _, rule in RULES if rule.window > 1 for name in names_in(rule.gap)} | {"tCL": 300, "nCL": 300}
TIMING = {name: 11 + 3 * place + LONG.get(name, 0) for place, name in enumerate(NAMES)}
"""All different; long are windows, which hold many commands, and what other timings are taken from."""


def said(case: object) -> str:
    return case.name if isinstance(case, Protocol) else str(case)


def bounds(protocol: Protocol, rule: Rule) -> tuple[Bound, ...]:
    return bind(replace(protocol, rules=(rule,)), TIMING, SHAPE)


def prepare(state: DeviceState, command: Command, bank: int) -> None:
    """Put rows and mode as the command needs them, without a command."""
    for one in state.banks(command, bank):
        state.open_rows.pop(one, None)
        state.second_rows.pop(one, None)
        if command.needs is BankState.OPEN:
            state.rows(command)[one] = ROW
    state.mode = max(command.mode, 0)


def after(protocol: Protocol, bound: Bound, bank: int) -> DeviceState:
    """A channel after the preceding commands to bank 0, where nothing but the rule keeps the following one back."""
    state = DeviceState(replace(protocol, rules=(bound.rule,)), TIMING, SHAPE)
    for nth in range(bound.window):
        prepare(state, state.command(bound.preceding), 0)
        state.issue(bound.preceding, 0, START + nth, ROW)
    prepare(state, state.command(bound.following), bank)
    return state


@pytest.mark.parametrize(("protocol", "rule"), RULES, ids=said)
def test_a_rule_holds_to_the_cycle(protocol: Protocol, rule: Rule) -> None:
    for bound in bounds(protocol, rule):
        bank = BESIDE[bound.scope]
        state = after(protocol, bound, bank)
        refusal = state.probe(bound.following, bank, START + bound.gap - 1, ROW)
        assert refusal is not None, bound
        assert refusal.earliest == START + bound.gap, bound
        assert str(rule) in refusal.reason
        with pytest.raises(BadInput, match="breaks"):
            state.issue(bound.following, bank, START + bound.gap - 1, ROW)
        state.issue(bound.following, bank, START + bound.gap, ROW)


def beyond(protocol: Protocol, bound: Bound) -> int | None:
    """A bank for the following command that shares no unit of the scope with the preceding one to bank 0, if any."""
    size, state = UNIT[bound.scope], DeviceState(protocol, TIMING, SHAPE)
    near = {one // size for one in state.banks(state.command(bound.preceding), 0)}
    second = state.command(bound.following)
    every = range(SHAPE.total)
    return next((b for b in every if near.isdisjoint(one // size for one in state.banks(second, b))), None)


@pytest.mark.parametrize(("protocol", "rule"), [case for case in RULES if case[1].scope in UNIT], ids=said)
def test_a_rule_ends_where_its_scope_ends(protocol: Protocol, rule: Rule) -> None:
    for bound in bounds(protocol, rule):
        if (bank := beyond(protocol, bound)) is not None:
            assert after(protocol, bound, bank).probe(bound.following, bank, START + bound.window - 1, ROW) is None


@pytest.mark.parametrize("protocol", PIM, ids=said)
def test_rules_and_commands_name_commands(protocol: Protocol) -> None:
    known = {command.name: command for command in protocol.commands}
    assert {name for rule in protocol.rules for name in (*rule.preceding, *rule.following)} == set(known)
    for command in known.values():
        if command.leaves is BankState.CLOSED and not command.column:
            continue  # it is what closes the rows
        if command.needs is not None:
            closer = known[command.closed_by or "PRE"]
            assert (closer.leaves, closer.row_buffer) == (BankState.CLOSED, command.row_buffer)
        if command.needs is BankState.OPEN:
            opener = known[command.opened_by or "ACT"]
            assert (opener.leaves, opener.row_buffer) == (BankState.OPEN, command.row_buffer)


@pytest.mark.parametrize("protocol", PIM, ids=said)
def test_rows_take_their_time_whoever_opens_and_closes_them(protocol: Protocol) -> None:
    """Open to use, use to close, close to open or refresh, refresh to open: no pair without a rule."""
    kept = {(bound.preceding, bound.following) for bound in bind(protocol, TIMING, SHAPE)}
    rests = [command.name for command in protocol.commands if command.name.startswith("REF")]
    missing: set[tuple[str, str]] = set()
    for buffer in (0, 1):
        own = [command for command in protocol.commands if command.row_buffer == buffer]
        opens = [c.name for c in own if c.leaves is BankState.OPEN]
        uses = [c.name for c in own if c.needs is BankState.OPEN and c.leaves is None]
        closes = [c.name for c in own if c.leaves is BankState.CLOSED]
        alone = [c.name for c in own if c.leaves is BankState.CLOSED and not c.column]
        steps = ((opens, [*uses, *closes]), (uses, alone), (closes, [*opens, *rests]), (rests, opens))
        missing |= {(a, b) for earlier, afters in steps for a in earlier for b in afters if (a, b) not in kept}
    assert not missing
