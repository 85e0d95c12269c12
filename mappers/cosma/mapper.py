"""Ops in groups on a unit with a scratchpad: what lies between them, and what is needed again soon, stays on chip."""

from __future__ import annotations

from typing import ClassVar, Literal

from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping


class CosmaMapper(Mapper, kind="cosma"):
    """Groups of ops on blocks of rows or heads, and activations that stay in the scratchpad between uses.

    A search over all cuts of the program into groups, all their blocks, and all sets of activations that stay, takes
    what the unit's own prices say is best. Nothing is fused and nothing stays where that is best.
    """

    priority: ClassVar[int] = -1
    """Behind `ops`, which peers with a memory behind every op are compared with."""

    minimise: Literal["time", "bytes"] = "time"
    """What is made small; the other one decides between equals."""
    fuse: bool = True
    """Whether ops run in groups; without, they run one by one."""

    def accepts(self, design: Design) -> bool:
        """There is one unit, it takes whole ops and has a scratchpad."""
        units = design.capabilities()
        return len(units) == 1 and isinstance(units[0], OpUnit) and bool(units[0].memory) and units[0].moved is not None

    def map(self, graph: Graph, design: Design) -> Mapping:
        """The mapping; `Infeasible` where the unit does not execute an op."""
        # Here, since every command registers all mappers, and most do not need this one's search.
        from archsim.mappers.cosma.solve import Lowering

        return Lowering(graph, design, self.minimise, fuse=self.fuse).mapping()
