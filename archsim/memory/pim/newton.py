"""GEMV on Newton channels: one output per bank, its weights along the row, the vector in the channel's buffer.

A *tile* is one row of every bank: all rows close, the groups open, one COMP per column, one READRES. Commands and
timing are those of casys-kaist/NeuPIMs (f299af3), extern/NewtonSim, with precharges of a whole rank for single ones.
"""

from __future__ import annotations

from collections import Counter

from archsim.core.errors import BadInput
from archsim.ir.affine import Affine
from archsim.memory.device import Dram
from archsim.memory.pim.program import Do, Loop, Node, Program

OPERAND_BYTES = 2
LANES = 16
"""Operands that a bank multiplies per COMP (`pim_comp_coverage` of the reference's memory_configs)."""


def shares(device: Dram, outputs: int) -> dict[int, int]:
    """How a matrix is dealt to the channels, whole tiles each: outputs of a channel -> channels that have so many.

    Channels with the same number of outputs run the same program, and the largest number decides when all are done.
    """
    banks, found = device.shape.total, Counter[int]()
    tiles = -(-outputs // banks)
    for channel in range(device.channels):
        mine = range(channel, tiles, device.channels)
        found[sum(min(banks, outputs - tile * banks) for tile in mine)] += 1
    return dict(found)


def tile_cycles(device: Dram, columns: int) -> int:
    """Cycles from one tile of so many columns to the next, without refresh: rows open, columns, rows close.

    The groups of a rank open tFAW apart, the ranks side by side, a cycle apart on the command bus.
    """
    t, shape = device.cycles, device.shape
    opening = (shape.groups - 1) * t["tFAW"]
    computing = shape.ranks - 1 + t["tRCDRD"] + columns * max(t["tBURST"], t["tCCD_S"]) + t["tRTP"]
    return max(opening + max(computing, t["tRAS"]) + t["tRP"], shape.groups * t["tFAW"], t["tRC"])


def gemv(device: Dram, outputs: int, inputs: int) -> Program:
    """The program of a channel that has `outputs` rows of the matrix, each of `inputs` operands of two bytes.

    Long rows are cut to the operands of a DRAM row; the host adds the partial sums. A tile is begun only if it ends
    before the next refresh is due.

    Parameters
    ----------
    device
        A memory of the standard newton.
    outputs
        Outputs of this channel, see `shares`.
    inputs
        Length of the vector.

    Raises
    ------
    BadInput
        There is nothing to do, or more rows are needed than the banks have.
    """
    if device.standard != "newton":
        raise BadInput(f"device: {device.standard} has no commands of Newton", right="a memory of the standard newton")
    if outputs < 1 or inputs < 1:
        raise BadInput(f"gemv: {outputs} outputs of {inputs} inputs", right="at least one of each")
    per_row, tiles = device.row_bytes // OPERAND_BYTES, -(-outputs // device.shape.total)
    chunks = -(-inputs // per_row)
    if 1 + chunks * tiles > device.rows:
        what = f"gemv: {chunks * tiles} rows of each bank and one for the vector, and there are {device.rows}"
        raise BadInput(what, right="fewer outputs per channel, or a shorter vector")
    body: list[Node] = []
    for chunk in range(chunks):
        columns = -(-min(per_row, inputs - chunk * per_row) // LANES)
        body.append(Do("GWRITE", row=Affine(0), reserve=_vector_cycles(device)))
        body.append(Loop("tile", tiles, _tile(device, columns, Affine.var("tile", 1, 1 + chunk * tiles))))
    return Program(tuple(body))


def counts(device: Dram, outputs: int, inputs: int) -> dict[str, int]:
    """How often each command of a channel's GEMV is issued, in closed form."""
    per_row, tiles = device.row_bytes // OPERAND_BYTES, -(-outputs // device.shape.total)
    chunks, whole, rest = -(-inputs // per_row), inputs // per_row, inputs % per_row
    columns = whole * -(-per_row // LANES) + -(-rest // LANES)
    groups = device.shape.ranks * device.shape.groups
    return {
        "GWRITE": chunks,
        "G_ACT": chunks * tiles * groups,
        "COMP": tiles * columns,
        "READRES": tiles * chunks,
        "PREA": tiles * chunks * device.shape.ranks,
    }


def _tile(device: Dram, columns: int, row: Affine) -> tuple[Node, ...]:
    """All rows close first, since some may hold ordinary data or the vector; no refresh may fall in from there on."""
    shape = device.shape
    first = Do("PREA", reserve=tile_cycles(device, columns))
    close = (first, *(Do("PREA", rank * shape.per_rank) for rank in range(1, shape.ranks)))
    return (*close, Do("COMP", row=row, count=columns), Do("READRES", row=row))


def _vector_cycles(device: Dram) -> int:
    t = device.cycles
    return t["tRP"] + t["tRCDRD"] + t["tGWRITE"]
