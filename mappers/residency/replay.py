"""Run a plan step by step and see that it holds, without trusting what made it."""

from __future__ import annotations

from archsim.core.errors import BadInput
from archsim.mappers.residency.plan import Plan, Segment


def replay(plan: Plan) -> None:
    """Check a plan against its graph.

    Raises
    ------
    BadInput
        Ops are missing or out of order; an operand is not on chip; a load of what memory does not have; two tensors on
        chip share bytes or one ends beyond the capacity; the bound is above the objective. Names step and tensors.
    """
    _check_order(plan)
    arriving: dict[int, list[Segment]] = {}
    for segment in plan.segments:
        _check_segment(plan, segment)
        arriving.setdefault(segment.first, []).append(segment)
    here: dict[str, Segment] = {}
    in_memory = {tensor for tensor in plan.graph.sizes if tensor not in plan.graph.writer}
    for step, name in enumerate(plan.order):
        where, op = f"step {step}, op {name!r}", plan.graph.by_name[name]
        for segment in [s for s in here.values() if s.last < step]:
            del here[segment.tensor]
            in_memory.add(segment.tensor)  # whoever leaves is written back, once
        for segment in arriving.get(step, ()):
            if segment.tensor in here:
                raise BadInput(f"{segment.tensor!r} arrives and is on chip already", where=where)
            if segment.loaded and segment.tensor not in in_memory:
                raise BadInput(f"{segment.tensor!r} is loaded, but memory does not have it", where=where)
            if not segment.loaded and segment.tensor not in op.outputs:
                raise BadInput(f"{segment.tensor!r} appears, but the op does not write it", where=where)
            here[segment.tensor] = segment
        for tensor in op.operands:
            if tensor not in here:
                raise BadInput(f"operand {tensor!r} is not on chip", where=where)
        _check_room(plan, here, where)
    if plan.lower_bound > plan.objective:
        raise BadInput(f"the bound is {plan.lower_bound:,} B, the plan moves {plan.objective:,} B")


def _check_order(plan: Plan) -> None:
    if sorted(plan.order) != sorted(plan.graph.by_name):
        raise BadInput("the order does not have every op once", where=f"plan of {plan.graph.name!r}")
    step_of = {name: step for step, name in enumerate(plan.order)}
    for name in plan.order:
        for other in plan.graph.before[name]:
            if step_of[other] > step_of[name]:
                raise BadInput(f"runs before {other!r}", where=f"step {step_of[name]}, op {name!r}")


def _check_segment(plan: Plan, segment: Segment) -> None:
    where = f"segment of {segment.tensor!r} from step {segment.first}"
    if segment.tensor not in plan.graph.sizes:
        raise BadInput("no such tensor", where=where)
    if not 0 <= segment.first <= segment.last < len(plan.order):
        raise BadInput(f"its last step is {segment.last}", where=where, right=f"0 to {len(plan.order) - 1}, in order")


def _check_room(plan: Plan, here: dict[str, Segment], where: str) -> None:
    end, below = 0, ""
    for segment in sorted(here.values(), key=lambda s: s.offset):
        if segment.offset < end:
            raise BadInput(f"{below!r} and {segment.tensor!r} share byte {segment.offset:,}", where=where)
        end, below = segment.offset + plan.graph.sizes[segment.tensor], segment.tensor
    if end > plan.capacity:
        raise BadInput(f"{below!r} ends at {end:,} B", where=where, right=f"the capacity is {plan.capacity:,} B")
