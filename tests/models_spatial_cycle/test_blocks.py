"""The units on their own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import archsim
from archsim.api.designs import load_design
from archsim.core.errors import ArchsimError, BadInput
from archsim.ir.block import Block
from archsim.mappers.spatial import SpatialMapper
from archsim.workloads.load import load_workload

CI = settings(deadline=None, derandomize=True, max_examples=60)
SIZES = st.integers(0, 10**6)


def unit(name: str, **fields: object) -> Block:
    return load_design("fusemax", set=fields).blocks()[name]


@given(depth=st.integers(0, 10**4), ops=SIZES, ripple=st.integers(0, 1), read=SIZES, written=SIZES)
@CI
def test_a_pass_takes_its_operations_or_its_words_then_the_ripple(
    depth: int, ops: int, ripple: int, read: int, written: int
) -> None:
    args = {"depth": depth, "ops": ops, "ripple": ripple, "read": read, "written": written}
    step = unit("array_2d").step("sub_exp", args, np.zeros(0, dtype=np.int64), 0, 0)
    cycles = max(7 * depth, -(-(read + written) // 1024))  # 4 ports of 256 words
    assert 0 <= step.free * 940e6 - cycles * 1e12 < 940e6
    assert 0 <= step.done * 940e6 - (cycles + 256 * ripple) * 1e12 < 940e6
    assert step.counters["exp"] == ops
    causes = {name: time for name, time in step.counters.items() if name.startswith("t_")}
    assert sum(causes.values()) == step.done
    assert min(causes.values()) >= 0


@given(depth=st.integers(0, 100), ops=SIZES)
@CI
def test_no_pass_beats_its_bound(depth: int, ops: int) -> None:
    block = unit("array_1d")
    args = {"depth": depth, "ops": ops, "ripple": 0, "read": 0, "written": 0}
    bound = block.bound("mac", {name: np.array([value]) for name, value in args.items()})
    assert bound[0] <= block.step("mac", args, np.zeros(0, dtype=np.int64), 0, 0).free


@given(bytes_=st.integers(0, 10**15))
@CI
def test_transfers_stream_and_loads_come_late(bytes_: int) -> None:
    fields = {"energy.mode": "corrected", "dram.bandwidth": "400 GB/s", "dram.efficiency": 1, "dram.latency": "30 ns"}
    block, state = unit("dram", **fields), np.zeros(0, dtype=np.int64)
    load, store = (block.step(kernel, {"bytes": bytes_, "words": 3}, state, 0, 0) for kernel in ("load", "store"))
    assert load.free == store.free == store.done == -(-bytes_ * 10 // 4)
    assert load.done == load.free + 30_000
    assert (load.counters["bytes_read"], store.counters["bytes_written"]) == (bytes_, bytes_)


@pytest.mark.parametrize("lanes", [1, 3])
def test_lanes_are_answered_one_by_one(lanes: int) -> None:
    block = unit("array_1d")
    args = {"depth": np.arange(1, lanes + 1), **{n: np.array([0]) for n in ("ops", "ripple", "read", "written")}}
    together = block.run("add", args, np.zeros((1, 0), dtype=np.int64), np.zeros(1, dtype=np.int64))
    alone = [
        block.step("add", {"depth": d + 1, "ops": 0, "ripple": 0, "read": 0, "written": 0}, together.state[0], 0, 0)
        for d in range(lanes)
    ]
    assert together.done.tolist() == [step.done for step in alone]
    assert together.counters["cycles"].tolist() == [step.counters["cycles"] for step in alone]


@pytest.mark.parametrize(
    ("design", "options", "fields", "said"),
    [
        ("fusemax", {}, {"buffer.size": "64 KiB"}, "buffer"),
        ("flat", {"dataflow": "fusemax"}, {}, "needs max"),
    ],
)
def test_what_cannot_be_is_said(design: str, options: dict[str, object], fields: dict[str, object], said: str) -> None:
    graph = load_workload("attention:1,1,1,512,512,64").expand()
    with pytest.raises(ArchsimError, match=said):
        SpatialMapper.model_validate(options).map(graph, load_design(design, set=fields))


def test_a_setting_of_the_mapper_is_blamed_for_a_dataflow_that_is_none() -> None:
    with pytest.raises(BadInput, match="did you mean 'fusemax'") as caught:
        archsim.run("fusemax", "attention:1,1,1,512,512,64", set=["mapper.dataflow=fusemix"])
    assert caught.value.where == "--set mapper.dataflow=fusemix"


def test_an_op_that_no_array_does_is_named() -> None:
    machine = load_design("fusemax", set={"array_1d.pe.divide": False})
    with pytest.raises(BadInput, match="needs div"):
        SpatialMapper().map(load_workload("softmax:8,16").expand(), machine)


def test_other_designs_are_refused() -> None:
    with pytest.raises(ArchsimError, match="spatial arrays"):
        SpatialMapper().map(load_workload("softmax:8,16").expand(), load_design("pim-gpt"))
