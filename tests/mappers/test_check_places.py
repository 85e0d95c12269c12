"""Does `check` see rooms that are too small, operands that are elsewhere or not there, and copies that share bytes?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from archsim import BadInput, DoesNotFit
from archsim.api.designs import load_design
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping, Task
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.pim import PimMapper
from archsim.mappers.placed import PlacedMapper
from archsim.workloads.load import load_workload
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer
from tests.compliance.mapper import changed
from tests.mappers.test_placed import designs

TINY = {"name": "tiny", "layers": 2, "vocab": 5, "max_positions": 32, "d_model": 8, "d_ff": 12, "head_dim": 2}
SYSTOLIC = {"array.rows": 4, "array.cols": 4, "array.bandwidth": "1 GB/s"}


def tiny(*, layers: int = 2, heads: int = 2, kv_heads: int = 1, gated: bool = True, batch: int = 2) -> Graph:
    shape = {**TINY, "layers": layers, "family": "decoder", "heads": heads, "kv_heads": kv_heads, "gated": gated}
    shape |= {"norm": "rmsnorm", "position": "rope"}
    model = ModelShape.model_validate(shape)
    return Transformer.model_validate({"model": model, "phase": "prefill", "prompt": 5, "batch": batch}).expand()


def cosma(buffer: str, metric: str = "time") -> tuple[Graph, Design, Mapping]:
    graph, design = tiny(), load_design("systolic", set={**SYSTOLIC, "array.buffer": buffer})
    mapping = CosmaMapper.model_validate({"minimise": metric}).map(graph, design)
    mapping.check(graph, design)
    return graph, design, mapping


@pytest.mark.parametrize("buffer", ["300 B", "1500 B", "64 KiB"])
def test_a_room_of_half_the_size_is_too_small(buffer: str) -> None:
    graph, design, mapping = cosma(buffer)
    vectors = [p for p in mapping.placements if not p.tensor.startswith(("w_", "k_cache", "v_cache"))]
    assert vectors
    for place in vectors:
        half = tuple(replace(p, size=p.size // 2) if p is place else p for p in mapping.placements)
        with pytest.raises((DoesNotFit, BadMapping)):
            replace(mapping, placements=half).check(graph, design)


@pytest.mark.parametrize("buffer", ["300 B", "1500 B", "64 KiB"])
def test_whoever_computes_says_where_its_operands_are(buffer: str) -> None:
    graph, design, mapping = cosma(buffer)
    for task, _ in mapping.walk():

        def blind(one: Task, name: str = task.name) -> Task:
            return replace(one, reads=()) if one.name == name else one

        with pytest.raises(BadMapping, match="does not read"):
            changed(mapping, blind).check(graph, design)


@pytest.mark.parametrize("buffer", ["64 B", "200 B", "512 B"])
@pytest.mark.parametrize("metric", ["time", "bytes"])
def test_blocks_of_columns_of_several_outputs_have_room_for_any_of_them(buffer: str, metric: str) -> None:
    """A block may lie in the queries alone."""
    graph, design, mapping = cosma(buffer, metric)
    assert mapping.execute(graph, design).ok


@pytest.mark.parametrize("tensor", ["k_cache", "v_cache", "w_up"])
def test_copies_that_are_kept_lie_apart(tensor: str) -> None:
    graph, design = load_workload("gpt2-small", phase="decode", context=10).expand(), load_design("pim-gpt")
    mapping = PimMapper().map(graph, design)
    mapping.check(graph, design)
    together = tuple(replace(p, strides={}) if p.tensor == tensor else p for p in mapping.placements)
    with pytest.raises((BadMapping, DoesNotFit), match=tensor):
        replace(mapping, placements=together).check(graph, design)


def test_results_are_read_on_the_unit_where_they_lie() -> None:
    graph, design = tiny(batch=1), designs(1)[1]
    mapping = PlacedMapper().map(graph, design)
    mapping.check(graph, design)
    links = {name for name, part in design.parts.items() if part.carries}
    moved = 0
    for task, _ in mapping.walk():
        for unit in ("one", "other"):
            if task.unit in links or task.unit == unit or not task.tile:
                continue

            def elsewhere(one: Task, name: str = task.name, unit: str = unit) -> Task:
                return replace(one, unit=unit) if one.name == name else one

            moved += 1
            with pytest.raises((BadMapping, BadInput)):
                changed(mapping, elsewhere).check(graph, design)
    assert moved


def test_a_loop_of_one_iteration_has_none_before_it() -> None:
    for design in designs(1):
        graph = tiny(layers=1, batch=1)
        accepting = [kind() for _, kind in Mapper.registry.items() if kind().accepts(design)]
        for mapper in accepting:
            mapper.map(graph, design).check(graph, design)
