"""Groups on blocks: do they compute the graph, cost what the mapping claims, and never more than op by op?"""

from __future__ import annotations

import itertools
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.designs import load_design
from archsim.ir.component import Cost, Design, OpCall
from archsim.ir.graph import Graph
from archsim.ir.mapping import Loop, Mapping
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.cosma.stays import stays
from archsim.mappers.ops import OpMapper
from archsim.sim.machine import elaborate
from archsim.units.systolic import Systolic
from archsim.workloads.load import load_workload
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer
from tests.compliance import proofs
from tests.mappers.test_compliance import SHAPES, small_graph

SHAPE = {"name": "tiny", "layers": 2, "vocab": 5, "max_positions": 32}


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Small models of every kind, in every phase."""
    kv = draw(st.sampled_from((1, 2)))
    family = draw(st.sampled_from(("decoder", "encoder")))
    model = ModelShape.model_validate(
        {
            **SHAPE,
            "family": family,
            "d_model": draw(st.sampled_from((6, 8))),
            "heads": kv * draw(st.sampled_from((1, 2))),
            "kv_heads": kv,
            "head_dim": 2,
            "d_ff": draw(st.sampled_from((7, 12))),
            "gated": draw(st.booleans()),
            "norm": draw(st.sampled_from(("layernorm", "rmsnorm"))),
            "position": draw(st.sampled_from(("rope", "none", "learned"))),
            "post_norm": draw(st.booleans()),
            "ffn_bias": draw(st.booleans()),
        }
    )
    counts = {"phase": "prefill", "prompt": draw(st.sampled_from((5, 8))), "batch": draw(st.sampled_from((1, 2)))}
    if family == "decoder" and draw(st.booleans()):
        counts |= {"phase": "generate", "generate": 3}
    return Transformer.model_validate({"model": model, **counts}).expand()


@st.composite
def arrays(draw: st.DrawFn) -> Design:
    """Small arrays with scratchpads from too small for anything to large enough for everything."""
    return load_design(
        "systolic",
        set={
            "array.rows": 4,
            "array.cols": draw(st.sampled_from((2, 4))),
            "array.dataflow": draw(st.sampled_from(("ws", "os", "is"))),
            "array.buffer": f"{draw(st.sampled_from((64, 200, 512, 1024, 4096, 65536)))} B",
            "array.bandwidth": draw(st.sampled_from(("1 GB/s", "32 GB/s"))),
        },
    )


metrics = st.sampled_from(("time", "bytes"))


def ran(mapping: Mapping, design: Design) -> dict[str, int]:
    """Time and bytes of a run."""
    trace = elaborate(design).run(mapping)
    moved = sum(amount for key, amount in trace.accounts.items() if key[-1] in ("bytes_read", "bytes_written"))
    return {"time_ps": trace.total_ps, "bytes": moved}


def order(costs: dict[str, int], metric: str) -> tuple[int, int]:
    return (costs["time_ps"], costs["bytes"]) if metric == "time" else (costs["bytes"], costs["time_ps"])


@settings(max_examples=25, deadline=None)
@given(graphs(), arrays(), metrics, st.integers(0, 3))
def test_blocks_compute_the_graph_and_cost_what_the_mapping_claims(
    graph: Graph, design: Design, metric: str, seed: int
) -> None:
    mapping = CosmaMapper(minimise=metric).map(graph, design)
    mapping.check(graph, design)
    found = mapping.execute(graph, design, seed=seed, order="any" if seed else "program")
    assert found.ok, "\n".join(found.lines())
    proofs.fits_every_memory(mapping, design)
    proofs.keeps_what_is_still_needed(mapping, seed)
    costs = ran(mapping, design)
    assert costs == mapping.choice.options
    assert order(costs, metric)[0] == mapping.choice.objective
    assert mapping.choice.bound <= mapping.choice.objective
    plain = CosmaMapper(minimise=metric, fuse=False).map(graph, design)
    op_by_op = ran(OpMapper().map(graph, design), design)
    assert order(costs, metric) <= order(ran(plain, design), metric) <= order(op_by_op, metric)
    # The bound is one for mappings without groups too.
    assert mapping.choice.bound <= plain.choice.objective


@settings(max_examples=12, deadline=None)
@given(graphs(), arrays(), metrics)
def test_twice_the_scratchpad_never_costs_more(graph: Graph, design: Design, metric: str) -> None:
    larger = design.vary(array={"buffer": f"{2 * int(design.parts['array'].holds)} B"})
    small, large = (CosmaMapper(minimise=metric).map(graph, each).choice.objective for each in (design, larger))
    assert large <= small


@cache
def mapped(name: str, metric: str, fuse: bool = True, **options: object) -> Mapping:
    return CosmaMapper(minimise=metric, fuse=fuse).map(load_workload(name, **options).expand(), load_design("systolic"))  # type: ignore[arg-type]


BERT = {"phase": "prefill", "batch": 8, "prompt": 512}
LLAMA = {"phase": "prefill", "prompt": 2048}


@pytest.mark.parametrize(("name", "options"), [("bert-base", BERT), ("llama-2-7b", LLAMA)])
def test_scores_never_go_through_memory(name: str, options: dict[str, object]) -> None:
    """Of all writes of scores and probabilities none is to the tensor itself, and the bytes say so."""
    fused, plain = mapped(name, "time", **options), mapped(name, "time", fuse=False, **options)
    touched = {tensor for task, _ in fused.walk() for tensor in (*task.reads, *task.writes)}
    assert not touched & {"prefill.layer.scores", "prefill.layer.probs"}
    assert "prefill.layer.probs@array.buffer" in touched
    assert fused.choice.options["bytes"] < plain.choice.options["bytes"] * 0.8  # type: ignore[operator]
    assert fused.choice.objective < plain.choice.objective


def test_hidden_columns_of_a_feed_forward_stay_on_chip_at_no_cost_in_time() -> None:
    mapping = mapped("bert-base", "time", **BERT)
    vars_of: dict[str, set[str]] = {}
    for task, loops in mapping.walk():
        vars_of.setdefault(task.op, set()).update(loop.var for loop in loops)
    for op in ("prefill.ffn_up", "prefill.act", "prefill.ffn_down"):
        assert vars_of[op] == {"layer", "columns"}
    touched = {tensor for task, _ in mapping.walk() for tensor in (*task.reads, *task.writes)}
    assert not touched & {"prefill.layer.ffn_up", "prefill.layer.act"}


def test_the_notes_say_what_was_fused_and_what_not_and_why() -> None:
    notes = "\n".join(mapped("bert-base", "time", **BERT).notes)
    assert "prefill.scores to prefill.values: fused" in notes
    assert "prefill.qkv to prefill.kv_append: not fused" in notes
    for note in notes.splitlines():
        if "fused" in note:
            assert " B of blocks on chip" in note or "it would take" in note


def test_a_lone_product_is_summed_up_on_chip() -> None:
    """2048 x 12288 x 4096: op by op 1,762 MB pass the port, in blocks 252 MB, in the same time."""
    mapping = mapped("gemm:2048,12288,4096", "time")
    plain = OpMapper().map(load_workload("gemm:2048,12288,4096").expand(), load_design("systolic"))
    assert mapping.choice.objective == plain.choice.objective
    assert mapping.choice.options["bytes"] == 251_658_240


def test_what_needs_no_blocks_is_mapped_as_by_ops() -> None:
    graph, design = load_workload("gemm:64,64,64").expand(), load_design("systolic")
    assert CosmaMapper().map(graph, design).body == OpMapper().map(graph, design).body


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(1, 2), st.integers(2, 9), st.integers(0, 9), metrics)
def test_causal_blocks_do_the_products_of_the_mask_and_no_more(b: int, kv: int, q: int, more: int, metric: str) -> None:
    graph = load_workload(f"attention:{b},{2 * kv},{kv},{q},{q + more},4,causal").expand()
    size = {"array.rows": 2, "array.cols": 2, "array.buffer": "160 B"}
    design = load_design("systolic", set=size)
    mapping = CosmaMapper(minimise=metric).map(graph, design)
    mapping.check(graph, design)
    assert mapping.execute(graph, design).ok
    accounts = elaborate(design).run(mapping).accounts
    assert sum(amount for key, amount in accounts.items() if key[-1] == "macs") == graph.macs


def test_loops_of_groups_lie_inside_those_of_the_graph() -> None:
    graph = load_workload("gpt2-small", phase="prefill", prompt=256).expand()
    mapping = CosmaMapper(minimise="bytes").map(graph, load_design("systolic"))
    for task, loops in mapping.walk():
        around = [repeat.var for repeat in graph.ops[task.op][1]]
        names = [loop.var for loop in loops]
        assert names[: len(around)] == around
        assert len(set(names)) == len(names)
    assert any(isinstance(node, Loop) for node in itertools.chain(mapping.body))


def test_copies_between_uses_save_bytes_where_there_is_little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The residual stream is spilled while other things need its place, and found on chip by the next reader."""
    graph = small_graph(*SHAPES[2])
    design = load_design("systolic", set={"array.buffer": "160 B", "array.rows": 4, "array.cols": 4})
    mapper = CosmaMapper(minimise="bytes", fuse=False)
    mapping = mapper.map(graph, design)
    copies = [place for place in mapping.placements if "@" in place.tensor and len(set(place.live)) == 2]
    assert copies
    for place in copies:
        tensor = place.tensor.partition("@")[0]
        assert any({tensor, place.tensor} <= {*task.reads, *task.writes} for task, _ in mapping.walk())
        assert any(place.tensor in task.reads for task, _ in mapping.walk())
    monkeypatch.setattr(
        "archsim.mappers.cosma.solve.stays", lambda graph, most: [stay for stay in stays(graph, most) if stay.only]
    )
    assert mapping.choice.objective < mapper.map(graph, design).choice.objective


def test_a_unit_that_refuses_blocks_gets_whole_ops() -> None:
    """Its `cost` answers None for fewer rows or heads than the ops have."""

    class Stubborn(Systolic, kind="stubborn"):
        def cost(self, op: OpCall) -> Cost | None:  # type: ignore[override]
            return super().cost(op) if op.dims.get("m", op.dims.get("h")) in (8, 16, 32, 2) else None

    class Alone(Design, kind="alone"):
        unit: Stubborn = Stubborn(rows=4, cols=4, buffer="512 B")

    graph = small_graph({"heads": 2, "head_dim": 2, "d_model": 4}, {"phase": "prefill", "prompt": 8, "batch": 2})
    mapping = CosmaMapper(minimise="bytes").map(graph, Alone())
    mapping.check(graph, Alone())
    assert mapping.execute(graph, Alone()).ok
