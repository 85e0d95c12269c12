"""Sets without spare room: how near is the load, do both engines and all slices walk one way, does more work help?"""

from __future__ import annotations

from statistics import mean
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.mappers import Allocation, Buffer, Gap, allocate
from archsim.mappers.allocation import compiled as machine
from archsim.mappers.allocation import ejection
from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.compiled import compiled
from archsim.mappers.allocation.ejection import WAITS
from archsim.mappers.allocation.ejector import Ejector
from archsim.mappers.allocation.engine import Engine
from archsim.mappers.allocation.greedy import best_greedy
from archsim.mappers.allocation.problem import problem_of, unit_of
from tests.mappers_allocation.reference import buffer_lists
from tests.mappers_allocation.tight import HEIGHT, skyline, sliced


def test_greedy_rules_and_ejection_come_near_the_load() -> None:
    sets = [skyline(300, 1), skyline(500, 2), skyline(300, 3, 1024), sliced(150, 4), sliced(300, 5), sliced(500, 6)]
    found = [allocate(buffers, nodes=0) for buffers in sets]
    for one in found:
        one.check()
    ratios = [one.height / one.load for one in found]
    assert [one.load for one in found] == [HEIGHT] * len(sets)
    assert mean(ratios) <= 1.18  # rules alone: 1.24
    assert max(ratios) <= 1.22


def test_a_sliced_rectangle_is_put_together_again() -> None:
    found = allocate(sliced(300, 7), HEIGHT, nodes=200_000)
    found.check()
    assert (found.height, found.proof) == (HEIGHT, "optimal")


def test_more_work_never_leaves_more_height() -> None:
    buffers = skyline(150, 8)
    heights = [allocate(buffers, HEIGHT, nodes=nodes).height for nodes in (0, 5_000, 20_000, 80_000)]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] < heights[0]


@settings(max_examples=80, deadline=None)
@given(buffer_lists(most=12, windows=True), st.integers(0, 6))
def test_what_ejection_lays_is_valid(buffers: list[Buffer], above: int) -> None:
    unit = unit_of(buffers)
    problem = problem_of(buffers, unit)
    budget = Budget()
    lives = [(b.lower, b.upper) for b in buffers]
    first = best_greedy(problem, lives, 0, budget)
    ejector = Ejector(problem, [b.upper - b.lower for b in buffers], Engine(problem, ejection, budget), budget)
    offsets, taken = ejector.lower(first.offsets, above, 300)
    Allocation(tuple(buffers), tuple(at * unit for at in offsets), 0, 0).check()
    height = max(at + size for at, size in zip(offsets, problem.size, strict=True))
    assert height <= first.height
    assert taken <= 300


def test_machine_code_ejects_the_same_and_slices_do_not_matter() -> None:
    buffers = skyline(150, 9)
    unit = unit_of(buffers)
    problem = problem_of(buffers, unit)
    lives = [(b.lower, b.upper) for b in buffers]
    first = best_greedy(problem, lives, HEIGHT // unit, Budget())
    budget = Budget()
    results: list[Any] = []
    compiled(ejection)  # from here on engines begin with machine code
    for portions in ((1200,), (500, 700), (1,) * 1200):
        ejector = Ejector(problem, [b.upper - b.lower for b in buffers], Engine(problem, ejection, budget), budget)
        offsets = first.offsets
        for portion in portions:
            offsets, taken = ejector.lower(offsets, HEIGHT // unit, portion)
            assert taken == portion
        results.append(offsets)
    plain = Engine(problem, ejection, budget)
    plain.ready = lambda state: state  # type: ignore[method-assign]
    results.append(
        Ejector(problem, [b.upper - b.lower for b in buffers], plain, budget).lower(
            first.offsets, HEIGHT // unit, 1200
        )[0]
    )
    assert not plain.compiled
    assert all(result == results[0] for result in results)
    assert results[0] != first.offsets


def test_looking_for_machine_code_does_not_begin_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiling waits until plain Python has taken most of that time, and is left out where the limit is near."""
    fresh = ModuleType("fresh", "A search that nobody has compiled yet.")
    vars(fresh).update({**vars(ejection), "__name__": "fresh"})
    monkeypatch.setattr(machine, "_LOADED", set())
    monkeypatch.setattr(machine, "is_kept", lambda module: (machine._entry(module), False)[1])
    problem = problem_of([Buffer("a", 0, 2, 3)], 1)
    engine, hurried = (Engine(problem, fresh, Budget(seconds=limit)) for limit in (None, ejection.COMPILING))
    for spent, wanted in ((0.0, False), (0.7 * ejection.COMPILING, False), (ejection.COMPILING, True)):
        engine._spent = hurried._spent = spent
        for _ in range(2):
            assert engine._may_compile() == wanted
            assert not hurried._may_compile()


def test_a_pile_in_which_nothing_waits_stays_as_it_is() -> None:
    problem = problem_of([Buffer("a", 0, 2, 3)], 1)
    pile = ejection.Pile([0] * 5, [0], [1], [1], [0], [0], [0], [0], [0], [0])
    assert ejection.pack(problem, pile, 3, 10) == 0
    assert (pile.at[WAITS], pile.offset) == (0, [0])


@pytest.mark.parametrize(
    ("buffers", "arguments", "message"),
    [
        ([1], {"capacity": 5}, "it is 1"),
        ("abc", {}, "buffers is 'abc'"),
        (7, {}, "buffers is 7"),
        ([Buffer("a", 0, 1, 1)], {"capacity": 2.5}, "capacity is 2.5"),
        ([Buffer("a", 0, 1, 1)], {"capacity": "64"}, "capacity is '64'"),
        ([Buffer("a", 0, 1, 1)], {"nodes": 1e3}, "nodes is 1000.0"),
        ([Buffer("a", 0, 1, 1)], {"seconds": "9"}, "seconds is '9'"),
        ([Buffer("a", 0, 1, 1)], {"seconds": float("nan")}, "seconds is nan"),
    ],
)
def test_a_wrong_type_is_refused_with_what_would_be_right(
    buffers: Any, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        allocate(buffers, **arguments)
    assert message in str(refused.value)
    assert refused.value.right


@pytest.mark.parametrize(
    "change", [{"lower": 0.5}, {"size": "4"}, {"gaps": [Gap(1, 2)]}, {"gaps": ((1, 2),)}, {"offset": 0.5}]
)
def test_a_buffer_of_wrong_types_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="buffer 'x'"):
        Buffer(**{"id": "x", "lower": 0, "upper": 4, "size": 8, **change})


def test_windows_that_no_search_can_decide_and_a_capacity_between_units_come_to_an_end() -> None:
    windows = [Buffer(str(i), 0, 9, 6, gaps=(Gap(2, 5, (0, 2)),)) for i in range(3)]
    found = allocate([*windows, Buffer("x", 2, 5, 6)], 17, nodes=20_000)
    found.check()
    assert not found.fits
    odd = allocate([Buffer("a", 0, 2, 8, offset=8), Buffer("b", 1, 3, 16)], 30, nodes=5_000)
    odd.check()
    assert (odd.load, odd.height, odd.proof) == (24, 32, "infeasible")
