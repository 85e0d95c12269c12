"""Running a program without stepping through all of it, to the same picosecond.

Units take their tasks in program order, so a program can be evaluated in that order by reservation: a task starts
when its unit is free and its dependences are done. On top of that,

* a loop whose iterations are alike is walked until the relative state of everything in it recurs; the rest is a
  multiplication;
* such a loop met again in a relative state in which it began before is looked up (`recall`);
* a loop whose sizes vary (the context grows with the token) is evaluated for all iterations at once, one lane each:
  every lane starts from an assumed state, and the assumption is then checked against the state in which the lane
  before it ends;
* refreshes are left out and put in afterwards by a closed form, which is exact while every time that matters is
  *full* (see `front`).

Where a condition does not hold, `Inexact` says so and the caller steps instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.block import Block
from archsim.ir.mapping import Loop, Node, Task, instances
from archsim.ir.mapping import walk as walk_tasks
from archsim.ir.report import Sample
from archsim.sim import lanes, recurrence
from archsim.sim.close import close
from archsim.sim.front import YES, ZERO, Front, Moment
from archsim.sim.ledger import BUSY, WAIT, Ledger
from archsim.sim.plan import Plan
from archsim.sim.recall import Recall
from archsim.sim.trace import Effort, Trace


class Inexact(Exception):
    """Fast-forward would not be exact for this program; the message says why."""


class Walker:
    """Evaluates a program body on a front, lane by lane at once."""

    def __init__(self, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> None:
        self.blocks = blocks
        self.plan = Plan(body, blocks)
        self.unit_of = {task.name: task.unit for task, _ in walk_tasks(body, ())}
        self.refreshes = any(block.calendar is not None for block in blocks.values())
        self._fixed: dict[str, Mapping[str, IntArray]] = {}
        self.evaluated = 0
        self.recall = Recall()
        self.samples: list[tuple[Sample, int]] = []
        """Samples in work time, each with the refresh boundary before it."""

    def start(self) -> Front:
        """Everything idle at time zero."""
        return Front(
            {name: Moment(ZERO, YES) for name in self.blocks},
            {name: block.initial()[None, :] for name, block in self.blocks.items()},
        )

    def walk(
        self, front: Front, ledger: Ledger, body: tuple[Node, ...], env: Mapping[str, IntArray], width: int, outer: bool
    ) -> None:
        """Execute a body. `width` is the number of lanes, `outer` says that its loops are the outermost ones."""
        for node in body:
            if isinstance(node, Task):
                self.task(front, ledger, node, env)
            elif self.plan.of(node).empty:
                continue
            else:
                stamp = None if outer or width > 1 else self.recall.stamp(self, front, node)
                if stamp is None:
                    self.loop(front, ledger, node, env, width, outer)
                elif not self.recall.replay(self, front, ledger, node, stamp):
                    base, before = front.frontier.at, ledger.snapshot()
                    self.loop(front, ledger, node, env, width, outer)
                    self.recall.learn(self, front, ledger, node, stamp, base, before)

    def loop(
        self, front: Front, ledger: Ledger, loop: Loop, env: Mapping[str, IntArray], width: int, outer: bool
    ) -> None:
        """Execute a loop."""
        if self.plan.of(loop).varies and width == 1:
            lanes.run(self, front, ledger, loop, env, outer)
        else:
            recurrence.run(self, front, ledger, loop, env, width, outer)

    def task(self, front: Front, ledger: Ledger, task: Task, env: Mapping[str, IntArray]) -> None:
        """Reserve the unit for one task and book it."""
        self.evaluated += 1
        unit = start = front.free[task.unit]
        causes = []
        for after in task.after:
            moment = front.instance(after.task, after.distance)
            if moment is not None:
                causes.append((self.unit_of[after.task], moment))
                start = start.later(moment)
        block = self.blocks[task.unit]
        idle = start.at - unit.at
        out = block.run(task.kernel, self.arguments(task, env), front.state[task.unit], idle)
        done = Moment(start.at + out.done, start.full)
        share = np.maximum(done.at - front.frontier.at, 0)
        ledger.record(task.op, task.unit, out.free, share, out.done, out.counters)
        if idle.any():
            _waits(ledger, task.unit, idle, start, causes)
        if self.refreshes:
            if block.calendar is not None:
                front.additive &= bool(start.full.all())
            front.additive &= bool(front.frontier.full.all()) and bool((done.full | (share == 0)).all())
            _doubts(front, task.unit, start, causes)
            if block.calendar is not None and bool((out.boundary >= 0).any()):
                front.retire(out.boundary >= 0)
                front.boundary = np.where(out.boundary >= 0, start.at + out.boundary, front.boundary)
        front.frontier = front.frontier.later(done)
        front.free[task.unit] = Moment(start.at + out.free, start.full)
        front.state[task.unit] = out.state
        kept = self.plan.depth.get(task.name, 0)
        if kept:
            front.done[task.name] = [done, *front.done.get(task.name, ())][:kept]

    def arguments(self, task: Task, env: Mapping[str, IntArray]) -> Mapping[str, IntArray]:
        """The kernel's arguments; those that no loop changes are worked out once."""
        if task.name in self._fixed:
            return self._fixed[task.name]
        args = {name: np.atleast_1d(np.asarray(value.at(env), dtype=np.int64)) for name, value in task.args.items()}
        if not any(value.terms for value in task.args.values()):
            self._fixed[task.name] = args
        return args

    def effort(self, body: tuple[Node, ...]) -> Effort:
        """How little of the program was looked at."""
        return Effort(
            instances(body), self.evaluated, sum(block.events for block in self.blocks.values()), "fast-forward"
        )

    def sample(self, loop: str, index: int, end: int, boundary: int, busy: Mapping[str, int]) -> None:
        """Keep the end of an outermost iteration."""
        self.samples.append((Sample(loop, index, end, dict(busy)), boundary))


