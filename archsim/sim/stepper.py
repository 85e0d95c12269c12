"""The reference.

Every task instance, every command, on SimPy. Units are processes that take their tasks in program order.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Protocol

import numpy as np
import simpy

from archsim.ir.block import Block, Step
from archsim.ir.mapping import Node, Task, instances
from archsim.ir.report import Sample
from archsim.ir.unrolled import in_order
from archsim.sim.close import close
from archsim.sim.ledger import BUSY, WAIT, Ledger, as_array
from archsim.sim.plan import Plan
from archsim.sim.trace import Effort, Trace, sampled


class Observer(Protocol):
    """Sees what happens while it happens; must not change it."""

    def span(self, unit: str, what: str, start: int, end: int, args: Mapping[str, int | str]) -> None:
        """Unit `unit` was busy with `what` from `start` to `end` (ps)."""
        ...

    def count(self, unit: str, counter: str, at: int, value: int) -> None:
        """At `at` ps, `counter` of `unit` stands at `value`, counted from the start of the run."""
        ...


@dataclass(slots=True)
class Instance:
    """One execution of a task."""

    task: Task
    env: Mapping[str, int]
    waits: list[Instance]
    finished: simpy.Event
    start: int = 0
    free_before: int = 0
    reason: str = ""
    """The unit it waited for: that of the first dependence that ended last."""
    step: Step | None = None
    ends: tuple[str, int] | None = None
    """(loop, index) if this is the last task of an outermost iteration."""

    @property
    def done(self) -> int:
        """When its results could be used."""
        assert self.step is not None
        return self.start + self.step.done


@dataclass
class Stepper:
    """One simulation. Nothing outlives it and nothing is shared with another."""

    body: tuple[Node, ...]
    blocks: Mapping[str, Block]
    observers: tuple[Observer, ...] = ()
    limit: int | None = None
    """Stop handing out tasks after this many: for looking at the beginning of a long run."""
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self._env = simpy.Environment()
        self._program = islice(unroll(self.body), self.limit)
        self._queues: dict[str, deque[Instance]] = {unit: deque() for unit in self.blocks}
        self._left = {unit: count_on(self.body, unit) for unit in self.blocks}
        if self.limit is not None:
            seen = Counter(task.unit for task, _, _ in islice(unroll(self.body), self.limit))
            self._left = {unit: seen[unit] for unit in self.blocks}
        self._latest: dict[str, deque[Instance]] = {}
        self._order: deque[Instance] = deque()
        self._counted: dict[str, Counter[str]] = {unit: Counter() for unit in self.blocks}
        self._depth = Plan(self.body, self.blocks).depth
        self._frontier = 0
        self._refreshes = {u: 0 for u, b in self.blocks.items() if b.calendar is not None}
        self._frozen = 0
        self._free = dict.fromkeys(self.blocks, 0)
        self._samples: list[Sample] = []
        self._tasks = 0

    def run(self) -> Trace:
        """Simulate to the end."""
        for unit in self.blocks:
            self._env.process(self._unit(unit))
        self._env.run()
        self._book()
        over = {unit: max(free - self._frontier, 0) for unit, free in self._free.items()}
        effort = Effort(
            instances(self.body), self._tasks, sum(block.events for block in self.blocks.values()), "stepped"
        )
        return close(
            self._frontier, self.ledger, self._refreshes, self._frozen, over, tuple(self._samples), self.blocks, effort
        )

    def _next(self, unit: str) -> Instance | None:
        """The unit's next task. The program is read as far as this needs: units run ahead of one another freely."""
        while not self._queues[unit] and self._left[unit]:
            self._read()
        return self._queues[unit].popleft() if self._queues[unit] else None

    def _read(self) -> None:
        """Hand out the next task instance in program order, with the instances it waits for."""
        task, env, ends = next(self._program)
        waits = []
        for after in task.after:
            known = self._latest.get(after.task, deque())
            if after.distance < len(known):
                waits.append(known[after.distance])
        instance = Instance(task, env, waits, self._env.event(), ends=ends)
        if task.name in self._depth:
            self._latest.setdefault(task.name, deque(maxlen=self._depth[task.name])).appendleft(instance)
        self._order.append(instance)
        self._queues[task.unit].append(instance)
        self._left[task.unit] -= 1

    def _unit(self, name: str) -> Generator[simpy.Event, Any, None]:
        """Take the next task, wait for what it needs, hold the unit while it runs."""
        block, state = self.blocks[name], self.blocks[name].initial()
        free, issued = 0, 0
        while (instance := self._next(name)) is not None:
            for other in instance.waits:
                if not other.finished.processed:
                    yield other.finished
            now = int(self._env.now)  # all delays are integers
            instance.start, instance.free_before = now, free
            if now > free:
                instance.reason = next(w.task.unit for w in instance.waits if w.done == now)
            instance.waits = []
            args = {key: int(value.at(instance.env)) for key, value in instance.task.args.items()}
            calendar = block.calendar
            due = (issued + 1) * calendar.interval - now if calendar else 0
            step = block.step(instance.task.kernel, args, state, now - free, due)
            instance.step, state = step, step.state
            issued += step.refreshes
            self._env.process(self._finish(instance, step.done))
            yield self._env.timeout(step.free)
            free = self._free[name] = now + step.free
            self._observe(name, instance, step, free)

    def _observe(self, unit: str, instance: Instance, step: Step, free: int) -> None:
        """Tell the observers of a task that has just left its unit."""
        if not self.observers:
            return
        task, counted = instance.task, self._counted[unit]
        counted.update({name: value for name, value in step.counters.items() if value and not name.startswith("t_")})
        for observer in self.observers:
            observer.span(unit, task.op, instance.start, free, {"task": task.name, **instance.env})
            for name in sorted(step.counters.keys() & counted.keys()):
                observer.count(unit, name, free, counted[name])

    def _finish(self, instance: Instance, delay: int) -> Generator[simpy.Event, Any, None]:
        yield self._env.timeout(delay)
        instance.finished.succeed()
        self._tasks += 1
        if self._tasks % 1024 == 0:
            self._book()

    def _book(self) -> None:
        """Book finished instances in program order."""
        while self._order and self._order[0].finished.triggered:
            self._record(self._order.popleft())

    def _record(self, instance: Instance) -> None:
        step, task = instance.step, instance.task
        assert step is not None
        calendar = self.blocks[task.unit].calendar
        frozen = step.refreshes * calendar.duration if calendar else 0
        share = max(instance.done - self._frontier, 0)
        inside = min(frozen, share)
        counters = {k: as_array(v) for k, v in step.counters.items()}
        self.ledger.record(
            task.op,
            task.unit,
            as_array(step.free - frozen),
            as_array(share - inside),
            as_array(step.done - frozen),
            counters,
        )
        if frozen:
            self._refreshes[task.unit] += step.refreshes
            self._frozen += inside
        if (waited := instance.start - instance.free_before) > 0:
            self.ledger.add((WAIT, task.unit, instance.reason), as_array(waited))
        self._frontier = max(self._frontier, instance.done)
        if instance.ends is not None:
            busy = {u: int(self.ledger.accounts.get((BUSY, u), np.zeros(1, dtype=np.int64))[0]) for u in self.blocks}
            self._samples.append(Sample(*instance.ends, self._frontier, busy))


def count_on(body: tuple[Node, ...], unit: str) -> int:
    """How many task instances the body executes on a unit."""
    return sum(int(n.unit == unit) if isinstance(n, Task) else n.count * count_on(n.body, unit) for n in body)


def unroll(body: tuple[Node, ...]) -> Iterator[tuple[Task, dict[str, int], tuple[str, int] | None]]:
    """Task instances in program order with their loop variables.

    The last one of a sampled outermost iteration says which it ends.
    """
    for node in body:
        if isinstance(node, Task):
            yield node, {}, None
            continue
        wanted = set(sampled(node.count))
        for index in range(node.count):
            held = None
            for task, env in in_order(node.body, {}, {node.var: index}):
                if held is not None:
                    yield (*held, None)
                held = (task, env)
            if held is not None:
                yield (*held, (node.var, index) if index in wanted else None)
