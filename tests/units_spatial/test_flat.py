"""FLAT as a dataflow: does the search find the best, are the laws kept, are errors lessons?"""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import PlanBy, SpatialArrays
from archsim.units.spatial.flat import DATAFLOW, as_plan, choice
from archsim.units.spatial.flat_search import estimate
from archsim.units.spatial.flat_traffic import HELD
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem
from tests.units_spatial.flat_cases import CLOUD, EDGE, machine, machines, problems, published

SUBSETS = ["+".join(kept) or "none" for n in range(len(HELD) + 1) for kept in combinations(HELD, n)]


def plans(rows: list[int], stationarities: list[tuple[str, str]]) -> list[Plan]:
    """All plans with these passes and stationarities."""
    return [
        Plan("flat", {"granularity": "row", "rows": n, "qk": qk, "av": av, "onchip": kept})
        for n in rows
        for qk, av in stationarities
        for kept in SUBSETS
    ]


@st.composite
def any_plan(draw: st.DrawFn, problem: Problem) -> Plan:
    """One plan of the attention, mixed stationarities and odd passes included."""
    stationary = st.sampled_from(["output", "weight", "input"])
    pairs = [(draw(stationary), draw(stationary))]
    return draw(st.sampled_from(plans([draw(st.integers(1, problem.queries))], pairs)))


@settings(deadline=None, max_examples=25)
@given(problems(), machines())
def test_the_search_is_as_good_as_trying_every_plan(problem: Problem, arrays: SpatialArrays) -> None:
    passes = [problem.queries, *(n * arrays.cols for n in (1, 2, 4) if n * arrays.cols < problem.queries)]
    every = [choice(problem, arrays, plan) for plan in plans(passes, [("output", "output"), ("weight", "weight")])]
    fitting = [each for each in every if each.tiling.tiles(each.onchip) <= each.tiling.buffer_words]
    best = min(estimate(problem, arrays, each).seconds for each in fitting)
    found = choice(problem, arrays, DATAFLOW.plan(problem, arrays))
    assert estimate(problem, arrays, found).seconds == best
    forms = [DATAFLOW.steady(problem, arrays, as_plan(problem, each)) for each in fitting]
    costs = [(form.seconds, form.read + form.written) for form in forms]
    orders: dict[PlanBy, slice] = {"fastest": slice(None), "least_traffic": slice(None, None, -1)}
    for by, order in orders.items():
        machine = replace(arrays, plan=by)
        form = DATAFLOW.steady(problem, machine, DATAFLOW.plan(problem, machine))
        assert (form.seconds, form.read + form.written)[order] == min(cost[order] for cost in costs)


@given(st.data(), problems(), machines())
def test_no_plan_beats_the_compulsory_traffic_or_the_arrays(
    data: st.DataObject, problem: Problem, arrays: SpatialArrays
) -> None:
    plan = data.draw(any_plan(problem))
    form = DATAFLOW.steady(problem, arrays, plan)
    scores = problem.instances * problem.queries * problem.keys
    assert form.read >= problem.instances * problem.head * (problem.queries + 2 * problem.keys) * arrays.word_bytes
    assert form.read + form.written >= problem.compulsory_words() * arrays.word_bytes
    assert form.busy[ARRAY] <= form.einsums["QK"][1] + form.einsums["AV"][1] <= form.cycles
    assert form.busy[VECTOR] <= form.cycles <= form.seconds * arrays.clock
    assert form.busy[VECTOR] * arrays.lanes >= 4 * scores
    assert form.counts[ARRAY]["mac"] == 2 * scores * problem.head
    assert {form.counts[VECTOR][name] for name in ("max", "exp", "add", "div")} == {scores}


