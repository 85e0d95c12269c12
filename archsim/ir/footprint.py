"""Closed forms of each op kind: multiply-accumulates and operand sizes, from its dims alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.core.errors import UnknownName

ROW_KINDS = ("softmax", "layernorm", "rmsnorm", "gelu", "relu", "silu", "rope", "copy", "argmax", "scale", "kv_append")
"""One input and one output of m x n elements (new keys and values count as one input of kv_append)."""
PAIR_KINDS = ("add", "gate")
"""Two inputs of m x n elements."""
KINDS = ("matmul", "attention_scores", "attention_values", "embedding", *ROW_KINDS, *PAIR_KINDS)
"""Every op kind of the language."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """Elements an op touches, by what they are."""

    inputs: int
    weights: int
    kv: int
    outputs: int


def pairs(q: int, t: int, *, causal: bool) -> int:
    """Query-key pairs: all of them, or where causal the staircase in which the last q positions see only their past."""
    return q * t - q * (q - 1) // 2 if causal else q * t


def volume(kind: str, dims: Mapping[str, int], *, causal: bool = False) -> int:
    """Multiply-accumulates of one op; zero for kinds that are not products."""
    if kind == "matmul":
        return dims["m"] * dims["n"] * dims["k"]
    if kind in ("attention_scores", "attention_values"):
        return dims["b"] * dims["h"] * dims["d"] * pairs(dims["q"], dims["t"], causal=causal)
    return 0


def footprint(kind: str, dims: Mapping[str, int], *, causal: bool = False) -> Footprint:
    """Elements an op reads and writes once each."""
    if kind == "matmul":
        m, n, k = dims["m"], dims["n"], dims["k"]
        return Footprint(m * k, n * k, 0, m * n)
    if kind in ("attention_scores", "attention_values"):
        vectors = dims["b"] * dims["h"] * dims["q"] * dims["d"]
        scores = dims["b"] * dims["h"] * pairs(dims["q"], dims["t"], causal=causal)
        cache = dims["b"] * dims["kv"] * dims["t"] * dims["d"]
        return (
            Footprint(vectors, 0, cache, scores) if kind == "attention_scores" else Footprint(scores, 0, cache, vectors)
        )
    size = dims.get("m", 1) * dims.get("n", 1)
    if kind == "embedding":
        return Footprint(0, size, 0, size)
    if kind == "argmax":
        return Footprint(size, 0, 0, dims.get("m", 1))
    if kind in ROW_KINDS:
        return Footprint(size, 0, 0, size)
    if kind in PAIR_KINDS:
        return Footprint(2 * size, 0, 0, size)
    raise UnknownName("op kind", kind, KINDS)
