"""Cut a graph where everything must pass through one op, and see which parts are alike.

An op that every other op comes before or after, whose outputs are all that crosses, has its step whatever the order,
and what it writes is on chip then. So the parts before and behind it can be solved one by one, and the sum of their
optima is the optimum of the whole.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from archsim.ir.tensorgraph import TensorGraph, TensorOp
from archsim.mappers.residency.problem import Problem

ENTER = "(enter)"
"""Name of the op of a part that stands for the one before it, and writes what crosses."""


@dataclass(frozen=True)
class Part:
    """A piece of a graph that is solved by itself."""

    graph: TensorGraph
    ops: tuple[str, ...]
    """Ops of the whole graph in it, in the order of its own ops; its `ENTER` left out."""

    @property
    def enters(self) -> bool:
        """Whether its first op is `ENTER`."""
        return len(self.graph.ops) > len(self.ops)


def cuts(problem: Problem) -> list[int]:
    """Ops at which the graph can be cut, in the order in which they run."""
    n = len(problem.ops)
    found = []
    for op in problem.program:
        before, after = problem.ancestors[op], problem.descendants[op]
        if before.bit_count() + after.bit_count() + 1 < n or not after:
            continue
        if all(
            problem.writer[tensor] == op or not _crosses(problem, tensor, before | 1 << op, after)
            for tensor in range(len(problem.tensors))
        ):
            found.append(op)
    return found


def _crosses(problem: Problem, tensor: int, before: int, after: int) -> bool:
    readers = sum(1 << op for op in problem.readers[tensor])
    begun = readers & before or (problem.writer[tensor] >= 0 and before >> problem.writer[tensor] & 1)
    return bool(readers & after and begun)


def parts(problem: Problem) -> list[Part]:
    """The pieces between cuts, in the order in which they run; the graph itself where there are none."""
    graph, found = problem.graph, cuts(problem)
    if not found:
        return [Part(graph, problem.ops)]
    ends = [problem.ancestors[op] | 1 << op for op in found] + [(1 << len(problem.ops)) - 1]
    pieces, done, entry = [], 0, -1
    for end, op in zip(ends, [*found, -1], strict=True):
        inside = end & ~done
        pieces.append(_part(problem, [o for o in problem.program if inside >> o & 1], entry))
        done, entry = end, op
    return [Part(graph, piece.ops) if len(pieces) == 1 else piece for piece in pieces]


def _part(problem: Problem, inside: Sequence[int], entry: int) -> Part:
    graph = problem.graph
    names = {problem.ops[op] for op in inside}
    ops: list[TensorOp] = []
    if entry >= 0:
        crossing = tuple(t for t in graph.by_name[problem.ops[entry]].outputs if set(graph.readers[t]) & names)
        ops.append(TensorOp(ENTER, (), crossing))
    for op in inside:
        one = graph.by_name[problem.ops[op]]
        after = tuple(other for other in one.after if other in names)
        ops.append(TensorOp(one.name, one.inputs, one.outputs, (*after, *((ENTER,) if entry >= 0 else ()))))
    used = {tensor for op in ops for tensor in op.operands}
    sizes = {tensor: size for tensor, size in graph.sizes.items() if tensor in used}
    written = {tensor for op in ops for tensor in op.outputs}
    results = graph.stored & written
    return Part(
        TensorGraph(graph.name, tuple(ops), sizes, graph.weights & used, results),
        tuple(problem.ops[op] for op in inside),
    )


def likeness(problem: Problem) -> Hashable:
    """Equal for problems that differ in names alone: the same ops on the same sizes, in the same order."""
    number: dict[int, int] = {}
    for operands in problem.operands:
        for tensor in operands:
            number.setdefault(tensor, len(number))
    tensors = sorted(number, key=number.__getitem__)
    return (
        tuple(tuple(number[a] for a in reads) for reads in problem.reads),
        tuple(tuple(number[a] for a in writes) for writes in problem.writes),
        tuple(tuple(sorted(before)) for before in problem.before),
        tuple((problem.size[a] * problem.unit, problem.stored[a], problem.writer[a] < 0) for a in tensors),
    )
