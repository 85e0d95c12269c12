"""Is the placement the best of all placements, is its bound below it, and is it said what is short?"""

from __future__ import annotations

from itertools import combinations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import ArchsimError, BadInput, DoesNotFit, Infeasible
from archsim.mappers.placement import Item, Link, Placement, Unit, balance_kv, place, place_experts
from archsim.mappers.placement.problem import Problem
from archsim.mappers.placement.program import Program
from archsim.mappers.placement.solve import Method, floor

UNITS = [Unit("array"), Unit("vector")]
Case = tuple[list[Item], list[Unit], list[Link], list[list[str]]]


@st.composite
def cases(draw: st.DrawFn, most_items: int = 5, *, alike: bool = False) -> Case:
    units = [
        Unit(f"u{i}", None if alike else draw(st.none() | st.integers(5, 30)), 0 if alike else draw(st.integers(0, 9)))
        for i in range(draw(st.integers(1, 3)))
    ]
    items = []
    for i in range(draw(st.integers(1, most_items))):
        work: int | dict[str, int] = draw(st.integers(0, 20))
        if not alike and draw(st.booleans()):
            takers = draw(st.lists(st.sampled_from(units), min_size=1, unique=True))
            work = {unit.name: draw(st.integers(0, 20)) for unit in takers}
        items.append(Item(f"i{i}", work, 0 if alike else draw(st.integers(0, 9))))
    names = [item.name for item in items]
    links, apart = [], []
    if not alike and len(names) > 1:
        for first, second in draw(st.lists(st.sampled_from(list(combinations(names, 2))), max_size=4)):
            links.append(Link(first, second, draw(st.integers(0, 9))))
        apart = draw(st.lists(st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True), max_size=1))
    return items, units, links, apart


def brute(case: Case) -> int | None:
    """Every placement, one by one."""
    items, units, links, apart = case
    found = []
    for chosen in product(units, repeat=len(items)):
        at = {item.name: unit.name for item, unit in zip(items, chosen, strict=True)}
        load = {unit.name: unit.load for unit in units}
        room = {unit.name: unit.capacity for unit in units}
        good = all(len({at[name] for name in some}) == len(set(some)) for some in apart)
        for item, unit in zip(items, chosen, strict=True):
            if isinstance(item.work, int):
                load[unit.name] += item.work
            elif unit.name in item.work:
                load[unit.name] += item.work[unit.name]
            else:
                good = False
            left = room[unit.name]
            room[unit.name] = None if left is None else left - item.size
        if good and all(left is None or left >= 0 for left in room.values()):
            found.append(max(load.values()) + sum(link.cost for link in links if at[link.first] != at[link.second]))
    return min(found, default=None)


@settings(max_examples=60, deadline=None)
@given(cases(), st.sampled_from(["auto", "program"]))
def test_the_placement_is_the_best_of_all(case: Case, method: Method) -> None:
    items, units, links, apart = case
    least = brute(case)
    try:
        found = place(items, units, links=links, apart=apart, method=method)
    except (Infeasible, DoesNotFit):
        assert least is None
        return
    assert found.objective == least == found.bound
    assert set(found.places) == {item.name for item in items}
    for unit in units:
        assert unit.capacity is None or found.filled[unit.name] <= unit.capacity


@settings(max_examples=100, deadline=None)
@given(cases(most_items=6))
def test_the_heuristic_never_claims_too_much(case: Case) -> None:
    items, units, links, apart = case
    least = brute(case)
    try:
        found = place(items, units, links=links, apart=apart, method="lpt")
    except (Infeasible, DoesNotFit):
        return  # it may miss a tight packing
    assert least is not None
    assert found.bound <= least <= found.objective


@settings(max_examples=60, deadline=None)
@given(cases(most_items=7, alike=True))
def test_longest_first_keeps_grahams_promise(case: Case) -> None:
    items, units, _, _ = case
    found, least = place(items, units, method="lpt"), brute(case)
    assert least is not None
    assert found.objective <= (4 / 3 - 1 / (3 * len(units))) * least


@settings(max_examples=20, deadline=None)
@given(cases(most_items=6), st.sampled_from(["highs", "cbc"]))
def test_what_a_solver_proves_is_a_bound(case: Case, solver: str) -> None:
    items, units, links, apart = case
    least = brute(case)
    if least is None:
        return
    problem = Problem(tuple(items), tuple(units), tuple(links), tuple(tuple(some) for some in apart))
    found = Program(problem).solve(10, solver)
    assert found.optimal
    assert found.bound == least
    assert floor(problem) <= least


def test_large_numbers_are_not_claimed_more_exactly_than_a_solver_is() -> None:
    items = [Item(f"i{i}", 1_000_003 * (7 + 5 * i % 11) + i) for i in range(7)]
    found = place(items, [Unit("x"), Unit("y"), Unit("z")], method="program")
    assert found.objective * (1 - 1e-5) < found.bound <= found.objective


def test_a_missing_solver_is_said() -> None:
    with pytest.raises(BadInput, match="unknown solver"):
        place([Item("a", 1)], UNITS, method="program", solver="abacus")


def test_many_sequences_balance_over_channels() -> None:
    contexts = [17 + 211 * i % 3000 for i in range(64)]
    found = balance_kv(contexts, kv_heads=8, token_bytes=512, channels=32, method="lpt")
    assert found.gap < 0.001
    assert sum(found.loads.values()) == 8 * 512 * sum(contexts)