@given(st.data(), problems(), machines(), st.integers(0, 1 << 16))
def test_a_larger_buffer_never_costs_traffic_or_time(
    data: st.DataObject, problem: Problem, arrays: SpatialArrays, more: int
) -> None:
    plan, larger = data.draw(any_plan(problem)), replace(arrays, buffer_bytes=arrays.buffer_bytes + more)
    before, after = (DATAFLOW.steady(problem, each, plan) for each in (arrays, larger))
    assert after.read <= before.read
    assert after.written <= before.written
    own = [estimate(problem, each, choice(problem, each, DATAFLOW.plan(problem, each))) for each in (arrays, larger)]
    assert own[1].seconds <= own[0].seconds


@given(st.data(), problems(), machines(), st.integers(2, 5))
def test_all_grows_with_the_batch(data: st.DataObject, problem: Problem, arrays: SpatialArrays, times: int) -> None:
    plan = data.draw(any_plan(problem))
    one, many = (
        DATAFLOW.steady(each, arrays, plan) for each in (problem, replace(problem, batch=problem.batch * times))
    )
    assert (many.seconds, many.cycles) == (one.seconds * times, one.cycles * times)
    assert (many.read, many.written) == (one.read * times, one.written * times)
    for role, counts in one.counts.items():
        assert many.counts[role] == {name: count * times for name, count in counts.items()}
    shared = DATAFLOW.steady(replace(problem, batch=problem.batch * times), replace(arrays, copies=times), plan)
    assert (shared.cycles, shared.read, shared.counts) == (one.cycles, many.read, many.counts)


@given(st.integers(1, 8), st.sampled_from([64, 128, 256]), st.integers(1, 4), st.booleans())
def test_whole_tiles_follow_the_closed_form(tiles: int, head: int, heads: int, fused: bool) -> None:
    """Output stationary, nothing but scores on chip: Q and K once per tile of the other, V per tile of queries."""
    problem = Problem(1, heads, heads, 256 * tiles, 256 * tiles, head)
    kept = "QK" if fused else "none"
    plan = Plan("flat", {"granularity": "head", "rows": 0, "qk": "output", "av": "output", "onchip": kept})
    form = DATAFLOW.steady(problem, CLOUD, plan)
    operand, scores = heads * 256 * tiles * head, heads * (256 * tiles) ** 2
    words = operand * (3 * tiles + 1) + (0 if fused else 4 * scores)
    assert form.read + form.written == 2 * words
    assert form.busy[VECTOR] == 4 * 256 * heads * tiles**2
    assert form.einsums["QK"] == (ARRAY, Fraction(head * heads * tiles**2))
    assert form.einsums["AV"] == (ARRAY, Fraction(256 * heads * tiles**2))


def test_partial_sums_spill_with_what_is_kept() -> None:
    """The edge machine at 2K: heads of two tiles, 64 tiles of keys, passes of 128 of the 2K rows, 7/71 spilled."""
    problem = published("BERT", 2048)
    plan = Plan("flat", {"granularity": "row", "rows": 128, "qk": "weight", "av": "weight", "onchip": "Q+QK"})
    form = DATAFLOW.steady(problem, EDGE, plan)
    operand, spilled = Fraction(2 * problem.instances * 2048 * 64), Fraction(7, 71)
    scores = 32 * operand
    kept = (1 - spilled) * operand  # of Q in, and of AV out
    softmax, partial = spilled * 5 * scores, spilled * (scores + 63 * operand)
    assert form.read == kept + 2 * 16 * operand + spilled * (64 * operand + 2 * scores) + partial + softmax * 3 / 5
    assert form.written == kept + spilled * (2 * scores + 64 * operand) + softmax * 2 / 5


def test_partial_sums_of_what_is_not_kept_wait_in_the_buffer() -> None:
    problem = published("BERT", 2048)
    plan = Plan("flat", {"granularity": "row", "rows": 128, "qk": "weight", "av": "weight", "onchip": "none"})
    form = DATAFLOW.steady(problem, EDGE, plan)
    scores = problem.instances * 2048**2
    waiting = scores + 63 * problem.instances * 2048 * 64
    assert form.counts[ARRAY] == {"mac": 2 * 64 * scores, "buffer_read": waiting, "buffer_write": waiting}
    assert form.written == 2 * (2 * scores + problem.instances * 2048 * 64)


