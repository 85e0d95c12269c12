"""Whether the weights and the cache of a workload fit the memory behind the units that say how large theirs is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from archsim.core.errors import DoesNotFit
from archsim.ir.component import Design, MainMemory
from archsim.ir.graph import Graph, Role, Tensor


@dataclass(frozen=True, slots=True)
class Resident:
    """Bytes that are kept from op to op: all copies, the cache at its longest."""

    weights: int
    cache: int

    @property
    def nbytes(self) -> int:
        """Both."""
        return self.weights + self.cache


def resident(graph: Graph, bits: int | None = None) -> Resident:
    """Weights and cache of a graph; every element `bits` wide where a machine stores all alike.

    Vectors between ops are left out: they are small, and how many live at once depends on the mapping. So this is the
    least that any mapping needs.
    """
    counts = {loop.var: loop.count for _, around in graph.walk() for loop in around}

    def total(role: Role) -> int:
        return sum(_nbytes(tensor, counts, bits) for tensor in graph.tensors.values() if tensor.role == role)

    return Resident(total(Role.WEIGHT), total(Role.KV))


def _nbytes(tensor: Tensor, counts: Mapping[str, int], bits: int | None) -> int:
    elements = prod(counts.get(var, 1) for var in tensor.stacked)
    for _, size in tensor.dims:
        elements *= int(size.at({var: counts[var] - 1 if size.coefficient(var) > 0 else 0 for var in size.names()}))
    return -(-elements * (bits or tensor.dtype.bits) // 8)


def check_main_memory(graph: Graph, design: Design) -> None:
    """`DoesNotFit` where weights and cache are larger than the memory of all units, if all say how large it is."""
    memories = design.main_memories
    if not memories:
        return
    widths = [memory.bits for memory in memories if memory.bits is not None]
    bits = min(widths) if len(widths) == len(memories) else None
    kept, have = resident(graph, bits), sum(memory.nbytes for memory in memories)
    if kept.nbytes <= have:
        return
    raise DoesNotFit(
        f"{graph.name} does not fit the memory{f', which stores elements of {bits} bits' if bits else ''}",
        where=", ".join(memory.field for memory in memories),
        need=kept.nbytes,
        have=have,
        terms={"weights": kept.weights, "cache": kept.cache},
        try_=tuple(_remedies(graph, kept, have, memories, bits)),
    )


def _remedies(
    graph: Graph, kept: Resident, have: int, memories: tuple[MainMemory, ...], bits: int | None
) -> Iterator[str]:
    """What would fit: narrower elements where some are narrow enough, fewer tokens, no limit."""
    settings = dict.fromkeys(memory.width for memory in memories) if bits else {"workload.dtype": None}
    widths = {tensor.dtype.bits for tensor in graph.tensors.values() if tensor.role in (Role.WEIGHT, Role.KV)}
    alike = bits is not None or len(widths) == 1  # of several widths, that setting decides on some alone
    for narrower in (16, 8, 4) if alike else ():
        least = resident(graph, narrower)
        if all(settings) and least.nbytes <= have and least.nbytes < kept.nbytes:
            yield f"{' and '.join(settings)} of at most {narrower} bits"
            break
    if kept.weights < have and kept.cache:
        yield "a shorter context or a smaller batch"
    for memory in memories:
        yield f"--set {memory.field}=null for no limit"
