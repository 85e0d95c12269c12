"""What can be set on a spatial array machine. Defaults are FuseMax; `archsim explain fusemax` prints their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from pydantic import PositiveInt, field_validator, model_validator
from pydantic_core import PydanticCustomError

from archsim.ir.capability import Capability, PlanBy, SpatialArrays
from archsim.ir.component import Design, MainMemory
from archsim.ir.report import Fact, Roof
from archsim.ir.sourced import facts_of, sourced
from archsim.models.spatial.area_spec import SpatialArea
from archsim.models.spatial.energy_spec import ARTIFACT, SpatialEnergy
from archsim.models.spatial.parts_spec import GlobalBuffer, OffChip, PeArray, PeVector
from archsim.models.spatial.scaling import BASE

if TYPE_CHECKING:
    from archsim.ir.block import Block
    from archsim.ir.closedform import ClosedForm
    from archsim.ir.graph import Graph
    from archsim.ir.mapping import Mapping as Program


class SpatialDesign(Design, kind="spatial"):
    """A 2D and a 1D array of processing elements around one global buffer, in front of a DRAM."""

    array_2d: PeArray = PeArray()
    """The array for products over tiles of scores."""
    array_1d: PeVector = PeVector()
    """The array for per-query state."""
    buffer: GlobalBuffer = GlobalBuffer()
    """The scratchpad between them and the DRAM."""
    dram: OffChip = OffChip()
    """Off-chip memory."""
    word: PositiveInt = sourced(16, ARTIFACT, "stated")
    """Bits of every element: operands, scores and state alike."""
    dataflow: str = sourced("fusemax", "arXiv 2406.10491", "stated")
    """The attention dataflow it was made for."""
    plan: PlanBy | None = None
    """How FLAT chooses its plan: `published` by the cost model of its authors, which leaves the softmax and its spilled
    words out and may move more with a larger buffer; `fastest` by time, then traffic; `least_traffic` by traffic, then
    time. null is `published` in energy.mode artifact, whose rows were made so, and `least_traffic` otherwise.
    """
    copies: PositiveInt = sourced(1, f"{ARTIFACT}: one chip", "stated")
    """Such pairs of arrays with their buffers that share the DRAM."""
    energy: SpatialEnergy = SpatialEnergy()
    """Energy, as published or corrected."""
    area: SpatialArea = SpatialArea()
    """Area of its parts."""
    sources: Mapping[str, str] = {}
    """Dotted field -> source [confidence], for values that differ from the defaults."""

    @cached_property
    def arrays(self) -> SpatialArrays:
        """What mappers see of it: all sizes settled, the DRAM at the rate it streams."""
        cols, lanes = self.cols, self.lanes
        return SpatialArrays(
            array="array_2d",
            vector="array_1d",
            memory="dram",
            rows=self.array_2d.rows,
            cols=cols,
            lanes=lanes,
            array_cycles=self.array_2d.pe.cycles(),
            vector_cycles=self.array_1d.pe.cycles(),
            ripple=self.array_2d.rows,
            buffer_bytes=self.buffer_bytes,
            line_words=self.line_bytes * 8 // self.word,
            ports=min(self.buffer.ports, self.buffer.banks),
            word_bytes=self.word // 8,
            bandwidth=self.streaming,
            clock=int(self.array_2d.clock),
            dataflow=self.dataflow,
            copies=self.copies,
            plan=self.plan or ("published" if self.energy.mode == "artifact" else "least_traffic"),
        )

    @property
    def cols(self) -> int:
        """Columns of the 2D array."""
        return self.array_2d.cols or self.array_2d.rows

    @property
    def lanes(self) -> int:
        """PEs of the 1D array."""
        return self.array_1d.lanes or self.cols

    @property
    def line_bytes(self) -> int:
        """Bytes of one access to the buffer."""
        return int(self.buffer.line) if self.buffer.line is not None else self.cols * self.word // 8

    @property
    def streaming(self) -> int:
        """Bytes per second that the DRAM streams."""
        peak = int(self.dram.bandwidth)
        return peak if self.energy.mode == "artifact" else int(peak * self.dram.efficiency)

    @property
    def dram_latency_ps(self) -> int:
        """Ps until the first word of a transfer arrives."""
        return 0 if self.energy.mode == "artifact" else int(self.dram.latency)

    @cached_property
    def buffer_bytes(self) -> int:
        """Capacity of the buffer."""
        from archsim.models.spatial.sizing import balanced_bytes

        return int(self.buffer.size) if self.buffer.sizing == "given" else balanced_bytes(self)

    @cached_property
    def roof(self) -> Roof:
        """Peak MACs/s of both arrays, and the DRAM's peak rate."""
        pes = self.copies * (self.array_2d.rows * self.cols + self.lanes)
        return Roof(float(pes * self.array_2d.clock), {"dram": float(self.dram.bandwidth)})

    def capabilities(self) -> tuple[Capability, ...]:
        """One capability: the arrays with everything around them."""
        return (self.arrays,)

    @property
    def main_memories(self) -> tuple[MainMemory, ...]:
        """The DRAM, where it has a size; all that it stores is as wide as the arrays' words."""
        return () if self.dram.size is None else (MainMemory("dram.size", int(self.dram.size), self.word),)

    def blocks(self) -> Mapping[str, Block]:
        """`array_2d`, `array_1d` and `dram`."""
        from archsim.models.spatial.block import blocks

        return blocks(self)

    def closed_form(self, mapping: Program, graph: Graph) -> ClosedForm:
        """Steady state of the plans that the mapping carries, or of the best ones where it carries none."""
        from archsim.models.spatial.steady import closed_form

        return closed_form(self, mapping, graph)

    def ratios(self, counters: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
        """Silicon, so that studies can weigh it against time."""
        from archsim.models.spatial.area import areas

        return {"area_mm2": sum(areas(self).values()) / 1e6}

    def facts(self) -> tuple[Fact, ...]:
        """Every field with its source, areas, then what is assumed and not modelled."""
        from archsim.models.spatial.area import area_facts, buffer_facts
        from archsim.models.spatial.assumptions import ASSUMPTIONS

        followed = {"array_2d.cols": self.cols, "array_1d.lanes": self.lanes, "buffer.line": f"{self.line_bytes} B"}
        followed["plan"] = self.arrays.plan
        fields = (
            replace(fact, value=f"{followed[fact.name]} (follows)")
            if fact.value == "None" and fact.name in followed
            else fact
            for fact in facts_of(self, self.sources)
        )
        return (*fields, *buffer_facts(self), *area_facts(self), *ASSUMPTIONS)

    @field_validator("word")
    @classmethod
    def _whole_bytes(cls, word: int) -> int:
        if word % 8:
            whole = -(-word // 8) * 8
            raise PydanticCustomError("spatial", "{w} bits are not whole bytes; try word: {t}", {"w": word, "t": whole})
        return word

    @field_validator("dataflow")
    @classmethod
    def _known(cls, name: str) -> str:
        from archsim.units.spatial.dataflows import dataflow

        dataflow(name)
        return name

    @model_validator(mode="after")
    def _consistent(self) -> SpatialDesign:
        if self.line_bytes * 8 % self.word:
            raise PydanticCustomError(
                "spatial",
                "buffer.line ({b} B) is not whole words of {w} bits",
                {"b": self.line_bytes, "w": self.word, "blame": ("buffer.line", "word")},
            )
        if self.array_1d.clock != self.array_2d.clock:
            raise PydanticCustomError(
                "spatial",
                "array_1d.clock ({a}) is not array_2d.clock ({b}): the arrays work in step; set both",
                {
                    "a": str(self.array_1d.clock),
                    "b": str(self.array_2d.clock),
                    "blame": ("array_1d.clock", "array_2d.clock"),
                },
            )
        if self.dram.bandwidth < 1:
            raise PydanticCustomError("spatial", "dram.bandwidth must be positive", {"blame": ("dram.bandwidth",)})
        if self.energy.mode == "artifact" and self.energy.node != BASE:
            raise PydanticCustomError(
                "spatial",
                "energy.node {n} changes nothing in energy.mode artifact, whose numbers are those of {b} nm; "
                "try energy.mode=corrected",
                {"n": self.energy.node, "b": BASE, "blame": ("energy.node", "energy.mode")},
            )
        return self
