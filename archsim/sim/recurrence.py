"""Loops whose iterations are alike: walk until the relative state recurs, multiply the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.mapping import Loop
from archsim.sim.front import Front, Moment
from archsim.sim.ledger import Key, Ledger
from archsim.sim.relative import View, move_addresses, same, view
from archsim.sim.trace import sampled

if TYPE_CHECKING:
    from archsim.sim.fastforward import Walker

PATIENCE = 64
"""Iterations without a recurrence after which it is no longer looked for."""


@dataclass(frozen=True, slots=True)
class Mark:
    """The state before an iteration."""

    index: int
    seen: View
    accounts: dict[Key, IntArray]
    frontier: IntArray
    boundary: IntArray


@dataclass(frozen=True, slots=True)
class End:
    """The end of an outermost iteration, for samples."""

    at: int
    boundary: int
    busy: Mapping[str, int]


def run(
    walker: Walker, front: Front, ledger: Ledger, loop: Loop, env: Mapping[str, IntArray], width: int, outer: bool
) -> None:
    """All iterations of a loop; those of a loop that varies one by one."""
    plan = walker.plan.of(loop)
    looking = not plan.varies and loop.count > 2
    wanted = set(sampled(loop.count)) if outer else set()
    marks: list[Mark] = []
    ends: dict[int, End] = {}
    index = 0
    while index < loop.count:
        if looking:
            mark = take(walker, front, ledger, loop, index)
            match = next((m for m in reversed(marks) if same(m.seen, mark.seen)), None)
            if match is not None:
                times = (loop.count - index) // (index - match.index)
                leap(walker, front, ledger, loop, match, mark, times)
                if outer:
                    _sample_leap(walker, loop, match, mark, times, ends, wanted)
                index += times * (index - match.index)
                looking = False
                continue
            marks.append(mark)
            looking = len(marks) <= PATIENCE
        walker.walk(front, ledger, loop.body, {**env, loop.var: np.array([index])}, width, False)
        if outer:
            ends[index] = End(int(front.frontier.at[0]), int(front.boundary[0]), _busy(walker, ledger))
            if index in wanted:
                walker.sample(loop.var, index, ends[index].at, ends[index].boundary, ends[index].busy)
        index += 1


def take(walker: Walker, front: Front, ledger: Ledger, loop: Loop, index: int) -> Mark:
    """The state before iteration `index`."""
    seen = view(front, walker.plan.of(loop), walker.blocks, walker.plan.depth, index)
    return Mark(index, seen, ledger.snapshot(), front.frontier.at, front.boundary)


def leap(walker: Walker, front: Front, ledger: Ledger, loop: Loop, match: Mark, mark: Mark, times: int) -> None:
    """Repeat everything between two marks with equal views `times` more times."""
    plan = walker.plan.of(loop)
    step = times * (mark.frontier - match.frontier)
    steps = times * (mark.index - match.index)
    for unit in plan.units:
        front.free[unit] = Moment(front.free[unit].at + step, front.free[unit].full)
        state = front.state[unit].copy()
        move_addresses(state, walker.blocks[unit], plan.strides.get(unit, 0) * steps)
        front.state[unit] = state
    for task in plan.tasks & front.done.keys():
        front.done[task] = [Moment(m.at + step, m.full) for m in front.done[task]]
    front.frontier = Moment(front.frontier.at + step, front.frontier.full)
    front.boundary = np.where(mark.boundary > match.boundary, mark.boundary + step, mark.boundary)
    ledger.repeat(match.accounts, times)


def _busy(walker: Walker, ledger: Ledger) -> dict[str, int]:
    from archsim.sim.fastforward import busy_of

    return busy_of(ledger, walker.blocks)


def _sample_leap(
    walker: Walker, loop: Loop, match: Mark, mark: Mark, times: int, ends: dict[int, End], wanted: set[int]
) -> None:
    """Samples inside a leap, from the iterations it repeats."""
    period = mark.index - match.index
    move = int(mark.frontier[0] - match.frontier[0])
    before, after = int(match.boundary[0]), int(mark.boundary[0])
    for index in sorted(i for i in wanted if mark.index <= i < mark.index + times * period):
        rounds, offset = divmod(index - mark.index, period)
        end = ends[match.index + offset]
        if end.boundary > before:
            boundary = end.boundary + (rounds + 1) * move
        else:
            boundary = after + rounds * move if after > before else end.boundary
        start = ends[match.index - 1].busy if match.index else {}
        last = ends[mark.index - 1].busy
        busy = {u: b + (rounds + 1) * (last[u] - start.get(u, _first_busy(match, u))) for u, b in end.busy.items()}
        walker.sample(loop.var, index, end.at + (rounds + 1) * move, boundary, busy)


def _first_busy(match: Mark, unit: str) -> int:
    known = match.accounts.get(("busy", unit))
    return int(known[0]) if known is not None else 0
