"""The interface of every mapper: a graph and a design in, a checkable program out."""

from __future__ import annotations

from typing import ClassVar

from archsim.core.registry import Registry
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.kinded import Kinded
from archsim.ir.mapping import Mapping


class Mapper(Kinded):
    """Options of a mapping method, and the method.

    Deterministic; never answers with a mapping that fails its own `check`.

    Promises, tested for every mapper by one compliance suite: every op is covered exactly once, every memory holds
    what is placed in it, producers come before consumers, the same input gives the same mapping, and the bound is
    not above the objective.
    """

    registry: ClassVar[Registry[type[Mapper]]] = Registry("mapper")

    priority: ClassVar[int] = 0
    """Among mappers that accept a design, the highest is the default."""

    def accepts(self, design: Design) -> bool:
        """Whether the units of this design declare what the mapper needs."""
        raise TypeError(f"{type(self).__name__} must define accepts()")

    def map(self, graph: Graph, design: Design) -> Mapping:
        """A mapping, or `DoesNotFit` / `Infeasible` saying which capacity is short, by how much, and what would fit."""
        raise TypeError(f"{type(self).__name__} must define map()")