def test_cutting_a_long_context_balances_what_heads_cannot() -> None:
    whole, cut = (balance_kv([8192], 8, 256, 32, pieces=pieces) for pieces in (1, 4))
    assert whole.imbalance == pytest.approx(3.0)
    assert cut.imbalance == 0
    uneven = balance_kv([5, 3], 1, 2, 2, pieces=4)
    assert sum(uneven.loads.values()) == 16


def test_hot_experts_get_copies() -> None:
    tokens = [1000, 500, 100, 100, 100, 100, 50, 50]
    plain = place_experts(tokens, 10, 4)
    copied = place_experts(tokens, 10, 4, spare=4, capacity=30)
    assert plain.objective == plain.bound == 1000
    assert copied.objective <= 0.55 * plain.objective
    shares = [unit for name, unit in copied.places.items() if name.startswith("expert 0 ")]
    assert len(set(shares)) == len(shares) > 1
    assert all(size <= 30 for size in copied.filled.values())


def test_ops_go_to_the_unit_that_suits_them() -> None:
    gemm = Item("gemm", {"array": 10, "vector": 100})
    found = place([gemm, Item("softmax", {"vector": 5}), Item("norm", {"array": 30, "vector": 4})], UNITS)
    assert found.places == {"gemm": "array", "softmax": "vector", "norm": "vector"}
    assert found.objective == found.bound == 10
    assert found.why[0] == "array is the busiest, with 10 in 1 items"


def test_links_keep_neighbours_together() -> None:
    items = [Item(name, 10) for name in "abcd"]
    slrs = [Unit("slr0"), Unit("slr1")]
    assert place(items, slrs, links=[Link("a", "b", 3), Link("c", "d", 3)]).cut == 0
    together = place(items, slrs, links=[Link(x, y, 50) for x, y in ("ab", "bc", "cd")])
    assert together.objective == together.bound == 40


def test_nothing_to_place_is_no_work() -> None:
    assert place([], [Unit("a", load=3)]).objective == 3
    assert balance_kv([], 1, 1, 2).objective == 0


def test_the_same_input_gives_the_same_placement() -> None:
    items = [Item(f"i{i}", 7 + 5 * i % 11, i % 3) for i in range(20)]
    units = [Unit(f"u{i}", 8) for i in range(4)]
    found: list[Placement] = [place(items, units) for _ in range(2)]
    assert found[0] == found[1]
    assert found[0].record()["gap"] == found[0].gap == 0


def test_too_little_room_is_explained() -> None:
    three = [Item(name, 1, 6) for name in "abc"]
    with pytest.raises(Infeasible, match="at least 2 B are short") as caught:
        place(three, [Unit("x", 10), Unit("y", 10)])
    assert caught.value.tries[0].endswith(": 2 B more")
    with pytest.raises(DoesNotFit, match="3 items do not fit 2 units") as fits:
        place(three, [Unit("x", 8), Unit("y", 8)])
    assert (fits.value.need, fits.value.have) == (18, 16)
    with pytest.raises(DoesNotFit, match="larger than every unit") as large:
        place([Item("a", 1, 6)], [Unit("x", 0), Unit("y", 5)])
    assert (large.value.need, large.value.have) == (6, 5)
    with pytest.raises(Infeasible, match="to be apart on 2 units"):
        place(three, [Unit("x"), Unit("y")], apart=["abc"])
    only = [Item("a", {"x": 1}), Item("b", {"x": 1})]
    with pytest.raises(Infeasible, match="no placement keeps apart"):
        place(only, [Unit("x"), Unit("y")], apart=["ab"])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: place([Item("a", 1)], []), "no units"),
        (lambda: place([Item("a", 1)] * 2, [Unit("x")]), "given twice"),
        (lambda: place([Item("a", 1)], [Unit("x")] * 2), "given twice"),
        (lambda: place([Item("a", {"z": 1})], [Unit("x")]), "unknown unit 'z'"),
        (lambda: place([Item("a", {})], [Unit("x")]), "no unit takes it"),
        (lambda: place([Item("a", -1)], [Unit("x")]), "below 0"),
        (lambda: place([Item("a", 1)], [Unit("x", -1)]), "negative"),
        (lambda: place([Item("a", 1)], [Unit("x")], links=[Link("a", "b", 1)]), "unknown item 'b'"),
        (lambda: place([Item("a", 1)], [Unit("x")], method="luck"), "unknown method"),  # type: ignore[arg-type]
        (lambda: place([Item("a", 1)], [Unit("x")], seconds=0), "seconds is 0"),
        (lambda: balance_kv([1], 1, 1, 0), "channels is 0"),
        (lambda: balance_kv([-1], 1, 1, 1), "context 0 is -1"),
        (lambda: place_experts([1], 1, 2, spare=5), "5 spare copies"),
        (lambda: place_experts([-1], 1, 2), "negative"),
    ],
)
def test_wrong_input_names_what_is_wrong(wrong: object, said: str) -> None:
    assert callable(wrong)
    with pytest.raises(ArchsimError, match=said) as caught:
        wrong()
    assert isinstance(caught.value, BadInput | Infeasible)
