"""What is small enough to be executed on arrays."""

from __future__ import annotations

from math import prod

from archsim.core.errors import BadInput
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping, instances

MOST_INSTANCES = 50_000
"""Task instances of the mapping."""
MOST_WORK = 200_000_000
"""Multiply-accumulates of the graph."""
MOST_ELEMENTS = 20_000_000
"""Elements of all tensors, all copies counted."""


def check_size(mapping: Mapping, graph: Graph) -> None:
    """Raise `BadInput`, saying what to shrink, where execution would take too long or too much memory."""
    counts = {r.var: r.count for _, around in graph.walk() for r in around}
    last = {var: count - 1 for var, count in counts.items()}
    elements = sum(
        tensor.elements(last) * prod(counts.get(var, 1) for var in tensor.stacked) for tensor in graph.tensors.values()
    )
    for what, size, most, tries in (
        (
            "multiply-accumulates",
            graph.macs,
            MOST_WORK,
            ("fewer tokens, or a smaller model", "--prompt 4 --generate 2"),
        ),
        ("elements in tensors", elements, MOST_ELEMENTS, ("a model with a smaller vocabulary or fewer layers",)),
        ("task instances", instances(mapping.body), MOST_INSTANCES, ("fewer layers or tokens", "a larger tile")),
    ):
        if size > most:
            raise BadInput(
                f"{graph.name} is too large to be executed on arrays: {size:,} {what}",
                right=f"at most {most:,}",
                try_=(*tries, "gemm:16,24,32 or attention:1,4,2,8,8,16,causal", "a model of your own with few layers"),
            )
