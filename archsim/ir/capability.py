"""What units declare they can do, so that a mapper needs to know capabilities and no machine by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal

Offers = Mapping[str, frozenset[str] | None]
"""Unit -> the kernels that tasks may name there; None where the unit takes whole ops of any kind."""


PlanBy = Literal["published", "fastest", "least_traffic"]
"""What decides between plans: the cost model that their authors published, time then traffic, or traffic then time.

Only the last moves no more for a larger buffer, whatever the machine: a plan that becomes the fastest may move more.
"""


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
    def offers(self) -> Offers:
        """Its one unit."""
        return {self.unit: self.kernels}

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

    @property
    def offers(self) -> Offers:
        """Its one unit."""
        return {self.unit: self.kernels}


@dataclass(frozen=True, slots=True)
class OpUnit:
    """A unit that takes whole ops and says what each costs (a custom component, a GPU)."""

    unit: str
    kinds: frozenset[str] | None
    """Op kinds it takes; None means all."""
    price: Callable[[str, Mapping[str, int]], int | None] = field(compare=False)
    """(op kind, extents and bytes) -> time in ps, for choosing between units; None where it cannot do the op."""
    memory: str = ""
    """Name of the scratchpad in which results can stay from op to op; empty where there is none."""
    memory_bytes: int = 0
    """Bytes of that scratchpad; the same bytes serve as room for tiles."""
    moved: Callable[[str, Mapping[str, int]], int | None] | None = field(default=None, compare=False)
    """(op kind, extents, bytes, what is held) -> bytes to and from memory; None where it cannot do the op."""
    least: Callable[[str, Mapping[str, int]], int | None] | None = field(default=None, compare=False)
    """(op kind, extents and bytes) -> time in ps that no way of doing the op beats; None is the price itself.

    A unit with a scratchpad may do an op faster than its price when operands are there already."""
    carries: bool = False
    """Whether it is the link over which results go from one unit to another, as ops of kind ``copy``, and no more."""

    @property
    def offers(self) -> Offers:
        """Its one unit, which says itself what it takes."""
        return {self.unit: None}


@dataclass(frozen=True, slots=True)
class SpatialArrays:
    """A 2D array of processing elements (PEs) and a 1D array at its foot, around one global buffer before a DRAM.

    A tile is `rows` keys by `cols` queries, one score per PE. Reductions over keys run down the columns.
    """

    array: str
    """Unit name of the 2D array."""
    vector: str
    """Unit name of the 1D array."""
    memory: str
    """Unit name of the DRAM."""
    rows: int
    cols: int
    lanes: int
    """PEs of the 1D array."""
    array_cycles: Mapping[str, int]
    """Operator of `OPERATORS` -> cycles between two of them in a PE of the 2D array; what is not named it cannot do."""
    vector_cycles: Mapping[str, int]
    """The same for a PE of the 1D array."""
    ripple: int
    """Cycles from a reduction's last operand until its result has left the foot of a column."""
    buffer_bytes: int
    line_words: int
    """Words of one access to the global buffer."""
    ports: int
    """Accesses of the global buffer per cycle."""
    word_bytes: int
    """Bytes of every element: scores, state and operands alike."""
    bandwidth: int
    """Bytes per second of the DRAM, reads and writes together."""
    clock: int
    """Hz of both arrays and the buffer."""
    dataflow: str
    """Name of the attention dataflow the machine was made for."""
    copies: int = 1
    """Such pairs of arrays with their buffers that share the DRAM."""
    plan: PlanBy = "least_traffic"
    """How a dataflow that leaves a choice makes it."""

    def __hash__(self) -> int:
        """By content, so that plans can be kept: equal arrays have equal hashes."""
        values = (getattr(self, each.name) for each in fields(self))
        return hash(tuple(tuple(sorted(value.items())) if isinstance(value, Mapping) else value for value in values))

    @property
    def offers(self) -> Offers:
        """The two arrays by their operators, and the DRAM."""
        return {
            self.array: frozenset(self.array_cycles),
            self.vector: frozenset(self.vector_cycles),
            self.memory: frozenset(("load", "store")),
        }


OPERATORS = ("mac", "mul", "add", "max", "sub_exp", "div")
"""What a PE can do to its operands: sub_exp is exp(a - b)."""

Capability = PimBanks | VectorUnit | OpUnit | SpatialArrays
