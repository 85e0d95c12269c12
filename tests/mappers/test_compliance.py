"""Every mapper keeps the promises of the interface."""

from __future__ import annotations

import pytest

from archsim.api.designs import load_design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from archsim.workloads.load import load_workload
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer
from tests.compliance.mapper import CapacityCompliance, Case, MapperCompliance

ROOMY = {"pim.rows": 65536, "asic.sram": "8 MiB"}
TINY = {
    "pim.channels": 1,
    "pim.banks": 2,
    "pim.lanes": 2,
    "pim.row_bytes": "16 B",
    "pim.buffer": "12 B",
    "pim.burst": "4 B",
}
SHAPE = {"name": "tiny", "layers": 2, "d_model": 6, "heads": 2, "d_ff": 7, "vocab": 5, "max_positions": 32}
SHAPES: list[tuple[dict[str, object], dict[str, object]]] = [
    ({}, {"phase": "generate", "generate": 3}),
    ({"position": "learned", "qkv_bias": True, "ffn_bias": True}, {"phase": "generate", "prompt": 3, "generate": 3}),
    ({"heads": 4, "kv_heads": 2, "head_dim": 2, "gated": True, "norm": "rmsnorm"}, {"phase": "prefill", "prompt": 4}),
    (
        {"post_norm": True, "proj_bias": True, "tied": True},
        {"phase": "decode", "context": 9, "generate": 2, "batch": 2},
    ),
    ({"position": "none"}, {"phase": "generate", "prompt": 2, "generate": 3, "batch": 3}),
]
"""Small models and what they do, for mappings that are looked at point by point."""


def small_graph(shape: dict[str, object], counts: dict[str, object]) -> Graph:
    model = ModelShape.model_validate({"position": "none", **SHAPE, **shape})
    return Transformer.model_validate({"model": model, **counts}).expand()


class TestPimMapper(MapperCompliance, CapacityCompliance):
    @pytest.fixture(params=[True, False])
    def mapper(self, request: pytest.FixtureRequest) -> Mapper:
        return PimMapper(hide_value_write=request.param, vectors_ahead=request.param)

    @pytest.fixture(
        params=[
            ("gpt2-small", {"phase": "generate", "generate": 4}),
            ("gpt2-small", {"phase": "generate", "prompt": 3, "generate": 2, "batch": 2}),
            ("llama-3.2-1b", {"phase": "decode", "context": 1500}),
            ("gpt2-small", {"phase": "prefill", "prompt": 5}),
            ("gemm:3,300,2000", {}),
            ("attention:1,8,2,5,40,64,causal", {}),
        ],
        ids=lambda param: param[0],
    )
    def case(self, request: pytest.FixtureRequest) -> Case:
        name, options = request.param
        return load_workload(name, **options).expand(), load_design("pim-gpt", set=ROOMY)

    @pytest.fixture(params=SHAPES, ids=str)
    def small(self, request: pytest.FixtureRequest) -> Case:
        return small_graph(*request.param), load_design("pim-gpt", set=TINY)

    @pytest.fixture(params=["gpt3-175b", "gpt2-xl"])
    def too_large(self, request: pytest.FixtureRequest) -> Case:
        graph = load_workload(request.param, phase="generate", generate=2).expand()
        return graph, load_design("pim-gpt", set={"asic.sram": "32 KiB"})


class TestOpMapper(MapperCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return OpMapper()

    @pytest.fixture(params=["gpt2-small", "bert-base", "llama-3.2-1b"])
    def case(self, request: pytest.FixtureRequest) -> Case:
        return load_workload(request.param).expand(), load_design("systolic")

    @pytest.fixture(params=SHAPES, ids=str)
    def small(self, request: pytest.FixtureRequest) -> Case:
        return small_graph(*request.param), load_design("systolic")
