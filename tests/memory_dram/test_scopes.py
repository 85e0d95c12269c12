"""Commands of any scope before and after rules of any scope: the compiled rules beside the plain channel state.

Random protocols, far from any standard: each command acts on a bank, a bank group, a rank, the channel or a set of
banks across groups, and any two commands may be kept apart in any scope.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.dram import load_device
from archsim.core.errors import Broken
from archsim.memory import layout as y
from archsim.memory.bounds import Shape
from archsim.memory.controller import run
from archsim.memory.kernel import push, ready, unit_of
from archsim.memory.protocol import Command, Protocol, Rule, Scope
from archsim.memory.requests import pattern
from archsim.memory.state import DeviceState
from archsim.memory.tables import tables

PLACES = [Scope.BANK, Scope.BANK_GROUP, Scope.RANK, Scope.CHANNEL, Scope.SAME_BANK, Scope.HALF]
APART = [Scope.BANK, Scope.BANK_GROUP, Scope.RANK, Scope.OTHER_RANKS, Scope.CHANNEL]
NAMES = ("ACT", "RD", "REFSB", "MAC", "MACAB", "WRGB")
SHAPES = [Shape(1, 2, 4), Shape(2, 2, 2), Shape(2, 1, 4), Shape(4, 4, 2)]


def channel(protocol: Protocol, shape: Shape) -> Any:
    """The memory of an idle channel with these rules."""
    constants, blocks = tables(protocol, {}, shape, NAMES)
    sizes = {y.RANKS: shape.ranks, y.PER_RANK: shape.per_rank, y.PER_GROUP: shape.banks, y.BANKS: shape.total}
    queues = {y.QUEUE: 1, y.READ_QUEUE: 1, y.WRITE_BUFFER: 1, y.REFRESH_EVERY: y.NEVER}
    return y.fresh({**constants, **sizes, **queues}, blocks, 1, 0).memory[0]


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    window = draw(st.sampled_from([1, 1, 1, 2, 4]))
    scope = draw(st.sampled_from(APART if window == 1 else [Scope.RANK, Scope.CHANNEL]))
    before = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3 if window == 1 else 1, unique=True))
    after = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    # A rule of the channel longer than a cycle, so that no command bus keeps it already.
    return Rule(scope, tuple(before), tuple(after), str(draw(st.integers(2, 60))), window)


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    found = draw(st.lists(rules(), min_size=1, max_size=6))
    # What touches every rank has no other ranks.
    ranked = {name for rule in found if rule.scope is Scope.OTHER_RANKS for name in (*rule.preceding, *rule.following)}
    places = {name: [p for p in PLACES if p is not Scope.CHANNEL or name not in ranked] for name in NAMES}
    commands = tuple(Command(name, "", scope=draw(st.sampled_from(places[name]))) for name in NAMES)
    return Protocol("drawn", commands, tuple(found), "")


@settings(deadline=None, max_examples=120)
@given(
    protocols(), st.sampled_from(SHAPES), st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 31)), max_size=30)
)
def test_a_command_of_any_scope_is_ready_when_the_plain_state_allows_it(
    protocol: Protocol, shape: Shape, commands: list[tuple[str, int]]
) -> None:
    m, state, numbers, now = channel(protocol, shape), DeviceState(protocol, {}, shape), y.names(protocol), 0
    for name, place in commands:
        bank = place % shape.total
        for other in NAMES:
            refusal = state.probe(other, bank, now)
            occupied = int(m[y.BUS_FREE]) if m[y.TWO_BUSES] == 0 else 0
            earliest = max(int(ready(m, unit_of(bank), numbers.index(other))), occupied)
            assert max(earliest, now) == (refusal.earliest if refusal else now)
        refusal = state.probe(name, bank, now)
        now = refusal.earliest if refusal else now
        state.issue(name, bank, now)
        m[y.BUS_FREE] = now + m[y.OCCUPANCY + numbers.index(name)] if m[y.OCCUPANCY + numbers.index(name)] > 1 else 0
        push(m, None, bank, numbers.index(name), now)
        now += 1


def test_commands_of_one_window_are_counted_together() -> None:
    both = ("ACT", "MACAB")
    commands = (Command("ACT", ""), Command("MACAB", "", scope=Scope.RANK))
    protocol = Protocol("drawn", commands, (Rule(Scope.RANK, both, both, "100", window=4),), "")
    m = channel(protocol, Shape(2, 2, 2))
    for cycle, name in enumerate(("ACT", "MACAB", "ACT", "MACAB")):
        assert ready(m, unit_of(1), y.ACT) <= cycle
        push(m, None, 0, y.names(protocol).index(name), cycle)
    assert ready(m, unit_of(1), y.ACT) == 100
    assert ready(m, unit_of(4), y.ACT) <= 4  # the other rank has its own


def test_a_window_in_a_bank_group_is_refused() -> None:
    rule = Rule(Scope.BANK_GROUP, ("ACT",), ("ACT",), "100", window=4)
    with pytest.raises(Broken, match="window of 4 commands in the same bank group"):
        channel(Protocol("drawn", (Command("ACT", ""),), (rule,), ""), Shape(1, 2, 2))


@pytest.mark.parametrize("row", ["open", "closed"])
def test_the_same_bank_of_every_group_is_refreshed_at_once(row: str) -> None:
    device = load_device("ddr5-16gb-x8-4800", set={"channels": 1, "policy.row": row, "policy.refresh": "same-bank"})
    found = run(device, pattern("random", 20_000, device), log=200_000)
    state = DeviceState(device.protocol, device.cycles, device.shape)
    names = y.names(device.protocol)
    for cycle, command, _, bank, opened, _ in found.log.tolist():
        state.issue(names[command], bank, cycle, opened)
    units = device.shape.ranks * device.shape.banks
    assert found.total("REF") == 0
    assert found.total("REFSB") == pytest.approx(found.cycles * units / device.cycles["tREFI"], abs=2)
    refreshed = found.log[found.log[:, 1] == y.REFSB, 3]
    assert np.array_equal(refreshed, np.arange(len(refreshed)) % device.banks)
