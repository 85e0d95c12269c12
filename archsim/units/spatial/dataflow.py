"""What every attention dataflow offers."""

from __future__ import annotations

from typing import Protocol

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import Plan, Problem, Steady


class Dataflow(Protocol):
    """A way to run attention on the arrays."""

    @property
    def name(self) -> str:
        """What users call it."""
        ...

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """The best plan of this dataflow.

        Raises
        ------
        Infeasible
            A tile does not fit the buffer.
        BadInput
            No array has an operator that an einsum needs.
        """
        ...

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """The closed form of a plan."""
        ...
