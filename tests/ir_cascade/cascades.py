"""What the cascades are compared with: attention, softmax and norms in a few lines of numpy, and drawn cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from archsim.ir.cascade.cascade import Cascade, partition
from archsim.ir.cascade.file import load_cascade, names

Array = NDArray[np.floating[Any]]

ATTENTION = tuple(name for name in names() if name.startswith("attention"))


def plain_attention(q: Array, k: Array, v: Array, *, group: int = 1, causal: bool = False, window: int = 0) -> Array:
    """Attention with an axis order of (b, h, f, p); heads of one group share keys; a query without keys gives 0."""
    k, v = (np.repeat(x, group, axis=1)[:, : q.shape[1]].astype(np.float64) for x in (k, v))
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2)
    queries, keys = scores.shape[-2:]
    position, key = np.arange(queries)[:, None] + keys - queries, np.arange(keys)[None, :]
    seen = np.ones((queries, keys), bool)
    if causal:
        seen &= key <= position
    if window:
        seen &= key > position - window
    top = np.where(seen, scores, np.finfo(np.float64).min).max(-1, keepdims=True)  # a masked score must not hide others
    weights = np.where(seen, np.exp(np.minimum(scores - top, 0)), 0.0)
    below = weights.sum(-1, keepdims=True)
    weights = np.divide(weights, below, out=np.zeros_like(weights), where=below > 0)
    return np.asarray((weights @ v).swapaxes(-1, -2))


@dataclass(frozen=True)
class Case:
    """An attention cascade with tiles, masks and arrays."""

    cascade: Cascade
    arrays: dict[str, Array]
    group: int
    causal: bool
    window: int


@st.composite
def attention_cases(draw: st.DrawFn) -> Case:
    """Any of the cascades, any shape, tiled along any rank, with any masks; few values, so that maxima tie."""
    cascade = load_cascade(draw(st.sampled_from(ATTENTION)))
    b, kv, g, p, m, e, f = (draw(st.integers(1, top)) for top in (2, 2, 3, 5, 9, 3, 3))
    heads = draw(st.integers(kv * g - g + 1, kv * g))
    cascade = cascade.sized(G=g)
    for rank in draw(st.lists(st.sampled_from(["m", "h", "p", "e", "f"]), unique=True, max_size=3)):
        if rank not in cascade.cuts:
            cascade = partition(cascade, rank, draw(st.integers(1, 4)))
    for symbol in ("M0", "R"):
        if any(cut.inner.upper() == symbol for cut in cascade.partitions) and symbol not in dict(cascade.sizes):
            cascade = cascade.sized({symbol: draw(st.integers(1, 11))})
    causal, window = draw(st.booleans()), draw(st.sampled_from([0, 1, 2, 4]))
    masks = [*(["causal(m,p)"] if causal else []), *([f"window(m,p,{window})"] if window else [])]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    scale = draw(st.sampled_from([1.0, 30.0]))
    shapes = {"Q": (b, heads, p, e), "K": (b, kv, m, e), "V": (b, kv, m, f)}
    arrays = {name: np.round(rng.normal(size=shape) * scale, 1).astype(dtype) for name, shape in shapes.items()}
    return Case(cascade.masked(*masks), arrays, g, causal, window)
