"""The mapper for several units that take whole ops."""

from __future__ import annotations

from typing import ClassVar

from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping


class PlacedMapper(Mapper, kind="placed"):
    """Ops on the units of a design such that the last one ends soonest: independent ops run side by side.

    The ops of a loop's body, or between loops, are scheduled together: list scheduling, then an integer program where
    that is not proved the shortest. An op in a loop has one unit and one turn in all iterations. Where a component
    `carries`, results that another unit needs go over it, one copy after the other. What `ops` would choose is tried
    too, so that the outcome is never slower.
    """

    priority: ClassVar[int] = 1
    """Before `ops` where it accepts, which it is never slower than."""

    def accepts(self, design: Design) -> bool:
        """Two units or more take whole ops, or a link stands between them, and the design has no policy of its own."""
        units = design.capabilities()
        if not all(isinstance(unit, OpUnit) for unit in units) or type(design).place is not Design.place:
            return False
        carrying = sum(isinstance(unit, OpUnit) and unit.carries for unit in units)
        return len(units) - carrying > 1 or (carrying > 0 and len(units) > carrying)

    def map(self, graph: Graph, design: Design) -> Mapping:
        """The mapping; `Infeasible` where no unit executes an op, or the link does not carry what must cross it."""
        # Here, since every command registers all mappers, and most do not need this one's schedules.
        from archsim.mappers.placed.lower import lower

        return lower(graph, design)
