"""Loops whose sizes vary: all iterations at once, one lane each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.block import extend
from archsim.ir.mapping import Loop
from archsim.sim import recurrence
from archsim.sim.front import LONG_AGO, YES, Front, Moment
from archsim.sim.ledger import BUSY, Ledger
from archsim.sim.relative import View, restore, same, view
from archsim.sim.trace import sampled

if TYPE_CHECKING:
    from archsim.sim.fastforward import Walker

CHUNK = 1 << 15
"""Lanes evaluated at once: bounds the memory."""
ROUNDS = 8
"""Attempts to find the lanes' entry states before giving up."""
HOPE = 3
"""Attempts after which more lanes must be right than attempts alone make so: each makes one more right."""


def run(walker: Walker, front: Front, ledger: Ledger, loop: Loop, env: Mapping[str, IntArray], outer: bool) -> None:
    """All iterations of a loop, a chunk of lanes at a time."""
    for first in range(0, loop.count, CHUNK):
        width = min(CHUNK, loop.count - first)
        if not _chunk(walker, front, ledger, loop, env, first, width, outer):
            _one_by_one(walker, front, ledger, loop, env, first, outer)
            return


def _one_by_one(
    walker: Walker, front: Front, ledger: Ledger, loop: Loop, env: Mapping[str, IntArray], first: int, outer: bool
) -> None:
    """Iterations from `first` on, in order."""
    wanted = set(sampled(loop.count)) if outer else set()
    for index in range(first, loop.count):
        walker.walk(front, ledger, loop.body, {**env, loop.var: np.array([index])}, 1, False)
        if index in wanted:
            mark = recurrence.take(walker, front, ledger, loop, index)
            busy = {u: int(mark.accounts[BUSY, u][0]) if (BUSY, u) in mark.accounts else 0 for u in walker.blocks}
            walker.sample(loop.var, index, int(front.frontier.at[0]), int(front.boundary[0]), busy)


def _chunk(
    walker: Walker,
    front: Front,
    ledger: Ledger,
    loop: Loop,
    env: Mapping[str, IntArray],
    first: int,
    width: int,
    outer: bool,
) -> bool:
    """Evaluate `width` iterations from `first`; False where no consistent entry states were found."""
    plan, depth = walker.plan.of(loop), walker.plan.depth
    entry = view(front, plan, walker.blocks, depth, 0)
    assumed = entry
    inner_env = {**env, loop.var: np.arange(first, first + width, dtype=np.int64)}
    for attempt in range(ROUNDS):
        lane_front, lane_ledger = restore(assumed, plan, depth), Ledger()
        walker.walk(lane_front, lane_ledger, loop.body, inner_env, width, False)
        actual = _shifted(entry, view(lane_front, plan, walker.blocks, depth, 0), width)
        if same(actual, assumed):
            _merge(walker, front, ledger, loop, lane_front, lane_ledger, first, width, outer)
            return True
        if attempt + 1 >= HOPE and _agreeing(actual, assumed, width) <= attempt + 2:
            return False
        assumed = actual
    return False


def _agreeing(actual: View, assumed: View, width: int) -> int:
    """Lanes from the first one on whose entry state was assumed as it is."""
    differ = np.zeros(width, dtype=np.bool_)
    for key, value in actual.items():
        differ |= (value != assumed[key]).reshape(max(len(value), len(assumed[key])), -1).any(axis=1)
    return int(differ.argmax()) if differ.any() else width


def _shifted(entry: View, leaving: View, width: int) -> View:
    """Every lane starts where the one before it ended; the first starts at the entry."""
    out: View = {}
    for key, value in leaving.items():
        if len(value) == 1 and bool(np.all(entry[key] == value)):
            out[key] = value
        else:
            out[key] = np.concatenate([entry[key], extend(value, width)[:-1]])
    return out


def _merge(
    walker: Walker,
    front: Front,
    ledger: Ledger,
    loop: Loop,
    lane_front: Front,
    lane_ledger: Ledger,
    first: int,
    width: int,
    outer: bool,
) -> None:
    """Line the lanes up in time and move the front behind the last one."""
    plan = walker.plan.of(loop)
    lengths = extend(lane_front.frontier.at, width)
    ends = front.frontier.at[0] + np.cumsum(lengths)
    last = ends[-1] - lengths[-1]
    bounds = extend(lane_front.boundary, width)
    placed = np.where(bounds > LONG_AGO, bounds + (ends - lengths), LONG_AGO)
    boundaries = np.maximum.accumulate(np.maximum(placed, front.boundary[0]))
    if bool((placed > LONG_AGO).any()):
        front.retire(YES)
    if outer:
        _sample(walker, ledger, loop, lane_ledger, ends, boundaries, first, width)
    for unit in plan.units:
        front.free[unit] = _last(lane_front.free[unit], last)
        front.state[unit] = lane_front.state[unit][-1:]
    for task in plan.tasks & lane_front.done.keys():
        front.done[task] = [_last(moment, last) for moment in lane_front.done[task]]
    front.frontier = Moment(ends[-1:], lane_front.frontier.full[-1:])
    front.boundary = boundaries[-1:]
    front.additive &= lane_front.additive
    front.doubts |= lane_front.doubts
    ledger.absorb(lane_ledger, width)


def _last(moment: Moment, offset: IntArray) -> Moment:
    """The last lane's moment in absolute time."""
    return Moment(moment.at[-1:] + offset, moment.full[-1:])


def _sample(
    walker: Walker,
    ledger: Ledger,
    loop: Loop,
    lane_ledger: Ledger,
    ends: IntArray,
    boundaries: IntArray,
    first: int,
    width: int,
) -> None:
    zero = np.zeros(1, dtype=np.int64)
    busy = {
        unit: ledger.accounts.get((BUSY, unit), zero)[0]
        + np.cumsum(extend(lane_ledger.accounts.get((BUSY, unit), zero), width))
        for unit in walker.blocks
    }
    for index in sampled(loop.count):
        lane = index - first
        if 0 <= lane < width:
            at = {unit: int(values[lane]) for unit, values in busy.items()}
            walker.sample(loop.var, index, int(ends[lane]), int(boundaries[lane]), at)
