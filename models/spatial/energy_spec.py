"""What an operation, an access and a cycle cost on spatial arrays: FuseMax's constants, and what they left out."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from archsim.core.quantities import Bytes, Quantity
from archsim.core.spec import Spec
from archsim.ir.sourced import sourced

ARTIFACT = "FPSG-UIUC/micro24-fusemax-artifact"
ERT = f"{ARTIFACT}@218ce19: workspace/inputs/yamls/area_energy/outputs-1d-*/ERT*.yaml, 45 nm, 16 bit"
QUIRK = f"{ARTIFACT}: what its published energies do"


class FineEnergy(Quantity):
    """An energy in whole attojoules: a comparison costs 28.036 fJ, a register leaks 431 aJ in a cycle."""

    __slots__ = ()
    units = {"aJ": 1, "fJ": 10**3, "pJ": 10**6, "nJ": 10**9, "uJ": 10**12}
    example = "28.036 fJ"


class OperatorEnergy(Spec):
    """Energy of one operation in a processing element, without its registers."""

    mac: FineEnergy = sourced(FineEnergy("17.1645 pJ"), ERT, "stated")
    """Multiply-accumulate."""
    mul: FineEnergy = sourced(FineEnergy("8.825 pJ"), f"{ERT}: the multiplier of a MAC", "stated")
    """Multiplication."""
    add: FineEnergy = sourced(FineEnergy("8.3395 pJ"), ERT, "stated")
    """Addition or subtraction."""
    max: FineEnergy = sourced(FineEnergy("28.036 fJ"), ERT, "stated")
    """Comparison."""
    div: FineEnergy = sourced(FineEnergy("36.251153 pJ"), ERT, "stated")
    """Division."""
    exp: FineEnergy = sourced(FineEnergy("94.6475 pJ"), f"{ERT}: 5 MACs and a multiplication", "stated")
    """Exponential in a unit of its own, without the subtraction before it."""


class Leakage(Spec):
    """What one part of a processing element leaks in one cycle of the arrays' clock."""

    mac: FineEnergy = sourced(FineEnergy("180192 aJ"), ERT, "stated")
    """Multiplier and adder."""
    exp: FineEnergy = sourced(FineEnergy("996580 aJ"), ERT, "stated")
    """Exponential unit, where there is one."""
    max: FineEnergy = sourced(FineEnergy("13 aJ"), ERT, "stated")
    """Comparator, where there is one."""
    registers: FineEnergy = sourced(FineEnergy("431 aJ"), f"{ERT}: 32 words", "stated")
    """Register file of `registers_words`; others leak in proportion."""
    registers_words: PositiveInt = sourced(32, ERT, "stated")
    """Words of the register file that `registers` is given for."""


class RegisterEnergy(Spec):
    """Register files of the processing elements."""

    read: FineEnergy = sourced(FineEnergy("653431 aJ"), f"{ERT}: 32 words", "stated")
    """Reading a word."""
    write: FineEnergy = sourced(FineEnergy("569570 aJ"), f"{ERT}: 32 words", "stated")
    """Writing a word."""
    mac_reads: PositiveInt = sourced(3, f"{ARTIFACT}: Timeloop's statistics of QK: 3 reads per MAC", "stated")
    """Words read per multiply-accumulate."""
    mac_writes: PositiveInt = sourced(3, f"{ARTIFACT}: Timeloop's statistics of QK: 3 writes per MAC", "stated")
    """Words written per multiply-accumulate."""
    other_reads: PositiveInt = sourced(2, "archsim: two operands", "assumed")
    """Words read per other operation."""
    other_writes: PositiveInt = sourced(1, "archsim: one result", "assumed")
    """Words written per other operation."""


class Quirks(Spec):
    """What the published energies leave out or mix up. Only `mode: artifact` does the same."""

    registers_of_one: bool = sourced(
        True, f"{QUIRK}: build_accelergy_buf_counts reads one PE's count and charges one PE", "stated"
    )
    """Charge the registers of one PE of each array instead of all."""
    exp_dropped: bool = sourced(
        False, f"{QUIRK} in +Cascade: 'exponential' is counted, 'exponentiatial' is charged", "stated"
    )
    """Charge no exponential unit."""
    first_reads_from: PositiveInt = sourced(
        1 << 18, f"{QUIRK}: cascade.py names the elision of first reads as broken; 256K tokens show it", "derived"
    )
    """Keys from which the first read of results in the buffer is charged, in roofline fidelity."""
    buffer_as: Bytes | None = sourced(None, f"{QUIRK} in +Cascade: planned with 16 MiB, charged as 32 MiB", "stated")
    """Size whose access energy the buffer is charged; null for its own."""


class SpatialEnergy(Spec):
    """Energy of arrays, buffer and DRAM: counts times these, and what leaks during the run."""

    mode: Literal["artifact", "corrected"] = "corrected"
    """`artifact` repeats the published numbers with their quirks: registers of one PE, no leakage, DRAM at
    its peak rate. `corrected` charges registers of all PEs, every exponential and leakage, and lets the DRAM refresh.
    """
    node: Literal[45, 32, 20, 16, 14, 10, 7] = sourced(45, ERT, "stated")
    """Feature size in nm that corrected energies of arrays and buffer are scaled to, at 0.8 V. The scaling is that of
    transistor models, two to five times as optimistic as what chips showed (TPUv4i: 45 to 7 nm saves 52 to 77 %).
    """
    operators: OperatorEnergy = OperatorEnergy()
    """Operations."""
    registers: RegisterEnergy = RegisterEnergy()
    """Register files."""
    leakage: Leakage = Leakage()
    """Leakage."""
    dram_bit: FineEnergy = sourced(
        FineEnergy("3.9 pJ"), f"{ERT}: HBM2, 249.6 pJ per 64 bit; O'Connor et al., MICRO 2017: 3.92 pJ/bit", "stated"
    )
    """One bit from or to the DRAM, its pins included."""
    quirks: Quirks = Field(default=Quirks())
    """What artifact mode repeats."""
