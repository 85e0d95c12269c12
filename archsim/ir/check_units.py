"""Whether every op is on a unit that executes it and, where a link joins the units, finds its operands there."""

from __future__ import annotations

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Role
from archsim.ir.mapping import Loop, Mapping, Task
from archsim.ir.unrolled import in_order

ROUNDS = 2
"""Iterations of every loop: what is where repeats from the second one on."""


def check_units(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Units price what is on them; over a link, results are read where they were made or where a copy brought them.

    Weights, cache and inputs are found by every unit.
    """
    units = {unit.unit: unit for unit in design.capabilities() if isinstance(unit, OpUnit)}
    links = {unit.unit for unit in units.values() if unit.carries}
    for task, loops in mapping.walk():
        if task.unit in units:
            _check_kernel(task, loops, units[task.unit])
            if task.unit not in links:
                _check_operands(task, graph)
    if links:
        _check_places(mapping, graph, links, set(units))


def _check_kernel(task: Task, loops: tuple[Loop, ...], unit: OpUnit) -> None:
    args = {name: int(size.at({loop.var: 0 for loop in loops})) for name, size in task.args.items()}
    if (unit.kinds is not None and task.kernel not in unit.kinds) or unit.price(task.kernel, args) is None:
        raise BadMapping(
            f"is on {unit.unit}, which does not execute {task.kernel!r}",
            where=f"task {task.name}",
            right=f"a unit whose cost() answers for {task.kernel!r}",
            try_="archsim map, which asks all units",
        )


def _check_operands(task: Task, graph: Graph) -> None:
    """Where whole ops are taken, a task says of each operand whether it is in memory or on chip."""
    named = {name.rpartition("@")[0] or name for name in task.reads}
    for tensor in graph.ops[task.op][0].inputs if task.tile else ():
        if tensor not in named:
            raise BadMapping(
                f"computes {task.op} and does not read {tensor}",
                where=f"task {task.name}",
                right=f"{', '.join(graph.ops[task.op][0].inputs)}, or parts of them on chip",
                try_=f"{tensor} among what it reads",
            )


def _check_places(mapping: Mapping, graph: Graph, links: set[str], units: set[str]) -> None:
    newest: dict[str, Task] = {}
    held: dict[tuple[str, str], Task] = {}
    """(tensor, unit) -> who made what lies there."""
    loops = {loop.var: ROUNDS for _, around in mapping.walk() for loop in around}
    for task, _ in in_order(mapping.body, loops, {}):
        if task.unit in links:
            _check_copy(task, graph)
        for name in task.reads:
            tensor, _, there = name.rpartition("@") if name.rpartition("@")[2] in units else (name, "", task.unit)
            if there != task.unit:
                raise _absent(task, name, f"lies at {there}", f"{tensor}@{task.unit}, which a copy brought")
            stored = tensor not in graph.tensors or graph.tensors[tensor].role in (Role.WEIGHT, Role.KV)
            maker = newest.get(tensor)
            if maker is not None and not stored and task.unit not in links and held.get((tensor, there)) is not maker:
                what = f"was made by {maker.name} on {maker.unit}"
                raise _absent(task, name, what, f"{tensor}@{task.unit}, which a copy brought")
        for name in task.writes:
            tensor, _, there = name.rpartition("@")
            if task.unit not in links:
                newest[name] = held[name, task.unit] = task
            elif tensor in newest:
                held[tensor, there] = newest[tensor]


def _absent(task: Task, name: str, what: str, right: str) -> BadMapping:
    return BadMapping(
        f"is on {task.unit} and reads {name}, which {what}",
        where=f"task {task.name}",
        right=right,
        try_=f"{task.name} on the unit where it lies, or a copy over the link before it",
    )


def _check_copy(task: Task, graph: Graph) -> None:
    carried = [f"{name}@" for name in task.reads if name in graph.tensors]
    if len(carried) != 1 or len(task.writes) != 1 or not task.writes[0].startswith(carried[0]):
        raise BadMapping(
            f"carries {', '.join(task.reads) or 'nothing'} to {', '.join(task.writes) or 'nowhere'}",
            where=f"task {task.name}",
            right="one tensor of the graph, written as TENSOR@UNIT",
        )
