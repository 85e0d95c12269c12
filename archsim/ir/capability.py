"""What units declare they can do, so that a mapper needs to know capabilities and no machine by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PimBanks:
    """A PIM memory whose banks multiply in step.

    Output columns are spread over channels and banks, the reduction lies along rows.
    """

    unit: str
    channels: int
    banks: int
    lanes: int
    """Multipliers per bank: elements of one column access."""
    row_bytes: int
    rows: int
    """Rows per bank: the capacity."""
    buffer_bytes: int
    """Global buffer per channel: the input segment that all banks share."""
    burst_bytes: int
    """Bytes of one transfer over a channel's pins."""
    element_bytes: int
    kernels: frozenset[str]
    dtype: str = "bf16"
    """Element type that the multipliers take."""

    @property
    def row_elements(self) -> int:
        """Elements in one row of one bank."""
        return self.row_bytes // self.element_bytes

    @property
    def segment(self) -> int:
        """Longest input vector part that the global buffer holds, in elements (whole column accesses)."""
        return min(self.buffer_bytes // self.element_bytes, self.row_elements) // self.lanes * self.lanes


@dataclass(frozen=True, slots=True)
class VectorUnit:
    """A unit for everything that is not a matrix product: softmax, norms, activations, sums."""

    unit: str
    kernels: frozenset[str]
    sram: str
    """Name of the scratchpad its operands live in."""
    sram_bytes: int
    element_bytes: int


@dataclass(frozen=True, slots=True)
class OpUnit:
    """A unit that takes whole ops and says what each costs (a custom component, a GPU)."""

    unit: str
    kinds: frozenset[str] | None
    """Op kinds it takes; None means all."""
    price: Callable[[str, Mapping[str, int]], int | None] = field(compare=False)
    """(op kind, extents and bytes) -> time in ps, for choosing between units; None where it cannot do the op."""


Capability = PimBanks | VectorUnit | OpUnit
