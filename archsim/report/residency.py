"""A plan of residency as a picture: addresses over steps, as a sketch and as a figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.mappers.allocation import Allocation, Buffer
from archsim.report.allocation import allocation_plot
from archsim.report.allocation import sketch as allocation_sketch

if TYPE_CHECKING:
    from archsim.mappers.residency import Plan
    from archsim.report.pareto_plot import Format


def as_allocation(plan: Plan) -> Allocation:
    """Segments as buffers: each lives from its first step until after its last."""
    buffers, names = [], dict[str, int]()
    for segment in plan.segments:
        times = names[segment.tensor] = names.get(segment.tensor, 0) + 1
        name = segment.tensor if times == 1 else f"{segment.tensor} ({times})"
        buffers.append(Buffer(name, segment.first, segment.last + 1, plan.graph.sizes[segment.tensor]))
    return Allocation(
        tuple(buffers), tuple(s.offset for s in plan.segments), plan.load, plan.load, plan.capacity, method=plan.method
    )


def sketch(plan: Plan, *, ascii_only: bool = False) -> list[str]:
    """Lines for the terminal, the highest address first; a letter is a tensor."""
    return allocation_sketch(as_allocation(plan), ascii_only=ascii_only)


def plan_plot(plan: Plan, *, form: Format = "png") -> bytes:
    """Tensors as boxes over steps and addresses, with the capacity and the load as lines."""
    title = f"{plan.graph.name}: {plan.objective:,} B beyond the compulsory {plan.graph.compulsory_bytes:,} B"
    return allocation_plot(as_allocation(plan), title=title, form=form)
