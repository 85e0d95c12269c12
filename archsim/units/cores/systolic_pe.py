"""One processing element of a systolic array: an integer multiply-accumulate with its registers.

::

    ws  weights stay        total  w             os  sums stay              b
                              |    |                                        |
                    +---------v----v----+                         +---------v---------+
        a load swap |  held <-swap- spare| a load swap   a first  | sum += a * b      | a first
        ----------->|  total + a * held  |----------->   last --->| last: copy to     |---> last
                    +---------+----+----+                         | drained, else     |
                              |    |                              | drained = below   |
                            total  w                              +----+---------^----+
                                                                    b  v drained | below

The two weight registers hide the preload: `spare` fills from the row above while `held` multiplies, and the first
operand of the next tile brings `swap` along. The copy of the sum hides the drain in the same way.

Cycle by cycle (ws; every field of an output beat is one register after the input)::

    in   a      .    .    a0   a1   a2   b0
         load   1    1    0    0    1    1       the next tile's weights, while this one's operands pass
         swap   0    0    1    0    0    1
    out  total  .    .    .    p0   p1   p2   q0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from archsim.units.cores._ints import number, signed, wrapped
from archsim.units.cores.core import Beat, Core, Port


class SystolicPe(Core, kind="systolic_pe"):
    """A multiply-accumulate of two integers into a sum that wraps around; weights or sums stay in it."""

    dataflow: Literal["ws", "os"] = "ws"
    """What stays: weights, with sums passing through (ws), or sums, with both operands passing through (os)."""
    bits: int = Field(8, ge=2, le=16)
    """Bits of an operand, two's complement."""
    sum_bits: int = Field(32, ge=8, le=64)
    """Bits of a sum, two's complement; overflow wraps around."""

    @classmethod
    def shipped(cls) -> tuple[SystolicPe, ...]:
        """Both dataflows."""
        return cls(), cls(dataflow="os")

    @property
    def inputs(self) -> tuple[Port, ...]:
        """From the left `a` and the flags, from above `w` and `total` (ws) or `b` (os), from below the drain (os)."""
        a, flag = Port("a", self.bits, fmt="int"), [Port(name, 1, fmt="bool") for name in self.flags]
        if self.dataflow == "ws":
            return (a, Port("w", self.bits, fmt="int"), Port("total", self.sum_bits, fmt="int"), *flag)
        return (a, Port("b", self.bits, fmt="int"), Port("below", self.sum_bits, fmt="int"), *flag)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """What goes on to the right, downwards, and upwards (drained)."""
        a, other, moving, *flags = self.inputs
        drained = Port("drained" if self.dataflow == "os" else "total", moving.bits, fmt="int")
        return (a, other, drained, *flags)

    @property
    def flags(self) -> tuple[str, str]:
        """Names of the two flags that travel with `a`."""
        return ("load", "swap") if self.dataflow == "ws" else ("first", "last")

    @property
    def latency(self) -> int:
        """One register."""
        return 1

    @property
    def elastic(self) -> bool:
        """A systolic array moves in lockstep: nothing holds an element up."""
        return False

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Every beat gives one: see the figure of the module."""
        return self._ws(beats) if self.dataflow == "ws" else self._os(beats)

    def _ws(self, beats: Sequence[Beat]) -> list[Beat]:
        held = spare = 0
        found: list[Beat] = []
        for beat in beats:
            held = spare if beat["swap"] else held
            product = signed(number(beat, "a"), self.bits) * signed(held, self.bits)
            total = wrapped(number(beat, "total") + product, self.sum_bits)
            found.append({**beat, "w": spare, "total": total})
            spare = number(beat, "w") if beat["load"] else spare
        return found

    def _os(self, beats: Sequence[Beat]) -> list[Beat]:
        total = 0
        found: list[Beat] = []
        for beat in beats:
            product = signed(number(beat, "a"), self.bits) * signed(number(beat, "b"), self.bits)
            total = wrapped((0 if beat["first"] else total) + product, self.sum_bits)
            drained = total if beat["last"] else number(beat, "below")
            passed = {name: beat[name] for name in ("a", "b", "first", "last")}
            found.append({**passed, "drained": drained})
        return found

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """Operands at the ends of their range as often as any, flags in every combination."""
        widths = {port.name: port.bits for port in self.inputs}
        return [{name: _operand(rng, bits) for name, bits in widths.items()} for _ in range(count)]

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Both ends of the operands, both flags alone and together."""
        low, high = 1 << (self.bits - 1), (1 << (self.bits - 1)) - 1
        one, two = self.flags
        return {
            "lowest operand": lambda beat: beat["a"] == low,
            "highest operand": lambda beat: beat["a"] == high,
            "zero": lambda beat: beat["a"] == 0,
            one: lambda beat: beat[one] == 1 and beat[two] == 0,
            two: lambda beat: beat[two] == 1 and beat[one] == 0,
            f"{one} and {two}": lambda beat: beat[one] == beat[two] == 1,
            "no flag": lambda beat: beat[one] == beat[two] == 0,
        }


def _operand(rng: np.random.Generator, bits: int) -> int:
    if bits == 1:
        return int(rng.integers(2))
    ends = (0, 1 << (bits - 1), (1 << (bits - 1)) - 1, (1 << bits) - 1)
    return ends[int(rng.integers(4))] if rng.integers(2) else int.from_bytes(rng.bytes(8), "little") & ((1 << bits) - 1)
