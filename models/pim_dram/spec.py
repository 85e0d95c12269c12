"""What can be set on a PIM DRAM machine. Every default has a source; `archsim explain pim-gpt` prints them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PositiveInt, model_validator
from pydantic_core import PydanticCustomError

from archsim.core.quantities import BitRate, Bytes, Frequency
from archsim.ir.component import Component, Design
from archsim.ir.graph import DType
from archsim.ir.report import Fact, Roof
from archsim.ir.sourced import facts_of, sourced
from archsim.models.pim_dram.energy_spec import AsicEnergy, PimEnergy
from archsim.models.pim_dram.timing import PAPER, PimTiming

if TYPE_CHECKING:
    from archsim.ir.block import Block
    from archsim.ir.capability import Capability
    from archsim.units.cores.dot_tree import DotTree

Count = Annotated[int, Field(ge=1)]


class PimMemory(Component, kind="pim_memory"):
    """GDDR6 channels whose banks have multipliers and an adder tree, fed by one global buffer each."""

    clock: Frequency = sourced(Frequency("1 GHz"), PAPER + ": MAC units at 1 GHz", "from memory (high)")
    """Clock of the MAC units: one column per bank and cycle at most."""
    channels: PositiveInt = sourced(8, PAPER, "from memory (high)")
    """Channels, all working on the same kernel."""
    banks: PositiveInt = sourced(16, PAPER, "from memory (high)")
    """Banks per channel, each with its own MAC unit."""
    lanes: PositiveInt = sourced(16, PAPER + ": 16 bf16 multipliers and an adder tree", "from memory (high)")
    """Multipliers per bank. A column access delivers one element to each."""
    rows: PositiveInt = sourced(16384, "4 Gb per channel / 16 banks / 2 KB rows", "from memory (medium)")
    """Rows per bank: the capacity."""
    row_bytes: Bytes = sourced(Bytes("2 KiB"), PAPER, "from memory (high)")
    """Bytes of one row of one bank."""
    buffer: Bytes = sourced(Bytes("2 KiB"), PAPER + ": as in GDDR6-AiM", "from memory (high)")
    """Global buffer per channel: the segment of the input vector that all banks read."""
    mac_depth: Annotated[int, Field(ge=1, le=32)] = sourced(
        6, "multiply, 4 adder-tree levels, accumulate: 6 stages at 1 GHz", "derived"
    )
    """Pipeline registers of a bank's MAC unit (`archsim rtl list`: dot_tree): how long a read-out drains it."""
    dtype: DType = sourced(DType.BF16, PAPER, "from memory (high)")
    """Element type of weights, KV and vectors."""
    pin_rate: BitRate = sourced(BitRate("16 Gb/s"), PAPER + ": GDDR6", "from memory (high)")
    """Data rate per pin."""
    pins: PositiveInt = sourced(16, "GDDR6 x16", "from memory (high)")
    """Data pins per channel."""
    burst: Bytes = sourced(Bytes("32 B"), "GDDR6: 16n prefetch x 16 pins", "exact")
    """Bytes of one transfer between a channel and the controller."""
    row_policy: Literal["open", "close"] = sourced("open", PAPER + ": open page", "from memory (medium)")
    """Whether a kernel leaves its last row open."""
    refresh: Literal["row-boundary", "off"] = sourced(
        "row-boundary", "archsim: PIM controllers refresh between rows; at most one row late while computing", "assumed"
    )
    """When a due refresh is issued: at the next opening of an all-bank row, or never."""
    timing: PimTiming = PimTiming()
    """Command timing."""
    energy: PimEnergy = PimEnergy()
    """Energy per command and standby power."""

    @property
    def burst_ps(self) -> int:
        """Time of one burst on the channel's pins, rounded up to a picosecond."""
        return -(-self.burst * 8 * 10**12 // (self.pins * self.pin_rate))

    @cached_property
    def mac_unit(self) -> DotTree | None:
        """The RTL of a bank's MAC unit, lanes rounded up to a power of two; None where no RTL takes the elements."""
        from archsim.units.cores.dot_tree import MOST_LANES, DotTree
        from archsim.units.cores.formats import FORMATS

        lanes = 1 << (self.lanes - 1).bit_length()
        if str(self.dtype) not in FORMATS or lanes > MOST_LANES:
            return None
        return DotTree.model_validate({"lanes": lanes, "format": str(self.dtype), "depth": self.mac_depth})

    @property
    def mac_ps(self) -> int:
        """Time between two column MACs: column access or the MAC unit, whichever is slower."""
        interval = 1 if self.mac_unit is None else self.mac_unit.interval
        return max(int(self.timing.tccd), self.clock.ps(interval))

    @property
    def result_ps(self) -> int:
        """RDMAC to its data: `timing.trdmac`, or the latency of the MAC unit at its clock."""
        if self.timing.trdmac is not None:
            return int(self.timing.trdmac)
        return self.clock.ps(self.mac_depth if self.mac_unit is None else self.mac_unit.latency)

    @property
    def element_bytes(self) -> int:
        """Bytes of one element."""
        return self.dtype.bits // 8

    @property
    def column_bytes(self) -> int:
        """Bytes of one column access: one element per lane."""
        return self.lanes * self.element_bytes

    @property
    def row_columns(self) -> int:
        """Column accesses in a row."""
        return self.row_bytes // self.column_bytes

    def _lanes_that_fit(self) -> str:
        """The numbers of lanes next to the given one whose columns fill a row."""
        elements = self.row_bytes // self.element_bytes
        below = next((n for n in range(min(self.lanes, elements), 0, -1) if elements % n == 0), 1)
        above = next((n for n in range(self.lanes, elements + 1) if elements % n == 0), below)
        return f"{below} or {above}" if below != above else str(below)

    @model_validator(mode="after")
    def _consistent(self) -> PimMemory:
        if self.dtype.bits < 8:
            raise PydanticCustomError(
                "pim", "dtype {d} is narrower than a byte; the MAC units take whole bytes", {"d": self.dtype}
            )
        for name in ("row_bytes", "buffer", "burst"):
            if getattr(self, name) < 1:
                raise PydanticCustomError("pim", "{n} must be at least one byte", {"n": name})
        if self.row_bytes % self.column_bytes:
            raise PydanticCustomError(
                "pim",
                "row_bytes ({r}) is not a whole number of columns of lanes x element = {c} B; try lanes: {t}",
                {"r": str(self.row_bytes), "c": self.column_bytes, "t": self._lanes_that_fit()},
            )
        if self.buffer < self.column_bytes:
            raise PydanticCustomError(
                "pim",
                "buffer ({b}) holds less than one column of {c} B",
                {"b": str(self.buffer), "c": self.column_bytes},
            )
        if self.pin_rate < 1:
            raise PydanticCustomError("pim", "pin_rate must be positive", {})
        return self


class Asic(Component, kind="pim_asic"):
    """The controller chip: everything that is not a matrix product, with adders and multipliers only."""

    clock: Frequency = sourced(Frequency("1 GHz"), PAPER + ": 28 nm, 1 GHz", "from memory (high)")
    """Clock of the arithmetic units."""
    sram: Bytes = sourced(Bytes("128 KiB"), PAPER, "from memory (high)")
    """Scratchpad for vectors between kernels."""
    adders: PositiveInt = sourced(256, PAPER, "from memory (medium)")
    """Parallel adders; they also compare."""
    multipliers: PositiveInt = sourced(128, PAPER, "from memory (medium)")
    """Parallel multipliers."""
    pipeline: Annotated[int, Field(ge=0)] = sourced(
        4, "archsim: floating-point add or multiply in 28 nm at 1 GHz", "assumed"
    )
    """Cycles from the last operand to the last result of one pass over a vector."""
    taylor_terms: PositiveInt = sourced(6, "Taylor series for exp and tanh; 6 terms are typical", "derived")
    """Terms of the series of exp and tanh: each takes two multiplications and one addition."""
    newton_steps: PositiveInt = sourced(
        3, "Newton-Raphson from a bit-trick seed to bf16 accuracy takes 2 to 3 steps", "derived"
    )
    """Iterations of reciprocal and reciprocal square root."""
    energy: AsicEnergy = AsicEnergy()
    """Energy per operation and standby power."""


class PimDram(Design, kind="pim_dram"):
    """A PIM package with one controller chip: matrix products in the banks, the rest in the controller."""

    pim: PimMemory = PimMemory()
    """The memory that multiplies."""
    asic: Asic = Asic()
    """The controller."""
    sources: Mapping[str, str] = {}
    """Dotted field -> source [confidence], for values that differ from the defaults."""

    def capabilities(self) -> tuple[Capability, ...]:
        """One bank array, one vector unit."""
        from archsim.models.pim_dram.build import capabilities

        return capabilities(self)

    def blocks(self) -> Mapping[str, Block]:
        """`pim` and `asic`."""
        from archsim.models.pim_dram.build import blocks

        return blocks(self)

    @cached_property
    def roof(self) -> Roof:
        """Peak MACs/s of all banks, bandwidth inside the banks and at the pins."""
        pim = self.pim
        columns = pim.channels * pim.banks * 1e12 / pim.mac_ps
        return Roof(
            columns * pim.lanes,
            {"pim": columns * pim.column_bytes, "pim.pins": pim.channels * int(pim.burst) * 1e12 / pim.burst_ps},
        )

    def ratios(self, counters: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
        """Row hit rate of the column MACs, of all column accesses, and the share of MAC slots used while computing."""
        n = counters.get("pim", {})
        columns, rows = n.get("macab", 0), n.get("actab", 0)
        single = n.get("rd", 0) + n.get("wr", 0)
        per_channel = self.pim.banks
        everything = columns * per_channel + single
        misses = rows * per_channel + n.get("act", 0)
        return {
            "row_hit_rate": 1 - rows / columns if columns else 0.0,
            "row_hit_rate_with_kv_writes": 1 - misses / everything if everything else 0.0,
        }

    def facts(self) -> tuple[Fact, ...]:
        """Every field with its source, what the RTL says of the MAC units, assumptions, and what is not modelled."""
        from archsim.models.pim_dram.assumptions import ASSUMPTIONS
        from archsim.models.pim_dram.mac_facts import mac_facts

        fields = (*facts_of(self.pim, self.sources, "pim."), *facts_of(self.asic, self.sources, "asic."))
        return (*fields, *mac_facts(self.pim), *ASSUMPTIONS)
