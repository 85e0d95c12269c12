"""Closed forms against walking through every iteration, on small random transformers."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.ir.graph import DType, Graph, Item, Op, Role
from archsim.workloads import ModelShape, Transformer


def visits(items: tuple[Item, ...], env: dict[str, int]) -> Iterator[tuple[Op, dict[str, int]]]:
    for item in items:
        if isinstance(item, Op):
            yield item, env
        else:
            for index in range(item.count):
                yield from visits(item.body, {**env, item.var: index})


def macs(op: Op, env: dict[str, int]) -> int:
    """Counted by enumeration where there is a mask, by the product of the loop bounds elsewhere."""
    size = {name: int(extent.at(env)) for name, extent in op.dims.items()}
    if op.kind == "matmul":
        return size["m"] * size["n"] * size["k"]
    if op.kind in ("attention_scores", "attention_values"):
        q, t = size["q"], size["t"]
        seen = sum(1 for i in range(q) for j in range(t) if not op.causal or j <= t - q + i)
        return size["b"] * size["h"] * size["d"] * seen
    return 0


def compulsory_bits(graph: Graph, op: Op, env: dict[str, int]) -> int:
    size = {name: int(extent.at(env)) for name, extent in op.dims.items()}
    if op.kind == "embedding":
        table = next(graph.tensors[name] for name in op.inputs if graph.tensors[name].role == Role.WEIGHT)
        return min(size["m"] * size["n"], table.elements(env)) * table.dtype.bits
    if op.kind == "kv_append":
        caches = [graph.tensors[name] for name in op.outputs]
        assert size["n"] == 2 * int(caches[0].dims[1][1].at(env)) * int(caches[0].dims[3][1].at(env))
        return sum(size["m"] * size["n"] // 2 * cache.dtype.bits for cache in caches if cache.role == Role.KV)
    bits = 0
    for name in {*op.inputs, *op.outputs, op.bias} - {""}:
        tensor = graph.tensors[name]
        if tensor.role in (Role.WEIGHT, Role.INPUT, Role.OUTPUT):
            bits += tensor.bits(env)
        elif tensor.role == Role.KV:  # what this pass appended need not come from memory
            bits += size["b"] * size["kv"] * (size["t"] - size["q"]) * size["d"] * tensor.dtype.bits
    return bits


DTYPES = st.sampled_from([None, *DType])


@st.composite
def shapes(draw: st.DrawFn) -> ModelShape:
    family = draw(st.sampled_from(["decoder", "encoder"]))
    kv_heads = draw(st.integers(1, 3))
    position = draw(st.sampled_from(["learned", "rope", "none"]))
    return ModelShape.model_validate(
        {
            "name": "drawn",
            "family": family,
            "layers": draw(st.integers(1, 3)),
            "d_model": draw(st.integers(1, 24)),
            "heads": kv_heads * draw(st.integers(1, 3)),
            "kv_heads": kv_heads,
            "head_dim": 2 * draw(st.integers(1, 4)),
            "d_ff": draw(st.integers(1, 40)),
            "max_positions": draw(st.integers(1, 20)),
            "vocab": draw(st.integers(1, 50)),
            "position": position,
            "norm": draw(st.sampled_from(["layernorm", "rmsnorm"])),
            "activation": draw(st.sampled_from(["gelu", "relu", "silu"])),
            "spare_positions": draw(st.integers(0, 2)) if position == "learned" else 0,
            "token_types": draw(st.integers(0, 2)),
            "tied": draw(st.booleans()) if family == "decoder" else False,
            "pooler": draw(st.booleans()) if family == "encoder" else False,
            **{
                flag: draw(st.booleans())
                for flag in ("gated", "post_norm", "embed_norm", "qkv_bias", "proj_bias", "ffn_bias")
            },
        }
    )


@st.composite
def transformers(draw: st.DrawFn) -> Transformer:
    model = draw(shapes())
    phases = ["prefill"] if model.family == "encoder" else ["prefill", "decode", "generate"]
    phase = draw(st.sampled_from(phases))
    counts: dict[str, int] = {}
    if phase != "decode":
        counts["prompt"] = draw(st.integers(1, 9))
    if phase != "prefill":
        counts["generate"] = draw(st.integers(1, 9))
    if phase == "decode":
        counts["context"] = draw(st.integers(0, 9))
    types = {name: draw(DTYPES) for name in ("weight_dtype", "act_dtype", "kv_dtype")}
    data = {"model": model, "phase": phase, "batch": draw(st.integers(1, 3)), **counts, **types}
    return Transformer.model_validate(data)


@given(workload=transformers())
@settings(max_examples=150, deadline=None)
def test_totals_equal_the_walk_through_every_iteration(workload: Transformer) -> None:
    graph = workload.expand()
    by_op_macs: dict[str, int] = dict.fromkeys(graph.ops, 0)
    by_op_bits: dict[str, int] = dict.fromkeys(graph.ops, 0)
    for op, env in visits(graph.items, {}):
        by_op_macs[op.name] += macs(op, env)
        by_op_bits[op.name] += compulsory_bits(graph, op, env)
    assert {name: graph.op_macs(name) for name in graph.ops} == by_op_macs
    assert {name: graph.op_bytes(name) for name in graph.ops} == {n: -(-bits // 8) for n, bits in by_op_bits.items()}
    assert graph.macs == sum(by_op_macs.values())
    assert graph.parameters == workload.model.parameters()


@given(workload=transformers())
@settings(max_examples=100, deadline=None)
def test_graph_is_well_formed(workload: Transformer) -> None:
    graph = workload.expand()
    assert graph == workload.expand()
    assert Transformer.model_validate(workload.model_dump()).expand() == graph
    given_first = {"token"}  # a decode loop starts with the last token that is there
    written = {name for name, tensor in graph.tensors.items() if tensor.role == Role.WEIGHT} | given_first
    for op, env in visits(graph.items, {}):
        assert set(op.inputs) <= written, op.name
        written |= set(op.outputs)
        check_sizes(graph, op, env)


def check_sizes(graph: Graph, op: Op, env: dict[str, int]) -> None:
    """Operands hold as many elements as the op's dims say; the cache may be larger while it is being filled."""
    size = op.extents(env)
    held = [graph.tensors[name] for name in (*op.inputs, *op.outputs)]
    if op.kind == "matmul":
        x, weight = held[:2]
        assert weight.elements(env) == size["n"] * size["k"]
        assert x.elements(env) >= size["m"] * size["k"]  # the head reads the last position only
        assert sum(out.elements(env) for out in held[2:]) == size["m"] * size["n"]
    elif op.kind in ("gelu", "relu", "silu", "softmax", "gate", "rope"):
        assert sum(graph.tensors[n].elements(env) for n in op.outputs) == size["m"] * size["n"]
    elif op.kind == "kv_append":
        assert sum(graph.tensors[n].elements(env) for n in op.inputs) == size["m"] * size["n"]
    elif op.kind == "attention_scores":
        assert held[0].elements(env) == size["b"] * size["h"] * size["q"] * size["d"]
        assert held[2].elements(env) == size["b"] * size["h"] * size["q"] * size["t"]
    if op.bias:
        assert graph.tensors[op.bias].elements(env) == size["n"]


@given(model=shapes(), batch=st.integers(1, 3), prompt=st.integers(1, 9), generate=st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_generate_is_a_prefill_and_decode_steps(model: ModelShape, batch: int, prompt: int, generate: int) -> None:
    if model.family == "encoder":
        return
    whole = Transformer(model=model, phase="generate", batch=batch, prompt=prompt, generate=generate).expand()
    parts = [Transformer(model=model, phase="prefill", batch=batch, prompt=prompt).expand()]
    parts += [
        Transformer(model=model, phase="decode", batch=batch, context=prompt + step).expand()
        for step in range(generate - 1)
    ]
    assert whole.macs == sum(part.macs for part in parts)
    assert whole.compulsory_bytes == sum(part.compulsory_bytes for part in parts)
