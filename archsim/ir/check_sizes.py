"""Whether what a task makes or takes at a time has room where its tensors are placed."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.core.errors import DoesNotFit
from archsim.ir.capability import PimBanks
from archsim.ir.component import Design
from archsim.ir.footprint import PAIR_KINDS, footprint
from archsim.ir.graph import Graph, Op, Role
from archsim.ir.mapping import Loop, Placement, Task
from archsim.ir.mapping import Mapping as Program

STORED = (Role.WEIGHT, Role.KV)


def check_sizes(mapping: Program, graph: Graph, design: Design, element_bytes: Mapping[str, int]) -> None:
    """Every tensor placed on chip has room for the part that one task writes or reads at once.

    It may have room for no more: with the loops around, its parts take turns there.

    Raises
    ------
    DoesNotFit
        A placement is smaller than that.
    """
    banks = {unit.unit for unit in design.capabilities() if isinstance(unit, PimBanks)}
    places = {p.tensor: p for p in mapping.placements if p.memory not in banks and _base(p.tensor) in graph.tensors}
    if not places:
        return
    for task, loops in mapping.walk():
        if task.op not in graph.ops or not task.tile:
            continue
        op = graph.ops[task.op][0]
        written, read = _elements(op, task, loops)
        for does, tensors, names, elements in (
            ("writes", op.outputs, task.writes, written),
            ("reads", op.inputs, task.reads, read),
        ):
            vectors = [name for name in tensors if graph.tensors[name].role not in STORED]
            found = [[name for name in names if _base(name) == tensor] for tensor in vectors]
            # What comes from memory as well as from the chip is in both in part.
            # Of a pair of unequal sizes, the smaller one is read several times: positions, by all sequences.
            alike = does == "writes" or op.kind not in PAIR_KINDS or len({_all_of(graph, v) for v in vectors}) == 1
            if elements and alike and vectors and all(len(own) == 1 and own[0] in places for own in found):
                _check(task, does, [places[own[0]] for own in found], elements, graph, element_bytes)


def _base(name: str) -> str:
    """The tensor that a part on chip, ``tensor@memory``, is of; others are themselves."""
    return name.rpartition("@")[0] or name


def _elements(op: Op, task: Task, loops: tuple[Loop, ...]) -> tuple[int, int]:
    """Elements that a task writes, and reads of what is no weight and no cache; 0 where that is unclear."""
    env = {loop.var: loop.count - 1 for loop in loops}
    if set(task.tile) != set(op.dims) or any(set(r.stop.names()) - set(env) for r in task.tile.values()):
        return 0, 0
    tile = {name: int(r.stop.at(env) - r.start.at(env)) for name, r in task.tile.items()}
    if min(tile.values()) < 1:
        return 0, 0
    size = footprint(op.kind, tile, causal=op.causal)
    return size.outputs, 0 if op.kind == "embedding" else size.inputs


def _all_of(graph: Graph, name: str) -> int:
    """Elements of a tensor, with all loops at their beginning."""
    tensor = graph.tensors[name]
    return tensor.elements(dict.fromkeys({var for _, size in tensor.dims for var in size.names()}, 0))


def _check(
    task: Task, does: str, places: list[Placement], elements: int, graph: Graph, element_bytes: Mapping[str, int]
) -> None:
    bits = [8 * element_bytes.get(p.memory, 0) or graph.tensors[_base(p.tensor)].dtype.bits for p in places]
    room = sum(8 * p.size // width for p, width in zip(places, bits, strict=True))
    if room < elements:
        names = ", ".join(p.tensor for p in places)
        raise DoesNotFit(
            f"task {task.name} {does} more of {names} at once than there is room for",
            where=f"placement of {names}",
            need=elements,
            have=room,
            terms={},
            unit="elements",
            try_="the bytes of that part as the size",
        )
