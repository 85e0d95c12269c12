"""Whether everything that is placed fits its memory, beside what lives there at the same time."""

from __future__ import annotations

from archsim.core.errors import DoesNotFit, UnknownName
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.capability import PimBanks, SpatialArrays, VectorUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping, Placement
from archsim.ir.overlap import overlap

BUFFER = "buffer"
"""Name of the memory that spatial arrays share."""


def capacities(design: Design) -> dict[str, int]:
    """Bytes of the memories that a design's units declare, by name; per bank for banked memories."""
    found: dict[str, int] = {}
    for unit in design.capabilities():
        if isinstance(unit, PimBanks):
            found[unit.unit] = unit.rows * unit.row_bytes
        elif isinstance(unit, VectorUnit):
            found[unit.sram] = unit.sram_bytes
        elif isinstance(unit, SpatialArrays):
            found[BUFFER] = unit.buffer_bytes
        elif unit.memory:
            found[unit.memory] = unit.memory_bytes
    return found


def element_bytes(design: Design) -> dict[str, int]:
    """Bytes of an element in the memories that have a width of their own, whatever tensor lies there."""
    return {unit.sram: unit.element_bytes for unit in design.capabilities() if isinstance(unit, VectorUnit)}


def check_capacity(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Every placement lies inside its memory, which is no larger than the design's.

    No two tensors share bytes that live at the same time by the order of the graph's ops.
    """
    real = capacities(design)
    for memory, claimed in mapping.capacities.items():
        if claimed > real.get(memory, claimed):
            raise DoesNotFit(
                f"the mapping counts on more of {memory} than the design has",
                where=memory,
                need=claimed,
                have=real[memory],
                terms={},
                try_="map onto this design, or check against the design it was mapped onto",
            )
    counts: dict[str, int] = {}
    for _, loops in mapping.walk():
        for loop in loops:
            counts[loop.var] = max(counts.get(loop.var, 1), loop.count)
    order = {name: index for index, name in enumerate(graph.ops)}
    for p in mapping.placements:
        if p.memory not in mapping.capacities:
            raise UnknownName("memory", p.memory, mapping.capacities, where=f"placement of {p.tensor}")
        where = f"placement of {p.tensor}"
        if p.size < 1 or min((*p.strides.values(), 0)) < 0:
            raise BadMapping(
                f"{p.tensor} has {p.size} bytes in {p.memory}, at strides {dict(p.strides)}",
                where=where,
                right="at least one byte, and strides that are not negative",
                try_="the bytes of one copy as the size, and how far copies lie apart as strides",
            )
        _check_copies(p, graph, counts)
        end = p.start + p.size + sum(step * (counts.get(var, 1) - 1) for var, step in p.strides.items())
        if p.start < 0 or end > mapping.capacities[p.memory]:
            raise DoesNotFit(
                f"{p.tensor} ends beyond {p.memory}",
                where=where,
                need=end,
                have=mapping.capacities[p.memory],
                terms={p.tensor: p.size},
                try_="a larger memory or a smaller tile",
            )
    for i, a in enumerate(mapping.placements):
        for b in mapping.placements[i + 1 :]:
            if a.memory == b.memory and _alive_together(a, b, order) and overlap(a, b, counts):
                raise BadMapping(
                    f"{a.tensor} and {b.tensor} live at the same time and share bytes of {a.memory}: "
                    f"{_bytes(a)} and {_bytes(b)}",
                    where=f"placement of {b.tensor}",
                    right=f"{a.tensor} is needed {_when(a)}, {b.tensor} {_when(b)}",
                    try_=f"another start for one of them, such as {a.start + a.size} for {b.tensor}",
                )


def _check_copies(p: Placement, graph: Graph, counts: dict[str, int]) -> None:
    """What is kept for good has bytes of its own for every copy."""
    tensor = graph.tensors.get(p.tensor)
    for var in tensor.stacked if tensor is not None and not p.live else ():
        if counts.get(var, 1) > 1 and p.strides.get(var, 0) < p.size:
            raise BadMapping(
                f"{p.tensor} has {p.size} bytes for every {var}, {p.strides.get(var, 0)} apart",
                where=f"placement of {p.tensor}",
                right="copies that lie apart, since all are kept",
                try_=f"a stride of {p.size} or more for {var}",
            )


def _bytes(place: Placement) -> str:
    """Where the first copy lies."""
    more = "".join(f", again every {step} for {var}" for var, step in place.strides.items())
    return f"{place.start}:{place.start + place.size}{more}"


def _when(place: Placement) -> str:
    return f"from {place.live[0]} to {place.live[1]}" if place.live else "always"


def _alive_together(a: Placement, b: Placement, order: dict[str, int]) -> bool:
    """Whether two lifetimes meet. Where one ends with the op that the other starts with, that op works in place."""
    if not a.live or not b.live:
        return True
    for p in (a, b):
        for op in p.live:
            if op not in order:
                raise UnknownName("op", op, order, where=f"lifetime of {p.tensor}")
    (a0, a1), (b0, b1) = ([order[op] for op in p.live] for p in (a, b))
    return a0 < b1 and b0 < a1 if a1 == b0 or b1 == a0 else a0 <= b1 and b0 <= a1
