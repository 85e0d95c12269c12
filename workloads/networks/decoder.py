"""A decoder layer cut into head groups and chunks of the feed-forward block, repeated."""

from __future__ import annotations

from archsim.core.errors import BadInput
from archsim.ir.tensorgraph import TensorGraph, TensorOp

UNIT = 32 * 1024
"""Bytes that tensors of a decoder are rounded up to."""
MOST_OPS = 50_000
"""Ops that a graph may have, so that a slip of the pen does not fill the memory."""


def decoder(
    groups: int = 2,
    chunks: int = 2,
    layers: int = 1,
    *,
    rows: int = 128,
    d_model: int = 4096,
    d_ff: int = 11008,
    heads: int = 32,
    unit: int = UNIT,
) -> TensorGraph:
    """Activations of gated decoder layers (LLaMA's shape by default) at one byte per element.

    The layer has ``5 + 6 groups + 4 chunks`` ops: norm; query, key and value of every group of heads; scores, softmax
    and mixed values of every group; projection, sum, norm; gate, up, activated product and down of every chunk; sum.
    Every chunk's `down` adds to what the one before left.

    Parameters
    ----------
    groups, chunks, layers
        Parts that the heads and the feed-forward block are cut into; layers, one after the other.
    rows
        Tokens.
    d_model, d_ff, heads
        Shape of the model. Keys are as many as rows.
    unit
        Bytes that tensor sizes are rounded up to.

    Raises
    ------
    BadInput
        A number below 1, or too many ops.
    """
    for name, value in (("groups", groups), ("chunks", chunks), ("layers", layers), ("rows", rows), ("unit", unit)):
        if value < 1:
            raise BadInput(f"{name} is {value}", where="decoder", right="1 or more")
    if (count := layers * (5 + 6 * groups + 4 * chunks)) > MOST_OPS:
        raise BadInput(f"it has {count:,} ops", where="decoder", right=f"at most {MOST_OPS:,}")

    def amount(columns: int, parts: int = 1) -> int:
        return -(-(rows * columns) // (parts * unit)) * unit

    stream, group = amount(d_model), amount(d_model, groups)
    scores, chunk = amount(rows * heads, groups), amount(d_ff, chunks)
    sizes, ops = {"x0": stream}, list[TensorOp]()

    def op(name: str, size: int, *inputs: str) -> str:
        sizes[name] = size
        ops.append(TensorOp(name, inputs, (name,)))
        return name

    x = "x0"
    for layer in range(layers):
        at = f"l{layer}."
        normed = op(f"{at}norm1", stream, x)
        mixed = []
        heads_of = [[op(f"{at}{name}{g}", group, normed) for name in ("q", "k", "v")] for g in range(groups)]
        for g, (q, k, v) in enumerate(heads_of):
            probs = op(f"{at}softmax{g}", scores, op(f"{at}scores{g}", scores, q, k))
            mixed.append(op(f"{at}values{g}", group, probs, v))
        middle = op(f"{at}add1", stream, x, op(f"{at}proj", stream, *mixed))
        normed = op(f"{at}norm2", stream, middle)
        total: tuple[str, ...] = ()
        for f in range(chunks):
            gate, up = op(f"{at}gate{f}", chunk, normed), op(f"{at}up{f}", chunk, normed)
            total = (op(f"{at}down{f}", stream, op(f"{at}act{f}", chunk, gate, up), *total),)
        x = op(f"{at}add2", stream, middle, *total)
    return TensorGraph(f"decoder G{groups}F{chunks}L{layers}", tuple(ops), sizes)
