"""Panels that stream through spatial arrays: what belongs to one, and which passes need which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.ir.execute.layout import Array
from archsim.ir.graph import Op

SOURCES: Mapping[str, tuple[str, ...]] = {
    "LM": ("QK",),
    "RM": ("LM",),
    "PRM": ("RM",),
    "SLN": ("QK", "RM"),
    "SLD": ("SLN",),
    "SPD": ("PRM",),
    "RD": ("SLD", "SPD"),
    "SLNV": ("SLN",),
    "UNV": (),
    "SPNV": ("PRM",),
    "RNV": ("SLNV", "SPNV"),
    "MRG": ("RNV", "RD"),
    "max": ("QK",),
    "exp": ("QK", "max"),
    "sum": ("exp",),
    "div": ("exp", "sum"),
}
"""Einsum of a fused attention -> those of its panel that it reads; one that is not here reads all before it.

What it reads of the tile of keys before (UNV, which takes back a division) is no matter of a panel's order.
"""
MUST: Mapping[str, tuple[str, ...]] = {
    "softmax": ("max", "exp", "sum", "div"),
    "layernorm": (
        "sum",
        "mean",
        "centre",
        "square",
        "variance",
        "rsqrt.mul",
        "rsqrt.mac",
        "rsqrt.add",
        "scale",
        "affine",
    ),
    "rmsnorm": ("square", "mean", "rsqrt.mul", "rsqrt.mac", "rsqrt.add", "scale", "gain"),
    "gelu": ("square", "cube", "scale", "exp", "one", "div"),
    "silu": ("exp", "one", "div"),
    "relu": ("max",),
    "gate": ("mul",),
    "add": ("add",),
    "scale": ("mul",),
    "rope": ("cos", "sin"),
    "argmax": ("max",),
}
"""Op kind -> passes without which there is no result."""
ONE_PASS = ("LM", "RM", "PRM", "SLN", "SLD", "SPD", "RD", "SLNV", "SPNV", "RNV", "AV")
THREE_PASSES = ("max", "exp", "sum", "div", "AV")
"""The same of a fused attention whose softmax goes once, or three times, over the keys."""


@dataclass
class Panel:
    """One panel under way."""

    op: Op
    """Of a fused attention, the scores."""
    passes: list[int] = field(default_factory=list)
    """Instances, in program order."""
    scores: int | None = None
    """Of a fused attention, the instance that makes the scores."""
    taken: Mapping[str, Array] | None = None
    """What the load found."""
    done: set[str] = field(default_factory=set)
    """Passes that ran after all that they read."""
