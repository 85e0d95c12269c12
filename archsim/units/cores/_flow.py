"""Pipelines of floating point as data flow, written once and read in three ways.

A unit writes its computation as a function of a `Flow`. On `Numbers` it is the golden function, on `Depths` it counts
the registers on the way and is the latency, and on `archsim.hdl.flow.Circuits` it is RTL, where values that meet are
delayed until they are of the same age. So the three cannot drift apart; what each operation does is told apart on
purpose: numpy here, gates there.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from archsim.units.cores import softfloat as sf

V = TypeVar("V")
Raw = NDArray[np.int64]
"""Bits of a value per lane, unsigned; signed only for what `Flow.to_int` gives."""

SIGN = 1 << 31
"""The sign of a binary32 word."""


class Flow(ABC, Generic[V]):
    """Operations on words of binary32 and on small integers. Everything but `cut` may be free of registers."""

    @abstractmethod
    def constant(self, value: float) -> V:
        """A binary32 word that is always there."""

    @abstractmethod
    def mul(self, a: V, b: V) -> V:
        """The rounded product, through as many stages as the unit gives its multipliers."""

    @abstractmethod
    def add(self, a: V, b: V) -> V:
        """The rounded sum, likewise."""

    @abstractmethod
    def to_int(self, a: V, width: int) -> V:
        """The nearest integer, signed, held within `width` bits."""

    @abstractmethod
    def from_int(self, a: V) -> V:
        """An integer of at most 24 bits as a word."""

    @abstractmethod
    def scale(self, a: V, power: V) -> V:
        """A word times 2 to a signed integer."""

    @abstractmethod
    def narrow(self, a: V) -> V:
        """The nearest bfloat16."""

    @abstractmethod
    def rom(self, entries: Sequence[int], width: int, index: V) -> V:
        """An entry of a table of constants of `width` bits."""

    @abstractmethod
    def logic(self, width: int, function: Callable[..., Any], *args: V, signed: bool = False) -> V:
        """The low bits of what `function` makes of its arguments by integer operators and `mux`."""

    @abstractmethod
    def mux(self, condition: Any, one: Any, other: Any) -> Any:
        """Inside a `logic` function: one or the other."""

    @abstractmethod
    def cut(self, a: V) -> V:
        """The value behind a register."""

    def neg(self, a: V) -> V:
        """The word with its sign turned."""
        return self.logic(32, lambda word: word ^ SIGN, a)

    def read(self, word: V, fmt: str) -> V:
        """An input in its format as a word of binary32."""
        return self.logic(32, lambda half: half << 16, word) if fmt == "bf16" else word

    def write(self, word: V, fmt: str) -> V:
        """A word of binary32 in the format of an output."""
        return self.narrow(word) if fmt == "bf16" else word


class Numbers(Flow[Raw]):
    """The golden reading: arrays of bits, one lane per beat."""

    def constant(self, value: float) -> Raw:
        """One word for all lanes."""
        return _raw(sf.to_bits(value))

    def mul(self, a: Raw, b: Raw) -> Raw:
        """By numpy."""
        return _raw(sf.to_bits(sf.mul(_value(a), _value(b))))

    def add(self, a: Raw, b: Raw) -> Raw:
        """By numpy."""
        return _raw(sf.to_bits(sf.add(_value(a), _value(b))))

    def to_int(self, a: Raw, width: int) -> Raw:
        """By numpy."""
        return sf.to_int(_value(a), width)

    def from_int(self, a: Raw) -> Raw:
        """By numpy."""
        return _raw(sf.to_bits(sf.from_int(a)))

    def scale(self, a: Raw, power: Raw) -> Raw:
        """By numpy."""
        return _raw(sf.to_bits(sf.scale(_value(a), power)))

    def narrow(self, a: Raw) -> Raw:
        """By numpy."""
        return _raw(sf.to_bf16(_value(a)))

    def rom(self, entries: Sequence[int], width: int, index: Raw) -> Raw:
        """By indexing."""
        return np.asarray(entries, dtype=np.int64)[index]

    def logic(self, width: int, function: Callable[..., Any], *args: Raw, signed: bool = False) -> Raw:
        """On 64-bit integers."""
        low = np.asarray(function(*args), dtype=np.int64) & ((1 << width) - 1)
        return low - ((low >> (width - 1)) << width) if signed else low

    def mux(self, condition: Any, one: Any, other: Any) -> Any:
        """By numpy."""
        return np.where(condition, one, other)

    def cut(self, a: Raw) -> Raw:
        """Registers do not change values."""
        return a


@dataclass(frozen=True)
class Depths(Flow[int]):
    """The cycles of each value behind the input; constants are as old as anything."""

    mul_stages: int
    add_stages: int

    def constant(self, value: float) -> int:
        """Never waited for."""
        return 0

    def mul(self, a: int, b: int) -> int:
        """The later operand, and the multiplier."""
        return max(a, b) + self.mul_stages

    def add(self, a: int, b: int) -> int:
        """The later operand, and the adder."""
        return max(a, b) + self.add_stages

    def to_int(self, a: int, width: int) -> int:
        """Combinational."""
        return a

    def from_int(self, a: int) -> int:
        """Combinational."""
        return a

    def scale(self, a: int, power: int) -> int:
        """Combinational."""
        return max(a, power)

    def narrow(self, a: int) -> int:
        """Combinational."""
        return a

    def rom(self, entries: Sequence[int], width: int, index: int) -> int:
        """Combinational."""
        return index

    def logic(self, width: int, function: Callable[..., Any], *args: int, signed: bool = False) -> int:
        """Combinational."""
        return max(args)

    def mux(self, condition: Any, one: Any, other: Any) -> Any:
        """Functions are not called here."""
        raise TypeError("cycles are counted without calling functions")

    def cut(self, a: int) -> int:
        """One more."""
        return a + 1


def _raw(bits: sf.Bits) -> Raw:
    return bits.astype(np.int64)


def _value(raw: Raw) -> sf.Floats:
    return sf.from_bits(raw.astype(np.uint32))
