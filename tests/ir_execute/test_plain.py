"""Is the plain evaluation the function that the graph stands for? Checked by loops over single numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.ir.execute.plain import Plain, Run
from archsim.ir.graph import Graph
from tests.ir_execute.cases import OPERATORS, models, operator


def values(plain: Plain, run: Run, name: str) -> np.ndarray:
    return plain.values[run.reads[name] if name in run.reads else run.writes[name]]


@given(
    b=st.integers(1, 2),
    kv=st.integers(1, 2),
    group=st.integers(1, 3),
    queries=st.integers(1, 4),
    past=st.integers(0, 3),
    d=st.integers(1, 4),
    causal=st.booleans(),
)
@settings(deadline=None, derandomize=True, max_examples=40)
def test_attention_is_what_its_definition_says_number_by_number(
    b: int, kv: int, group: int, queries: int, past: int, d: int, causal: bool
) -> None:
    h, keys = kv * group, past + queries
    plain = Plain(operator(f"attention:{b},{h},{kv},{queries},{keys},{d}" + (",causal" if causal else "")))
    scores, _, mixed = plain.runs
    q, k, v = (values(plain, run, n) for run, n in ((scores, "q"), (scores, "k_cache"), (mixed, "v_cache")))
    out = values(plain, mixed, "out")
    for row in range(b * queries):
        position, sequence = divmod(row, b)
        for head in range(h):
            seen = past + position + 1 if causal else keys
            shared = head // group
            weights = [
                math.exp(sum(q[row, head * d + i] * k[sequence, shared, t, i] for i in range(d)) / math.sqrt(d))
                for t in range(seen)
            ]
            for i in range(d):
                wanted = sum(w * v[sequence, shared, t, i] for t, w in enumerate(weights)) / sum(weights)
                assert out[row, head * d + i] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def test_a_layer_is_what_its_definition_says() -> None:
    from tests.mappers.test_compliance import small_graph

    graph = small_graph({"ffn_bias": True, "gated": True, "activation": "silu"}, {"phase": "prefill", "prompt": 2})
    plain = Plain(graph)
    by_name = {run.op.name: run for run in plain.runs if run.env.get("layer", 0) == 0}
    x = values(plain, by_name["prefill.norm1"], "prefill.x")
    gain, bias = (values(plain, by_name["prefill.norm1"], name) for name in ("g_norm1", "b_norm1"))
    normed = values(plain, by_name["prefill.norm1"], "prefill.layer.norm1")
    for row, out in zip(x, normed, strict=True):
        deviation = math.sqrt(sum((value - row.mean()) ** 2 for value in row) / len(row) + 1e-5)
        assert out == pytest.approx((row - row.mean()) / deviation * gain + bias, rel=1e-9)
    gate, up, hidden = (
        values(plain, by_name[op], name)
        for op, name in (
            ("prefill.ffn_gate", "prefill.layer.ffn_gate"),
            ("prefill.ffn_up", "prefill.layer.ffn_up"),
            ("prefill.gate", "prefill.layer.gate"),
        )
    )
    assert hidden == pytest.approx(gate / (1 + np.exp(-gate)) * up, rel=1e-9)
    narrow = by_name["prefill.ffn_down"]
    w, b = (values(plain, narrow, name) for name in ("w_down", "b_down"))
    assert values(plain, narrow, "prefill.layer.ffn_down") == pytest.approx(np.einsum("mk,nk->mn", hidden, w) + b)


@given(st.integers(1, 6), st.integers(1, 3))
@settings(deadline=None, derandomize=True, max_examples=20)
def test_turning_keeps_lengths_and_depends_on_distance_only(length: int, heads: int) -> None:
    """Rotary positions: products of turned queries and keys see how far apart they are, and nothing else."""
    from tests.mappers.test_compliance import small_graph

    shape = {"position": "rope", "heads": heads, "head_dim": 4}
    plain = Plain(small_graph(shape, {"phase": "prefill", "prompt": length}))
    run = next(run for run in plain.runs if run.op.kind == "rope")
    for name, turned in zip(run.op.inputs, run.op.outputs, strict=True):
        before, after = values(plain, run, name), values(plain, run, turned)
        assert np.linalg.norm(before, axis=1) == pytest.approx(np.linalg.norm(after, axis=1))
        assert after[0] == pytest.approx(before[0])  # position 0 is not turned
    if length > 1:
        assert not np.allclose(before[1], after[1])


def test_a_decode_step_attends_to_all_that_was_appended() -> None:
    from tests.mappers.test_compliance import small_graph

    plain = Plain(small_graph({}, {"phase": "generate", "prompt": 3, "generate": 3}))
    for run in plain.runs:
        if run.op.kind == "kv_append" and run.op.name.startswith("decode"):
            cache = values(plain, run, "k_cache")
            k = values(plain, run, "decode.layer.k")
            assert cache[0, :, run.frame.t - 1].ravel() == pytest.approx(k[0])
    keys = [run.frame.t for run in plain.runs if run.op.name == "decode.scores"]
    assert keys == [4, 4, 5, 5]


@given(models())
@settings(deadline=None, derandomize=True, max_examples=30)
def test_everything_of_a_model_is_a_number(graph: Graph) -> None:
    plain = Plain(graph, seed=1)
    for run in plain.runs:
        for name, key in run.writes.items():
            hidden = plain.hidden.get(key)
            found = plain.values[key] if hidden is None else plain.values[key][~hidden]
            assert np.isfinite(found).all(), (run.op.name, name)


@pytest.mark.parametrize("text", OPERATORS)
def test_seeds_make_other_numbers_and_the_same_seed_the_same(text: str) -> None:
    graph = operator(text)
    first, again, other = Plain(graph, 0), Plain(graph, 0), Plain(graph, 1)
    key = first.runs[-1].writes[first.runs[-1].op.outputs[0]]
    assert np.array_equal(first.values[key], again.values[key])
    assert not np.array_equal(first.values[key], other.values[key])
