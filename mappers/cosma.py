"""Whole ops on a unit with a scratchpad, in which activations stay from op to op instead of going through memory."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

from archsim.ir.affine import Affine
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Op, occurrences
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Choice, Loop, Mapping, Node, Placement
from archsim.mappers.allocation import Buffer, allocate
from archsim.mappers.ops import OpMapper
from archsim.mappers.residency.lives import KEYS_AND_VALUES, Life, lives
from archsim.mappers.residency.solvers import run, solver

SHARES = (2, 4, 8, 16, 32, 64)
"""One part in so many of the scratchpad is left to tiles, the rest can hold results."""


class CosmaMapper(Mapper, kind="cosma"):
    """The program of `ops`, with activations kept in the scratchpad from the op that writes them to the last reader.

    For every share of the scratchpad that is left to tiles an integer program chooses what stays, by the bytes that
    this saves; the share with the fewest bytes in all wins, and nothing stays where that is best. What stays does so
    from its first op to its last: it is never spilled, since an op streams through tiles what does not stay.
    """

    priority: ClassVar[int] = -1
    """Behind `ops`, whose objective is time: few bytes are not always the shortest time."""

    def accepts(self, design: Design) -> bool:
        """There is one unit, it takes whole ops and has a scratchpad."""
        units = design.capabilities()
        return len(units) == 1 and isinstance(units[0], OpUnit) and bool(units[0].memory) and units[0].moved is not None

    def map(self, graph: Graph, design: Design) -> Mapping:
        """The mapping; `Infeasible` where the unit does not execute an op."""
        base = OpMapper().map(graph, design)
        unit = next(unit for unit in design.capabilities() if isinstance(unit, OpUnit))
        work = _Residency(graph, base, unit)
        best = work.best()
        held = ", ".join(f"{life.tensor} at {best.offsets[life.tensor]:,}" for life in best.held) or "nothing"
        note = (
            f"{unit.memory}: {unit.memory_bytes - best.room:,} B hold {held}; {best.room:,} B for tiles; "
            f"{best.moved:,} B moved, {work.unheld:,} B if nothing stayed"
        )
        placements = tuple(
            Placement(
                life.tensor,
                unit.memory,
                best.offsets[life.tensor],
                life.size,
                live=(work.order[life.first], work.order[life.last]),
            )
            for life in best.held
        )
        return replace(
            base,
            body=tuple(_told(node, best.arguments, best.names) for node in base.body),
            placements=placements,
            capacities={unit.memory: unit.memory_bytes} if placements else {},
            choice=Choice("cosma", "bytes moved to and from memory", float(best.moved), float(work.bound)),
            notes=(*base.notes, note),
        )


@dataclass(frozen=True)
class _Held:
    """What stays, where, and what moves then."""

    room: int
    """Bytes left to tiles."""
    held: tuple[Life, ...]
    offsets: ReadOnly[str, int]
    arguments: ReadOnly[str, ReadOnly[str, Affine]]
    """Op -> what its task is told beside its own arguments."""
    moved: int

    @cached_property
    def names(self) -> frozenset[str]:
        """Tensors that stay."""
        return frozenset(life.tensor for life in self.held)


@dataclass
class _Residency:
    graph: Graph
    base: Mapping
    unit: OpUnit
    order: tuple[str, ...] = ()
    known: dict[tuple[object, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.order = tuple(self.graph.ops)
        self.lives = [life for life in lives(self.graph) if life.size <= self.unit.memory_bytes // 2]
        self.tasks = {task.op: task for task, _ in self.base.walk()}
        self.unheld = self.total(_none, self.unit.memory_bytes)

    @cached_property
    def bound(self) -> int:
        """Bytes that move when every activation stays and every op has the whole scratchpad for its tiles."""
        everything = {life.tensor: life for life in lives(self.graph)}
        return self.total(everything, self.unit.memory_bytes)

    def best(self) -> _Held:
        """Of all shares, and of holding nothing, what moves least; of equals, with the most room for tiles."""
        found = [_Held(self.unit.memory_bytes, (), {}, {}, self.unheld)]
        for share in SHARES:
            room = self.unit.memory_bytes // share
            if found[-1].moved == self.bound or not room or not self.lives:
                break
            found.append(self.held(room))
        return min(found, key=lambda each: (each.moved, -each.room))

    def held(self, room: int) -> _Held:
        """What stays when so much is left to tiles."""
        capacity = self.unit.memory_bytes - room
        saved = {life.tensor: self.saved(life, room) for life in self.lives}
        open_ = [life for life in self.lives if saved[life.tensor] > 0 and life.size <= capacity]
        chosen = _chosen(open_, saved, capacity)
        while True:
            buffers = [Buffer(life.tensor, life.first, life.last + 1, life.size) for life in chosen]
            placed = allocate(buffers, capacity, nodes=20_000)
            if placed.fits:
                break
            chosen.remove(min(chosen, key=lambda life: (saved[life.tensor] / life.size, life.tensor)))
        by_name = {life.tensor: life for life in chosen}
        arguments = {name: self.told(self.graph.ops[name][0], by_name, room) for name in self.order}
        return _Held(room, tuple(chosen), placed.offsets, arguments, self.total(by_name, room))

    def saved(self, life: Life, room: int) -> int:
        """Bytes that need not move when only this tensor stays."""
        touching = [op for op, _ in self.graph.ops.values() if life.tensor in op.inputs or life.tensor in op.outputs]
        alone = {life.tensor: life}
        return sum(self.moved(op, _none, room) - self.moved(op, alone, room) for op in touching)

    def total(self, held: ReadOnly[str, Life], room: int) -> int:
        """Bytes moved by all ops in all iterations."""
        return sum(self.moved(op, held, room) for op, _ in self.graph.ops.values())

    def told(self, op: Op, held: ReadOnly[str, Life], room: int) -> dict[str, Affine]:
        """Arguments that tell an op what stays; none where that is the whole scratchpad for tiles."""
        if room == self.unit.memory_bytes and not held:
            return {}
        reads = op.inputs[:1] if op.kind in KEYS_AND_VALUES else op.inputs
        came = sum((held[name].amount for name in dict.fromkeys(reads) if name in held), Affine(0))
        left = sum((held[name].amount for name in dict.fromkeys(op.outputs) if name in held), Affine(0))
        return {"held_in": came, "held_out": left, "room": Affine(room)}

    def moved(self, op: Op, held: ReadOnly[str, Life], room: int) -> int:
        """Bytes of one op in all its iterations."""
        args = {**self.tasks[op.name].args, **self.told(op, held, room)}
        around = self.graph.ops[op.name][1]
        total = 0
        for env, times in occurrences(args.values(), around):
            values = {name: int(size.at(env)) for name, size in args.items()}
            key = (op.kind, *values.items())
            if key not in self.known:
                assert self.unit.moved is not None
                amount = self.unit.moved(op.kind, values)
                assert amount is not None, "the base mapping put the op here"
                self.known[key] = amount
            total += self.known[key] * times
        return total


_none: ReadOnly[str, Life] = {}


def _chosen(open_: list[Life], saved: ReadOnly[str, int], capacity: int) -> list[Life]:
    """What saves most of what fits together: at every op, all that is alive during it."""
    crossing: dict[int, list[Life]] = {}
    for life in open_:
        for step in range(life.first, life.last + 1):
            crossing.setdefault(step, []).append(life)
    full = {tuple(alive) for alive in crossing.values() if sum(life.size for life in alive) > capacity}
    if not full:
        return list(open_)
    import pulp

    program = pulp.LpProblem("hold", pulp.LpMinimize)
    leaves = {life.tensor: program.add_variable(f"leaves{i}", 0, 1, "Binary") for i, life in enumerate(open_)}
    program.setObjective(pulp.lpSum(saved[name] * var for name, var in leaves.items()))
    for alive in sorted(full, key=lambda lives: [life.tensor for life in lives]):
        excess = sum(life.size for life in alive) - capacity
        program += pulp.lpSum(life.size * leaves[life.tensor] for life in alive) >= excess
    run(program, solver())
    return [life for life in open_ if (leaves[life.tensor].varValue or 0) < 0.5]


def _told(node: Node, told: ReadOnly[str, ReadOnly[str, Affine]], names: frozenset[str]) -> Node:
    """A program whose tasks know what stays."""
    if isinstance(node, Loop):
        return replace(node, body=tuple(_told(inner, told, names) for inner in node.body))
    here = told.get(node.op, {})
    if not here:
        return node
    stays = _listed("stays", node.writes, names)
    found = _listed("in the scratchpad", node.reads, names)
    return replace(node, args={**node.args, **here}, why="; ".join(text for text in (node.why, found, stays) if text))


def _listed(word: str, tensors: tuple[str, ...], names: frozenset[str]) -> str:
    here = [name for name in tensors if name in names]
    return f"{word}: {', '.join(here)}" if here else ""
