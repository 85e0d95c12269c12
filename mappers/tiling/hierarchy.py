"""The memories that a product is tiled for, from the one that holds all of it down to the array of multipliers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from archsim.core.errors import BadInput
from archsim.core.quantities import Bytes, Energy
from archsim.core.spec import Spec

Unroll = Literal["mn", "kn", "mk"]
FEWEST, MOST = 2, 8
ENOUGH = 1 << 60
"""Bits that hold any product that can be counted."""


class Level(Spec):
    """A memory."""

    name: str = Field(min_length=1)
    """Name in tables."""
    capacity: Bytes | None = None
    """Bytes it holds; null where it holds anything."""
    double_buffered: bool = True
    """Whether one half is filled while the other is used, so that moving hides behind computing and tiles have half of
    the room."""
    bandwidth: PositiveFloat | None = None
    """Bytes per cycle between it and the level below, both directions together; null where that never limits."""
    energy: Energy = Energy(0)
    """Energy of one byte between it and the level below."""
    adds: bool = False
    """Whether it adds partial sums that arrive to what it holds, so that the level below need not read them back."""

    @property
    def room_bits(self) -> int | None:
        """Bits that tiles may take; None where there is no limit."""
        return None if self.capacity is None else min(8 * int(self.capacity) // (1 + self.double_buffered), ENOUGH)


class SpatialArray(Spec):
    """Multipliers in rows and columns, each with one multiply-accumulate per cycle, fed by the innermost memory.

    Two dims of the product are spread over it, the third runs in time. It keeps the operand that has no third dim.
    """

    rows: PositiveInt = 16
    """Multipliers along the first of the two dims."""
    cols: PositiveInt = 16
    """Multipliers along the second."""
    unroll: Unroll | Literal["best"] = "mn"
    """The two dims: mn keeps outputs in place, kn weights, mk inputs; best takes what the metric likes most."""
    mac_energy: Energy = Energy(0)
    """Energy of one multiply-accumulate."""

    @property
    def unrolls(self) -> tuple[Unroll, ...]:
        """The pairs of dims to choose from."""
        return ("mn", "kn", "mk") if self.unroll == "best" else (self.unroll,)

    def across(self, unroll: Unroll) -> tuple[int, int, int]:
        """Multipliers along m, n and k; 0 for the dim that runs in time."""
        first, second = unroll
        lengths = {first: self.rows, second: self.cols}
        return lengths.get("m", 0), lengths.get("n", 0), lengths.get("k", 0)


class Hierarchy(Spec):
    """Memories, outermost first, and the array behind the last of them."""

    name: str = "hierarchy"
    """Name in tables."""
    levels: Annotated[tuple[Level, ...], Field(min_length=FEWEST, max_length=MOST)]
    """Two to eight memories; the first holds the whole product."""
    array: SpatialArray = SpatialArray()
    """The multipliers."""

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        names = [level.name for level in self.levels]
        if len(set(names)) < len(names):
            raise BadInput(f"two levels have one name: {', '.join(names)}", right="a name for each level")
        for index, level in enumerate(self.levels):
            if level.capacity is None and index:
                raise BadInput(f"level {level.name!r} has no capacity", right="bytes; only the first may hold anything")
            if level.capacity is not None and not level.room_bits:
                what = f"level {level.name!r} has capacity {level.capacity}"
                raise BadInput(what, right="room for one element of each operand at least", try_="leave the level out")
        return self

    @property
    def rooms(self) -> tuple[int, ...]:
        """Bits for tiles in each level below the first."""
        return tuple(level.room_bits or 0 for level in self.levels[1:])


EDGE = Hierarchy(
    name="edge",
    levels=(
        Level(name="DRAM", bandwidth=64, energy=Energy("160 pJ")),
        Level(name="L2", capacity=Bytes("1 MiB"), bandwidth=256, energy=Energy("6 pJ"), adds=True),
        Level(name="L1", capacity=Bytes("32 KiB")),
    ),
)
"""Three levels and a 16 x 16 array, of the size of an edge accelerator; what is tiled for where nothing else is said.

Energy per byte: about 20 pJ per bit for DDR3 (Horowitz, ISSCC 2014: 1.3-2.6 nJ per 64 bit) [derived], a 1 MiB SRAM near
50 pJ per 64 bit [assumed].
"""
