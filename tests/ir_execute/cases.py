"""Small models that between them have every op, shape and phase that workloads make."""

from __future__ import annotations

from hypothesis import strategies as st

from archsim.ir.graph import Graph
from archsim.workloads.load import load_workload
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer

OPERATORS = (
    "gemm:3,20,30",
    "gemm:1,7,65",
    "attention:1,8,2,5,7,4,causal",
    "attention:2,2,1,1,9,3",
    "attention:2,6,3,4,4,5",
    "softmax:3,5",
    "layernorm:3,5",
    "rmsnorm:4,3",
    "gelu:3,4",
    "relu:2,9",
    "silu:5,1",
    "copy:8",
)
"""Lone operators; `add` stands apart where it is tested."""


@st.composite
def models(draw: st.DrawFn, *, batch: int = 3, decoders: bool = False) -> Graph:
    """A whole model of one or two layers with odd sizes, in one of its phases."""
    encoder = not decoders and draw(st.booleans())
    kv = draw(st.sampled_from([1, 2]))
    position = draw(st.sampled_from(["none", "learned", "rope"]))
    head = draw(st.integers(1, 4))
    shape = ModelShape.model_validate(
        {
            "name": "drawn",
            "family": "encoder" if encoder else "decoder",
            "layers": draw(st.integers(1, 2)),
            "d_model": draw(st.sampled_from([4, 6, 10])),
            "heads": kv * draw(st.sampled_from([1, 2, 3])),
            "kv_heads": kv,
            "head_dim": head + head % 2 if position == "rope" else head,
            "d_ff": draw(st.sampled_from([3, 7, 12])),
            "vocab": draw(st.sampled_from([5, 9])),
            "max_positions": 32,
            "position": position,
            "norm": draw(st.sampled_from(["layernorm", "rmsnorm"])),
            "activation": draw(st.sampled_from(["gelu", "relu", "silu"])),
            "gated": draw(st.booleans()),
            "post_norm": encoder or draw(st.booleans()),
            "qkv_bias": draw(st.booleans()),
            "proj_bias": draw(st.booleans()),
            "ffn_bias": draw(st.booleans()),
        }
    )
    counts: dict[str, int | str] = {"batch": draw(st.integers(1, batch))}
    phase = "prefill" if encoder else draw(st.sampled_from(["prefill", "decode", "generate"]))
    if phase == "decode":
        counts |= {"context": draw(st.integers(0, 5)), "generate": draw(st.integers(1, 3))}
    else:
        counts |= {"prompt": draw(st.integers(1, 4))} | (
            {"generate": draw(st.integers(1, 3))} if phase == "generate" else {}
        )
    return Transformer.model_validate({"model": shape, "phase": phase, **counts}).expand()


def operator(text: str) -> Graph:
    """The graph of a lone operator."""
    return load_workload(text).expand()
