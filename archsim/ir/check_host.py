"""Whether a graph's inputs come in before they are read, and its results go out."""

from __future__ import annotations

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.capability import VectorUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Role
from archsim.ir.mapping import Mapping


def check_host(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Results are written; what lies in a scratchpad is loaded before it is read, and stored as a result."""
    scratchpads = {unit.sram for unit in design.capabilities() if isinstance(unit, VectorUnit)}
    inside = {place.tensor for place in mapping.placements if place.memory in scratchpads}
    made = {tensor for op, _ in graph.walk() for tensor in op.outputs}
    picked = {tensor for op, _ in graph.walk() for tensor in op.outputs if op.kind == "argmax"}  # goes there by itself
    inputs = {
        t.name for t in graph.tensors.values() if t.role == Role.INPUT and t.name in inside and t.name not in made
    }
    results = {t.name for t in graph.tensors.values() if t.role == Role.OUTPUT and t.name in made}
    loaded, written, stored = set[str](), set[str](), set[str]()
    for task, _ in mapping.walk():
        if task.tile:
            for tensor in task.reads:
                if tensor in inputs - loaded:
                    raise BadMapping(
                        f"reads {tensor}, which nothing has loaded before",
                        where=f"task {task.name}",
                        right=f"{tensor} is an input and lies in a scratchpad, where nothing is at first",
                        try_=f"a task before it that reads and writes {tensor}, with the kernel load",
                    )
        else:
            loaded |= set(task.reads) & set(task.writes)
            stored |= set(task.reads) - set(task.writes)
        written |= set(task.writes)
    for tensor in sorted(results):
        if tensor not in written or (tensor in inside - picked - stored):
            where = "is never written" if tensor not in written else "stays in a scratchpad"
            raise BadMapping(
                f"{tensor}, a result, {where}",
                where=f"tensor {tensor}",
                right="every result is written, and stored from where the host cannot read it",
                try_=f"a task behind those that make it, such as a store that reads {tensor}",
            )
