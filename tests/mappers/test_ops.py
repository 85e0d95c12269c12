"""The mapper for units that take whole ops."""

from __future__ import annotations

import pytest

import archsim
from archsim.core.errors import Infeasible
from archsim.ir.check import check
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.graph import Graph
from archsim.ir.mapping import After, Mapping
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.ops import OpMapper, arguments
from archsim.units.systolic import Systolic
from archsim.workloads.load import load_workload


class Products(Component, kind="test_products"):
    """Matrix products only, the time proportional to the MACs."""

    per_cycle: int = 64
    """MACs per cycle."""

    def cost(self, op: OpCall) -> Cost | None:
        return Cost(-(-op.macs // self.per_cycle)) if op.macs else None


class Pair(Design, kind="test_pair"):
    """An array that does everything beside a unit that does products."""

    npu: Systolic = Systolic(rows=16, cols=16)
    """Everything."""
    mac: Products = Products()
    """Products."""


class Alone(Design, kind="test_alone"):
    """A machine that cannot do a softmax."""

    mac: Products = Products()
    """Products."""


class Stubborn(Pair, kind="test_stubborn"):
    """Sends everything to the unit that only does products."""

    def place(self, kind: str, options: object) -> str:
        return "mac"


def lowered(workload: str, design: Design, **options: int | str) -> tuple[Graph, Mapping]:
    graph = load_workload(workload, **options).expand()  # type: ignore[arg-type]
    mapping = OpMapper().map(graph, design)
    check(mapping, graph, design)
    return graph, mapping


def test_every_op_is_one_task_on_the_unit_that_finishes_it_first() -> None:
    graph, mapping = lowered("gpt2-small", Pair(mac=Products(per_cycle=10_000)), phase="generate", prompt=4, generate=3)
    tasks = mapping.tasks()
    assert set(tasks) == set(graph.ops)
    units = {task.kernel: task.unit for task, _ in tasks.values()}
    assert units["matmul"] == "mac"
    assert units["softmax"] == units["layernorm"] == "npu"
    assert {"mac", "npu"} == {task.unit for task, _ in tasks.values()}


def test_loops_are_the_repeats_of_the_graph() -> None:
    graph, mapping = lowered("gpt2-small", Pair(), phase="decode", generate=5)
    for name, (_, repeats) in graph.ops.items():
        loops = mapping.tasks()[name][1]
        assert [(r.var, r.count) for r in repeats] == [(loop.var, loop.count) for loop in loops]


def test_ops_wait_for_their_producers_even_those_of_the_last_iteration() -> None:
    _, mapping = lowered("gpt2-small", Pair(), phase="decode")
    tasks = mapping.tasks()
    assert After("decode.add2") in tasks["decode.norm1"][0].after
    assert After("decode.qkv") in tasks["decode.scores"][0].after


def test_the_objective_is_the_sum_of_the_prices() -> None:
    graph, mapping = lowered("gpt2-small", Pair(), phase="decode", context=10, generate=7)
    slow = Pair(mac=Products(per_cycle=1))
    alone = OpMapper().map(graph, slow)
    assert {task.unit for task, _ in alone.walk()} == {"npu"}
    report = archsim.run(slow, "gpt2-small", phase="decode", context=10, generate=7)
    assert alone.choice.objective == report.seconds * 1e12
    assert mapping.choice.objective <= alone.choice.objective


def test_the_bound_is_below_what_another_mapper_makes_of_the_same_machine() -> None:
    graph, mapping = lowered("gpt2-small", archsim.load_design("systolic"), phase="prefill", prompt=256)
    fused = CosmaMapper().map(graph, archsim.load_design("systolic"))
    assert mapping.choice.bound <= fused.choice.objective < mapping.choice.objective


def test_place_decides_and_the_gap_says_what_it_costs() -> None:
    class Far(Pair, kind="test_far"):
        """Products go to the slow unit, come what may."""

        def place(self, kind: str, options: object) -> str:
            return "mac" if kind == "matmul" else "npu"

    _, mapping = lowered("gemm:512,512,512", Far(mac=Products(per_cycle=1)))
    assert mapping.tasks()["gemm"][0].unit == "mac"
    assert mapping.choice.gap > 1


def test_an_op_that_nobody_executes_is_infeasible() -> None:
    with pytest.raises(Infeasible, match="no unit of 'test_alone' executes 'softmax'"):
        lowered("softmax:4,4", Alone())


def test_a_placement_that_cannot_be_is_infeasible() -> None:
    with pytest.raises(Infeasible, match="does not execute it"):
        lowered("softmax:4,4", Stubborn())


def test_the_same_input_gives_the_same_mapping() -> None:
    first, second = (lowered("gpt2-small", Pair(), phase="decode")[1] for _ in range(2))
    assert first == second


@pytest.mark.parametrize("dtype", ["fp16", "int8"])
@pytest.mark.parametrize("table", ["int4", "int8", "fp16"])
def test_an_embedding_is_as_wide_as_what_comes_out_whatever_says_which_rows(dtype: str, table: str) -> None:
    chosen = {"workload.dtype": dtype, "workload.precision.embed": table}
    for phase in ("prefill", "decode"):
        graph = archsim.load_workload("gpt2-small", phase=phase, set=chosen).expand()
        op = next(op for op, _ in graph.walk() if op.kind == "embedding")
        found = {name: int(size.at({})) for name, size in arguments(op, graph).items() if name.endswith("_bits")}
        made, looked_up = (graph.tensors[name].dtype.bits for name in (op.outputs[0], op.inputs[0]))
        assert found == {"act_bits": made, "weight_bits": looked_up}
