"""Whether tasks wait for the tasks that produce what they read, by the names of the tasks."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.graph import Graph
from archsim.ir.mapping import Loop, Mapping, Task
from archsim.ir.queue import queue_of


def check_order(mapping: Mapping, graph: Graph) -> None:
    """Every task of an op waits, directly or through others, for all tasks that produce what the op reads."""
    tasks = mapping.tasks()
    before: dict[str, set[str]] = {}
    last_on: dict[str, str] = {}
    for task, _ in mapping.walk():
        before[task.name] = {a.task for a in task.after}
        if task.unit in last_on:
            before[task.name].add(last_on[task.unit])
        last_on[task.unit] = task.name
    position = {name: index for index, name in enumerate(tasks)}
    reach = _closure(before, position)
    makers, in_loop = _Makers(tasks, graph, position), _in_loops(tasks, position)
    names = list(tasks)
    for task, around in tasks.values():
        # Helpers read what they say; who computes reads what the op does.
        inputs = graph.ops[task.op][0].inputs if task.tile else [t for t in task.reads if t in graph.tensors]
        if not inputs:
            continue
        # What comes later counts only where a loop brings it before this task: one with an iteration before the last.
        earlier = (1 << position[task.name]) - 1
        for loop in around:
            earlier |= in_loop[id(loop)] if loop.count > 1 else 0
        missing = earlier & ~reach[task.name] & ~makers.of_op.get(task.op, 0)
        for tensor in inputs:
            if found := missing & makers.needed(tensor, task):
                maker = names[(found & -found).bit_length() - 1]
                raise BadMapping(
                    f"reads {tensor} but does not wait for {maker}, which produces it",
                    where=f"task {task.name}",
                    try_=f"add After({maker!r})",
                )


Tasks = ReadOnly[str, tuple[Task, tuple[Loop, ...]]]


class _Makers:
    """The tasks that produce each tensor, a bit for each position."""

    def __init__(self, tasks: Tasks, graph: Graph, position: ReadOnly[str, int]) -> None:
        self.of_op: dict[str, int] = {}
        self._all: dict[str, int] = {}
        self._writing: dict[tuple[str, str], int] = {}
        for name, (task, _) in tasks.items():
            bit = 1 << position[name]
            self.of_op[task.op] = self.of_op.get(task.op, 0) | bit
            for tensor in graph.ops[task.op][0].outputs:
                self._all[tensor] = self._all.get(tensor, 0) | bit
                for written in [name for name in task.writes if queue_of(name) is None] if task.writes else ("",):
                    self._writing[tensor, written] = self._writing.get((tensor, written), 0) | bit

    def needed(self, tensor: str, reader: Task) -> int:
        """Those that a reader needs: not the tasks of the same op that write something else."""
        if not reader.reads:
            return self._all.get(tensor, 0)
        bits = self._writing.get((tensor, ""), 0)
        for name in reader.reads:
            bits |= self._writing.get((tensor, name), 0)
        return bits


def _in_loops(tasks: Tasks, position: ReadOnly[str, int]) -> dict[int, int]:
    """Loop -> the tasks in it, a bit for each position."""
    found: dict[int, int] = {}
    for name, (_, around) in tasks.items():
        for loop in around:
            found[id(loop)] = found.get(id(loop), 0) | 1 << position[name]
    return found


def _closure(before: dict[str, set[str]], position: dict[str, int]) -> dict[str, int]:
    """Task -> what it waits for, directly or through others, as a bit for each position."""
    reach = {name: sum(1 << position[other] for other in others) for name, others in before.items()}
    changed = True
    while changed:  # programs wait for earlier tasks but for some at a loop's end, so a few rounds suffice
        changed = False
        for name, others in before.items():
            found = reach[name]
            for other in others:
                found |= reach[other]
            changed |= found != reach[name]
            reach[name] = found
    return reach
