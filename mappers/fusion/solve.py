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
from archsim.mappers.fusion.group import Cut, Way, smallest, ways
from archsim.mappers.tiling import Level
from archsim.mappers.tiling.hierarchy import ENOUGH

SCHEMA = "archsim.fusion/1"
"""What the JSON form is, and its version."""
LONGEST = 24
"""Ops of one group at most."""


@dataclass(frozen=True, slots=True)
class Group:
    """Ops that run as one, and what that moves."""

    ops: tuple[str, ...]
    kind: str
    moved: int
    """Bytes off chip."""
    saved: int
    """Bytes less than by its ops one by one."""
    need: int
    """Bytes of the buffer that it takes."""
    why: str


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
        Bytes that no buffer avoids: what enters and what leaves the chain, once each.
    turns
        How often the chain runs.
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
        """Whether the objective is at the bound: nothing is below it."""
        return self.objective <= self.bound

    @property
    def saved(self) -> int:
        """Bytes less than with every op alone, in one turn."""
        return self.unfused - self.moved

    def record(self) -> dict[str, Any]:
        """As JSON."""
        names = ("ops", "kind", "moved", "saved", "need", "why")
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
    """The cut of a chain that moves least: shortest path over the places between ops, so every cut is considered.

    Ops keep their program order, and a group is a run of neighbours. Of cuts that move equally much the one with the
    most groups is taken, since larger ones gain nothing.

    Raises
    ------
    DoesNotFit
        An op that cannot run in the buffer even alone.
    """
    start = perf_counter()
    room = ENOUGH if buffer.room_bits is None else buffer.room_bits
    alone = [_alone(chain, at, room, buffer) for at in range(len(chain.nodes))]
    best: list[tuple[int, int]] = [(0, 0)]
    steps: list[tuple[int, Way]] = []
    for stop in range(1, len(chain.nodes) + 1):
        options = []
        for first in range(max(0, stop - LONGEST), stop):
            way = alone[first] if stop - first == 1 else least(Cut(chain, first, stop), room)
            if way is not None:
                options.append(((best[first][0] + _bytes(way), best[first][1] - 1), first, way))
        value, first, way = min(options, key=lambda option: option[:2])
        best.append(value)
        steps.append((first, way))
    groups: list[Group] = []
    stop = len(chain.nodes)
    while stop:
        first, way = steps[stop - 1]
        groups.insert(0, _group(chain, first, stop, way, alone))
        stop = first
    return Fusion(
        chain.name, tuple(groups), best[-1][0], sum(map(_bytes, alone)), bound(chain), chain.turns,
        "shortest path over all cuts in program order", perf_counter() - start,
    )  # fmt: skip


def least(cut: Cut, room: int) -> Way | None:
    """The way to run a part as one group that moves least; None where there is none."""
    fitting = [way for way in ways(cut, room) if way.need_bits <= room]
    return min(fitting, key=lambda way: (way.moved_bits, way.need_bits), default=None)


def bound(chain: Chain) -> int:
    """Bytes that enter and leave a chain: activations, weights and what is read later, once each."""
    made = {v: node.rows * bits for node in chain.nodes for v, bits in node.writes.items()}
    bits: dict[tuple[str, int], int] = {}
    for node in chain.nodes:
        # Of keys and values what earlier passes left; what this one appends was just computed.
        bits |= {v: max(0, node.copies * size - made.get(v, 0)) for v, size in node.stored.items()}
    for node in chain.nodes:
        rows = node.copies * node.rows
        bits |= {v: max(bits.get(v, 0), rows * size) for v, size in node.reads.items() if v not in made}
        bits |= {v: bits.get(v, 0) + rows * size for v, size in node.writes.items() if v in chain.leaving}
    return sum(size // 8 for size in bits.values())


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


def _bytes(way: Way) -> int:
    return -(-way.moved_bits // 8)


def _group(chain: Chain, first: int, stop: int, way: Way, alone: list[Way]) -> Group:
    nodes = chain.nodes[first:stop]
    saved = sum(_bytes(alone[at]) for at in range(first, stop)) - _bytes(way)
    kinds = {node.kind for node in nodes}
    products = sum(node.is_product for node in nodes)
    if len(nodes) == 1:
        kind = "alone"
    elif {SCORES, VALUES} & kinds:
        kind = "attention, online softmax" if way.kind == "by chunks" else "attention by rows"
    elif way.kind == "by chunks":
        kind = "feed-forward by chunks"
    elif products > 1:
        kind = "row group"
    elif products == 0:
        kind = "ops without products"
    else:
        kind = "norm into product" if kinds & NORMS else "into product" if kinds & LOCAL else "row group"
    why = way.note + (f"; saves {saved:,} B between its {len(nodes)} ops" if len(nodes) > 1 else "")
    return Group(tuple(node.name for node in nodes), kind, _bytes(way), saved, -(-way.need_bits // 8), why)
