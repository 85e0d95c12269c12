"""Does the replay refuse what is no plan, does packing say what it costs, and is what is impossible explained?"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archsim.core.errors import ArchsimError, BadInput, Infeasible
from archsim.ir.tensorgraph import TensorGraph, TensorOp
from archsim.mappers import solvers_gurobi as gurobi
from archsim.mappers.residency import Plan, plan
from archsim.mappers.residency import pack as packing
from archsim.mappers.residency import part as searching
from archsim.mappers.residency.evict import belady
from archsim.mappers.residency.limits import Limits
from archsim.mappers.residency.part import Method
from archsim.mappers.residency.problem import Problem
from archsim.workloads.networks import UNIT, decoder
from tests.mappers_residency.reference import graphs

READS = ("x", "t0 x", "t0", "t1 t2", "t2 t1", "t3 t4", "t1 t5 t3", "t6 t1")
TIGHT = TensorGraph(
    "tight",
    tuple(
        TensorOp(f"o{i}", tuple(reads.split()), (f"t{i}",), (f"o{i - 1}",) if i else ())
        for i, reads in enumerate(READS)
    ),
    dict(zip(("x", *(f"t{i}" for i in range(8))), (2, 4, 1, 4, 3, 1, 1, 4, 4), strict=True)),
)
"""Found by search: at 9 bytes everything could stay, were tensors liquid, but no layout has them all."""


@pytest.fixture(scope="module")
def layer() -> Plan:
    return plan(decoder(2, 2), 66 * UNIT)


def test_fragmentation_is_paid_for_and_reported() -> None:
    found = plan(TIGHT, 9)
    found.check()
    assert found.load <= found.height <= 9
    assert (found.objective, found.fragmentation, found.lower_bound) == (2, 2, 0)
    assert plan(TIGHT, 10).fragmentation == 0


@pytest.mark.parametrize("graph", [TIGHT, decoder(2, 2)], ids=["tight", "decoder"])
def test_without_cp_sat_plans_are_valid_and_bounds_honest(graph: TensorGraph, monkeypatch: pytest.MonkeyPatch) -> None:
    best = plan(graph, graph.least_capacity)
    monkeypatch.setattr(packing, "has_cp_sat", lambda: False)
    monkeypatch.setattr(searching, "has_cp_sat", lambda: False)
    found = plan(graph, graph.least_capacity)
    found.check()
    assert found.lower_bound <= best.objective <= found.objective


@settings(max_examples=30, deadline=None)
@given(graphs(), st.data())
def test_a_damaged_plan_is_refused(graph: TensorGraph, data: st.DataObject) -> None:
    good = plan(graph, graph.least_capacity)
    segments, index = list(good.segments), data.draw(st.integers(0, len(good.segments) - 1))
    victim = segments[index]
    edits = [
        replace(good, segments=(*segments[:index], *segments[index + 1 :])),
        replace(good, segments=(*segments, replace(victim, offset=victim.offset))),
        replace(good, segments=(*segments[:index], replace(victim, offset=-1), *segments[index + 1 :])),
        replace(good, segments=(*segments[:index], replace(victim, loaded=not victim.loaded), *segments[index + 1 :])),
        replace(good, segments=(*segments[:index], replace(victim, offset=good.capacity), *segments[index + 1 :])),
        replace(good, order=good.order[1:]),
        replace(good, order=(*good.order, good.order[0])),
        replace(good, capacity=good.height - 1),
        replace(good, lower_bound=good.objective + 1),
    ]
    for damaged in edits:
        with pytest.raises(BadInput):
            damaged.check()


def test_two_tensors_that_share_bytes_are_named(layer: Plan) -> None:
    first, second = layer.segments[0], layer.segments[1]
    assert first.last >= second.first
    damaged = replace(layer, segments=(first, replace(second, offset=first.offset), *layer.segments[2:]))
    with pytest.raises(BadInput) as caught:
        damaged.check()
    assert first.tensor in str(caught.value)
    assert second.tensor in str(caught.value)


def test_a_load_of_what_memory_does_not_have_is_refused(layer: Plan) -> None:
    again = next(s for s in layer.segments if s.loaded and s.tensor in layer.graph.writer)
    others = tuple(s for s in layer.segments if s.tensor != again.tensor)
    with pytest.raises(BadInput, match="memory does not have it"):
        replace(layer, segments=(*others, replace(again, first=0))).check()


def test_an_order_that_is_not_legal_is_refused(layer: Plan) -> None:
    with pytest.raises(BadInput, match="runs before"):
        replace(layer, order=tuple(reversed(layer.order))).check()


def test_what_is_moved_is_counted_by_tensor(layer: Plan) -> None:
    assert sum(layer.spilled.values()) + sum(layer.reloaded.values()) == layer.objective == 96 * UNIT
    assert layer.moved_bytes == layer.objective + layer.graph.compulsory_bytes
    assert {m.objective for m in layer.progress} >= {layer.objective}
    assert all(before.bound <= after.bound for before, after in zip(layer.progress, layer.progress[1:], strict=False))
    assert layer.candidates["program"] == 112 * UNIT


def test_what_does_not_fit_is_explained() -> None:
    with pytest.raises(Infeasible) as caught:
        plan(decoder(2, 2), 40 * UNIT)
    text = str(caught.value)
    assert caught.value.exit_code == 1
    assert "l0.act0" in text  # the op
    assert f"{26 * UNIT:,} B more" in text  # by how much
    assert f"--capacity {66 * UNIT}" in text  # what would do
    with pytest.raises(Infeasible, match="alone is larger"):
        plan(decoder(2, 2), 10 * UNIT)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"capacity": 0}, "capacity is 0"),
        ({"capacity": -5}, "capacity is -5"),
        ({"method": "best"}, "unknown method 'best'"),
        ({"work": 0}, "work is 0"),
        ({"seconds": -1}, "seconds is -1"),
        ({"seed": 1 << 31}, "seed is 2147483648"),
        *([({"solver": "gurobi"}, "try: ")] if gurobi.refusal() else []),
        ({"solver": "excel"}, "unknown solver 'excel'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], words: str) -> None:
    given_: dict[str, object] = {"capacity": 66 * UNIT, **options}
    with pytest.raises(ArchsimError) as caught:
        plan(decoder(2, 2), **given_)  # type: ignore[arg-type]
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("method", ["auto", "window", "joint"])
def test_a_time_limit_leaves_a_valid_plan(method: Method) -> None:
    found = plan(decoder(8, 8), 48 * UNIT, method=method, seconds=0.2)
    found.check()
    assert found.stopped == "seconds"
    assert found.lower_bound <= found.objective


@example(TIGHT, 0)
@given(graphs(most=6), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_what_does_not_pack_gives_way_also_when_the_time_is_up(graph: TensorGraph, extra: int) -> None:
    problem = Problem.of(graph)
    capacity = (graph.least_capacity + extra) // problem.unit
    kept = belady(problem, problem.program, capacity)
    late = Limits(1.0, until=0.0)
    assert late.late
    packed = packing.given_way(problem, kept, capacity, late)
    assert packed.schedule.order == kept.order
    assert packed.schedule.cost >= kept.cost
    spans = [
        (stay.first, stay.last, at, at + problem.size[stay.tensor])
        for stay, at in zip(packed.schedule.stays, packed.offsets, strict=True)
    ]
    assert all(low >= 0 and high <= capacity for _, _, low, high in spans)
    for (a, b, low, high), (c, d, under, over) in combinations(spans, 2):
        assert b < c or d < a or high <= under or over <= low
