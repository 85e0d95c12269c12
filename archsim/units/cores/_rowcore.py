"""Units that read a row, hold it, and write it again: what their timing and golden functions have in common.

A row goes through three phases. *Fill* takes an element per cycle and adds it to running sums, one of `lanes` in turn,
because a sum that is fed back through multiplier and adder is not there before the next element. *Solve* puts the lanes
together and computes the row's scale on the same multiplier and adder, one step of a program after the other. *Emit*
reads the row again and writes an element per cycle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from pydantic import Field

from archsim.units.cores import softfloat as sf
from archsim.units.cores._flow import Flow, Numbers, Raw
from archsim.units.cores._flowcore import Format
from archsim.units.cores.core import Beat, Core
from archsim.units.cores.timing import Ready, Timing

V = TypeVar("V")
Operand = str | float
"""A register by name, or a constant."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step on the multiplier and the adder: `dst` = a b + c, or c - a b; both operations round."""

    dst: str
    a: Operand
    b: Operand
    c: Operand = 0.0
    minus: bool = False


class RowCore(Core):
    """A row in, a row out, at an element per cycle each."""

    fmt: Format = "bf16"
    """Format of the elements; inside it is fp32 always."""
    length: int = Field(64, ge=2, le=65536)
    """Elements of a row."""
    mul_stages: int = Field(2, ge=1, le=3)
    """Pipeline stages of each multiplier."""
    add_stages: int = Field(2, ge=1, le=4)
    """Pipeline stages of each adder."""

    @property
    def bits(self) -> int:
        """Width of an element."""
        return 16 if self.fmt == "bf16" else 32

    @property
    def lanes(self) -> int:
        """Running sums: one more than the stages of multiplier and adder, for the register."""
        return self.mul_stages + self.add_stages + 1

    @property
    def stride(self) -> int:
        """Cycles of a step: as many, and one for what is derived from its result."""
        return self.lanes + 1

    @property
    def front(self) -> int:
        """Stages between the operand registers and the multiplier."""
        raise self._missing("front")

    @property
    def merges(self) -> int:
        """Lanes that go through the front again before the program; 0 where the program adds them up itself."""
        return 0

    @property
    def program(self) -> tuple[Step, ...]:
        """The steps of solve."""
        raise self._missing("program")

    def derive(self, ops: Flow[V], state: Mapping[str, V]) -> dict[str, V]:
        """Words that are functions of registers, ready one cycle after them; without registers of their own."""
        raise self._missing("derive")

    @property
    def start(self) -> int:
        """Cycles from taking the last element until the first step is in the multiplier."""
        return 1 + self.front + self.stride * (1 + self.merges)

    @property
    def emit(self) -> int:
        """Cycles from taking the last element until the first one is read again; its scale overtakes it."""
        return self.start + len(self.program) * self.stride - 1 - self.front

    @property
    def latency(self) -> int:
        """From the last element of a row to the first result."""
        return self.emit + 2 + self.front + self.mul_stages

    def busy(self, elements: int) -> int:
        """Cycles from taking the last of so many elements until the next row may begin: all read, program done."""
        return self.emit + max(elements, self.front + 1)

    def row_cycles(self, elements: int) -> int:
        """Cycles from a row to the next one of as many elements, when nothing is held up."""
        return elements - 1 + self.busy(elements)

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """Which elements are the last of a row."""
        raise self._missing("emits")

    def rows(self, beats: Sequence[Beat]) -> list[range]:
        """The complete rows, as indices of beats."""
        ends = [index + 1 for index, last in enumerate(self.emits(beats)) if last]
        return [range(begin, end) for begin, end in zip([0, *ends], ends, strict=False)]

    def completes(self, beats: Sequence[Beat]) -> list[int]:
        """The last element of a row completes all of its results."""
        return [row[-1] for row in self.rows(beats) for _ in row]

    def paced(self, beats: Sequence[Beat]) -> list[int]:
        """All elements that another one of their row follows."""
        emits = self.emits(beats)
        return [index for index in range(len(beats) - 1) if not emits[index]]

    def schedule(self, beats: Sequence[Beat], offered: Sequence[int], ready: Ready) -> Timing:
        """An output that is not taken stops everything, so that phases are counted in moves."""
        rows, flight = self.rows(beats), self.latency - self.emit
        accepted: list[int] = []
        left: list[int] = []
        leaves: list[int] = []  # the move at which each result is at the output
        moves = free = cycle = 0
        last = {row[-1]: len(row) for row in rows}
        while len(accepted) < len(beats) or len(left) < len(leaves):
            valid = len(left) < len(leaves) and leaves[len(left)] == moves
            if valid and ready(cycle):
                left.append(cycle)
                valid = False
            if not valid:
                at = len(accepted)
                if at < len(beats) and moves >= free and offered[at] <= cycle:
                    accepted.append(cycle)
                    if at in last:
                        begin = moves + self.emit
                        leaves += range(begin + flight, begin + flight + last[at])
                        free = moves + self.busy(last[at])
                moves += 1
            cycle += 1
        return Timing(tuple(accepted), tuple(left))

    def run_program(self, state: dict[str, Raw]) -> dict[str, Raw]:
        """The golden reading of solve, for all rows at once: registers before, all words after."""
        ops = Numbers()
        words = state | self.derive(ops, state)
        for step in self.program:
            a, b, c = (ops.constant(x) if isinstance(x, float) else words[x] for x in (step.a, step.b, step.c))
            product = ops.mul(a, b)
            state[step.dst] = ops.add(ops.neg(product) if step.minus else product, c)
            words = state | self.derive(ops, state)
        return words

    def words(self, beats: Sequence[Beat]) -> Raw:
        """The elements `x` as words of binary32, flushed."""
        bits = np.array([beat["x"] for beat in beats], dtype=np.int64)
        return sf.to_bits(sf.decode(bits, self.fmt)).astype(np.int64)

    def in_lanes(self, row: Raw, fill: int) -> Raw:
        """The elements of a row by turn and lane, the last turn filled up."""
        turns = -(-len(row) // self.lanes)
        padded = np.concatenate([row, np.full(turns * self.lanes - len(row), fill, dtype=np.int64)])
        return padded.reshape(turns, self.lanes)

    def element_coverage(self) -> dict[str, Callable[[Beat], bool]]:
        """Classes of elements that every run must meet."""
        shift = 32 - self.bits

        def is_a(test: Callable[[int, int], bool]) -> Callable[[Beat], bool]:
            def holds(beat: Beat) -> bool:
                word: Any = beat["x"]
                return test((word << shift >> 23) & 255, word << shift & 0x7FFFFF)

            return holds

        return {
            "zero": is_a(lambda exponent, rest: exponent == rest == 0),
            "subnormal": is_a(lambda exponent, rest: exponent == 0 and rest > 0),
            "infinite": is_a(lambda exponent, rest: exponent == 255 and rest == 0),
            "nan": is_a(lambda exponent, rest: exponent == 255 and rest > 0),
            "normal": is_a(lambda exponent, rest: 0 < exponent < 255),
        }
