"""Every mapper and dataflow on every shipped design computes every kind of workload, or says why it cannot.

Too many combinations for all of them: each design with each mapping has its share of the workloads, another one each
time, so that together they have met all.
"""

from __future__ import annotations

from itertools import count

import pytest

from archsim.api.designs import load_design
from archsim.core.errors import BadInput, Infeasible
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from archsim.mappers.spatial import SpatialMapper
from archsim.units.spatial.dataflows import DATAFLOWS
from tests.ir_execute.cases import OPERATORS, operator
from tests.mappers.test_compliance import TINY, small_graph
from tests.mappers.test_spatial import SMALL

SHARE = 2
"""Workloads for each design and mapping."""
TINY_MODEL: dict[str, object] = {"layers": 2, "d_model": 8, "heads": 4, "d_ff": 12, "vocab": 5, "max_positions": 64}
BIASES: dict[str, object] = {"qkv_bias": True, "proj_bias": True, "ffn_bias": True}
MODELS: dict[str, dict[str, object]] = {
    "gpt": {**TINY_MODEL, **BIASES, "position": "learned"},
    "gqa": {
        **TINY_MODEL,
        "kv_heads": 2,
        "gated": True,
        "norm": "rmsnorm",
        "activation": "silu",
        "position": "rope",
    },
    "bert": {**TINY_MODEL, **BIASES, "family": "encoder", "post_norm": True, "position": "learned"},
}
PHASES: dict[str, dict[str, object]] = {
    "prefill": {"phase": "prefill", "prompt": 9},
    "decode": {"phase": "decode", "context": 7, "generate": 2},
    "generate": {"phase": "generate", "prompt": 5, "generate": 3},
}
WORKLOADS = [
    *(
        (model, phase, batch)
        for model in MODELS
        for phase in PHASES
        for batch in (1, 2)
        if model != "bert" or phase == "prefill"
    ),
    *OPERATORS,
    "add:2,3",
    "attention:1,1,1,40,40,4,causal",
    "attention:1,6,2,33,40,4,causal",
]
SPATIAL = ("fusemax", "fusemax-arch", "fusemax-cascade", "fusemax-edge", "flat", "flat-edge", "unfused")
MAPPINGS: list[tuple[str, dict[str, object], Mapper]] = [
    *((design, dict(SMALL), SpatialMapper(dataflow=flow)) for design in SPATIAL for flow in DATAFLOWS),
    *(
        (design, dict(TINY), PimMapper(vectors_ahead=ahead, hide_value_write=hide))
        for design in ("pim-gpt", "pim-gpt-8k", "aim")
        for ahead in (True, False)
        for hide in (True, False)
    ),
    *(("systolic", {}, mapper) for mapper in (OpMapper(), CosmaMapper())),
    *((design, {}, OpMapper()) for design in ("t4", "xeon-6154")),
]
LIMITS = ("which no PE of", "every query attends to keys that come after it")
"""Why a machine cannot do a workload at all."""


def graph_of(workload: tuple[str, str, int] | str) -> Graph:
    """The graph of a row of the matrix."""
    if isinstance(workload, str):
        return operator(workload)
    model, phase, batch = workload
    return small_graph(MODELS[model], {**PHASES[phase], "batch": batch})


turn = count()
CELLS = [(*mapping, WORKLOADS[next(turn) % len(WORKLOADS)]) for mapping in MAPPINGS for _ in range(SHARE)]


@pytest.mark.parametrize(("design", "options", "mapper", "workload"), CELLS, ids=str)
def test_it_computes_the_graph_or_says_why_not(
    design: str, options: dict[str, object], mapper: Mapper, workload: tuple[str, str, int] | str
) -> None:
    graph, machine = graph_of(workload), load_design(design, set=options)
    mapping = mapped(graph, machine, mapper)
    if isinstance(mapping, str):
        assert any(limit in mapping for limit in LIMITS), mapping
        return
    mapping.check(graph, machine)
    for seed in (0, 1):
        found = mapping.execute(graph, machine, seed, order="any" if seed else "program")
        assert found.ok, found.lines()


def mapped(graph: Graph, machine: Design, mapper: Mapper) -> Mapping | str:
    """The mapping, or why there is none."""
    try:
        return mapper.map(graph, machine)
    except (BadInput, Infeasible) as error:
        return str(error)


def test_every_workload_has_its_turn() -> None:
    assert {str(cell[-1]) for cell in CELLS} == {str(workload) for workload in WORKLOADS}


def edges(graph: Graph, mapper: Mapper, options: dict[str, object]) -> int:
    """Tasks whose queries begin at the mask's edge, if the mapping computes the graph in any order."""
    machine = load_design("fusemax", set=options)
    mapping = mapper.map(graph, machine)
    mapping.check(graph, machine)
    for seed in (0, 1):
        found = mapping.execute(graph, machine, seed, order="any" if seed else "program")
        assert found.ok, found.lines()
    queries = (task.tile["q"] for task, _ in mapping.walk() if "q" in task.tile)
    return sum(len(r.start.names()) > len(r.stop.names()) for r in queries)


@pytest.mark.parametrize("heads", ["1,1", "6,2", "3,1", "2,2"])
def test_tiles_of_a_staircase_that_go_as_one_are_executed(heads: str) -> None:
    graph = operator(f"attention:1,{heads},40,47,4,causal")
    assert edges(graph, SpatialMapper(), {**SMALL, "buffer.size": "4 KiB"}) > 0
