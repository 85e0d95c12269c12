"""From the spec to what runs: capabilities for mappers, blocks for the runtime."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.block import Block
from archsim.ir.capability import Capability, PimBanks, VectorUnit
from archsim.memory.channel import Channel, Geometry
from archsim.memory.gddr6_pim import GDDR6_PIM
from archsim.models.pim_dram.asic import AsicBlock
from archsim.models.pim_dram.block import PimBlock
from archsim.models.pim_dram.spec import PimDram, PimMemory
from archsim.units.pim_layout import ceil_div

PIM_KERNELS = frozenset({"gemv", "scores", "values", "write_k", "write_v", "fetch", "load", "store"})
ASIC_KERNELS = frozenset(
    {
        "softmax",
        "layernorm",
        "rmsnorm",
        "gelu",
        "silu",
        "relu",
        "add",
        "gate",
        "scale",
        "rope",
        "argmax",
        "finish",
        "combine",
        "copy",
    }
)


def pim_banks(pim: PimMemory) -> PimBanks:
    """What the memory declares."""
    return PimBanks(
        "pim",
        pim.channels,
        pim.banks,
        pim.lanes,
        int(pim.row_bytes),
        pim.rows,
        int(pim.buffer),
        int(pim.burst),
        pim.element_bytes,
        PIM_KERNELS,
        str(pim.dtype),
    )


def capabilities(design: PimDram) -> tuple[Capability, ...]:
    """The bank array and the vector unit."""
    asic = design.asic
    return (
        pim_banks(design.pim),
        VectorUnit("asic", ASIC_KERNELS, "asic.sram", int(asic.sram), design.pim.element_bytes),
    )


def timing_table(pim: PimMemory) -> dict[str, int]:
    """Names of the protocol rules -> ps."""
    t = pim.timing
    return {
        "tCK": int(t.tck),
        "tRCD": int(t.trcd),
        "tRCDMAC": int(t.trcdmac),
        "tRP": int(t.trp),
        "tRAS": int(t.tras),
        "tRTP": int(t.trtp),
        "tCCD": int(t.tccd),
        "tWR": int(t.twr),
        "tCWL": int(t.tcwl),
        "tCL": int(t.tcl),
        "tRRD": int(t.trrd),
        "tFAW": int(t.tfaw),
        "tRTW": int(t.trtw),
        "tWTR": int(t.twtr),
        "tRFC": int(t.trfc),
        "tMAC": pim.mac_ps,
        "tBURST": pim.burst_ps,
    }


def channel(pim: PimMemory) -> Channel:
    """One channel of the memory: the protocol with this design's timing."""
    t = pim.timing
    geometry = Geometry(
        row_columns=pim.row_columns,
        result_bursts=ceil_div(pim.banks * pim.element_bytes, int(pim.burst)),
        banks=pim.banks,
        burst_ps=pim.burst_ps,
        result_latency_ps=pim.result_ps,
        write_latency_ps=int(t.tcwl),
        read_latency_ps=int(t.tcl),
        clock_ps=int(t.tck),
        close_ps=int(t.trp),
    )
    return Channel(GDDR6_PIM.compile(timing_table(pim)), geometry, keep_open=pim.row_policy == "open")


def blocks(design: PimDram) -> Mapping[str, Block]:
    """`pim` and `asic` in time."""
    pim = design.pim
    return {
        "pim": PimBlock(pim, pim_banks(pim), channel(pim)),
        "asic": AsicBlock(design.asic, pim.element_bytes),
    }
