"""The parts of a spatial array machine: processing elements, arrays, buffer, DRAM. Defaults are FuseMax's."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from archsim.core.quantities import Bandwidth, Bytes, Frequency, Time
from archsim.core.spec import Spec
from archsim.ir.component import Component
from archsim.ir.sourced import sourced
from archsim.models.spatial.energy_spec import ARTIFACT
from archsim.units.cores.fusemax_pe import FusemaxPe, occupancy

CLOCK = Frequency("940 MHz")
RTL = FusemaxPe()
"""The processing element as hardware: what an operator costs here is what it takes there."""


class ProcessingElement(Spec):
    """What one processing element does, and how fast."""

    maximum: bool = sourced(True, f"{ARTIFACT}: FuseMax PE", "stated")
    """Whether it compares."""
    exponential: Literal["mac", "unit", "none"] = sourced("mac", f"{ARTIFACT}: FuseMax PE", "stated")
    """exp(a - b) by `exp_macs` multiply-accumulates and a subtraction, by a unit of its own, or not at all."""
    exp_macs: PositiveInt = sourced(RTL.exp_macs, f"{ARTIFACT}: 5th order polynomial by Horner's rule", "stated")
    """Multiply-accumulates of one exponential, where it is made of them."""
    exp_cycles: PositiveInt = sourced(1, f"{ARTIFACT}: FLAT counts a pipelined subtract-exponential as one", "stated")
    """Cycles between two exp(a - b) of a unit of its own."""
    divide: bool = sourced(False, f"{ARTIFACT}: only the 1D array divides", "stated")
    """Whether it divides."""
    registers: PositiveInt = sourced(16, f"{ARTIFACT}: Timeloop, FuseMax PE", "stated")
    """Words of its register file: what it costs, not a limit."""

    def cycles(self) -> dict[str, int]:
        """Operator -> cycles between two of them: those of the RTL where it has the operator."""
        rtl = occupancy(self.exp_macs)
        known = {name: rtl[name] for name in ("mac", "mul", "add")}
        if self.maximum:
            known["max"] = rtl["max"]
        if self.exponential != "none":
            known["sub_exp"] = rtl["sub_exp"] if self.exponential == "mac" else self.exp_cycles
        if self.divide:
            known["div"] = 1
        return known


class VectorElement(ProcessingElement):
    """A processing element of the 1D array: it also divides."""

    divide: bool = sourced(True, f"{ARTIFACT}: only the 1D array divides", "stated")
    """Whether it divides."""
    registers: PositiveInt = sourced(32, f"{ARTIFACT}: Timeloop, FuseMax 1D PE", "stated")
    """Words of its register file: what it costs, not a limit."""


class PeArray(Component, kind="pe_array"):
    """The 2D array: a tile of scores, one per PE; reductions over keys run down the columns."""

    clock: Frequency = sourced(CLOCK, f"{ARTIFACT}: as TPUv3", "stated")
    """Clock of the PEs."""
    rows: PositiveInt = sourced(256, ARTIFACT, "stated")
    """Keys of a tile."""
    cols: PositiveInt | None = sourced(None, f"{ARTIFACT}: square", "stated")
    """Queries of a tile; null is as many as rows."""
    pe: ProcessingElement = ProcessingElement()
    """What each PE does."""


class PeVector(Component, kind="pe_vector"):
    """The 1D array at the foot of the columns."""

    clock: Frequency = sourced(CLOCK, f"{ARTIFACT}: as TPUv3", "stated")
    """Clock of the PEs."""
    lanes: PositiveInt | None = sourced(None, f"{ARTIFACT}: one per column", "stated")
    """PEs; null is one for each column of the 2D array."""
    pe: VectorElement = VectorElement()
    """What each PE does."""


class GlobalBuffer(Spec):
    """The scratchpad between DRAM and arrays."""

    size: Bytes = sourced(Bytes("16 MiB"), ARTIFACT, "stated")
    """Capacity, unless it follows the arrays."""
    sizing: Literal["given", "balanced"] = "given"
    """`balanced`: as much as the arrays need so that keys and values arrive as fast as the 1D array takes their tiles:
    eight tiles of head size by columns, doubled while they do not.
    """
    head: PositiveInt = sourced(64, f"{ARTIFACT}: BERT", "stated")
    """Head size that `sizing: balanced` is for."""
    line: Bytes | None = sourced(None, f"{ARTIFACT}: 256 words of 16 bits, one per column", "stated")
    """Bytes of one access; null is a word for every column."""
    banks: PositiveInt = sourced(32, ARTIFACT, "stated")
    """Banks of one access per cycle each, between which lines alternate. Streams of lines that meet in a bank are in
    step from then on and meet no more, so that banks limit accesses only where they are fewer than `ports`.
    """
    ports: PositiveInt = sourced(4, ARTIFACT, "stated")
    """Accesses per cycle."""


class OffChip(Component, kind="spatial_dram"):
    """The DRAM as the arrays see it: a rate and a delay."""

    clock: Frequency = sourced(Frequency("1 GHz"), "JESD235: HBM2 at 2 Gb/s per pin", "stated")
    """Clock of the interface."""
    bandwidth: Bandwidth = sourced(Bandwidth("400 GiB/s"), ARTIFACT, "stated")
    """Peak rate, reads and writes together."""
    size: Bytes | None = sourced(None, "no limit: the artifact has none", "assumed", gt=0)
    """Capacity, which weights and cache have to fit; null for no limit."""
    efficiency: float = sourced(
        0.928,
        "archsim dram hbm2-8gb-x128 --pattern seq: 100,000 requests of 64 B take 26,926 ns, 25,000 ns at peak",
        "derived",
        gt=0,
        le=1,
    )
    """Part of the peak rate that streaming reaches beside refreshes and row changes; energy.mode artifact takes 1."""
    latency: Time = sourced(
        Time("30 ns"), "hbm2-8gb-x128: tRCD 14 ns, tCL 14 ns and a burst of 2 ns at a closed bank", "derived"
    )
    """Until the first word of a transfer arrives, in cycle fidelity; energy.mode artifact takes 0."""
