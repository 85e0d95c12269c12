"""Carries out a kernel of HBM-PIM on data: the units of one channel, their registers and banks, in fp16.

Slow and plain. It takes the same steps that `hbm_pim.program` times, and refuses steps that do not fit the program of
the units. Every operation rounds to fp16. Register numbers by column follow PIMRank.cpp of SAITPublic/PIMSimulator
(b00e73a); its pipeline latches A_OUT and M_OUT are not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.memory.pim.hbm_pim_isa import BANKS as BANK_OPERANDS
from archsim.memory.pim.hbm_pim_isa import REGISTERS, Instruction, Op, Operand
from archsim.memory.pim.hbm_pim_kernels import (
    BANKS,
    CLEAR_SUMS,
    COLUMNS,
    IN_TILE,
    LANES,
    START,
    UNITS,
    Kernel,
    Step,
    elementwise_tiles,
    gemv_tiles,
    vector_rows,
)


class Units:
    """The eight units of a channel.

    Parameters
    ----------
    banks
        fp16 numbers [bank, row, column, lane]; results are written into it.
    vector
        The input that the host writes to the vector registers, fp16; padded with zeros to whole bursts.
    scalars
        Eight scalars for multiplication, then eight for addition: what a WRSRF step writes.
    """

    def __init__(self, banks: Any, vector: Any = (), scalars: Any = ()) -> None:
        self.banks = banks
        self.bursts = _padded(np.asarray(vector, dtype=np.float16), -(-len(vector) // IN_TILE) * IN_TILE, LANES)
        self.given = _padded(np.asarray(scalars, dtype=np.float16), LANES, LANES)[0]
        self.scalars = np.zeros(LANES, np.float16)
        self.files = {file: np.zeros((UNITS, REGISTERS, LANES), np.float16) for file in (Operand.A, Operand.B)}
        self.walk: Iterator[Instruction] | None = None

    def run(self, kernel: Kernel) -> None:
        """Carry out every step.

        Raises
        ------
        BadInput
            Steps and program do not go together: steps while the units stand still, too many or too few of them, or a
            column of the wrong bank; names the step.
        """
        for at, step in enumerate(kernel.steps):
            where = f"step {at} ({step.command} to row {step.row})"
            if step.command == "CTRL":
                self._control(kernel, step, where)
            elif step.command == "WRGRF":
                self.files[Operand.A][:] = self.bursts[step.operand : step.operand + step.count]
            elif step.command == "WRSRF":
                self.scalars = self.given
            else:
                for column in range(step.column, step.column + step.count):
                    self._step(step, column, where)
        if self.walk is not None:
            raise BadInput("the units are never stopped", where="last step", right="a CTRL step at the end")

    def _control(self, kernel: Kernel, step: Step, where: str) -> None:
        if self.walk is not None and (left := sum(1 for _ in self.walk)):
            raise BadInput(f"the program of the units wants {left} more columns", where=where)
        self.walk = kernel.crf.walk() if step.operand & START else None
        if step.operand & CLEAR_SUMS:
            self.files[Operand.B][:] = 0

    def _step(self, step: Step, column: int, where: str) -> None:
        if self.walk is None:
            raise BadInput("a column while the units stand still", where=where, right="a CTRL step that starts them")
        if (one := next(self.walk, None)) is None:
            raise BadInput("a column after the program's EXIT", where=where, right="as many columns as it has steps")
        write, bank = step.command == "WRH", BANK_OPERANDS[step.half]
        wanted = [operand for operand in (*one.sources, one.dst) if operand in BANK_OPERANDS]
        if (wanted and wanted != [bank]) or write is not (one.op is Op.NOP or one.dst in BANK_OPERANDS):
            right = f"{'a write' if one.op is Op.NOP else 'a column'} as {one.op} {', '.join(wanted)} wants it"
            raise BadInput(f"a {'write' if write else 'read'} of the {bank}", where=where, right=right)
        data = self.banks[step.half :: 2, step.row, column]
        if one.op is Op.NOP:
            data[:] = self.files[(Operand.A, Operand.B)[step.half]][:, column % REGISTERS]
            return
        result = self._result(one, data, step.row, column)
        if one.dst in BANK_OPERANDS:
            data[:] = result
        else:
            assert one.dst is not None
            self.files[one.dst][:, _number(one, 0, one.dst, step.row, column)] = result

    def _result(self, one: Instruction, data: Any, row: int, column: int) -> Any:
        """What the operation makes of its sources, [unit, lane]."""

        def read(place: int, operand: Operand) -> Any:
            if operand in BANK_OPERANDS:
                return data
            if operand in (Operand.M, Operand.S):
                return self.scalars[one.numbers[place] + (REGISTERS if operand is Operand.S else 0)]
            return self.files[operand][:, _number(one, place, operand, row, column)]

        sources = [read(place, operand) for place, operand in enumerate(one.sources, 1)]
        match one.op:
            case Op.ADD:
                return sources[0] + sources[1]
            case Op.MUL:
                return sources[0] * sources[1]
            case Op.MAC:
                assert one.dst is not None
                return sources[0] * sources[1] + read(0, one.dst)
            case Op.MAD:
                return sources[0] * sources[1] + sources[2]
        return np.maximum(sources[0], np.float16(0)) if one.relu else sources[0]


def _number(one: Instruction, place: int, file: Operand, row: int, column: int) -> int:
    """The register of an operand: given, or by the column; MAC takes GRF_A by the high bits of row and column."""
    if not (one.aam or one.op is Op.FILL):
        return one.numbers[place]
    if one.op is Op.MAC and file is Operand.A:
        return row % 2 * (COLUMNS // REGISTERS) + column // REGISTERS
    return column % REGISTERS


def _padded(numbers: Any, length: int, lanes: int) -> Any:
    """Numbers with zeros behind them, cut into bursts."""
    found = np.zeros(length, np.float16)
    found[: len(numbers)] = numbers
    return found.reshape(-1, lanes)


def lay_matrix(matrix: Any, channel: int, channels: int) -> Any:
    """The banks of one channel with its share of a GEMV's matrix [out, in], and room for the results."""
    out, inp = matrix.shape
    out_tiles, in_tiles = gemv_tiles(out, inp, channels)
    pairs, half_row = -(-in_tiles // 2), COLUMNS // REGISTERS
    whole = np.zeros((out_tiles * channels * UNITS * REGISTERS, 2 * pairs * IN_TILE), np.float16)
    whole[:out, :inp] = matrix
    share = whole.reshape(out_tiles, channels, UNITS, REGISTERS, pairs, 2, 2, half_row, LANES)[:, channel]
    rows = share.transpose(1, 4, 0, 3, 5, 6, 2, 7).reshape(BANKS, out_tiles * pairs * 2, COLUMNS, LANES)
    return np.concatenate([rows, np.zeros((BANKS, vector_rows(out_tiles), COLUMNS, LANES), np.float16)], axis=1)


def gemv_result(banks: Any, out: int, inp: int, channels: int) -> Any:
    """The outputs of one channel, [tile, output of the tile]: the host adds up the lanes, in fp32."""
    out_tiles, in_tiles = gemv_tiles(out, inp, channels)
    rows = banks[1::2, out_tiles * 2 * -(-in_tiles // 2) :].reshape(UNITS, -1, REGISTERS, LANES)[:, :out_tiles]
    return rows.astype(np.float32).sum(axis=-1).transpose(1, 0, 2).reshape(out_tiles, UNITS * REGISTERS)


def lay_vectors(op: str, vectors: Any) -> Any:
    """The banks of a single channel with the inputs of an elementwise operation, and room for the result."""
    n = len(vectors[0])
    tiles = elementwise_tiles(op, n, 1)
    banks = [_padded(np.asarray(one), tiles * BANKS * IN_TILE, LANES) for one in (*vectors, ())]
    per_row = COLUMNS // REGISTERS
    found = np.zeros((len(banks), BANKS, vector_rows(tiles) * per_row, REGISTERS, LANES), np.float16)
    for vector, numbers in zip(found, banks, strict=True):
        vector[:, :tiles] = numbers.reshape(tiles, BANKS, REGISTERS, LANES).swapaxes(0, 1)
    return found.transpose(1, 0, 2, 3, 4).reshape(BANKS, -1, COLUMNS, LANES)


def elementwise_result(banks: Any, op: str, n: int) -> Any:
    """The result of an elementwise operation on a single channel."""
    tiles = elementwise_tiles(op, n, 1)
    rows = banks[:, -vector_rows(tiles) :].reshape(BANKS, -1, REGISTERS, LANES)[:, :tiles]
    return rows.swapaxes(0, 1).reshape(-1)[:n]