def _waits(ledger: Ledger, unit: str, idle: IntArray, start: Moment, causes: list[tuple[str, Moment]]) -> None:
    """Give the wait of a unit to that of the first dependence that ended last."""
    left = idle
    for reason, moment in causes:
        last = (moment.at == start.at) & (left > 0)
        if last.any():
            ledger.add((WAIT, unit, reason), np.where(last, left, 0))
            left = np.where(last, 0, left)


def _doubts(front: Front, unit: str, start: Moment, causes: list[tuple[str, Moment]]) -> None:
    """Note what refreshes could change about the wait before a task.

    Its length stays where the unit's and the task's start both move with all refreshes; its reason, where the first
    dependence that ended last does. Where the length may change, so may anything the unit remembers.
    """
    free = front.free[unit]
    if not causes or (free.full.all() and all(moment.full.all() for _, moment in causes)):
        return
    steady = free.full & start.full
    known, found = np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_)
    for _, moment in causes:
        last = moment.at == start.at
        known = known | (last & moment.full & ~found)
        found = found | last
    unsure = ~steady | ((start.at > free.at) & ~known)
    front.additive &= bool(steady.all()) or front.state[unit].shape[1] == 0
    for reason, moment in causes:
        if (unsure & ((moment.at == start.at) | ~start.full)).any():
            front.doubts.add((unit, reason))


def busy_of(ledger: Ledger, units: Iterable[str]) -> dict[str, int]:
    """Busy time so far of each unit, where there is a single lane."""
    return {unit: int(ledger.accounts[BUSY, unit][0]) if (BUSY, unit) in ledger.accounts else 0 for unit in units}


def run(body: tuple[Node, ...], blocks: Mapping[str, Block]) -> Trace:
    """Run a whole program; `Inexact` where that would not be exact."""
    refreshing = [name for name, block in blocks.items() if block.calendar is not None]
    if len(refreshing) > 1:
        raise Inexact(f"units {', '.join(refreshing)} refresh independently of one another")
    walker, ledger = Walker(body, blocks), Ledger()
    front = walker.start()
    walker.walk(front, ledger, body, {}, 1, True)
    work = int(front.frontier.at[0])
    over = {unit: max(int(moment.at[0]) - work, 0) for unit, moment in front.free.items()}
    if not refreshing:
        return close(work, ledger, {}, 0, over, tuple(s for s, _ in walker.samples), blocks, walker.effort(body))
    name = refreshing[0]
    calendar = blocks[name].calendar
    assert calendar is not None
    count = calendar.count(int(front.boundary[0]))
    if count:
        check_exact(front, ledger, name, blocks)
    samples = tuple(
        Sample(s.loop, s.index, s.end_ps + calendar.count(boundary) * calendar.duration, s.busy_ps)
        for s, boundary in walker.samples
    )
    frozen = count * calendar.duration
    return close(work + frozen, ledger, {name: count}, frozen, over, samples, blocks, walker.effort(body))


def check_exact(front: Front, ledger: Ledger, name: str, blocks: Mapping[str, Block]) -> None:
    """Raise `Inexact` unless refreshes put in afterwards leave everything else as it is."""
    late = [moment for moment in front.free.values() if bool((moment.at > front.frontier.at).any())]
    if not (front.additive and all(bool(moment.full.all()) for moment in (front.frontier, *late))):
        raise Inexact(
            f"a refresh of {name!r} can be hidden behind another unit, so its effect depends on where it falls"
        )
    for unit in blocks:
        certain = {key[2] for key in ledger.accounts if key[:2] == (WAIT, unit)}
        doubtful = {reason for who, reason in front.doubts if who == unit}
        if doubtful and not len(certain | doubtful) == len(certain) == 1:  # else `close` finds the right length
            others = ", ".join(sorted(certain | doubtful))
            raise Inexact(f"a refresh of {name!r} changes how long unit {unit!r} waits for {others}")
