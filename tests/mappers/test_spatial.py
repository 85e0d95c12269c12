"""The spatial mapper keeps the promises of the interface, with every dataflow, on whole models and lone attentions."""

from __future__ import annotations

import pytest

from archsim.api.designs import load_design
from archsim.ir.mapper import Mapper
from archsim.mappers.spatial import SpatialMapper
from archsim.workloads.load import load_workload
from tests.compliance.mapper import Case, MapperCompliance
from tests.mappers.test_compliance import SHAPES, small_graph

SMALL = {"array_2d.rows": 4, "array_2d.cols": 4, "buffer.size": "512 B", "buffer.line": "8 B"}
"""Arrays so small that small models need several tiles of everything."""


class TestSpatialMapper(MapperCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return SpatialMapper()

    @pytest.fixture(
        params=[
            ("fusemax", "bert-base", {}),
            ("fusemax", "gpt2-small", {"phase": "prefill", "prompt": 1500, "batch": 2}),
            ("fusemax", "llama-3.2-1b", {"phase": "decode", "context": 1500, "generate": 3}),
            ("fusemax-edge", "attention:1,8,2,70,140,64,causal", {}),
            ("fusemax-arch", "attention:2,4,4,600,700,64", {}),
            ("fusemax-cascade", "attention:1,8,2,5,40,64,causal", {}),
            ("flat", "attention:2,4,2,600,700,64", {}),
            ("unfused", "gpt2-small", {"phase": "generate", "prompt": 3, "generate": 2, "batch": 2}),
            ("fusemax", "gemm:3,300,2000", {}),
        ],
        ids=lambda param: "-".join(param[:2]),
    )
    def case(self, request: pytest.FixtureRequest) -> Case:
        design, name, options = request.param
        return load_workload(name, **options).expand(), load_design(design)

    @pytest.fixture(params=[(d, s) for d in ("fusemax", "flat") for s in SHAPES[1:4]], ids=str)
    def small(self, request: pytest.FixtureRequest) -> Case:
        design, shape = request.param
        return small_graph(*shape), load_design(design, set=SMALL)
