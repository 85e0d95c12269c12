"""Whether a mapping is well formed: names exist, loop variables are bound, counts make sense."""

from __future__ import annotations

from collections.abc import Iterator

from archsim.core.errors import UnknownName
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Loop, Mapping, Node, Task


def check_form(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Names exist, loop variables are bound, counts make sense."""
    units = {unit: kernels for capability in design.capabilities() for unit, kernels in capability.offers.items()}
    tasks = mapping.tasks()
    _check_loops(mapping.body, ())
    if len(tasks) != sum(1 for _ in mapping.walk()):
        names = [task.name for task, _ in mapping.walk()]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadMapping(f"two tasks are named {twice!r}", right="every task has its own name: dependences refer to it")
    for task, loops in mapping.walk():
        where = f"task {task.name}"
        if task.unit not in units:
            raise UnknownName("unit", task.unit, units, where=where)
        kernels = units[task.unit]
        if kernels is not None and task.kernel not in kernels:
            raise UnknownName(f"kernel of {task.unit}", task.kernel, kernels, where=where)
        if task.op not in graph.ops:
            raise UnknownName("op", task.op, graph.ops, where=where)
        for after in task.after:
            if after.task not in tasks:
                raise UnknownName("task", after.task, tasks, where=where)
            if after.distance < 0:
                raise BadMapping(f"waits for an instance {-after.distance} in the future", where=where)
        bound = {loop.var for loop in loops}
        for name, value in (*task.args.items(), *((d, e) for d, r in task.tile.items() for e in (r.start, r.stop))):
            if loose := value.names() - bound:
                raise BadMapping(
                    f"{name} = {value} uses {', '.join(sorted(loose))}, which no loop around it defines", where=where
                )


def _check_loops(body: tuple[Node, ...], around: tuple[str, ...]) -> None:
    for node in body:
        if isinstance(node, Loop):
            if node.count < 1:
                raise BadMapping(
                    f"loop {node.var!r} runs {node.count} times", right="a loop has at least one iteration"
                )
            if node.var in around:
                raise BadMapping(f"loop {node.var!r} is inside another loop of that name")
            if not any(True for _ in _tasks(node.body)):
                raise BadMapping(f"loop {node.var!r} has no task in it")
            _check_loops(node.body, (*around, node.var))


def _tasks(body: tuple[Node, ...]) -> Iterator[Task]:
    for node in body:
        if isinstance(node, Task):
            yield node
        else:
            yield from _tasks(node.body)
