"""Attention as one fused op on a 2D and a 1D array, everything else as passes over panels."""

from __future__ import annotations

from dataclasses import replace

from pydantic import PositiveInt, field_validator

from archsim.core.errors import Infeasible, UnknownName
from archsim.ir.capability import SpatialArrays
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping
from archsim.mappers.spatial.auto import AUTO, ByCost
from archsim.mappers.spatial.hints import hints
from archsim.mappers.spatial.lower import Lowering
from archsim.units.spatial.dataflows import dataflow


class SpatialMapper(Mapper, kind="spatial"):
    """Attention by a dataflow that is made for spatial arrays; other ops as double-buffered panels."""

    priority = 10

    dataflow: str = ""
    """How attentions are cut and ordered, such as fusemax; empty is what the design was made for,
    `auto` for each attention the exact one with the least steady state.
    """
    depth: PositiveInt | None = None
    """Tiles of scores in flight where they are interleaved; null is as many as hide every ripple."""

    @field_validator("dataflow")
    @classmethod
    def _known(cls, name: str) -> str:
        if name and name != AUTO:
            try:
                dataflow(name)
            except UnknownName as error:
                error.right += f", or {AUTO}"
                raise
        return name

    def accepts(self, design: Design) -> bool:
        """Spatial arrays and nothing else."""
        return [type(c) for c in design.capabilities()] == [SpatialArrays]

    def map(self, graph: Graph, design: Design) -> Mapping:
        """Plan every attention, lower op by op, say what it should take.

        Raises
        ------
        Infeasible
            Something does not fit the buffer, or an op has no place; with `auto`, in no exact dataflow.
        BadInput
            No such dataflow, or no array has an operator.
        """
        found = design.capabilities()
        if not self.accepts(design):
            raise Infeasible(
                "the 'spatial' mapper needs spatial arrays and nothing else",
                right=f"this design declares {', '.join(sorted(type(c).__name__ for c in found)) or 'nothing'}",
                try_="leave out --mapper to take one that fits the design",
            )
        arrays = next(c for c in found if isinstance(c, SpatialArrays))
        if self.dataflow == AUTO:
            return ByCost(graph, arrays, arrays.dataflow, self.depth, design=design).mapping(design.kind)
        name = self.dataflow or arrays.dataflow
        made = Lowering(graph, arrays, name, self.depth).mapping(design.kind)
        return replace(made, notes=(*made.notes, *hints(graph, arrays, dataflow(name))))
