"""Whether tasks wait for the tasks that produce what they read, by the names of the tasks."""

from __future__ import annotations

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.graph import Graph
from archsim.ir.mapping import Loop, Mapping, Task


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
    makers: dict[str, list[tuple[Task, tuple[Loop, ...]]]] = {}
    for task, loops in tasks.values():
        for tensor in graph.ops[task.op][0].outputs:
            makers.setdefault(tensor, []).append((task, loops))
    position = {name: index for index, name in enumerate(tasks)}
    reach = _closure(before, position)
    for task, around in tasks.values():
        op = graph.ops[task.op][0]
        if not task.tile:
            continue
        reached, inside = reach[task.name], {id(loop) for loop in around}
        for tensor in op.inputs:
            for maker, loops in makers.get(tensor, ()):
                at = position[maker.name]
                if maker.op == task.op or reached >> at & 1 or not _needed(maker, task):
                    continue
                if at < position[task.name] or any(id(loop) in inside for loop in loops):
                    raise BadMapping(
                        f"reads {tensor} but does not wait for {maker.name}, which produces it",
                        where=f"task {task.name}",
                        try_=f"add After({maker.name!r})",
                    )


def _needed(maker: Task, reader: Task) -> bool:
    """Tasks that write another tensor of the same op are no producers of this one."""
    return not maker.writes or not reader.reads or bool(set(maker.writes) & set(reader.reads))


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
