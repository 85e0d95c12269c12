"""Totals of a graph in closed form against walking through every iteration, on random graphs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import Broken
from archsim.ir.affine import Affine, affine
from archsim.ir.footprint import KINDS, footprint, pairs, volume
from archsim.ir.graph import DType, Graph, Item, Op, Repeat, Role, Tensor


@st.composite
def products(draw: st.DrawFn, name: str, around: tuple[str, ...], tensors: dict[str, Tensor]) -> Op:
    """A matrix product or an attention product, one of whose sizes may grow."""
    sizes = {dim: affine(draw(st.integers(1, 5))) for dim in ("m", "n", "k", "b", "kv", "d", "t")}
    growing = draw(st.sampled_from(["m", "n", "t"]))
    for var in around:
        if draw(st.booleans()):
            sizes[growing] = sizes[growing] + Affine.var(var, draw(st.integers(0, 3)))
    kind = draw(st.sampled_from(["matmul", "attention_scores", "attention_values"]))
    dtype = draw(st.sampled_from([DType.BF16, DType.INT8, DType.INT4, DType.FP32]))
    if kind == "matmul":
        dims = {dim: sizes[dim] for dim in ("m", "n", "k")}
        shape: dict[str, tuple[str, ...]] = {"x": ("m", "k"), "w": ("n", "k"), "y": ("m", "n")}
        roles = {"x": draw(st.sampled_from([Role.INPUT, Role.ACTIVATION])), "w": Role.WEIGHT, "y": Role.OUTPUT}
    else:
        heads = sizes["kv"] * draw(st.integers(1, 2))
        dims = {"b": sizes["b"], "h": heads, "kv": sizes["kv"], "q": affine(1), "t": sizes["t"], "d": sizes["d"]}
        shape = {"x": ("b", "h", "q", "d"), "w": ("b", "kv", "t", "d"), "y": ("b", "h", "q", "t")}
        roles = {"x": Role.ACTIVATION, "w": Role.KV, "y": Role.ACTIVATION}
    for tensor, names in shape.items():
        key = f"{name}.{tensor}"
        tensors[key] = Tensor(key, tuple((d, dims[d]) for d in names), dtype, roles[tensor])
    return Op(name, kind, dims, (f"{name}.x", f"{name}.w"), (f"{name}.y",))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Ops in up to two loops around one another."""
    tensors: dict[str, Tensor] = {}
    count = 0

    def items(around: tuple[str, ...]) -> tuple[Item, ...]:
        nonlocal count
        out: list[Item] = []
        for _ in range(draw(st.integers(1, 2))):
            count += 1
            if len(around) < 2 and draw(st.booleans()):
                var = f"v{count}"
                out.append(Repeat(var, draw(st.integers(1, 7)), items((*around, var))))
            else:
                out.append(draw(products(f"op{count}", around, tensors)))
        return tuple(out)

    return Graph("random", items(()), tensors)


def visits(items: tuple[Item, ...], env: dict[str, int]) -> Iterator[tuple[Op, dict[str, int]]]:
    for item in items:
        if isinstance(item, Op):
            yield item, env
        else:
            for i in range(item.count):
                yield from visits(item.body, {**env, item.var: i})


@settings(derandomize=True)
@given(graphs())
def test_totals_are_sums_over_all_iterations(graph: Graph) -> None:
    macs: dict[str, int] = {}
    bits: dict[str, int] = {}
    for op, env in visits(graph.items, {}):
        size = op.extents(env)
        if op.kind == "matmul":
            mine = size["m"] * size["n"] * size["k"]
        else:
            mine = sum(size["d"] for _ in range(size["b"] * size["h"] * size["t"]))
        macs[op.name] = macs.get(op.name, 0) + mine
        counted = [t for t in (*op.inputs, *op.outputs) if graph.tensors[t].role != Role.ACTIVATION]
        moved = 0
        for name in counted:
            elements = 1
            for _, extent in graph.tensors[name].dims:
                elements *= extent.at(env)
            moved += elements * graph.tensors[name].dtype.bits
        bits[op.name] = bits.get(op.name, 0) + moved
    assert {name: graph.op_macs(name) for name in graph.ops} == macs
    assert {name: graph.op_bytes(name) for name in graph.ops} == {name: -(-b // 8) for name, b in bits.items()}
    assert graph.macs == sum(macs.values())
    assert graph.compulsory_bytes == sum(graph.op_bytes(name) for name in graph.ops)


@given(st.integers(1, 12), st.integers(0, 12))
def test_causal_pairs_are_a_staircase(q: int, past: int) -> None:
    t = q + past
    seen = sum(1 for query in range(q) for key in range(t) if key <= past + query)
    assert pairs(q, t, causal=True) == seen
    assert pairs(q, t, causal=False) == q * t


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_footprint_that_grows_with_its_sizes(kind: str) -> None:
    dims = {"m": 3, "n": 4, "k": 5, "b": 2, "h": 4, "kv": 2, "q": 1, "t": 7, "d": 8}
    small, large = (footprint(kind, {d: n * k for d, n in dims.items()}) for k in (1, 2))
    for name in ("inputs", "weights", "kv", "outputs"):
        a, b = getattr(small, name), getattr(large, name)
        assert b > a > 0 or a == b == 0
    assert small.outputs > 0
    assert (volume(kind, dims) > 0) == (kind in ("matmul", "attention_scores", "attention_values"))


def test_two_ops_of_one_name_are_a_bug_of_the_builder() -> None:
    op = Op("same", "add", {"m": affine(1), "n": affine(1)}, (), ())
    with pytest.raises(Broken, match="two ops named 'same'"):
        _ = Graph("g", (op, Repeat("t", 2, (op,))), {}).ops


@pytest.mark.parametrize(("name", "bits"), [("fp32", 32), ("tf32", 32), ("bf16", 16), ("fp8", 8), ("int4", 4)])
def test_element_widths(name: str, bits: int) -> None:
    assert DType(name).bits == bits
    three = Tensor("x", (("n", affine(3)),), DType(name), Role.ACTIVATION)
    assert three.nbytes({}) == -(-3 * bits // 8)
