"""The solvers' view of a graph: numbers instead of names, and what must come before what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import gcd

from archsim.ir.tensorgraph import TensorGraph

Window = tuple[int, int]
"""First and last step at which an op can run."""


@dataclass(frozen=True)
class Problem:
    """Ops and tensors by number, in the order of the graph; sizes count the greatest common divisor of all sizes."""

    graph: TensorGraph
    unit: int
    """Bytes per unit of size."""
    ops: tuple[str, ...]
    tensors: tuple[str, ...]
    size: tuple[int, ...]
    reads: tuple[tuple[int, ...], ...]
    """Per op, each tensor once."""
    writes: tuple[tuple[int, ...], ...]
    writer: tuple[int, ...]
    """Op that writes a tensor; -1 where memory has it from the start."""
    readers: tuple[tuple[int, ...], ...]
    stored: tuple[bool, ...]
    """Whether a tensor must be in memory at the end."""
    before: tuple[tuple[int, ...], ...]
    program: tuple[int, ...]
    """A legal order, the nearest to the given one."""

    @staticmethod
    def of(graph: TensorGraph) -> Problem:
        """The numbers of a graph."""
        ops = {op.name: index for index, op in enumerate(graph.ops)}
        tensors = {name: index for index, name in enumerate(graph.sizes)}
        unit = gcd(*graph.sizes.values())
        return Problem(
            graph,
            unit,
            tuple(ops),
            tuple(tensors),
            size=tuple(size // unit for size in graph.sizes.values()),
            reads=tuple(tuple(tensors[t] for t in dict.fromkeys(op.inputs)) for op in graph.ops),
            writes=tuple(tuple(tensors[t] for t in op.outputs) for op in graph.ops),
            writer=tuple(ops[graph.writer[t]] if t in graph.writer else -1 for t in graph.sizes),
            readers=tuple(tuple(ops[name] for name in graph.readers[t]) for t in graph.sizes),
            stored=tuple(t in graph.stored for t in graph.sizes),
            before=tuple(tuple(ops[name] for name in graph.before[op]) for op in ops),
            program=tuple(ops[name] for name in graph.program),
        )

    @cached_property
    def operands(self) -> tuple[tuple[int, ...], ...]:
        """Per op, the tensors that must be on chip while it runs."""
        return tuple(tuple(dict.fromkeys((*r, *w))) for r, w in zip(self.reads, self.writes, strict=True))

    @cached_property
    def working_set(self) -> tuple[int, ...]:
        """Per op, the units its operands take."""
        return tuple(sum(self.size[a] for a in operands) for operands in self.operands)

    @cached_property
    def behind(self) -> tuple[tuple[int, ...], ...]:
        """Per op, those that wait for it directly."""
        found: list[list[int]] = [[] for _ in self.ops]
        for op, others in enumerate(self.before):
            for other in others:
                found[other].append(op)
        return tuple(map(tuple, found))

    @cached_property
    def ancestors(self) -> tuple[int, ...]:
        """Per op, a bit for each op that comes before it in every order."""
        found = [0] * len(self.ops)
        for op in self.program:
            for other in self.before[op]:
                found[op] |= found[other] | 1 << other
        return tuple(found)

    @cached_property
    def descendants(self) -> tuple[int, ...]:
        """Per op, a bit for each op that comes after it in every order."""
        found = [0] * len(self.ops)
        for op in reversed(self.program):
            for other in self.behind[op]:
                found[op] |= found[other] | 1 << other
        return tuple(found)

    @cached_property
    def windows(self) -> tuple[Window, ...]:
        """Steps at which an op can run: as many before it as it has ancestors, as many behind as descendants."""
        last = len(self.ops) - 1
        return tuple(
            (before.bit_count(), last - after.bit_count())
            for before, after in zip(self.ancestors, self.descendants, strict=True)
        )

    @property
    def forced(self) -> bool:
        """Whether there is only one order."""
        return all(first == last for first, last in self.windows)

    def legal(self, order: Sequence[int]) -> bool:
        """Whether an order has every op once, after all it waits for."""
        place = {op: step for step, op in enumerate(order)}
        return sorted(order) == list(range(len(self.ops))) and all(
            place[other] < place[op] for op in order for other in self.before[op]
        )

    def comparable(self, op: int, other: int) -> bool:
        """Whether two ops are the same or have one order only."""
        return op == other or bool((self.ancestors[op] | self.descendants[op]) >> other & 1)

    def with_first(self, op: int, other: int) -> Problem:
        """The same problem with fewer orders: an op runs before another; `comparable` says where that is no choice."""
        before = list(self.before)
        before[other] = (*before[other], op)
        place = {op: step for step, op in enumerate(self.program)}
        early = self.ancestors[op] | 1 << op
        # ops that must now come first move up to just before the other
        moved = [o for o in self.program[place[other] :] if early >> o & 1]
        rest = [o for o in self.program if o not in moved]
        at = rest.index(other)
        return replace(self, before=tuple(before), program=(*rest[:at], *moved, *rest[at:]))

    def uses(self, tensor: int, place: Sequence[int]) -> list[int]:
        """Steps at which a tensor must be on chip: it is written, then read; `place` has the step of each op."""
        found = sorted(place[op] for op in self.readers[tensor])
        return found if self.writer[tensor] < 0 else [place[self.writer[tensor]], *found]


def places(order: Sequence[int]) -> list[int]:
    """The step of each op."""
    found = [0] * len(order)
    for step, op in enumerate(order):
        found[op] = step
    return found
