"""A workload: what is to be computed, as data that expands to a graph."""

from __future__ import annotations

from typing import ClassVar

from archsim.core.registry import Registry
from archsim.ir.graph import Graph
from archsim.ir.kinded import Kinded


class Workload(Kinded):
    """What is to be computed. Subclass with a `kind` and give it `label` and `expand`."""

    registry: ClassVar[Registry[type[Workload]]] = Registry("workload kind")

    @property
    def label(self) -> str:
        """Short name for tables: the model or the operator."""
        return self.kind

    @property
    def phase_name(self) -> str:
        """prefill, decode, generate, or op for a lone operator."""
        return "op"

    @property
    def tokens(self) -> int:
        """Tokens the workload produces (or, in prefill, takes in); 0 where that has no meaning."""
        return 0

    def expand(self) -> Graph:
        """The operators, in loops where they repeat. Pure: the same workload gives an equal graph."""
        raise TypeError(f"{type(self).__name__} must define expand()")
