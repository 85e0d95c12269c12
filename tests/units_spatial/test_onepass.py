"""The 1-pass dataflows: do they follow the cascade, the published formulas, and count tiles as the mask does?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.ir.cascade.file import load_cascade
from archsim.units.spatial.onepass import DATAFLOWS, OnePass
from archsim.units.spatial.onepass_cascade import (
    EINSUMS,
    FUSEMAX,
    HEAD,
    ON_FLAT,
    ONE,
    TILE_AFTER_TILE,
    epoch_cycles,
    per_tile,
    tile_cycles,
)
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from tests.units_spatial.onepass_cases import CI, machine, machines, problems

FLOWS = {flow.name: flow for flow in DATAFLOWS}
NAMES = st.sampled_from(sorted(FLOWS))
OPERATORS = {
    ("mul", "sum"): "mac",
    ("mul", ""): "mac",
    ("copy", "sum"): "add",
    ("copy", "max"): "max",
    ("max", ""): "max",
    ("add", ""): "add",
    ("subexp", ""): "sub_exp",
    ("div", ""): "div",
}
"""Map and reduction of an einsum -> what a PE does for each point."""


def run(problem: Problem, arrays: SpatialArrays) -> Steady:
    flow = FLOWS[arrays.dataflow]
    return flow.steady(problem, arrays, flow.plan(problem, arrays))


def test_the_table_is_the_cascade() -> None:
    cascade = load_cascade("attention-1-pass")
    assert [einsum.name for einsum in cascade.einsums] == list(EINSUMS)
    for einsum in cascade.einsums:
        mine = EINSUMS[einsum.name]
        assert set(mine.inputs) == {access.tensor for access in einsum.reads}
        assert mine.operator == OPERATORS[einsum.map, einsum.reduce]
        assert mine.down == ("m0" in einsum.over)
        assert mine.scope == ("score" if "m0" in einsum.space else "query" if "m1" in einsum.space else "row")
        assert mine.depth == (HEAD if {"e", "f"} & set(einsum.space) else ONE)


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_every_einsum_is_bound_once(name: str) -> None:
    bound = [einsum for epoch in FLOWS[name].binding.epochs for einsum in (*epoch.array, *epoch.vector)]
    assert sorted(bound) == sorted(EINSUMS)


def test_only_scores_that_change_arrays_lie_in_the_buffer() -> None:
    assert FUSEMAX.crossing == TILE_AFTER_TILE.crossing == ()
    assert ON_FLAT.crossing == ("QK", "SLN")
    assert {name: ON_FLAT.score_words(name) for name in EINSUMS if any(ON_FLAT.score_words(name))} == {
        "QK": (0, 1),
        "LM": (1, 0),
        "SLN": (0, 1),
        "SLNV": (1, 0),
    }


@CI
@given(
    NAMES,
    st.sampled_from([8, 16, 256, 512]),
    st.sampled_from([16, 64, 80, 128]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(14, 24),
)
def test_published_formulas(name: str, a: int, e: int, p1: int, m1: int, batch: int, heads: int, buffer: int) -> None:
    arrays = machine(name, a, 1 << buffer)
    p, m = p1 * a, m1 * a
    words = 2 * e + 2 + (2 * a if name == "fusemax-cascade" else 0)
    most = (arrays.buffer_bytes - 2 * a * 2 * e) // (2 * a * words)
    assume(most >= 1)
    passes = p1 // max(count for count in range(1, p1 + 1) if p1 % count == 0 and count <= most)
    tiles = batch * heads * p1 * m1
    av = Fraction(e, m1)
    tile: dict[str, Fraction] = {
        "fusemax": 1 + e + av + 1 + 8 + e,
        "fusemax-arch": max(Fraction(e + 1), 1 + av) + a + 1 + 8 + 2 * e,
        "fusemax-cascade": max(Fraction(2 * e), 4 * a + 5 + 2 * e + av),
    }
    steady = run(Problem(batch, heads, heads, p, m, e), arrays)
    assert steady.cycles == tiles * tile[name]
    x = 2 * batch * heads * e
    assert steady.read == x * p + passes * 2 * x * m
    assert steady.written == x * p
    assert steady.seconds == max(steady.cycles / arrays.clock, (steady.read + steady.written) / arrays.bandwidth)


def test_fusemax_is_balanced_to_a_cycle() -> None:
    arrays, share = machine(), Fraction(1, 4096)
    array, vector, wait = (sum(parts) for parts in zip(*epoch_cycles(FUSEMAX, arrays, 64, share), strict=True))
    assert (array, vector, wait) == (137, 138 + 64 * share, 0)


@CI
@given(NAMES, problems(), st.data())
def test_arrays_are_busy_no_longer_than_the_run(name: str, problem: Problem, data: st.DataObject) -> None:
    arrays = data.draw(machines(name))
    steady = run(problem, arrays)
    assert 0 < max(steady.busy.values()) <= steady.cycles <= steady.seconds * arrays.clock
    for role in (ARRAY, VECTOR):
        assert steady.busy[role] == sum(cycles for where, cycles in steady.einsums.values() if where == role)


@CI
@given(NAMES, problems(), st.data())
def test_traffic_is_compulsory_at_least(name: str, problem: Problem, data: st.DataObject) -> None:
    arrays, whole = data.draw(machines(name)), replace(problem, causal=False)
    steady, masked = run(whole, arrays), run(replace(problem, causal=True), arrays)
    assert steady.read + steady.written >= problem.compulsory_words() * arrays.word_bytes
    assert steady.written == masked.written
    assert masked.read <= steady.read
    assert masked.cycles <= steady.cycles


@CI
@given(NAMES, problems(), st.integers(1, 5), st.data())
def test_heads_add_up(name: str, problem: Problem, times: int, data: st.DataObject) -> None:
    arrays = replace(data.draw(machines(name)), copies=1)
    more = replace(problem, heads=problem.heads * times, kv_heads=problem.kv_heads * times)
    one, all_of_them = run(problem, arrays), run(more, arrays)
    assert all_of_them.seconds == times * one.seconds
    assert all_of_them.read == times * one.read
    assert all_of_them.counts == {
        role: {name: times * count for name, count in counts.items()} for role, counts in one.counts.items()
    }


@CI
@given(NAMES, problems(), st.integers(1, 7), st.data())
def test_copies_share_instances(name: str, problem: Problem, copies: int, data: st.DataObject) -> None:
    alone = replace(data.draw(machines(name)), copies=1)
    one, shared = run(problem, alone), run(problem, replace(alone, copies=copies))
    assert shared.cycles * problem.instances == one.cycles * -(-problem.instances // copies)
    assert (shared.read, shared.counts) == (one.read, one.counts)


@CI
@given(NAMES, problems(), st.data(), st.integers(0, 3000))
def test_a_larger_buffer_moves_no_more(name: str, problem: Problem, data: st.DataObject, more: int) -> None:
    small = data.draw(machines(name))
    large = replace(small, buffer_bytes=small.buffer_bytes + 2 * more)
    assert run(problem, large).read <= run(problem, small).read


@CI
@given(NAMES, problems(), st.data())
def test_tiles_of_a_causal_mask_are_those_with_a_visible_score(
    name: str, problem: Problem, data: st.DataObject
) -> None:
    arrays = data.draw(machines(name))
    flow = FLOWS[name]
    plan = flow.plan(problem, arrays)
    group, block = problem.heads // problem.kv_heads, plan.number("resident") * arrays.cols
    tiles = keys = 0
    edges = [0, *range(problem.queries % block or block, problem.queries + 1, block)]
    for start, stop in pairwise(edges):
        seen = [problem.keys - problem.positions + row // group for row in range(start, stop)]
        last = problem.keys - 1 if not problem.causal else max(seen)
        keys += min(problem.keys, (last // arrays.rows + 1) * arrays.rows)
        for first in range(0, stop - start, arrays.cols):
            places = seen[first : first + arrays.cols]
            for key in range(0, problem.keys, arrays.rows):
                tiles += not problem.causal or any(key <= place for place in places)
    steady = flow.steady(problem, arrays, plan)
    cycles = tile_cycles(flow.binding, arrays, problem.head)
    assert steady.einsums["LM"][1] * arrays.copies == problem.instances * tiles * cycles["LM"]
    own = problem.instances * problem.head * arrays.word_bytes
    assert steady.read == own * (problem.queries + 2 * keys)


@CI
@given(problems(), st.data())
def test_queries_of_a_group_are_rows_of_one_instance(problem: Problem, data: st.DataObject) -> None:
    arrays, group = data.draw(machines()), problem.heads // problem.kv_heads
    shared = replace(problem, causal=False)
    alone = replace(shared, heads=problem.kv_heads, positions=problem.positions * group)
    assert run(shared, arrays) == run(alone, arrays)


@CI
@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.integers(1, 30), st.integers(0, 9))
def test_interleaving_is_never_slower(rows: int, cols: int, lanes: int, head: int, share: int) -> None:
    arrays = replace(machine("fusemax", rows), cols=cols, lanes=lanes)
    apart, together = (per_tile(b, arrays, head, Fraction(share, 9)) for b in (TILE_AFTER_TILE, FUSEMAX))
    each = [sum(column) for column in zip(*epoch_cycles(FUSEMAX, arrays, head, Fraction(share, 9)), strict=True)]
    assert max(each) <= together <= apart + each[1]


@pytest.mark.parametrize("name", sorted(FLOWS))
def test_a_tile_that_does_not_fit(name: str) -> None:
    words = FLOWS[name].binding.held(machine(name), 64)
    need = 2 * (256 * 128 + 256 * words)
    problem = Problem(1, 1, 1, 512, 512, 64)
    assert FLOWS[name].plan(problem, machine(name, buffer=need)).number("resident") == 1
    with pytest.raises(Infeasible, match=f"{256 * words:,} words for Q") as caught:
        FLOWS[name].plan(problem, machine(name, buffer=need - 2))
    assert "does not fit the buffer" in str(caught.value)


@pytest.mark.parametrize("einsum", sorted(EINSUMS))
def test_an_operator_that_no_pe_has(einsum: str) -> None:
    arrays = machine()
    operator, role = EINSUMS[einsum].operator, FUSEMAX.roles[einsum]
    users = [name for name in EINSUMS if EINSUMS[name].operator == operator and FUSEMAX.roles[name] == role]
    side = "array_cycles" if role == ARRAY else "vector_cycles"
    fewer = {name: cycles for name, cycles in getattr(arrays, side).items() if name != operator}
    poorer = replace(arrays, array_cycles=fewer) if role == ARRAY else replace(arrays, vector_cycles=fewer)
    with pytest.raises(BadInput, match=rf"einsum ({'|'.join(users)}) needs {operator}") as caught:
        OnePass(FUSEMAX).plan(Problem(1, 1, 1, 8, 8, 8), poorer)
    assert (arrays.array if role == ARRAY else arrays.vector) in str(caught.value)


def test_plans_that_cannot_be() -> None:
    problem, arrays = Problem(1, 1, 1, 4096, 4096, 64), machine(buffer=1 << 20)
    most = (2**19 - 2 * 256 * 64) // (256 * 130)
    for resident in (0, most + 1):
        with pytest.raises(BadInput, match=f"{resident} resident"):
            OnePass(FUSEMAX).steady(problem, arrays, Plan("fusemax", {"resident": resident}))
