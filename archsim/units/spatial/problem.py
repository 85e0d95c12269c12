"""One attention as a spatial array sees it, and what is decided about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays

ARRAY, VECTOR, MEMORY = "array", "vector", "memory"
"""Roles of the units, whatever a design calls them."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Attention of `queries` rows to `keys` rows of `head` elements, `instances` times with keys of their own.

    Query heads that share a KV head are rows of one instance: `queries` counts all of them.
    """

    batch: int
    heads: int
    kv_heads: int
    positions: int
    """Query positions of each sequence."""
    keys: int
    head: int
    """Head size: E of queries and keys, F of values."""
    causal: bool = False
    """Query position i of the last `positions` of `keys` sees the keys up to its own."""

    @property
    def instances(self) -> int:
        """Pairs of sequence and KV head."""
        return self.batch * self.kv_heads

    @property
    def queries(self) -> int:
        """Query rows of one instance."""
        return self.positions * (self.heads // self.kv_heads)

    def macs(self) -> int:
        """Multiply-accumulates of both products, without those a causal mask saves."""
        return 2 * self.instances * self.queries * self.keys * self.head

    def compulsory_words(self) -> int:
        """Words no dataflow avoids: queries, keys and values read once, results written once."""
        return self.instances * self.head * 2 * (self.queries + self.keys)


@dataclass(frozen=True, slots=True)
class Plan:
    """How an attention is cut and ordered: the name of a dataflow, and what that dataflow leaves open."""

    dataflow: str
    choices: Mapping[str, int | float | str] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """A choice that is a whole number; `BadInput` where it was not made."""
        if name not in self.choices:
            raise BadInput(
                f"a plan of {self.dataflow} without {name!r}",
                right=f"its choices are {', '.join(self.choices) or 'none'}",
                try_="leave the plan to the mapper",
            )
        return int(self.choices[name])


@dataclass(frozen=True, slots=True)
class Steady:
    """An attention in its steady state: neither fill nor drain, DRAM at full rate beside the arrays."""

    cycles: Fraction
    """Of the arrays alone, by the binding of einsums to arrays."""
    seconds: Fraction
    """The longer of that and of the DRAM's traffic, phase by phase where phases do not overlap."""
    busy: Mapping[str, Fraction]
    """Role (ARRAY, VECTOR) -> cycles it computes."""
    einsums: Mapping[str, tuple[str, Fraction]]
    """Einsum -> (role, cycles)."""
    read: Fraction
    """Bytes from DRAM."""
    written: Fraction
    """Bytes to DRAM."""
    counts: Mapping[str, Mapping[str, int]]
    """Role -> counter -> count: mac, add, max, exp, div, buffer_read and buffer_write (words)."""

    def busy_seconds(self, role: str, arrays: SpatialArrays) -> Fraction:
        """Seconds a unit is busy: an array by its cycles, the memory by its bytes."""
        if role == MEMORY:
            return (self.read + self.written) / arrays.bandwidth
        return self.busy[role] / arrays.clock