def test_other_objectives_move_each_word_once_where_the_published_one_is_indifferent() -> None:
    """Bound by the softmax, FLAT is no faster with Q, K and V on chip, but moves a third at 1K."""
    problem = published("BERT", 1024)
    known = DATAFLOW.steady(problem, CLOUD, DATAFLOW.plan(problem, CLOUD))
    objectives: tuple[PlanBy, ...] = ("fastest", "least_traffic")
    for by in objectives:
        arrays = replace(CLOUD, plan=by)
        chosen = DATAFLOW.steady(problem, arrays, DATAFLOW.plan(problem, arrays))
        assert chosen.seconds == known.seconds
        assert chosen.read + chosen.written == 2 * problem.compulsory_words() < known.read + known.written


def test_only_the_least_traffic_is_monotone_in_the_buffer() -> None:
    """BERT at 4K: the published choice moves 3.4 times as much with 24,000 KiB as with 16 MiB, in the same time."""
    problem = published("BERT", 4096)
    moved, seconds = dict[str, list[Fraction]](), set()
    objectives: tuple[PlanBy, ...] = ("published", "least_traffic")
    for by in objectives:
        moved[by] = []
        for kib in (4096, 8192, 12288, 16384, 24000, 32768, 65536):
            arrays = replace(CLOUD, plan=by, buffer_bytes=kib << 10)
            form = DATAFLOW.steady(problem, arrays, DATAFLOW.plan(problem, arrays))
            moved[by].append(form.read + form.written)
            seconds.add(form.seconds)
    assert moved["least_traffic"] == sorted(moved["least_traffic"], reverse=True)
    assert moved["published"][4] / moved["published"][3] == pytest.approx(3.4, abs=0.05)
    assert len(seconds) == 1


def test_copies_share_the_time_but_not_the_dram() -> None:
    """Two pairs of arrays are fed by one DRAM: the array's part of FLAT's own time halves, first tiles double."""
    problem, two = published("BERT", 4096), replace(CLOUD, copies=2)
    plan = DATAFLOW.plan(problem, CLOUD)
    roomy = [replace(each, bandwidth=10**18) for each in (CLOUD, two)]
    one, both = (estimate(problem, each, choice(problem, each, plan)) for each in roomy)
    assert float(both.seconds) == pytest.approx(float(one.seconds) / 2, rel=1e-6)
    assert both.ideal_seconds == one.ideal_seconds / 2
    assert both.bytes - one.bytes == 5 * 256 * 64 * 2


def test_scores_that_do_not_fit_spill_and_come_back() -> None:
    """4K rows of 4K scores fill the cloud machine's buffer: what the tiles beside them take is what spills."""
    problem = published("BERT", 4096)
    plan = Plan("flat", {"granularity": "head", "rows": 4096, "qk": "output", "av": "output", "onchip": "QK"})
    assert choice(problem, CLOUD, plan).spilled == Fraction(1, 129)
    form = DATAFLOW.steady(problem, CLOUD, plan)
    roomy = DATAFLOW.steady(problem, replace(CLOUD, buffer_bytes=64 << 20), plan)
    scores = 64 * 12 * 4096**2 * 2
    assert form.written - roomy.written == Fraction(3 * scores, 129)  # QK, its exponentials, A
    assert form.read - roomy.read == Fraction(4 * scores, 129)  # by max, exp, div, AV


def test_what_is_kept_leaves_less_room_for_a_row_of_scores() -> None:
    problem = Problem(1, 1, 1, 32, 1 << 18, 32)
    moved = []
    for kept in ("none", "Q"):
        plan = Plan("flat", {"granularity": "row", "rows": 32, "qk": "weight", "av": "weight", "onchip": kept})
        moved.append(DATAFLOW.steady(problem, EDGE, plan))
    # A row just fitted: of each of the 32 rows as many words spill as Q takes.
    assert moved[1].written - moved[0].written == 2 * 32 * (32 * 32)


