"""Graphs: what is refused, where they come from, and that the way there and back changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings

from archsim.core.errors import ArchsimError, BadInput
from archsim.ir.graph import Role
from archsim.ir.tensorgraph import TensorGraph, TensorOp
from archsim.ir.tensorgraph_file import graph_from_json, graph_to_json, load_tensor_graph
from archsim.ir.tensorgraph_of import tensor_graph
from archsim.workloads.load import load_workload
from tests.mappers_residency.reference import graphs

F = TensorOp("f", ("x",), ("a",))
G = TensorOp("g", ("a",), ("b",))
SIZES = {"x": 1, "a": 2, "b": 3}


@pytest.mark.parametrize(
    ("ops", "sizes", "words"),
    [
        ((), SIZES, "there are no ops"),
        ((F, F), SIZES, "two ops are named 'f'"),
        ((F, TensorOp("h", ("x",), ("a",))), SIZES, "'a' is written twice"),
        ((TensorOp("f", ("y",), ("a",)),), SIZES, "unknown tensor 'y'"),
        ((TensorOp("f", ("aa",), ("a",)),), SIZES, "did you mean 'a'"),
        ((TensorOp("f", ("x",), ("a",), ("z",)),), SIZES, "unknown op 'z'"),
        ((F,), {"x": 0, "a": 1}, "'x' has size 0"),
        ((F,), {"x": -4, "a": 1}, "'x' has size -4"),
        ((F,), {"x": True, "a": 1}, "'x' has size True"),
        ((TensorOp("f", ("b",), ("a",)), G), SIZES, "in a circle"),
        ((TensorOp("f", ("a",), ("a",)),), SIZES, "in a circle"),
        ((TensorOp("f", ("x",), ("a",), ("g",)), G), SIZES, "f waits for g waits for f"),
    ],
)
def test_what_is_no_graph_is_refused(ops: tuple[TensorOp, ...], sizes: dict[str, int], words: str) -> None:
    with pytest.raises(BadInput) as caught:
        TensorGraph("bad", ops, sizes)
    assert words in str(caught.value)
    assert "bad" in str(caught.value)


def test_roles_must_make_sense() -> None:
    with pytest.raises(BadInput, match="weight 'a' is written by op 'f'"):
        TensorGraph("bad", (F, G), SIZES, weights=frozenset("a"))
    with pytest.raises(BadInput, match="no op writes the result 'x'"):
        TensorGraph("bad", (F, G), SIZES, results=frozenset("x"))


def test_program_order_is_the_given_one_where_that_is_legal() -> None:
    assert TensorGraph("good", (F, G), SIZES).program == ("f", "g")
    assert TensorGraph("turned", (G, F), SIZES).program == ("f", "g")


def test_compulsory_bytes_and_working_sets() -> None:
    graph = TensorGraph(
        "good", (F, G, TensorOp("h", ("a", "b", "x"), ("c",))), {**SIZES, "c": 4}, results=frozenset("a")
    )
    assert graph.stored == {"a", "c"}
    assert graph.compulsory_bytes == 1 + 2 + 4
    assert [graph.working_set(op) for op in "fgh"] == [3, 5, 10]
    assert graph.least_capacity == 10
    assert graph.without(["x"]).least_capacity == 9
    with pytest.raises(BadInput):
        graph.without(["a"])


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_json_and_back_is_the_same(graph: TensorGraph) -> None:
    assert graph_from_json(graph_to_json(graph)) == graph


def test_a_file_for_people_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "tensors: {x: 1 KiB, a: 10, b: 2}\n"
        "ops:\n  - {name: f, reads: [x], writes: [a]}\n  - {name: g, reads: [a], writes: [b], after: [f]}\n"
        "results: [a]\n"
    )
    graph = load_tensor_graph(path)
    assert (graph.name, graph.sizes["x"], graph.program) == ("mine", 1024, ("f", "g"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ops: [{name: f, reads: [x], writes: [a]}]\n", "tensors is missing"),
        ("tensors: {x: 1}\n", "ops is missing"),
        ("tensors: {x: 1, a: many}\nops: []\n", "tensor 'a'"),
        ("tensors: {x: 1}\nops: [f]\n", "ops[0]"),
        ("tensors: {x: 1}\nops: [{name: f, reads: x}]\n", "reads is 'x'"),
        ("tensors: {x: 1}\nops: [{name: f, writs: [x]}]\n", "did you mean 'writes'"),
        ("tensor: {x: 1}\nops: []\n", "did you mean 'tensors'"),
        ("tensors: {x: 0, a: 1}\nops: [{name: f, reads: [x], writes: [a]}]\n", "size 0"),
    ],
)
def test_a_wrong_file_is_named_with_what_would_be_right(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(ArchsimError) as caught:
        load_tensor_graph(path)
    assert words in str(caught.value)
    assert "wrong.yaml" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "options", [{"phase": "prefill", "prompt": 4}, {"phase": "generate", "prompt": 2, "generate": 3}]
)
@pytest.mark.parametrize("weights", [False, True])
def test_a_workload_is_written_out(options: dict[str, object], weights: bool) -> None:
    """As many ops as iterations, a chain of versions for what is written again, and every weight once per layer."""
    source = load_workload("gpt2-small", **options).expand()  # type: ignore[arg-type]
    graph = tensor_graph(source, weights=weights)
    times = 0
    for _, around in source.walk():
        count = 1
        for repeat in around:
            count *= repeat.count
        times += count
    assert len(graph.ops) == times
    assert graph.program == tuple(op.name for op in graph.ops)
    held = sum(graph.sizes[name] for name in graph.weights)
    stored = sum(t.bits({}) // 8 * (12 if t.stacked else 1) for t in source.tensors.values() if t.role == Role.WEIGHT)
    assert held == (stored if weights else 0)


def test_too_many_ops_are_refused_before_they_are_written_out() -> None:
    source = load_workload("gpt2-small", phase="generate", generate=1000).expand()
    with pytest.raises(BadInput, match="too many ops"):
        tensor_graph(source)
