"""A hardware unit as one specification: what it computes, bit by bit, and in which cycles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np

from archsim.core.errors import BadInput
from archsim.core.registry import Registry
from archsim.ir.kinded import Kinded
from archsim.units.cores.timing import Ready, Timing, pipeline

Value: TypeAlias = int | tuple[int, ...]
"""Bits of a field as an unsigned number; a tuple for a field with `count` elements."""
Beat: TypeAlias = Mapping[str, Value]
"""What crosses a port in one cycle, by field."""


@dataclass(frozen=True, slots=True)
class Port:
    """One field of the beats that enter or leave a unit. Fields are packed in order, the first at bit 0."""

    name: str
    bits: int
    """Bits of one element."""
    count: int = 1
    """Elements; more than one make an array."""
    fmt: str = "uint"
    """How the bits are read: uint, int, bool, bf16, fp16, fp32 and so on; for documents and for choosing values."""
    doc: str = ""
    """What the field means, in one line."""

    @property
    def width(self) -> int:
        """Bits of the whole field."""
        return self.bits * self.count


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far the golden function is from exact arithmetic, and how far it may be."""

    error: float
    """Largest error that was measured."""
    bar: float
    """What it must not exceed."""
    measure: str
    """Of what: ``"relative"``, ``"of the sum of magnitudes"``, ``"ulp of bf16"``."""
    cases: int
    """Inputs that were tried."""
    exhaustive: bool = False
    """Whether they are all there are."""


EXACT = Accuracy(0.0, 0.0, "exact", 0, exhaustive=True)
"""What is said of units that do not round."""


class Core(Kinded):
    """A hardware unit: its fields are the parameters, its methods the golden function and the cycle model.

    ``class DotTree(Core, kind="dot_tree")`` in a module of the same name. The RTL of the same kind is in `archsim.hdl`;
    tests hold it to `golden` bit by bit and to `schedule` cycle by cycle, and simulators charge what is said here.
    """

    registry: ClassVar[Registry[type[Core]]] = Registry("unit of RTL")

    @classmethod
    def shipped(cls) -> tuple[Self, ...]:
        """Parameter sets that are verified, exported and measured; the first is the default."""
        return (cls(),)

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Fields of an input beat."""
        raise self._missing("inputs")

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Fields of an output beat."""
        raise self._missing("outputs")

    @property
    def latency(self) -> int:
        """Cycles from taking an input beat to offering the output beat that it completes, when nothing is held up."""
        raise self._missing("latency")

    @property
    def interval(self) -> int:
        """Cycles from one input beat taken to the next, sustained (initiation interval)."""
        return 1

    @property
    def elastic(self) -> bool:
        """Whether the receiver may hold the output up (valid/ready); False: it is always taken, there is no ready."""
        return True

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """Output beats, in order, for input beats that follow a reset. Bit-exact."""
        raise self._missing("golden")

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """Per input beat, whether it completes an output beat."""
        return [True] * len(beats)

    def completes(self, beats: Sequence[Beat]) -> list[int]:
        """Per output beat, the index of the input beat that completes it."""
        return [index for index, emitted in enumerate(self.emits(beats)) if emitted]

    def paced(self, beats: Sequence[Beat]) -> Sequence[int]:
        """Indices of the input beats behind which the interval is measured: all, unless some cost more by design."""
        return range(len(beats))

    def schedule(self, beats: Sequence[Beat], offered: Sequence[int], ready: Ready) -> Timing:
        """The cycle in which each input beat is taken and each output beat leaves.

        Parameters
        ----------
        beats
            Input beats.
        offered
            The cycle from which each is offered.
        ready
            Whether the receiver takes an output in a given cycle.
        """
        emits = self.emits(beats)
        return pipeline(emits, offered, ready, latency=self.latency, interval=self.interval, elastic=self.elastic)

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """About `count` input beats: constrained random ones and the corners. Ends with a completed output."""
        raise self._missing("stimulus")

    def example(self) -> list[Beat]:
        """A few input beats, at least one of them completing an output, for the timing diagram of the Verilog."""
        beats = self.stimulus(np.random.default_rng(0), 4)
        return beats[:8] if self.completes(beats[:8]) else beats

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Situations by name, each as a test of an input beat; a verification run must meet all of them."""
        return {}

    def accuracy(self) -> Accuracy | None:
        """The golden function measured against exact arithmetic; None where it is exact."""
        return None

    def _missing(self, name: str) -> BadInput:
        return BadInput(
            f"unit {type(self).__name__} does not say its {name}",
            where=f"{type(self).__module__}.{type(self).__qualname__}",
            right=f"a subclass of Core defines {name}",
        )


def packed(ports: Sequence[Port], beat: Beat) -> int:
    """A beat as one number, the first field at bit 0, the first element of an array lowest.

    Raises
    ------
    BadInput
        A field is missing, is none of the unit's, or does not fit in its bits.
    """
    _check_names(ports, beat)
    word = shift = 0
    for port in ports:
        value = beat[port.name]
        elements = value if isinstance(value, tuple) else (value,)
        if len(elements) != port.count or not all(0 <= int(element) < 1 << port.bits for element in elements):
            what = f"{port.count} numbers of {port.bits} bits" if port.count > 1 else f"a number of {port.bits} bits"
            raise BadInput(f"{value!r:.80} does not fit", where=f"field {port.name!r}", right=what)
        for element in elements:
            word |= int(element) << shift
            shift += port.bits
    return word


def unpacked(ports: Sequence[Port], word: int) -> dict[str, Any]:
    """The beat that `packed` made this number of."""
    beat: dict[str, Any] = {}
    for port in ports:
        mask = (1 << port.bits) - 1
        elements = tuple((word >> (port.bits * index)) & mask for index in range(port.count))
        beat[port.name] = elements if port.count > 1 else elements[0]
        word >>= port.width
    return beat


def _check_names(ports: Sequence[Port], beat: Beat) -> None:
    known = [port.name for port in ports]
    if set(beat) != set(known):
        odd = sorted(set(beat) ^ set(known))
        raise BadInput(f"fields {', '.join(odd)} are missing or unknown", where="beat", right=f"{', '.join(known)}")
