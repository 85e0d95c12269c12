"""What a program means, in the fewest words: one task instance after the other in program order, without any events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archsim.ir.block import Block
from archsim.ir.mapping import Node, Task


@dataclass
class Unit:
    """A unit as it stands."""

    free: int = 0
    refreshes: int = 0
    busy: int = 0
    waits: dict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Meaning:
    """Outcome of a program."""

    units: dict[str, Unit]
    starts: list[tuple[str, int, int]] = field(default_factory=list)
    """(task, start, done) of every instance in program order."""
    counts: dict[tuple[str, str, str], int] = field(default_factory=lambda: defaultdict(int))
    """(op, unit, counter) -> total."""

    @property
    def total(self) -> int:
        return max((done for _, _, done in self.starts), default=0)


def instances(body: tuple[Node, ...], env: Mapping[str, int]) -> Iterator[tuple[Task, Mapping[str, int]]]:
    """Task instances in program order."""
    for node in body:
        if isinstance(node, Task):
            yield node, env
        else:
            for i in range(node.count):
                yield from instances(node.body, {**env, node.var: i})


def meaning(body: tuple[Node, ...], blocks: Mapping[str, Block]) -> Meaning:
    """Evaluate a program by its definition."""
    out = Meaning({name: Unit() for name in blocks})
    state = {name: block.initial() for name, block in blocks.items()}
    done: dict[str, list[int]] = defaultdict(list)
    unit_of = {task.name: task.unit for task, _ in instances(body, defaultdict(int))}
    for task, env in instances(body, {}):
        block, unit = blocks[task.unit], out.units[task.unit]
        known = [(done[a.task][-1 - a.distance], a.task) for a in task.after if a.distance < len(done[a.task])]
        start = max([unit.free, *(at for at, _ in known)])
        if start > unit.free:
            unit.waits[next(unit_of[name] for at, name in known if at == start)] += start - unit.free
        calendar = block.calendar
        due = (unit.refreshes + 1) * calendar.interval - start if calendar else 0
        args = {name: int(value.at(env)) for name, value in task.args.items()}
        step = block.step(task.kernel, args, state[task.unit], start - unit.free, due)
        frozen = step.refreshes * calendar.duration if calendar else 0
        unit.waits["refresh"] += frozen
        unit.busy += step.free - frozen
        unit.refreshes += step.refreshes
        unit.free, state[task.unit] = start + step.free, step.state
        done[task.name].append(start + step.done)
        out.starts.append((task.name, start, start + step.done))
        for name, value in step.counters.items():
            if not name.startswith("t_"):
                out.counts[task.op, task.unit, name] += value
    return out
