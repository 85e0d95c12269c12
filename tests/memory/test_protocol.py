"""The table says what it means: expressions are arithmetic, the longest gap of a pair holds, names exist."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import Broken, UnknownName
from archsim.memory.gddr6_pim import COMMANDS, GDDR6_PIM, NAMES, RULES
from archsim.memory.protocol import Command, Protocol, Rule, Scope, evaluate
from archsim.models.pim_dram.build import timing_table
from archsim.models.pim_dram.spec import PimMemory
from tests.memory.cases import memories
from tests.memory.oracle import names

TIMES = ("tA", "tB", "tC")
timings = st.fixed_dictionaries(dict.fromkeys(TIMES, st.integers(0, 99)))
expressions = st.recursive(
    st.one_of(st.sampled_from(TIMES), st.integers(0, 9).map(str)),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"max({', '.join(parts)}, 0)"),
    ),
    max_leaves=6,
)


@given(expressions, timings)
def test_expressions_are_arithmetic(text: str, timing: Mapping[str, int]) -> None:
    assert evaluate(text, timing) == eval(text, {"__builtins__": {}, "max": max}, dict(timing))


@pytest.mark.parametrize("text", ["tA / 2", "tA ** 2", "abs(tA)", "tA if tB else tC", "'tA'", "-tA"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Broken, match="only"):
        evaluate(text, dict.fromkeys(TIMES, 1))


def test_an_unknown_time_is_named() -> None:
    with pytest.raises(UnknownName, match="unknown timing parameter 'tRDC', did you mean 'tRCD'"):
        evaluate("tRDC + tCK", {"tRCD": 1, "tCK": 1})


@given(memories())
def test_a_memory_fills_in_every_name_of_the_table(memory: PimMemory) -> None:
    found, right = timing_table(memory), names(memory)
    used = {name for rule in RULES for name in found if name in rule.gap}
    assert {name: found[name] for name in used} == {name: right[name] for name in used}
    gaps = GDDR6_PIM.compile(found)
    assert gaps.commands == NAMES
    assert gaps.horizon >= max(max(row) for row in (*gaps.channel, *gaps.bank))


@given(st.lists(st.tuples(st.sampled_from(["A", "B"]), st.sampled_from(["A", "B"]), st.integers(0, 50)), max_size=8))
def test_the_longest_gap_of_a_pair_holds(rules: list[tuple[str, str, int]]) -> None:
    commands = (Command("A", "one"), Command("B", "other"))
    table = tuple(Rule(Scope.CHANNEL, (a,), (b,), str(gap)) for a, b, gap in rules)
    gaps = Protocol("two", commands, table, "here").compile({})
    for i, a in enumerate("AB"):
        for j, b in enumerate("AB"):
            assert gaps.channel[i][j] == max((gap for x, y, gap in rules if (x, y) == (a, b)), default=-1)
            assert gaps.bank[i][j] == -1


def test_the_table_names_commands_that_exist() -> None:
    assert len(set(NAMES)) == len(COMMANDS)
    for rule in RULES:
        assert set(rule.preceding) | set(rule.following) <= set(NAMES), rule
