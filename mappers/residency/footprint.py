"""The least memory at which nothing but compulsory bytes moves, over all orders of a graph."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.ir.tensorgraph import TensorGraph
from archsim.mappers.residency.divide import parts
from archsim.mappers.residency.peaks import STATES, Peak, least_peak
from archsim.mappers.residency.problem import Problem


@dataclass(frozen=True, slots=True)
class LeastMemory:
    """M_P of COSMA: an order, the most bytes on chip at one step, and the bytes that no order needs less than."""

    order: tuple[str, ...]
    bytes: int
    bound: int

    @property
    def proved(self) -> bool:
        """Whether no order needs less."""
        return self.bytes == self.bound


def least_memory(graph: TensorGraph, *, states: int = STATES) -> LeastMemory:
    """The order that needs the least memory without spilling.

    Parameters
    ----------
    graph
        What runs.
    states
        Sets of finished ops that the search may look at in each part between cut tensors.
    """
    order: list[str] = []
    most = bound = 0
    seen: dict[object, Peak] = {}
    for piece in parts(Problem.of(graph)):
        problem = Problem.of(piece.graph)
        key = (problem.reads, problem.writes, problem.before, problem.size, problem.unit)
        found = seen.get(key) or least_peak(problem, states)
        seen[key] = found
        order += [problem.ops[op] for op in found.order[piece.enters :]]
        most, bound = max(most, found.height * problem.unit), max(bound, found.bound * problem.unit)
    return LeastMemory(tuple(order), most, bound)