def test_a_row_of_scores_longer_than_the_buffer_spills_within_the_softmax() -> None:
    plan = Plan("flat", {"granularity": "row", "rows": 32, "qk": "weight", "av": "weight", "onchip": "none"})
    long, longer = (Problem(1, 1, 1, 32, keys, 32) for keys in (1 << 18, 1 << 20))
    moved = [DATAFLOW.steady(problem, EDGE, plan) for problem in (long, longer)]
    per_key = [(form.read + form.written) / problem.keys for form, problem in zip(moved, (long, longer), strict=True)]
    # Three quarters of a row of 1M scores find no room: exponentials out and in, scores in once more.
    # The result, of 32 rows, is spread over fewer keys in the shorter problem.
    result = 32 * 32 * 2 * (Fraction(1, 1 << 20) - Fraction(1, 1 << 18))
    assert per_key[1] - per_key[0] - result == Fraction(3, 4) * 3 * 32 * 2


@pytest.mark.parametrize("arrays", [CLOUD, EDGE])
@given(problem=problems(longest=3000))
@settings(deadline=None, max_examples=10)
def test_plans_survive_json(problem: Problem, arrays: SpatialArrays) -> None:
    plan = DATAFLOW.plan(problem, arrays)
    again = Plan("flat", json.loads(json.dumps(dict(plan.choices))))
    assert again == plan
    assert DATAFLOW.steady(problem, arrays, again) == DATAFLOW.steady(problem, arrays, plan)


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("rows", 0, "fused passes of 0 rows"),
        ("rows", 1025, "fused passes of 1025 rows"),
        ("qk", "row", "qk: 'row' stationary"),
        ("av", "none", "av: 'none' stationary"),
        ("onchip", "Q+A", "onchip: A"),
    ],
)
def test_a_wrong_choice_is_named(part: str, value: int | str, message: str) -> None:
    problem = published("BERT", 1024)
    right: dict[str, int | float | str] = {
        "granularity": "row",
        "rows": 256,
        "qk": "output",
        "av": "output",
        "onchip": "none",
    }
    with pytest.raises(BadInput, match=message):
        DATAFLOW.steady(problem, CLOUD, Plan("flat", {**right, part: value}))
    with pytest.raises(BadInput, match=f"without {part}"):
        DATAFLOW.steady(problem, CLOUD, Plan("flat", {name: right[name] for name in right if name != part}))


@pytest.mark.parametrize(("operator", "einsum"), [("max", "max"), ("sub_exp", "exp"), ("add", "sum"), ("div", "div")])
def test_a_missing_operator_names_einsum_and_array(operator: str, einsum: str) -> None:
    known = {name: cycles for name, cycles in CLOUD.vector_cycles.items() if name != operator}
    with pytest.raises(
        BadInput, match=f"einsum {einsum} of flat needs {operator} over ranks m,p, which no PE of array_1d has"
    ):
        DATAFLOW.plan(published("BERT", 1024), replace(CLOUD, vector_cycles=known))


def test_a_buffer_without_room_for_tiles_is_infeasible() -> None:
    problem = Problem(1, 1, 1, 64, 64, 16)
    small = machine(16, 16, 0, 10**9)
    with pytest.raises(
        Infeasible,
        match=r"einsums QK and AV: a tile of m0=16, p0=16, e=16, f=16 does not fit the buffer\n.*two each of V",
    ):
        DATAFLOW.plan(problem, small)
    # Q, K, V and AV in tiles of 16 x 16 words of 2 bytes, each twice; the scores, kept on chip, spill.
    plan = DATAFLOW.plan(problem, replace(small, buffer_bytes=4096))
    assert "QK" in str(plan.choices["onchip"]).split("+")
    assert choice(problem, replace(small, buffer_bytes=4096), plan).spilled > 0
