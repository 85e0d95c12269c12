"""Are exactly the attentions found that one dataflow can run?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.api import load_workload
from archsim.ir.graph import Graph, Op
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.trio import trios
from archsim.workloads.single import Operator


@given(st.integers(1, 3), st.integers(1, 4), st.integers(1, 4), st.integers(1, 99), st.integers(0, 99), st.booleans())
def test_an_attention_is_one(batch: int, kv: int, group: int, positions: int, past: int, causal: bool) -> None:
    """With the sizes it was asked for."""
    keys, heads = positions + past, kv * group
    text = f"attention:{batch},{heads},{kv},{positions},{keys},64" + (",causal" if causal else "")
    (trio,) = trios(Operator(op=text).expand())
    assert trio.ops == ("scores", "softmax", "values")
    assert trio.problem({}) == Problem(batch, heads, kv, positions, keys, 64, causal)
    assert trio.problem({}).queries == positions * group


def test_scores_that_somebody_else_reads_stay_apart() -> None:
    """A fused attention never has them whole."""
    graph = Operator(op="attention:1,1,1,8,8,16").expand()
    scores = graph.ops["scores"][0]
    copy = Op("copy", "copy", {"m": scores.dims["q"], "n": scores.dims["t"]}, scores.outputs, ("out2",))
    assert trios(Graph("copied", (*graph.items, copy), graph.tensors)) == ()


@pytest.mark.parametrize("text", ["softmax:8,8", "gemm:8,8,8"])
def test_others_have_none(text: str) -> None:
    """A lone softmax is an op of rows."""
    assert trios(Operator(op=text).expand()) == ()


def test_a_model_has_one_in_its_layers() -> None:
    """Repeated with them."""
    workload = load_workload("gpt2-small", phase="decode", context=64, generate=4)
    (trio,) = trios(workload.expand())
    assert [repeat.count for repeat in trio.around] == [4, 12]
    (first,) = trio.around[:1]
    assert trio.problem({first.var: 3}).keys == trio.problem({first.var: 0}).keys + 3
