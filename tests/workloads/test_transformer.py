"""The graph of a transformer: what each phase computes, moves and depends on."""

from __future__ import annotations

import pytest

from archsim.core.errors import BadInput
from archsim.ir.graph import DType, Op, Repeat, Role
from archsim.workloads import Transformer, load_shape
from archsim.workloads.load import load_workload
from archsim.workloads.passes import matrices


@pytest.mark.parametrize("context", [0, 1, 512, 1023])
@pytest.mark.parametrize("batch", [1, 4])
def test_gpt2_decode_macs_in_the_papers_form(context: int, batch: int) -> None:
    d, layers, vocab = 768, 12, 50257
    graph = Transformer(model=load_shape("gpt2"), phase="decode", batch=batch, context=context).expand()
    attention = layers * 2 * d * (context + 1)
    assert graph.macs == batch * (12 * layers * d**2 + vocab * d + attention)


def test_gpt2_decode_reads_all_weights_once_and_the_past() -> None:
    shape, context = load_shape("gpt2"), 512
    graph = Transformer(model=shape, phase="decode", context=context, dtype=DType.INT8).expand()
    looked_up = (shape.max_positions - 1) * shape.d_model  # of the position table one row is read
    past, new = (2 * shape.layers * shape.d_model * count for count in (context, 1))
    token_row, token = shape.d_model, 4
    assert graph.compulsory_bytes == shape.parameters() - looked_up + past + new + token_row + token


def test_grouped_queries_share_their_cache() -> None:
    full = Transformer(model=load_shape("llama-2-70b").vary(kv_heads=64), context=100).expand()
    grouped = Transformer(model=load_shape("llama-2-70b"), context=100).expand()
    for name in ("decode.scores", "decode.values"):
        assert full.op_macs(name) == grouped.op_macs(name)
        assert full.op_bytes(name) == 8 * grouped.op_bytes(name)
    assert grouped.ops["decode.qkv"][0].dims["n"].base == (64 + 2 * 8) * 128


def test_ops_of_a_gpt2_step_are_these() -> None:
    graph = Transformer(model=load_shape("gpt2"), phase="generate", prompt=3, generate=5).expand()
    names = (
        "embed embed_pos embed_add norm1 qkv kv_append scores softmax values proj add1 norm2 ffn_up act ffn_down add2"
    )
    expected = [*names.split(), "norm_f", "lm_head", "pick"]
    assert list(graph.ops) == [f"{phase}.{name}" for phase in ("prefill", "decode") for name in expected]
    loops = {name: [(r.var, r.count) for r in around] for name, (_, around) in graph.ops.items()}
    assert loops["prefill.embed"] == []
    assert loops["prefill.qkv"] == [("layer", 12)]
    assert loops["decode.qkv"] == [("token", 4), ("layer", 12)]
    assert loops["decode.lm_head"] == [("token", 4)]
    assert str(graph.ops["decode.scores"][0].dims["t"]) == "token + 4"
    assert graph.ops["prefill.scores"][0].causal
    assert graph.ops["prefill.lm_head"][0].extents({})["m"] == 1
    assert graph.ops["decode.lm_head"][0].inputs == ("decode.norm_f", "w_embed")


def test_ops_of_a_llama_layer_and_a_bert() -> None:
    llama = Transformer(model=load_shape("llama-3-8b")).expand()
    (loop,) = (item for item in llama.items if isinstance(item, Repeat))
    (layer,) = (item for item in loop.body if isinstance(item, Repeat))
    names = "norm1 qkv rope kv_append scores softmax values proj add1 norm2 ffn_up ffn_gate act gate ffn_down add2"
    assert [op.name for op in layer.body if isinstance(op, Op)] == [f"decode.{name}" for name in names.split()]

    bert = Transformer(model=load_shape("bert-base"), prompt=16).expand()
    names = "embed embed_pos embed_add embed_type embed_type_add embed_norm qkv kv_append scores softmax values proj"
    rest = "add1 norm1 ffn_up act ffn_down add2 norm2 pooler"
    assert list(bert.ops) == [f"prefill.{name}" for name in f"{names} {rest}".split()]
    assert not any(op.causal for op, _ in bert.walk())
    assert not any(tensor.role == Role.KV for tensor in bert.tensors.values())


