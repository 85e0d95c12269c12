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

    layer = _Layers(
        stream=amount(d_model),
        group=amount(d_model, groups),
        scores=amount(rows * heads, groups),
        chunk=amount(d_ff, chunks),
    )
    x = "x0"
    for number in range(layers):
        at = f"l{number}."
        x = layer.forward(at, layer.attention(at, x, groups), chunks)
    return TensorGraph(f"decoder G{groups}F{chunks}L{layers}", tuple(layer.ops), layer.sizes)


class _Layers:
    """Ops and tensor sizes of layers, one after the other; sizes are those of the stream and of parts of a layer."""

    def __init__(self, stream: int, group: int, scores: int, chunk: int) -> None:
        self.stream, self.group, self.scores, self.chunk = stream, group, scores, chunk
        self.sizes = {"x0": stream}
        self.ops: list[TensorOp] = []

    def attention(self, at: str, x: str, groups: int) -> str:
        """The half of a layer that mixes tokens; names its result."""
        normed = self._op(f"{at}norm1", self.stream, x)
        mixed = []
        heads_of = [[self._op(f"{at}{name}{g}", self.group, normed) for name in ("q", "k", "v")] for g in range(groups)]
        for g, (q, k, v) in enumerate(heads_of):
            probs = self._op(f"{at}softmax{g}", self.scores, self._op(f"{at}scores{g}", self.scores, q, k))
            mixed.append(self._op(f"{at}values{g}", self.group, probs, v))
        return self._op(f"{at}add1", self.stream, x, self._op(f"{at}proj", self.stream, *mixed))

    def forward(self, at: str, middle: str, chunks: int) -> str:
        """The half that follows, a gated feed-forward block; names its result."""
        normed = self._op(f"{at}norm2", self.stream, middle)
        total: tuple[str, ...] = ()
        for f in range(chunks):
            gate, up = (self._op(f"{at}{name}{f}", self.chunk, normed) for name in ("gate", "up"))
            active = self._op(f"{at}act{f}", self.chunk, gate, up)
            total = (self._op(f"{at}down{f}", self.stream, active, *total),)
        return self._op(f"{at}add2", self.stream, middle, *total)

    def _op(self, name: str, size: int, *inputs: str) -> str:
        self.sizes[name] = size
        self.ops.append(TensorOp(name, inputs, (name,)))
        return name
