"""Every mapper keeps the promises of the interface."""

from __future__ import annotations

import pytest

from archsim.api.designs import load_design
from archsim.ir.mapper import Mapper
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from archsim.workloads.load import load_workload
from tests.compliance.mapper import CapacityCompliance, Case, MapperCompliance

ROOMY = {"pim.rows": 65536, "asic.sram": "8 MiB"}


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

    @pytest.fixture(params=["gpt3-175b", "gpt2-xl"])
    def too_large(self, request: pytest.FixtureRequest) -> Case:
        tokens = 2000 if request.param == "gpt2-xl" else 2
        graph = load_workload(request.param, phase="generate", generate=tokens).expand()
        return graph, load_design("pim-gpt")


class TestOpMapper(MapperCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return OpMapper()

    @pytest.fixture(params=["gpt2-small", "bert-base", "llama-3.2-1b"])
    def case(self, request: pytest.FixtureRequest) -> Case:
        return load_workload(request.param).expand(), load_design("systolic")
