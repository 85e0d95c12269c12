"""Random PIM machines and small transformers for them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from archsim.core.quantities import Bytes, Frequency
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping
from archsim.mappers.pim import PimMapper
from archsim.models.pim_dram.spec import Asic, PimDram
from archsim.sim.machine import elaborate
from archsim.sim.trace import Trace
from archsim.workloads.shape import ModelShape
from archsim.workloads.transformer import Transformer
from tests.memory.cases import memories


@dataclass(frozen=True)
class Case:
    """A workload on a machine through a mapper."""

    design: PimDram
    workload: Transformer
    mapper: PimMapper

    def lowered(self) -> tuple[Graph, Mapping]:
        graph = self.workload.expand()
        return graph, self.mapper.map(graph, self.design)

    def run(self, *, fast_forward: bool = True) -> Trace:
        _, mapping = self.lowered()
        return elaborate(self.design).run(mapping, fast_forward=fast_forward)


@st.composite
def shapes(draw: st.DrawFn, longest_head: int) -> ModelShape:
    """Decoders of every kind, a few elements wide."""
    kv, shared = draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2, 3]))
    position = draw(st.sampled_from(["learned", "rope", "none"]))
    head_dim = draw(st.integers(1, min(longest_head, 10)))
    if position == "rope" and head_dim % 2:
        position = "none"
    return ModelShape(
        name="small",
        layers=draw(st.integers(1, 3)),
        d_model=draw(st.integers(1, 3)) * kv * shared * 2,
        heads=kv * shared,
        kv_heads=kv,
        head_dim=head_dim,
        d_ff=draw(st.integers(1, 40)),
        gated=draw(st.booleans()),
        activation=draw(st.sampled_from(["gelu", "relu", "silu"])),
        norm=draw(st.sampled_from(["layernorm", "rmsnorm"])),
        post_norm=draw(st.booleans()),
        embed_norm=draw(st.booleans()),
        qkv_bias=draw(st.booleans()),
        proj_bias=draw(st.booleans()),
        ffn_bias=draw(st.booleans()),
        position=position,
        max_positions=64,
        vocab=draw(st.integers(2, 70)),
        tied=draw(st.booleans()),
    )


@st.composite
def controllers(draw: st.DrawFn) -> Asic:
    """From one adder on a slow odd clock to plenty."""
    return Asic(
        clock=Frequency(draw(st.sampled_from([333_333_333, 7 * 10**10, 10**12]))),
        sram=Bytes("64 MiB"),
        adders=draw(st.sampled_from([1, 7, 256])),
        multipliers=draw(st.sampled_from([1, 5, 128])),
        pipeline=draw(st.integers(0, 5)),
        taylor_terms=draw(st.integers(1, 6)),
        newton_steps=draw(st.integers(1, 3)),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A machine, a model that it can run, and a phase."""
    design = PimDram(pim=draw(memories()).vary(rows=1 << 40), asic=draw(controllers()))
    segment = min(int(design.pim.buffer), int(design.pim.row_bytes)) // design.pim.column_bytes * design.pim.lanes
    counts = draw(
        st.one_of(
            st.fixed_dictionaries({"phase": st.just("prefill"), "prompt": st.integers(1, 9)}),
            st.fixed_dictionaries(
                {"phase": st.just("generate"), "prompt": st.integers(1, 5), "generate": st.integers(1, 8)}
            ),
            st.fixed_dictionaries(
                {"phase": st.just("decode"), "context": st.integers(0, 30), "generate": st.integers(1, 8)}
            ),
        )
    )
    workload = Transformer(
        model=draw(shapes(segment)), batch=draw(st.sampled_from([1, 1, 2, 3])), dtype=design.pim.dtype, **counts
    )
    mapper = PimMapper(hide_value_write=draw(st.booleans()), vectors_ahead=draw(st.booleans()))
    return Case(design, workload, mapper)
