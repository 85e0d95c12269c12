"""The datapath beside a DRAM bank that computes: a buffer for the shared operand, the MAC tree, and its read-out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Annotated, Self

import numpy as np
from pydantic import Field, field_validator

from archsim.core.errors import BadInput
from archsim.units.cores import _dot_stimulus as operands
from archsim.units.cores.core import Accuracy, Beat, Core, Port
from archsim.units.cores.dot_tree import DotTree
from archsim.units.cores.formats import FORMATS

MOST_COLUMNS = 256
"""Columns of the largest buffer."""


class Op(IntEnum):
    """Commands, as they come in the field `op`; 3 does nothing."""

    LOAD = 0
    """Write `data` into a column of the buffer (GWRITE, WRGB)."""
    MAC = 1
    """Multiply `data`, a column of the open row, with a column of the buffer and accumulate (COMP, MACAB)."""
    READ = 2
    """Give the accumulated sum out and begin a new one (READRES, RDMAC)."""


class PimBank(Core, kind="pim_bank"):
    """One command per cycle, in order: load a buffer column, multiply-accumulate a row column, read the sum out.

    A read-out passes through the MAC pipeline behind the products that it waits for, so that its data come `latency`
    cycles after it: that is how long a RDMAC of the simulated memory takes. Arithmetic is that of the unit dot_tree.
    The buffer holds zeros at power-up; reset leaves it as it is and begins a new sum.
    """

    mac: DotTree = DotTree()
    """The multiply-accumulate tree."""
    columns: Annotated[int, Field(ge=2, le=MOST_COLUMNS)] = 16
    """Columns of the buffer, a power of two; 64 hold the 2 KiB of a GDDR6 channel's global buffer."""

    @field_validator("columns")
    @classmethod
    def _addressed(cls, columns: int) -> int:
        if columns & (columns - 1):
            below = 1 << (columns.bit_length() - 1)
            raise BadInput(f"{columns} is no power of two", right=f"a buffer has {below} or {2 * below} columns")
        return columns

    @classmethod
    def shipped(cls) -> tuple[Self, ...]:
        """bf16 and int8."""
        return (cls(), cls(mac=DotTree(lanes=4, format="int8"), columns=4))

    @property
    def inputs(self) -> tuple[Port, ...]:
        """A command with its column and data."""
        return (
            Port("op", 2, doc="0 load, 1 multiply-accumulate, 2 read out, 3 nothing"),
            Port("column", self.columns.bit_length() - 1, doc="of the buffer"),
            Port(
                "data", FORMATS[self.mac.format].bits, self.mac.lanes, self.mac.format, "into the buffer, or of the row"
            ),
        )

    @property
    def outputs(self) -> tuple[Port, ...]:
        """The sum of a read-out."""
        return self.mac.outputs

    @property
    def latency(self) -> int:
        """That of the MAC tree: the buffer is read in the cycle in which a command is taken."""
        return self.mac.latency

    def emits(self, beats: Sequence[Beat]) -> list[bool]:
        """Every read-out."""
        return [beat["op"] == Op.READ for beat in beats]

    def golden(self, beats: Sequence[Beat]) -> list[Beat]:
        """The sums of the MAC tree for the products that the commands ask for; what was never loaded is zero."""
        zero = self._zero()
        buffer = [zero] * self.columns
        fresh, steps = True, list[Beat]()
        for beat in beats:
            column, data = beat["column"], beat["data"]
            assert isinstance(column, int)
            if beat["op"] == Op.LOAD:
                buffer[column] = data
            elif beat["op"] == Op.MAC:
                steps.append({"a": buffer[column], "b": data, "first": int(fresh), "last": 0})
                fresh = False
            elif beat["op"] == Op.READ:
                steps.append({"a": zero, "b": zero, "first": int(fresh), "last": 1})
                fresh = True
        return self.mac.golden(steps)

    def stimulus(self, rng: np.random.Generator, count: int) -> list[Beat]:
        """A loaded buffer, then sums over random columns with further loads, pauses and read-outs between."""
        pairs = operands.beats(self.mac.lanes, self.mac.fmt, rng, count)
        out = [
            self._command(Op.LOAD, column, pairs[column % len(pairs)]["a"])
            for column in range(min(self.columns, count))
        ]
        for pair in pairs[: max(0, count - len(out) - 1)]:
            column = int(rng.integers(self.columns))
            if rng.random() < 0.2:
                out.append(self._command(Op.LOAD, column, pair["a"]))
            if rng.random() < 0.05:
                out.append({"op": 3, "column": column, "data": pair["b"]})
            out.append(self._command(Op.MAC, column, pair["b"]))
            out += [self._command(Op.READ, column, pair["b"])] * (int(pair["last"] == 1) + int(rng.random() < 0.05))
        return [*out, self._command(Op.READ, 0, self._zero())]

    def example(self) -> list[Beat]:
        """Load a column, two products, read out, another product, read out."""
        ops = (Op.LOAD, Op.MAC, Op.MAC, Op.READ, Op.MAC, Op.READ)
        return [self._command(op, 0, self._zero()) for op in ops]

    def coverage(self) -> Mapping[str, Callable[[Beat], bool]]:
        """Every command, both ends of the buffer."""
        return {
            "load": lambda beat: beat["op"] == Op.LOAD,
            "multiply-accumulate": lambda beat: beat["op"] == Op.MAC,
            "read out": lambda beat: beat["op"] == Op.READ,
            "nothing": lambda beat: beat["op"] == 3,
            "first column": lambda beat: beat["op"] == Op.MAC and beat["column"] == 0,
            "last column": lambda beat: beat["op"] == Op.MAC and beat["column"] == self.columns - 1,
        }

    def accuracy(self) -> Accuracy | None:
        """That of the MAC tree."""
        return self.mac.accuracy()

    def _zero(self) -> int | tuple[int, ...]:
        return (0,) * self.mac.lanes if self.mac.lanes > 1 else 0

    def _command(self, op: Op, column: int, data: int | tuple[int, ...]) -> Beat:
        return {"op": int(op), "column": column, "data": data}
