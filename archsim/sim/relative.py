"""A front seen from its frontier: two moments with equal views have equal futures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.block import Block
from archsim.sim.front import LONG_AGO, YES, Front, Moment
from archsim.sim.plan import LoopPlan

View = dict[tuple[str, ...], IntArray]


def view(front: Front, plan: LoopPlan, blocks: Mapping[str, Block], depth: Mapping[str, int], step: int) -> View:
    """Everything the loop's tasks can depend on, relative to the frontier.

    Addresses relative to iteration `step` of the loop.

    Completions so old that no unit can wait for them all look the same: one tick before the first unit is free. Those
    that tasks outside the loop wait for are kept as they are.
    """
    base = front.frontier.at
    out: View = {("frontier full",): front.frontier.full.astype(np.int64)}
    oldest: IntArray | None = None
    for unit in plan.units:
        moment = front.free[unit]
        out["free", unit] = moment.at - base
        out["full", unit] = moment.full.astype(np.int64)
        out["state", unit] = _relative_state(front.state[unit], blocks[unit], plan.strides.get(unit, 0) * step)
        oldest = out["free", unit] if oldest is None else np.minimum(oldest, out["free", unit])
    assert oldest is not None, "a loop without tasks"
    for task in plan.needs:
        for distance in range(depth.get(task, 1)):
            known = front.instance(task, distance)
            at = known.at - base if known else np.full(1, LONG_AGO, dtype=np.int64)
            full = known.full if known else YES
            recent = at > LONG_AGO // 2 if task in plan.kept else at >= oldest
            out["done", task, str(distance)] = np.where(recent, at, LONG_AGO if task in plan.kept else oldest - 1)
            out["done full", task, str(distance)] = np.where(recent, full, True).astype(np.int64)
    return out


def _relative_state(state: IntArray, block: Block, offset: int) -> IntArray:
    if not offset or not block.address_slots:
        return state
    out = state.copy()
    move_addresses(out, block, -offset)
    return out


def move_addresses(state: IntArray, block: Block, offset: int) -> None:
    """Add `offset` to the addresses in a state (in place), where there are any."""
    for slot in block.address_slots:
        column = state[:, slot]
        state[:, slot] = np.where(column >= 0, column + offset, column)


def same(a: View, b: View) -> bool:
    """Whether two views agree on every lane."""
    return all(bool(np.all(a[key] == b[key])) for key in a)


def restore(seen: View, plan: LoopPlan, depth: Mapping[str, int]) -> Front:
    """A front with its frontier at 0 that has this view (taken at step 0)."""
    front = Front(
        {unit: Moment(seen["free", unit], seen["full", unit].astype(np.bool_)) for unit in plan.units},
        {unit: seen["state", unit] for unit in plan.units},
    )
    front.frontier = Moment(np.zeros(1, dtype=np.int64), seen["frontier full",].astype(np.bool_))
    for task in plan.needs:
        front.done[task] = [
            Moment(seen["done", task, str(d)], seen["done full", task, str(d)].astype(np.bool_))
            for d in range(depth.get(task, 1))
        ]
    return front