def test_each_token_waits_for_the_one_before() -> None:
    graph = Transformer(model=load_shape("gpt2"), phase="generate", prompt=2, generate=3).expand()
    (token,) = graph.ops["decode.pick"][0].outputs
    assert token in graph.ops["decode.embed"][0].inputs
    assert graph.ops["prefill.pick"][0].outputs == (token,)


def test_element_types() -> None:
    mixed = Transformer(
        model=load_shape("gpt2"), dtype=DType.FP16, weight_dtype=DType.INT4, kv_dtype=DType.INT8
    ).expand()
    found = {
        name: mixed.tensors[name].dtype for name in ("w_qkv", "w_embed", "k_cache", "decode.x", "g_norm1", "b_qkv")
    }
    assert found == {
        "w_qkv": DType.INT4,
        "w_embed": DType.INT4,
        "k_cache": DType.INT8,
        "decode.x": DType.FP16,
        "g_norm1": DType.FP16,
        "b_qkv": DType.FP16,
    }
    single = Transformer(model=load_shape("gpt2"), precision={"ffn_up": DType.INT4, "embed": DType.INT8}).expand()
    expected = {"w_up": DType.INT4, "w_embed": DType.INT8, "w_down": DType.BF16, "b_up": DType.BF16}
    assert {name: single.tensors[name].dtype for name in expected} == expected
    assert any("ffn_up int4" in note for note in single.notes)
    one = Transformer(model=load_shape("gpt2")).vary(dtype="int8").expand()
    assert {tensor.dtype for name, tensor in one.tensors.items() if name != "token"} == {DType.INT8}


@pytest.mark.parametrize("model", ["gpt2", "bert-base", "llama-2-7b", "opt-125m"])
def test_every_matrix_has_the_width_of_its_op(model: str) -> None:
    shape = load_shape(model)
    for op, name in matrices(shape).items():
        tensors = Transformer(model=shape, precision={op: DType.INT2}).expand().tensors
        assert [t.name for t in tensors.values() if t.dtype == DType.INT2] == [name]
    found = Transformer(model=shape).expand().tensors.values()
    assert {t.name for t in found if t.role == Role.WEIGHT and len(t.dims) == 2} == set(matrices(shape).values())


@pytest.mark.parametrize(
    ("op", "said"),
    [("ffn_gate", "unknown op"), ("lm_head", "tied to its embedding"), ("w_up", "unknown op")],
)
def test_widths_of_what_is_not_there_are_refused(op: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        load_workload("gpt2", sets={f"precision.{op}": "int4"})


@pytest.mark.parametrize(
    ("options", "phase", "tokens", "positions"),
    [
        ({}, "decode", 1, 513),
        ({"context": 5, "generate": 3}, "decode", 3, 8),
        ({"context": 0}, "decode", 1, 1),
        ({"prompt": 4}, "prefill", 4, 4),
        ({"prompt": 4, "context": 0}, "prefill", 4, 4),
        ({"prompt": 4, "generate": 2}, "generate", 2, 5),
        ({"generate": 4}, "generate", 4, 4),
        ({"phase": "prefill"}, "prefill", 512, 512),
        ({"phase": "generate"}, "generate", 32, 32),
        ({"phase": "generate", "prompt": 1, "generate": 1}, "generate", 1, 1),
        ({"phase": "generate", "prompt": 1, "generate": 1024}, "generate", 1024, 1024),
        ({"phase": "decode", "generate": 7}, "decode", 7, 519),
    ],
)
def test_phases_and_counts(options: dict[str, object], phase: str, tokens: int, positions: int) -> None:
    workload = Transformer.model_validate({"model": "gpt2", "batch": 3, **options})
    assert (workload.phase_name, workload.tokens, workload.positions) == (phase, 3 * tokens, positions)
    assert workload.label == "gpt2-small"


def test_too_many_positions_are_noted() -> None:
    fits = Transformer(model=load_shape("gpt2"), phase="generate", prompt=1, generate=1024).expand()
    exceeds = Transformer(model=load_shape("gpt2"), phase="generate", prompt=2, generate=1024).expand()
    assert fits.notes == ()
    assert exceeds.notes == (
        "1025 positions exceed the 1024 that gpt2-small was made for; computed as if it took them",
    )
