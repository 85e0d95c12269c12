"""MiniMalloc's published sets: valid, at their capacity, and not far from it by greedy rules alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsim.mappers import allocate, read_buffers
from archsim.mappers.allocation import search
from archsim.mappers.allocation.compiled import compiled
from archsim.mappers.allocation.problem import problem_of, unit_of
from archsim.mappers.allocation.search import FEWEST, TRIED
from archsim.mappers.allocation.state import Start, arrays

SETS = Path(__file__).parents[1] / "data" / "minimalloc"
CAPACITY = 1_048_576


@pytest.mark.parametrize("name", ["A", "G"])
def test_a_published_set_is_packed_without_a_gap(name: str) -> None:
    found = allocate(read_buffers(SETS / f"{name}.{CAPACITY}.csv"), CAPACITY, nodes=20_000)
    found.check()
    assert (found.load, found.lower_bound, found.height, found.proof) == (CAPACITY, CAPACITY, CAPACITY, "optimal")


@pytest.mark.parametrize(("name", "most"), [("A", 1.16), ("G", 1.10), ("I", 1.20)])
def test_greedy_rules_alone_are_close(name: str, most: float) -> None:
    found = allocate(read_buffers(SETS / f"{name}.{CAPACITY}.csv"), CAPACITY, nodes=0)
    found.check()
    assert CAPACITY <= found.height <= most * found.load
    assert (found.nodes, found.proof, found.fits) == (0, None, found.height == CAPACITY)


def test_one_byte_less_is_refused_by_the_load() -> None:
    found = allocate(read_buffers(SETS / f"G.{CAPACITY}.csv"), CAPACITY - 1, nodes=2000)
    found.check()
    assert (found.fits, found.proof) == (False, "infeasible")
    assert "the live buffers need 1,048,576 B" in found.why[0]


def test_the_same_limits_give_the_same_allocation() -> None:
    buffers = read_buffers(SETS / f"G.{CAPACITY}.csv")
    assert allocate(buffers, CAPACITY, nodes=3000) == allocate(buffers, CAPACITY, nodes=3000)


def test_machine_code_walks_the_same_tree() -> None:
    buffers = read_buffers(SETS / f"I.{CAPACITY}.csv")
    unit = unit_of(buffers)
    problem = problem_of(buffers, unit)
    rank = sorted(range(len(buffers)), key=lambda b: -buffers[b].size)
    states: list[Any] = []
    for run, form, given in ((search.search, False, problem), (compiled(search), True, arrays(problem))):
        state = Start(problem).state(rank, FEWEST, compiled=form)
        run(given, state, CAPACITY // unit, 600)
        states.append(state)
    slow, fast = states
    assert slow.at[TRIED] == 601
    for name in slow._fields:
        assert list(getattr(slow, name)) == list(getattr(fast, name)), name
