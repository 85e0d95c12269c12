"""GPT on banks that multiply: matrix products in the memory, everything else in the controller, one token at a time.

Per layer: norm, QKV product, K written, scores, softmax while V is written, weighted sum, projection, norm, feed-
forward. A prompt is taken token by token as well, since the banks hold one input vector at a time; only its last
token goes through the output matrix.
"""

from __future__ import annotations

from archsim.core.errors import DoesNotFit, Infeasible
from archsim.ir.capability import PimBanks, VectorUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping
from archsim.mappers.pim_attention import check_causal
from archsim.mappers.pim_lower import Lowering
from archsim.mappers.pim_memory import BankLayout, bank_layout
from archsim.mappers.pim_scratchpad import Scratchpad, no_room, scratchpad
from archsim.mappers.pim_slots import choice
from archsim.mappers.pim_turns import turns


class PimMapper(Mapper, kind="pim"):
    """Output columns over all channels and banks, reduction along the rows (PIM-GPT).

    V writes hidden behind the softmax.
    """

    priority = 10

    hide_value_write: bool = True
    """Write V while the controller computes the softmax (else right after K)."""
    vectors_ahead: bool = True
    """Fetch a layer's biases and gains while the controller computes its first norm, whose own gains then come one
    layer ahead.
    """

    def accepts(self, design: Design) -> bool:
        """One bank array and one vector unit."""
        kinds = sorted(type(c).__name__ for c in design.capabilities())
        return kinds == ["PimBanks", "VectorUnit"]

    def map(self, graph: Graph, design: Design) -> Mapping:
        """Lower op by op, place weights and KV cache in the banks and vectors in the scratchpad."""
        banks, unit = units(design)
        check_types(graph, banks)
        check_causal(graph)
        layout, room, notes = self._lay_out(graph, banks, unit)
        body = Lowering(graph, banks, unit, layout, self, turns=room.turns).body()
        placements = (*layout.placements, *room.placements(graph, unit))
        capacities = {banks.unit: banks.rows * banks.row_bytes, unit.sram: unit.sram_bytes}
        return Mapping(
            graph.name,
            design.kind,
            body,
            placements,
            capacities,
            choice(graph, banks, self.model_dump(mode="json"), room.turns.groups),
            notes,
        )

    def _lay_out(
        self, graph: Graph, banks: PimBanks, unit: VectorUnit
    ) -> tuple[BankLayout, Scratchpad, tuple[str, ...]]:
        """Banks and scratchpad with the cheapest turns that both have room for, and what is to be said of them."""
        layout = bank_layout(graph, banks)
        notes = [f"KV space reserved for {layout.reserve} tokens per sequence"] if layout.reserve else []
        tried: list[Scratchpad] = []
        for cut in turns(graph, banks):
            try:
                layout = bank_layout(graph, banks, cut.groups)
            except DoesNotFit:
                continue  # caches of groups take more rows than one of all heads
            room = scratchpad(graph, unit, layout.reserve, cut, ahead=self.vectors_ahead)
            if room.height <= unit.sram_bytes:
                if cut.note:
                    need = f"{tried[0].height:,} of the {unit.sram_bytes:,} bytes of {unit.sram}"
                    notes.append(f"one after the other: {cut.note}; all at once need {need}")
                return layout, room, tuple(notes)
            tried.append(room)
        raise no_room(graph, unit, min(tried, key=lambda room: room.height), layout.reserve)


def units(design: Design) -> tuple[PimBanks, VectorUnit]:
    """The bank array and the vector unit of a design."""
    found = design.capabilities()
    banks = next((c for c in found if isinstance(c, PimBanks)), None)
    unit = next((c for c in found if isinstance(c, VectorUnit)), None)
    if banks is None or unit is None:
        raise Infeasible(
            "the 'pim' mapper needs a bank array and a vector unit",
            right=f"this design declares {', '.join(sorted(type(c).__name__ for c in found)) or 'nothing'}",
            try_="leave out --mapper to take one that fits the design",
        )
    return banks, unit


def check_types(graph: Graph, banks: PimBanks) -> None:
    """The MAC units take one element width; anything else is infeasible, and which tensor is said."""
    bits = banks.element_bytes * 8
    for tensor in graph.tensors.values():
        if tensor.role in ("weight", "kv") and tensor.dtype.bits != bits:
            raise Infeasible(
                f"{tensor.name} has {tensor.dtype.bits}-bit elements ({tensor.dtype}), the banks take {bits}-bit ones",
                try_=(
                    f"--set workload.dtype={banks.dtype}",
                    "--set pim.dtype=" + str(tensor.dtype),
                ),
            )
