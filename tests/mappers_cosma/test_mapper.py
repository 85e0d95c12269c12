"""The mapper `cosma`: every promise of a mapper, and does what stays in the scratchpad lie where it says?"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.designs import load_design
from archsim.core.errors import ArchsimError
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.execute import execute
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping, Placement
from archsim.ir.opblock import op_call
from archsim.mappers.cosma import CosmaMapper
from archsim.units.systolic import Systolic
from archsim.workloads.load import load_workload
from tests.compliance.mapper import Case, MapperCompliance
from tests.mappers.test_compliance import SHAPES, small_graph

BUFFERS = ("256 B", "4 KiB")
METRICS = ("time", "bytes")


class TestCosmaMapper(MapperCompliance):
    @pytest.fixture(params=METRICS)
    def mapper(self, request: pytest.FixtureRequest) -> Mapper:
        return CosmaMapper(minimise=request.param)

    @pytest.fixture(
        params=[
            ("bert-base", {}),
            ("llama-3.2-1b", {"phase": "prefill", "prompt": 700}),
            ("gpt2-small", {"phase": "generate", "prompt": 3, "generate": 4, "batch": 2}),
        ],
        ids=lambda param: f"{param[0]} {param[1]}",
    )
    def case(self, request: pytest.FixtureRequest) -> Case:
        name, options = request.param
        return load_workload(name, **options).expand(), load_design("systolic")

    @pytest.fixture
    def mapping(self, mapper: Mapper, case: Case) -> Mapping:
        key = json.dumps(dict(mapper)), case[0].name
        if key not in _MAPPED:
            _MAPPED[key] = mapper.map(*case)
        return _MAPPED[key]

    @pytest.fixture(params=[(shape, BUFFERS[i % 2]) for i, shape in enumerate(SHAPES)], ids=str)
    def small(self, request: pytest.FixtureRequest) -> Case:
        shape, buffer = request.param
        size = {"array.buffer": buffer, "array.rows": 4, "array.cols": 4}
        return small_graph(*shape), load_design("systolic", set=size)


_MAPPED: dict[tuple[str, str], Mapping] = {}
"""Mappings of the cases, made once: mappings are values, and that they are made equally again is tested."""


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_computes_the_graph_from_what_lies_at_its_addresses(shape: tuple[dict[str, object], ...]) -> None:
    graph, design = small_graph(*shape), load_design("systolic", set={"array.buffer": "1 KiB"})
    mapping = CosmaMapper(fuse=False).map(graph, design)
    assert max(execute(mapping, graph, design).errors.values()) < 1e-9
    first, *others = [place for place in mapping.placements if "@" not in place.tensor]  # whole, not parts or copies
    clash = next(p for p in others if _meet(first, p, {name: i for i, name in enumerate(graph.ops)}))
    moved = tuple(replace(p, start=first.start) if p is clash else p for p in mapping.placements)
    damaged = execute(replace(mapping, placements=moved), graph, design)
    assert max(damaged.errors.values()) > 1e-3


@pytest.mark.parametrize(("name", "options"), [("gpt2-small", {"phase": "prefill", "prompt": 512}), ("bert-base", {})])
def test_what_stays_saves_bytes_energy_and_no_time_is_lost(name: str, options: dict[str, object]) -> None:
    import archsim

    held, moved = (archsim.run("systolic", name, mapper=mapper, **options) for mapper in ("cosma", "ops"))  # type: ignore[arg-type]
    assert held.energy.total < moved.energy.total
    assert held.seconds <= moved.seconds
    assert held.macs == moved.macs
    assert held.lower_bound_seconds <= held.seconds


def test_lives_that_meet_share_no_byte_and_a_damaged_address_is_refused() -> None:
    graph, design = small_graph(*SHAPES[2]), load_design("systolic")
    mapping = CosmaMapper().map(graph, design)
    mapping.check(graph, design)
    assert len(mapping.placements) > 3
    place = {name: index for index, name in enumerate(graph.ops)}
    pairs = [
        (victim, other)
        for victim in mapping.placements
        for other in mapping.placements
        if victim is not other and _meet(victim, other, place)
    ]
    assert pairs
    for victim, other in pairs:
        places = tuple(replace(p, start=other.start) if p is victim else p for p in mapping.placements)
        with pytest.raises(ArchsimError) as caught:
            replace(mapping, placements=places).check(graph, design)
        assert "share bytes" in str(caught.value)


def _meet(a: Placement, b: Placement, place: dict[str, int]) -> bool:
    """Whether lives share an inner op; where one ends with the op that the other starts with, that may be in place."""
    assert a.live
    assert b.live
    return place[a.live[0]] < place[b.live[1]] and place[b.live[0]] < place[a.live[1]]


def test_only_units_that_hold_results_are_accepted() -> None:
    class Plain(Component, kind="plain_unit"):
        def cost(self, op: OpCall) -> Cost | None:
            return Cost(1)

    class Lone(Design, kind="plain_design"):
        unit: Plain = Plain()

    assert not CosmaMapper().accepts(Lone())
    assert CosmaMapper().accepts(load_design("systolic"))
    assert not CosmaMapper().accepts(load_design("pim-gpt"))


def test_ops_stays_the_default() -> None:
    import archsim

    assert archsim.run("systolic", "gemm:8,8,8").mapping["mapper"] == "ops"


def test_a_graph_without_activations_holds_nothing() -> None:
    graph: Graph = load_workload("gemm:64,64,64").expand()
    mapping = CosmaMapper().map(graph, load_design("systolic"))
    assert mapping.placements == ()
    assert mapping.capacities == {}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["ws", "is", "os"]),
    st.tuples(*[st.integers(1, 300)] * 3),
    st.integers(0, 1 << 17),
    st.integers(0, 1 << 17),
    st.integers(2, 1 << 16),
)
def test_what_is_held_costs_no_traffic_and_never_more_of_anything(
    dataflow: str, shape: tuple[int, int, int], held_in: int, held_out: int, room: int
) -> None:
    """Weights always come from memory; holding saves at most the operands' own visits; less room never moves less."""
    array = Systolic.model_validate({"rows": 8, "cols": 8, "dataflow": dataflow, "buffer": "64 KiB"})
    dims = dict(zip("mnk", shape, strict=True))
    plain, tight, held = (
        op_call("matmul", {**dims, **more})
        for more in ({}, {"room": room}, {"room": room, "held_in": held_in, "held_out": held_out})
    )
    costs = [array.cost(call) for call in (plain, tight, held)]
    moved = [(cost.bytes_read or 0) + (cost.bytes_written or 0) for cost in costs]
    assert plain.bytes_stored <= moved[2] <= moved[1]
    assert moved[0] <= moved[1]
    assert (costs[2].bytes_written or 0) >= held.bytes_out - held.held_out
    assert costs[2].cycles <= costs[1].cycles
    assert array.floor(held) <= costs[2].cycles
    whole = array.cost(op_call("matmul", {**dims, "held_in": 1 << 40, "held_out": 1 << 40}))
    assert (whole.bytes_read, whole.bytes_written) == (plain.bytes_stored, 0)
