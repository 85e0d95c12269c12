"""Random PIM memories and kernels: timings from nothing to long, odd clocks, rows of a column, buffers of a burst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hypothesis import strategies as st

from archsim.core.quantities import BitRate, Bytes, Frequency, Time
from archsim.ir.capability import PimBanks
from archsim.ir.graph import DType
from archsim.models.pim_dram.block import PimBlock
from archsim.models.pim_dram.build import channel, pim_banks
from archsim.models.pim_dram.spec import PimMemory
from archsim.models.pim_dram.timing import PimTiming

GAPS = ("trcd", "trcdmac", "trp", "tras", "trtp", "twr", "tcwl", "tcl", "trrd", "tfaw", "trtw", "twtr", "trdmac")


@dataclass(frozen=True)
class Call:
    """One kernel with its arguments, and how long the memory had nothing to do before it."""

    kernel: str
    args: Mapping[str, int]
    idle: int


@dataclass(frozen=True)
class Case:
    """A memory and what it is asked to do."""

    memory: PimMemory
    calls: tuple[Call, ...]

    @cached_property
    def banks(self) -> PimBanks:
        return pim_banks(self.memory)

    def block(self) -> PimBlock:
        return PimBlock(self.memory, self.banks, channel(self.memory))


@st.composite
def timings(draw: st.DrawFn) -> PimTiming:
    """Gaps from none to long against the clock; refreshes from rare to nearly always."""
    gap = st.one_of(st.integers(0, 4), st.integers(5, 40))
    values = {name: Time(draw(gap)) for name in GAPS}
    tck = draw(st.integers(1, 5))
    trfc = tck * draw(st.sampled_from([0, 1, 3, 20]))
    trefi = trfc + draw(st.sampled_from([1, 13, 100, 700]))
    return PimTiming(
        tck=Time(tck),
        tccd=Time(draw(st.integers(1, 6))),
        trfc=Time(trfc),
        trefi=Time(trefi),
        **values,
    )


@st.composite
def memories(draw: st.DrawFn) -> PimMemory:
    """Small memories of every proportion."""
    lanes, dtype = draw(st.sampled_from([1, 2, 4, 16])), draw(st.sampled_from([DType.BF16, DType.INT8, DType.FP32]))
    column = lanes * dtype.bits // 8
    burst, pins, burst_ps = draw(st.sampled_from([1, 6, 32])), draw(st.integers(1, 16)), draw(st.integers(1, 12))
    return PimMemory(
        clock=Frequency(10**12 // draw(st.integers(1, 7))),
        channels=draw(st.integers(1, 3)),
        banks=draw(st.sampled_from([1, 2, 3, 4, 8, 16])),
        lanes=lanes,
        row_bytes=Bytes(column * draw(st.integers(1, 6))),
        buffer=Bytes(column * draw(st.integers(1, 8)) + draw(st.integers(0, 3))),
        dtype=dtype,
        pin_rate=BitRate(max(1, burst * 8 * 10**12 // (pins * burst_ps))),
        pins=pins,
        burst=Bytes(burst),
        row_policy=draw(st.sampled_from(["open", "close"])),
        refresh=draw(st.sampled_from(["row-boundary", "off"])),
        timing=draw(timings()),
    )


@st.composite
def calls(draw: st.DrawFn, banks: PimBanks) -> Call:
    """One kernel of a size that a test can look at command by command."""
    kernel = draw(st.sampled_from(["gemv", "scores", "values", "write_k", "write_v", "fetch", "load"]))
    idle = draw(st.one_of(st.just(0), st.integers(0, 150)))
    row = draw(st.sampled_from([0, 0, 7, 40]))
    if kernel == "gemv":
        sizes = {"groups": st.integers(1, 5), "k": st.integers(1, 4 * banks.segment), "vectors": st.integers(1, 2)}
        return Call(kernel, {name: draw(size) for name, size in sizes.items()} | {"row": row}, idle)
    if kernel in ("fetch", "load"):
        return Call(kernel, {"elements": draw(st.integers(1, 3 * banks.row_elements * banks.channels))}, idle)
    head = {"heads": draw(st.integers(1, 4)), "head_dim": draw(st.integers(1, min(banks.segment, 24)))}
    tokens = draw(st.integers(1, 3 * banks.row_elements))
    shape = {**head, "reserve": tokens + draw(st.integers(0, 20)), "row": row}
    if kernel.startswith("write"):
        place = {"token": draw(st.integers(0, shape["reserve"] - 1))} if kernel == "write_k" else {}
        return Call(kernel, shape | place, idle)
    return Call(kernel, {**shape, "tokens": tokens, "vectors": draw(st.integers(1, 2))}, idle)


@st.composite
def cases(draw: st.DrawFn, most: int = 4) -> Case:
    """A memory and up to `most` kernels for it."""
    memory = draw(memories())
    wanted = st.lists(calls(pim_banks(memory)), min_size=1, max_size=most)
    return Case(memory, tuple(draw(wanted)))
