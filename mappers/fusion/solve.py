"""Which neighbouring ops run as one group, so that least is moved off chip: exact over all cuts of a chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from archsim.core.errors import DoesNotFit
from archsim.core.gap import gap
from archsim.ir.graph import Graph
from archsim.mappers.answer import common
from archsim.mappers.fusion.chain import LOCAL, NORMS, SCORES, VALUES, Chain, chain_of
from archsim.mappers.fusion.cut import Cut, Way
from archsim.mappers.fusion.floor import bound
from archsim.mappers.fusion.group import least, smallest
from archsim.mappers.fusion.path import Stage, shortest
from archsim.mappers.tiling import Level
from archsim.mappers.tiling.hierarchy import ENOUGH

SCHEMA = "archsim.fusion/2"
"""What the JSON form is, and its version."""
LONGEST = 24
"""Ops of one stage at most."""
METHOD = "shortest path over all cuts in program order and all that may stay between them"
"""How the groups are found."""


@dataclass(frozen=True, slots=True)
class Group:
    """Ops between which something stays on chip, and what they move.

    Parameters
    ----------
    stages
        The names of the ops, by stage: the ops of a stage run together, stages one after the other.
    kept
        Tensors that stay on chip as a whole from one stage to another.
    kind
        What it is, in words.
    moved
        Bytes off chip.
    saved
        Bytes less than by its ops one by one.
    need
        Bytes of the buffer that it takes.
    why
        How it runs, in words.
    """

    stages: tuple[tuple[str, ...], ...]
    kept: tuple[str, ...]
    kind: str
    moved: int
    saved: int
    need: int
    why: str

    @property
    def ops(self) -> tuple[str, ...]:
        """Names of all its ops, in program order."""
        return tuple(op for stage in self.stages for op in stage)


@dataclass(frozen=True, slots=True)
class Fusion:
    """A chain of ops cut into groups.

    Parameters
    ----------
    chain
        Name of what was cut.
    groups
        In program order.
    moved
        Bytes off chip in one turn of the chain: the objective.
    unfused
        Bytes when every op runs alone.
    bound
        Bytes that no cut moves less than in so much room: `archsim.mappers.fusion.floor.bound`.
    turns
        How often the chain runs.
    complete
        Whether nothing was left out: every cut into stages, every tensor that may stay on chip, every way of a stage.
    method
        How the groups were found.
    seconds
        How long it took. Not part of the value.
    """

    chain: str
    groups: tuple[Group, ...]
    moved: int
    unfused: int
    bound: int
    turns: int
    complete: bool
    method: str
    seconds: float = field(default=0.0, compare=False)

    @property
    def objective(self) -> int:
        """What was made small: bytes off chip in one turn."""
        return self.moved

    @property
    def why(self) -> tuple[str, ...]:
        """For each group of more than one op what it is and saves, in words."""
        many = (group for group in self.groups if len(group.ops) > 1)
        return tuple(f"{group.ops[0]} to {group.ops[-1]}: {group.kind}, {group.why}" for group in many)

    @property
    def gap(self) -> float:
        """Bytes above the bound, as a part of the bound."""
        return gap(self.objective, self.bound)

    @property
    def proved(self) -> bool:
        """Whether nothing that was allowed moves less: the search was complete, or the objective is at the bound."""
        return self.complete or self.objective <= self.bound

    @property
    def saved(self) -> int:
        """Bytes less than with every op alone, in one turn."""
        return self.unfused - self.moved

    def record(self) -> dict[str, Any]:
        """As JSON."""
        names = ("ops", "stages", "kept", "kind", "moved", "saved", "need", "why")
        return {
            "schema": SCHEMA,
            **{name: getattr(self, name) for name in ("chain", "moved", "unfused", "saved", "turns")},
            **common(self),
            "groups": [{name: getattr(group, name) for name in names} for group in self.groups],
        }


def fuse(graph: Graph, buffer: Level, *, where: str = "layer", env: Mapping[str, int] | None = None) -> Fusion:
    """Cut the ops of a layer into groups that keep what lies between their ops in a buffer.

    Parameters
    ----------
    graph
        The workload.
    buffer
        The memory on chip; half of it where it is double-buffered.
    where, env
        As for `chain_of`.

    Raises
    ------
    BadInput
        No such repeat.
    DoesNotFit
        An op that cannot run in the buffer even alone.
    """
    return fuse_chain(chain_of(graph, where, env), buffer)


def fuse_chain(chain: Chain, buffer: Level) -> Fusion:
    """The cut of a chain into stages, and the tensors kept on chip between them, that move least: `shortest`.

    Ops keep their program order. Of cuts that move equally much the one that keeps least is taken, and of these the one
    with the most stages, since larger ones gain nothing.

    Raises
    ------
    DoesNotFit
        An op that cannot run in the buffer even alone.
    """
    start = perf_counter()
    room = ENOUGH if buffer.room_bits is None else buffer.room_bits
    alone = [_alone(chain, at, room, buffer) for at in range(len(chain.nodes))]
    groups: list[list[Stage]] = []
    for stage in shortest(chain, room, LONGEST):
        if groups and stage.cut.before:
            groups[-1].append(stage)
        else:
            groups.append([stage])
    found = tuple(_group(stages, alone) for stages in groups)
    return Fusion(
        chain.name, found, sum(group.moved for group in found), sum(_bytes(way.moved_bits) for way in alone),
        bound(chain, room), chain.turns, len(chain.nodes) <= LONGEST, METHOD, perf_counter() - start,
    )  # fmt: skip


def _alone(chain: Chain, at: int, room: int, buffer: Level) -> Way:
    way = least(Cut(chain, at, at + 1), room)
    if way is None:
        node = chain.nodes[at]
        terms = smallest(node)
        raise DoesNotFit(
            f"op {node.name!r} cannot run in the buffer",
            need=sum(terms.values()),
            have=room,
            terms=terms,
            unit="bit",
            where=f"level {buffer.name!r}",
            try_=("more capacity", *(["double_buffered: false"] if buffer.double_buffered else [])),
        )
    return way


def _bytes(bits: int) -> int:
    return -(-bits // 8)


def _group(stages: list[Stage], alone: list[Way]) -> Group:
    nodes = [node for stage in stages for node in stage.cut.nodes]
    first, stop = stages[0].cut.start, stages[-1].cut.stop
    moved = sum(stage.moved for stage in stages)
    saved = sum(_bytes(way.moved_bits) for way in alone[first:stop]) - moved
    kept = tuple(dict.fromkeys(name for stage in stages for name, _ in sorted(stage.cut.after)))
    if len(stages) > 1:
        kind = f"{len(stages)} stages"
        why = "; ".join(f"{_span(stage)}: {kind_of(stage)}, {stage.way.note}" for stage in stages)
        why += f"; {', '.join(kept)} on chip from stage to stage"
    else:
        kind, why = kind_of(stages[0]), stages[0].way.note
    if len(nodes) > 1:
        why += f"; saves {saved:,} B between its {len(nodes)} ops"
    need = max(_bytes(stage.way.need_bits) for stage in stages)
    ops = tuple(tuple(node.name for node in stage.cut.nodes) for stage in stages)
    return Group(ops, kept, kind, moved, saved, need, why)


def _span(stage: Stage) -> str:
    first, last = stage.cut.nodes[0].name, stage.cut.nodes[-1].name
    return first if first == last else f"{first} to {last}"


def kind_of(stage: Stage) -> str:
    """What a stage is, in words."""
    nodes, way = stage.cut.nodes, stage.way
    kinds = {node.kind for node in nodes}
    products = sum(node.is_product for node in nodes)
    if len(nodes) == 1:
        return "alone"
    if {SCORES, VALUES} & kinds:
        return "attention, online softmax" if way.kind == "by chunks" else "attention by rows"
    if way.kind == "by chunks":
        return "feed-forward by chunks"
    if products > 1:
        return "row group"
    if products == 0:
        return "ops without products"
    return "norm into product" if kinds & NORMS else "into product" if kinds & LOCAL else "row group"
