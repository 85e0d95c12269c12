"""From a graph to a program: attentions as one, other ops one after the other, in the graph's own loops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any

from archsim.ir.capability import SpatialArrays
from archsim.ir.check_capacity import BUFFER
from archsim.ir.footprint import footprint, volume
from archsim.ir.graph import Graph, Item, Op, Repeat, occurrences
from archsim.ir.mapping import After, Choice, Loop, Mapping, Node
from archsim.mappers.spatial.attention import Attention
from archsim.mappers.spatial.emit import Emit
from archsim.mappers.spatial.ops import lowered
from archsim.units.spatial.dataflows import dataflow
from archsim.units.spatial.least_time import least_time
from archsim.units.spatial.lone import op_steady
from archsim.units.spatial.planning import planned
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.trio import Trio, trios

PS = 10**12


@dataclass
class Lowering:
    """One graph on one machine."""

    graph: Graph
    arrays: SpatialArrays
    dataflow: str
    depth: int | None
    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: Fraction = Fraction(0)
    """Steady state of everything so far."""
    bound: Fraction = Fraction(0)
    """What no schedule on these arrays beats."""
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.emit = Emit(self.arrays)
        self.attentions = {trio.scores.name: trio for trio in trios(self.graph)}
        self.inside = {name for trio in self.attentions.values() for name in trio.ops}
        self.producers: dict[str, list[str]] = {}
        for op, _ in self.graph.walk():
            for tensor in op.outputs:
                self.producers.setdefault(tensor, []).append(op.name)

    def mapping(self, design: str) -> Mapping:
        """The whole program and how good it is."""
        body = tuple(node for item in self.graph.items for node in self.lower(item, ()))
        choice = Choice(
            "spatial",
            "steady state, ps",
            float(self.seconds * PS),
            float(self.bound * PS),
            {"plans": self.plans, "dataflow": self.dataflow, "depth": self.depth},
        )
        room = {BUFFER: self.arrays.buffer_bytes}  # what the plans were made for
        return Mapping(self.graph.name, design, body, (), room, choice, tuple(dict.fromkeys(self.notes)))

    def lower(self, item: Item, around: tuple[Repeat, ...]) -> Iterator[Node]:
        """The program of an op, or of a loop over ops."""
        if isinstance(item, Repeat):
            inside = (*around, item)
            body = tuple(node for part in item.body for node in self.lower(part, inside))
            yield Loop(item.var, item.count, body)
        elif item.name in self.attentions:
            yield from self._attention(self.attentions[item.name], around)
        elif item.name not in self.inside:
            yield from self._alone(item, around)

    def _attention(self, trio: Trio, around: tuple[Repeat, ...]) -> Iterator[Node]:
        flow = dataflow(self.dataflow)
        most = trio.problem(_largest(trio.scores, around))
        plan = flow.plan(most, self.arrays)
        self.plans[trio.scores.name] = {"dataflow": plan.dataflow, **plan.choices}
        pattern = getattr(flow, "pattern", FULL)
        for env, times in occurrences(trio.scores.dims.values(), around):
            problem = trio.problem(env)
            _, steady = planned(flow, problem, self.arrays, plan, moving=bool(env))
            self.seconds += steady.seconds * times
            self.bound += least_time(problem, self.arrays, pattern).seconds * times
        before, least = self.awaited(trio.scores, trio.values, inside=set(trio.ops)), _least(trio, around)
        attention = Attention(trio, most, least, flow, plan, self.emit, self.depth, before)
        if least < most.keys and not attention.grows:
            self.notes.append(
                f"{trio.scores.name}: in cycle fidelity every step takes as long as the last one, with {most.keys:,} "
                f"keys, since {flow.name} has no program for contexts that grow"
            )
        yield from attention.body()
        self.notes += attention.notes()

    def _alone(self, op: Op, around: tuple[Repeat, ...]) -> Iterator[Node]:
        extents = op.extents(_largest(op, around))
        closed, order = op_steady(op, extents, self.arrays)
        if order is not None:
            self.plans[op.name] = {"dataflow": order.dataflow, **order.choices}
        times = prod(repeat.count for repeat in around)
        self.seconds += closed.seconds * times
        size = footprint(op.kind, extents)
        words = size.inputs + size.weights + size.kv + size.outputs
        self.bound += min(closed.seconds, floor(volume(op.kind, extents), words, self.arrays)) * times
        yield from lowered(op, extents, closed, self.emit, self.awaited(op, inside={op.name}))

    def awaited(self, *ops: Op, inside: set[str]) -> tuple[After, ...]:
        """The tasks after which everything that ops read from elsewhere is in the DRAM."""
        names = (name for op in ops for tensor in op.inputs for name in self.producers.get(tensor, ()))
        return tuple(After(f"{self._ends(name)}.store") for name in dict.fromkeys(names) if name not in inside)

    def _ends(self, op: str) -> str:
        """The op whose store ends this one: the values' for an attention."""
        trio = next((t for t in self.attentions.values() if op in t.ops), None)
        return trio.values.name if trio else op


def floor(macs: int, words: int, arrays: SpatialArrays) -> Fraction:
    """Seconds that nothing beats: multiply-accumulates on all PEs, words at the DRAM's peak rate, side by side."""
    peak = Fraction(arrays.rows * arrays.cols, arrays.array_cycles["mac"]) + Fraction(
        arrays.lanes, arrays.vector_cycles["mac"]
    )
    return max(
        Fraction(macs) / peak / arrays.clock / arrays.copies, Fraction(words * arrays.word_bytes, arrays.bandwidth)
    )


def _largest(op: Op, around: tuple[Repeat, ...]) -> dict[str, int]:
    return {r.var: r.count - 1 if any(size.coefficient(r.var) > 0 for size in op.dims.values()) else 0 for r in around}


def _least(trio: Trio, around: tuple[Repeat, ...]) -> int:
    keys = trio.scores.dims["t"]
    return int(keys.at({r.var: r.count - 1 if keys.coefficient(r.var) < 0 else 0 for r in around}))
