"""Whether a part of a tensor on chip (``tensor@memory``) still has what its readers want.

A part that is smaller than its tensor moves with the loops around the task that fills it. Who reads it has to be in
the same iterations of these loops: behind one of them, only the last part is left.
"""

from __future__ import annotations

from math import prod

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.graph import Graph, Op, Tensor
from archsim.ir.mapping import Loop, Mapping, Task

Filled = tuple[Task, tuple[Loop, ...]]
"""Who fills a part, and the loops with which it moves on."""


def check_parts(mapping: Mapping, graph: Graph) -> None:
    """Every part on chip is read in an iteration that filled it."""
    parts = {
        place.tensor: place.size
        for place in mapping.placements
        if "@" in place.tensor and place.tensor.rpartition("@")[0] in graph.tensors
    }
    filled: dict[str, Filled] = {}
    for task, loops in mapping.walk():
        for name in task.reads:
            if name not in filled or filled[name][0] is task:
                continue
            maker, moving = filled[name]  # the latest one before it: a block of its own may come before a loop
            lost = next((loop for loop in moving if not any(own is loop for own in loops)), None)
            if lost is not None:
                raise BadMapping(
                    f"task {task.name} reads {name}, which {maker.name} fills anew for every {lost.var}",
                    where=f"task {task.name}",
                    right=f"it comes behind that loop, where only the part of {lost.var}={lost.count - 1} is left",
                    try_=f"move {task.name} into the loop of {lost.var} around {maker.name}, or let it read the tensor",
                )
        for name in task.writes:
            tensor = graph.tensors.get(name.rpartition("@")[0])
            if name in parts and tensor is not None and 8 * parts[name] < _bits(tensor, loops):
                filled[name] = task, _moving(task, tensor, graph.ops[task.op][0], loops)


def _bits(tensor: Tensor, loops: tuple[Loop, ...]) -> int:
    """Bits of a copy in the last iteration."""
    env = {loop.var: loop.count - 1 for loop in loops}
    names = frozenset[str]().union(*(size.names() for _, size in tensor.dims))
    return prod(int(size.at({**dict.fromkeys(names, 0), **env})) for _, size in tensor.dims) * tensor.dtype.bits


def _moving(task: Task, tensor: Tensor, op: Op, loops: tuple[Loop, ...]) -> tuple[Loop, ...]:
    """The loops with which the part of a tensor that a tile touches begins elsewhere."""
    dims = {dim for dim, _ in tensor.dims}
    if op.kind == "matmul" and tensor.name == op.inputs[0]:
        dims = {"m", "k"}
    elif op.kind in ("attention_scores", "attention_values"):
        dims |= {"h"} if "kv" in dims else {"b", "h", "q"} if "m" in dims else set()
    elif op.kind == "softmax" and "q" in dims:
        dims |= {"m"}
    moving = frozenset[str]().union(*(r.start.names() for dim, r in task.tile.items() if dim in dims))
    return tuple(loop for loop in loops if loop.var in moving or loop.var in tensor.stacked)
