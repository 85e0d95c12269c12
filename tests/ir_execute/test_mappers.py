"""Every mapper's mappings compute the graph: on operators, on drawn models, in any order that they allow."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.designs import load_design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from archsim.mappers.spatial import SpatialMapper
from tests.compliance.execution import ExecutionCompliance
from tests.compliance.mapper import Case
from tests.ir_execute.cases import OPERATORS, models, operator
from tests.mappers.test_compliance import SHAPES, TINY, small_graph
from tests.mappers.test_spatial import SMALL


class TestOps(ExecutionCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return OpMapper()

    @pytest.fixture(params=[*SHAPES, *OPERATORS, "add:2,3"], ids=str)
    def small(self, request: pytest.FixtureRequest) -> Case:
        param = request.param
        return operator(param) if isinstance(param, str) else small_graph(*param), load_design("systolic")


class TestPim(ExecutionCompliance):
    @pytest.fixture(params=[(shape, ahead) for shape in SHAPES for ahead in (True, False)], ids=str)
    def setting(self, request: pytest.FixtureRequest) -> tuple[tuple[dict[str, object], dict[str, object]], bool]:
        return request.param  # type: ignore[no-any-return]

    @pytest.fixture
    def mapper(self, setting: tuple[object, bool]) -> Mapper:
        return PimMapper(vectors_ahead=setting[1], hide_value_write=setting[1])

    @pytest.fixture
    def small(self, setting: tuple[tuple[dict[str, object], dict[str, object]], bool]) -> Case:
        return small_graph(*setting[0]), load_design("pim-gpt", set=TINY)


class TestPimOperators(ExecutionCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return PimMapper()

    @pytest.fixture(
        params=[
            "add:2,3",
            *(text for text in OPERATORS if text.startswith(("gemm", "attention:1", "soft", "rms", "gelu", "copy"))),
        ]
    )
    def small(self, request: pytest.FixtureRequest) -> Case:
        return operator(request.param), load_design("pim-gpt", set=TINY)


class TestCosma(ExecutionCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return CosmaMapper()

    @pytest.fixture(params=SHAPES, ids=str)
    def small(self, request: pytest.FixtureRequest) -> Case:
        graph, design = small_graph(*request.param), load_design("systolic")
        assert CosmaMapper().map(graph, design).placements, "nothing stays on chip: no address is tried"
        return graph, design


class TestSpatial(ExecutionCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return SpatialMapper()

    @pytest.fixture(
        params=[
            *((design, shape) for design in ("fusemax", "flat") for shape in SHAPES[1:4]),
            ("fusemax-arch", "attention:2,4,2,6,9,4"),
            ("fusemax-cascade", "attention:1,4,2,5,9,3,causal"),
            ("fusemax", "attention:1,2,1,9,13,4,causal"),
            ("unfused", SHAPES[2]),
            ("fusemax", "gemm:9,7,5"),
            ("flat", "rmsnorm:9,3"),
        ],
        ids=str,
    )
    def small(self, request: pytest.FixtureRequest) -> Case:
        design, what = request.param
        graph = operator(what) if isinstance(what, str) else small_graph(*what)
        return graph, load_design(design, set=SMALL)


@pytest.mark.parametrize("flow", ["flash1", "flash2", "split-kv"])
def test_other_dataflows_compute_attention(flow: str) -> None:
    graph, design = operator("attention:1,4,2,5,9,4"), load_design("flat", set=SMALL)
    found = SpatialMapper(dataflow=flow).map(graph, design).execute(graph, design, 1, order="any")
    assert found.ok, found.lines()


@given(models(), st.integers(0, 3))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_drawn_models_on_whole_op_units(graph: Graph, seed: int) -> None:
    design = load_design("systolic")
    found = OpMapper().map(graph, design).execute(graph, design, seed, order="any")
    assert found.ok, found.lines()


@pytest.mark.parametrize("phase", [{"phase": "decode", "context": 5}, {"phase": "prefill", "prompt": 9}], ids=str)
def test_sequences_one_by_one_on_banks(phase: dict[str, object]) -> None:
    shape: dict[str, object] = {"layers": 2, "d_model": 8, "heads": 4, "d_ff": 4}
    graph = small_graph(shape, {**phase, "batch": 3})
    roomy = PimMapper().map(graph, load_design("pim-gpt", set=TINY))
    height = max(p.start + p.size for p in roomy.placements if p.memory == "asic.sram")
    design = load_design("pim-gpt", set={**TINY, "asic.sram": f"{height - 1} B"})
    for seed in range(3):
        tight = PimMapper().map(graph, design)
        found = tight.execute(graph, design, seed, order="any")
        assert found.ok, found.lines()
    inside = {task.kernel for task, loops in tight.walk() if loops and loops[-1].var == "sequence"}
    assert {"scores", "softmax", "values"} <= inside
    assert len(list(tight.walk())) == len(list(roomy.walk()))


def test_post_norm_on_banks() -> None:
    shape: dict[str, object] = {"layers": 1, "d_model": 4, "heads": 1, "head_dim": 1, "d_ff": 3, "post_norm": True}
    graph, design = small_graph(shape, {"phase": "prefill", "prompt": 1}), load_design("pim-gpt", set=TINY)
    found = PimMapper(vectors_ahead=False).map(graph, design).execute(graph, design)
    assert found.ok, found.lines()


@given(models(batch=2, decoders=True), st.integers(0, 3), st.booleans(), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=25)
def test_drawn_models_on_banks(graph: Graph, seed: int, hide: bool, ahead: bool) -> None:
    design = load_design("pim-gpt", set=TINY)
    mapping = PimMapper(vectors_ahead=ahead, hide_value_write=hide).map(graph, design)
    found = mapping.execute(graph, design, seed, order="any")
    assert found.ok, found.lines()


@given(models(batch=2), st.integers(0, 3), st.sampled_from(["fusemax", "fusemax-cascade", "flat", "unfused"]))
@settings(deadline=None, derandomize=True, max_examples=25)
def test_drawn_models_on_spatial_arrays(graph: Graph, seed: int, name: str) -> None:
    design = load_design(name, set=SMALL)
    mapping = SpatialMapper().map(graph, design)
    found = mapping.execute(graph, design, seed, order="any")
    assert found.ok, found.lines()
