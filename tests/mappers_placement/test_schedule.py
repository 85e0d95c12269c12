"""Is a schedule as short as the shortest of all assignments and orders, and is its bound below all of them?"""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.mappers.placement import Item, Result, Schedule, Step, Unit, place, schedule

Case = tuple[list[Step], list[Result]]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to four steps on up to three units; results go forward, and some to the first step of the next round."""
    units = ["a", "b", "c"][: draw(st.integers(1, 3))]
    count = draw(st.integers(1, 4))
    steps, results = [], []
    for at in range(count):
        takers = draw(st.lists(st.sampled_from(units), min_size=1, unique=True))
        after = tuple(f"s{other}" for other in range(at) if draw(st.booleans()))
        steps.append(Step(f"s{at}", {unit: draw(st.integers(0, 20)) for unit in takers}, after))
    for at in range(count if draw(st.booleans()) else 0):
        users = tuple(f"s{other}" for other in range(at + 1, count) if draw(st.booleans()))
        again = ("s0",) if draw(st.booleans()) else ()
        results.append(Result(f"r{at}", f"s{at}", users, draw(st.integers(0, 8)), again))
    return steps, results


def timed(steps: list[Step], results: list[Result], places: dict[str, str]) -> list[int]:
    """Lengths of all orders in which units and the link may take steps and copies."""
    starts = [step.name for step in steps if not step.after and not any(step.name in r.users for r in results)]
    jobs: dict[str, tuple[str, int, list[str]]] = {}
    for step in steps:
        jobs[step.name] = (places[step.name], step.work[places[step.name]], list(step.after))
    final = set(jobs)
    for result in results:
        for unit in sorted({places[user] for user in (*result.users, *result.next_round)}):
            local = unit == places[result.maker] or not result.cost
            copy = f"{result.name} to {unit}"
            if not local:
                jobs[copy] = ("the link", result.cost, [result.maker])
                if len(starts) == 1 and any(u in starts and places[u] == unit for u in result.next_round):
                    final.add(copy)
            for user in result.users:
                if places[user] == unit:
                    jobs[user][2].extend([result.maker] if local else [result.maker, copy])
    out: list[int] = []

    def go(ends: dict[str, int], free: dict[str, int]) -> None:
        if len(ends) == len(jobs):
            out.append(max(end for name, end in ends.items() if name in final))
        for name, (unit, time, before) in jobs.items():
            if name not in ends and all(other in ends for other in before):
                end = max([free.get(unit, 0), *(ends[other] for other in before)]) + time
                go({**ends, name: end}, {**free, unit: end})

    go({}, {})
    return out


def shortest(case: Case) -> int:
    steps, results = case
    ways = product(*(step.work for step in steps))
    return min(min(timed(steps, results, dict(zip([s.name for s in steps], way, strict=True)))) for way in ways)


def sound(found: Schedule, case: Case) -> None:
    """What the schedule says of itself is true."""
    steps, results = case
    assert found.bound <= found.length == found.objective
    assert all(found.places[step.name] in step.work for step in steps)
    assert {one for one in found.order if isinstance(one, str)} == {step.name for step in steps}
    assert found.length in timed(steps, results, found.places)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_program_finds_the_shortest_and_the_bound_is_below(case: Case) -> None:
    found = schedule(*case, method="program")
    sound(found, case)
    least = shortest(case)
    assert found.bound <= least == found.length


@settings(max_examples=60, deadline=None)
@given(cases())
def test_the_list_is_a_schedule_and_its_bound_is_below_all(case: Case) -> None:
    found = schedule(*case, method="list")
    sound(found, case)
    assert found.bound <= shortest(case) <= found.length


@pytest.mark.parametrize("spread", [1, 5])
def test_a_long_chain_beside_short_steps_is_near_its_bound(spread: int) -> None:
    steps = [Step(f"c{at}", {"a": 10, "b": 10 * spread}, (f"c{at - 1}",) if at else ()) for at in range(20)]
    steps += [Step(f"s{at}", {"a": 7, "b": 8}) for at in range(20)]
    found = schedule(steps, method="list")
    assert found.length <= 1.1 * found.bound


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=1, max_size=6),
    st.lists(st.integers(0, 30), min_size=3, max_size=3),
)
def test_the_dual_bound_is_below_every_placement(work: list[list[int]], start: list[int]) -> None:
    units = [Unit(f"u{at}", load=load) for at, load in enumerate(start)]
    items = [Item(f"i{at}", {f"u{k}": amount for k, amount in enumerate(row)}) for at, row in enumerate(work)]
    loads = [
        max(start[k] + sum(work[i][k] for i, at in enumerate(way) if at == k) for k in range(3))
        for way in product(range(3), repeat=len(work))
    ]
    found = place(items, units, method="lpt")
    assert found.bound <= min(loads) <= found.objective


def test_many_items_on_unlike_units_are_within_a_twentieth_of_the_bound() -> None:
    rng = random.Random(0)
    units = [Unit(f"u{at}") for at in range(16)]
    items = [Item(f"i{i}", {unit.name: rng.randint(1, 100) for unit in units}) for i in range(400)]
    found = place(items, units, method="lpt")
    assert found.bound > 0
    assert found.gap < 0.05


@pytest.mark.parametrize(
    ("steps", "results", "error", "said"),
    [
        ([Step("x", {"a": 1}), Step("x", {"a": 1})], [], BadInput, "step 'x' is given twice"),
        ([Step("x", {})], [], Infeasible, "no unit takes it"),
        ([Step("x", {"a": -1})], [], BadInput, "a negative time"),
        ([Step("x", {"a": 1}, ("y",)), Step("y", {"a": 1}, ("x",))], [], BadInput, "in a circle: x, y"),
        ([Step("x", {"a": 1}, ("z",))], [], BadInput, "unknown step 'z'"),
        ([Step("x", {"a": 1})], [Result("r", "x", ("q",), 1)], BadInput, "unknown step 'q'"),
    ],
)
def test_what_makes_no_sense_is_said(
    steps: list[Step], results: list[Result], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        schedule(steps, results)


@pytest.mark.parametrize("amount", [1.7, "x", float("nan"), True])
def test_amounts_that_are_no_whole_numbers_are_refused(amount: object) -> None:
    with pytest.raises(BadInput, match=r"item 'a', work .* is not a whole number"):
        place([Item("a", amount)], [Unit("u")])  # type: ignore[arg-type]
