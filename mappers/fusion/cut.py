"""A stage: neighbouring ops of a chain that run together, what passes its borders, and what stays on chip there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

from archsim.mappers.fusion.chain import ROW_WISE, SCORES, VALUES, Chain, Node, Version

NOTHING: frozenset[Version] = frozenset()
"""No tensors."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run a stage."""

    kind: str
    moved_bits: int
    need_bits: int
    """Room it takes, with what stays on chip at the borders."""
    block: int
    """Rows at a time; 0 where tiles are not rows."""
    note: str


@dataclass(frozen=True)
class Cut:
    """A part of a chain from one op to before another.

    Parameters
    ----------
    chain
        What it is a part of.
    start, stop
        Its first op, and the one after its last.
    before, after
        Tensors that are on chip as a whole when it starts, and when it ends. Of keys and values that is what the chain
        appends; what earlier passes left in the cache is read.
    """

    chain: Chain
    start: int
    stop: int
    before: frozenset[Version] = NOTHING
    after: frozenset[Version] = NOTHING

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Its ops, without the keys and values that are on chip already."""
        return tuple(self._node(node) for node in self.chain.nodes[self.start : self.stop])

    def _node(self, node: Node) -> Node:
        if self.before.isdisjoint(node.stored):
            return node
        lives = self.chain.lives
        stored = {
            v: bits - (lives[v].bits // node.copies if v in self.before else 0) for v, bits in node.stored.items()
        }
        return replace(node, stored={v: max(0, bits) for v, bits in stored.items()})

    @cached_property
    def held(self) -> frozenset[Version]:
        """Tensors with a place of their own on chip while it runs."""
        return self.before | self.after

    @cached_property
    def held_bits(self) -> int:
        """Room that these take."""
        return sum(self.chain.lives[v].bits for v in self.held)

    @cached_property
    def made(self) -> Mapping[Version, int]:
        """Tensors made inside -> bits per row."""
        return {version: bits for node in self.nodes for version, bits in node.writes.items()}

    @cached_property
    def later(self) -> Mapping[Version, int]:
        """Those of them that are needed after it."""
        lives = self.chain.lives
        return {v: bits for v, bits in self.made.items() if lives[v].last >= self.stop or v in self.chain.leaving}

    @cached_property
    def leaving(self) -> Mapping[Version, int]:
        """Those of them that go to memory."""
        return {v: bits for v, bits in self.later.items() if v not in self.after or v in self.chain.leaving}

    @cached_property
    def entering(self) -> Mapping[Version, int]:
        """Activations that come from memory -> bits per row."""
        here = self.made.keys() | self.before
        return {v: bits for node in self.nodes for v, bits in node.reads.items() if v not in here}

    @cached_property
    def stored(self) -> Mapping[Version, int]:
        """Weights, keys and values that come from memory -> bits of one copy."""
        return {v: bits for node in self.nodes for v, bits in node.stored.items()}

    @property
    def dropped_bits(self) -> int:
        """Bits that were only on chip, are needed later and have to be written, since they do not stay."""
        lives = self.chain.lives
        gone = (lives[v] for v in self.before - self.after)
        return sum(life.bits for life in gone if life.last >= self.stop and not life.in_memory)

    @cached_property
    def space(self) -> tuple[int, int] | None:
        """Copies and rows that all its ops share; None where they do not."""
        nodes = self.nodes
        heads = [node for node in nodes if node.kind in (SCORES, VALUES)]
        if any(v in self.made for v in self.stored):
            return None  # every row needs all of what other rows of the same stage make
        if heads:
            copies, rows = heads[0].copies, heads[0].rows
            same = all((node.copies, node.rows) == (copies, rows) for node in heads)
            others = all(node.kind == "softmax" and node.rows == copies * rows for node in nodes if node not in heads)
            return (copies, rows) if same and others else None
        if any(node.kind not in ROW_WISE for node in nodes):
            return None
        return (1, nodes[0].rows) if len({node.rows for node in nodes}) == 1 else None


def can_stay(cut: Cut) -> Iterator[Version]:
    """Tensors that may be on chip after a stage: ops behind it use them, and they were there before or it has them.

    It has what it makes, and what it reads if memory holds it in any case. A tensor that was given up and written does
    not come to stay again.
    """
    for v, life in cut.chain.lives.items():
        here = v in cut.before or v in cut.made or (life.in_memory and v in cut.entering)
        if here and life.last >= cut.stop:
            yield v


def subsets(tensors: Collection[Version]) -> Iterator[frozenset[Version]]:
    """All sets of some tensors, smaller ones first."""
    for size in range(len(tensors) + 1):
        yield from map(frozenset, combinations(sorted(tensors), size))
