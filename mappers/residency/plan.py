"""A plan: the order, where every tensor is when, what moves because of it, and how good that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

from archsim.core.errors import BadInput
from archsim.core.gap import gap
from archsim.ir.tensorgraph import TensorGraph
from archsim.mappers.answer import common

SCHEMA = "archsim.residency/1"
"""What the JSON form is, and its version."""
KEPT = ("capacity", "lower_bound", "method", "solver", "candidates", "fragmentation", "stopped", "seconds")
"""Fields that the JSON form has as they are."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A tensor on chip, from its first to its last step.

    Parameters
    ----------
    tensor
        Its name.
    first, last
        Steps, both included: the place in the order of the op that runs.
    offset
        Address of its first byte.
    loaded
        Whether it is read from memory for this; else the op of the first step writes it.
    """

    tensor: str
    first: int
    last: int
    offset: int
    loaded: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """What was known at a time: the best so far and the bound, in bytes."""

    seconds: float
    objective: int
    bound: int
    by: str


@dataclass(frozen=True)
class Plan:
    """Order, residency and addresses of a graph in a memory.

    Parameters
    ----------
    graph, capacity
        What was planned, and the bytes on chip.
    order
        Op names, one per step.
    segments
        When each tensor is on chip, and where.
    lower_bound
        Non-compulsory bytes that no plan is below, addresses or not.
    method
        What found it.
    solver
        What solved or proved it, with its version; empty where rules and search of ours did.
    candidates
        Rule -> non-compulsory bytes of the best plan in the order of that rule, before addresses.
    fragmentation
        Non-compulsory bytes that are there because tensors lie contiguous.
    stopped
        What ended the search before it was through: ``work`` or ``seconds``; or nothing.
    seconds
        How long it took. Not part of the value.
    progress
        What was known when. Not part of the value.
    """

    graph: TensorGraph
    capacity: int
    order: tuple[str, ...]
    segments: tuple[Segment, ...]
    lower_bound: int
    method: str = ""
    solver: str = ""
    candidates: Mapping[str, int] = field(default_factory=dict)
    fragmentation: int = 0
    stopped: str = ""
    seconds: float = field(default=0.0, compare=False)
    progress: tuple[Moment, ...] = field(default=(), compare=False)

    @cached_property
    def reloaded(self) -> Mapping[str, int]:
        """Tensor -> bytes loaded beyond the first load of what memory had from the start."""
        found: dict[str, int] = {}
        for segment in self.segments:
            if segment.loaded:
                found[segment.tensor] = found.get(segment.tensor, 0) + self.graph.sizes[segment.tensor]
        for tensor in found:
            if tensor not in self.graph.writer:
                found[tensor] -= self.graph.sizes[tensor]
        return {tensor: amount for tensor, amount in found.items() if amount}

    @cached_property
    def spilled(self) -> Mapping[str, int]:
        """Tensor -> bytes written to memory only because it left the chip before its last use."""
        loaded = {segment.tensor for segment in self.segments if segment.loaded}
        return {t: self.graph.sizes[t] for t in self.graph.sizes if t in loaded & self.graph.writer.keys() - self.kept}

    @property
    def kept(self) -> frozenset[str]:
        """Tensors that are written to memory anyway."""
        return self.graph.stored

    @cached_property
    def objective(self) -> int:
        """Non-compulsory bytes: spilled and reloaded."""
        return sum(self.reloaded.values()) + sum(self.spilled.values())

    @property
    def gap(self) -> float:
        """Objective above the lower bound, as a part of the bound; infinite above a bound of 0."""
        return gap(self.objective, self.lower_bound)

    @property
    def bound(self) -> int:
        """`lower_bound`, by the name that all libraries have for it."""
        return self.lower_bound

    @property
    def why(self) -> tuple[str, ...]:
        """What goes out and comes back, the largest first: all of the objective."""
        moved = [("spilled", self.spilled), ("reloaded", self.reloaded)]
        found = [(amount, tensor, how) for how, each in moved for tensor, amount in each.items()]
        return tuple(
            f"{tensor}: {amount:,} B {how}" for amount, tensor, how in sorted(found, key=lambda f: (-f[0], f[1:]))
        )

    @property
    def proved(self) -> bool:
        """Whether no plan moves less."""
        return self.objective == self.lower_bound

    @property
    def moved_bytes(self) -> int:
        """All bytes between chip and memory, compulsory ones included."""
        return self.graph.compulsory_bytes + self.objective

    @cached_property
    def load(self) -> int:
        """The most bytes on chip at one step."""
        change = [0] * (len(self.order) + 1)
        for segment in self.segments:
            change[segment.first] += self.graph.sizes[segment.tensor]
            change[segment.last + 1] -= self.graph.sizes[segment.tensor]
        total = most = 0
        for amount in change:
            total += amount
            most = max(most, total)
        return most

    @property
    def height(self) -> int:
        """The byte after the highest one used."""
        return max((s.offset + self.graph.sizes[s.tensor] for s in self.segments), default=0)

    def check(self) -> None:
        """Replay the plan step by step; see `archsim.mappers.residency.replay`.

        Raises
        ------
        BadInput
            It is not one: names the step and the tensors.
        """
        from archsim.mappers.residency.replay import replay

        replay(self)

    def record(self) -> dict[str, Any]:
        """What the command line prints as JSON."""
        return {
            "schema": SCHEMA,
            "graph": self.graph.name,
            "ops": len(self.graph.ops),
            "tensors": len(self.graph.sizes),
            "capacity": self.capacity,
            "least_capacity": self.graph.least_capacity,
            **common(self),
            "lower_bound": self.lower_bound,
            "spilled_bytes": sum(self.spilled.values()),
            "reloaded_bytes": sum(self.reloaded.values()),
            "compulsory_bytes": self.graph.compulsory_bytes,
            "load": self.load,
            "height": self.height,
            "fragmentation": self.fragmentation,
            "solver": self.solver,
            "candidates": dict(self.candidates),
            "stopped": self.stopped,
            "progress": [[m.seconds, m.objective, m.bound, m.by] for m in self.progress],
            "order": list(self.order),
            "segments": [[s.tensor, s.first, s.last, s.offset, s.loaded] for s in self.segments],
        }

    def to_json(self) -> dict[str, Any]:
        """The record and the graph: all that `from_json` needs."""
        from archsim.ir.tensorgraph_file import graph_to_json

        return {**self.record(), "graph": graph_to_json(self.graph)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The plan that `to_json` wrote.

        Raises
        ------
        BadInput
            Not such a document.
        """
        from archsim.ir.tensorgraph_file import graph_from_json

        if data.get("schema") != SCHEMA:
            raise BadInput(f"schema is {data.get('schema')!r}", right=SCHEMA)
        try:
            return cls(
                graph_from_json(data["graph"]),
                order=tuple(data["order"]),
                segments=tuple(Segment(*entry) for entry in data["segments"]),
                progress=tuple(Moment(*entry) for entry in data["progress"]),
                **{name: data[name] for name in KEPT},
            )
        except KeyError as error:
            raise BadInput(f"{error} is missing", right="what Plan.to_json writes") from None
