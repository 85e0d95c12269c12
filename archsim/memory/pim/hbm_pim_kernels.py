"""Kernels of HBM-PIM: GEMV and elementwise operations as the units' program and the steps of columns that drive it.

The steps and the order of the tiles are those of PIMKernel.cpp (994d66b) and PIMCmdGen.h (05b738e) in
SAITPublic/PIMSimulator.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsim.core.errors import BadInput, UnknownName
from archsim.memory.pim.hbm_pim_isa import REGISTERS, Crf, elementwise_crf, gemv_crf

LANES, UNITS, COLUMNS = 16, 8, 32
"""fp16 numbers of a column, units of a channel (one per pair of banks), columns of a row."""
BANKS = 2 * UNITS
IN_TILE = REGISTERS * LANES
"""Inputs that the registers hold at a time."""
REGISTER_ROW, PARK_ROW = 0x3FFF, 0x1000
"""Rows that stand for registers, and for nothing."""
DATA_ROWS = PARK_ROW
"""Rows from this one on have the bit set that keeps the units still."""
START, CLEAR_SUMS = 1, 2
"""Bits that CTRL writes: let column commands step the units; set GRF_B to zero."""
OPERATIONS = ("add", "mul", "relu")

EVEN, ODD = 0, 1
"""Halves of the banks; also the bank that stands for each."""


@dataclass(frozen=True, slots=True)
class Step:
    """`count` column commands from `column` on in a row of every even or every odd bank, and a barrier."""

    command: str
    half: int
    row: int
    column: int = 0
    count: int = REGISTERS
    operand: int = 0
    """WRGRF: the first burst of the input; CTRL: what it writes."""


@dataclass(frozen=True)
class Kernel:
    """A program of the units and the steps that drive it, all-bank mode entered and left around them."""

    crf: Crf
    steps: tuple[Step, ...]


def gemv_tiles(out: int, inp: int, channels: int) -> tuple[int, int]:
    """Tiles of outputs (64 to a channel) and of inputs (128)."""
    if min(out, inp, channels) < 1:
        raise BadInput(f"GEMV of {out} x {inp} on {channels} channels", right="at least one of each")
    return -(-out // (channels * UNITS * REGISTERS)), -(-inp // IN_TILE)


def gemv_kernel(out: int, inp: int, channels: int) -> Kernel:
    """Matrix times vector: W of `out` x `inp` fp16.

    A tile of inputs goes to GRF_A of every unit, then 64 column reads multiply: column number mod 8 says which output.
    Tiles of inputs alternate between even and odd banks; a unit's even bank is worked off before its odd one.

    Raises
    ------
    BadInput
        The matrix does not fit into the rows that the units may work on.
    """
    out_tiles, in_tiles = gemv_tiles(out, inp, channels)
    pairs = -(-in_tiles // 2)
    last = out_tiles * 2 * pairs
    _fits(f"GEMV of {out} x {inp}", last + -(-out_tiles * REGISTERS // COLUMNS))
    steps: list[Step] = []
    for j in range(out_tiles):
        steps.append(Step("CTRL", EVEN, REGISTER_ROW, 0, 1, START | CLEAR_SUMS))
        for i in (*range(0, in_tiles, 2), *range(1, in_tiles, 2)):
            steps.append(Step("WRGRF", ODD, REGISTER_ROW, REGISTERS, operand=i * REGISTERS))
            first = (j * pairs + i // 2) * REGISTERS * REGISTERS
            steps += [Step("RDH", i % 2, *_at(0, first + REGISTERS * g)) for g in range(REGISTERS)]
        steps.append(Step("WRH", ODD, *_at(last, j * REGISTERS)))
        steps.append(Step("CTRL", EVEN, REGISTER_ROW, 0, 1))
    return Kernel(gemv_crf(in_tiles), tuple(steps))


def elementwise_tiles(op: str, n: int, channels: int) -> int:
    """Tiles of eight columns in every bank."""
    if op not in OPERATIONS:
        raise UnknownName("operation", op, OPERATIONS)
    if min(n, channels) < 1:
        raise BadInput(f"{op} of {n} numbers on {channels} channels", right="at least one of each")
    return -(-n // (channels * BANKS * IN_TILE))


def elementwise_kernel(op: str, n: int, channels: int) -> Kernel:
    """``add`` or ``mul`` of two vectors of `n` fp16 numbers, or ``relu`` of one: read, operate, write back.

    Raises
    ------
    BadInput
        The vectors do not fit into the rows that the units may work on.
    """
    tiles = elementwise_tiles(op, n, channels)
    rows = vector_rows(tiles)
    inputs = 1 if op == "relu" else 2
    _fits(f"{op} of {n} numbers", (inputs + 1) * rows)
    steps = [Step("CTRL", EVEN, REGISTER_ROW, 0, 1, START)]
    for tile in range(tiles):
        for half in (EVEN, ODD):
            steps += [Step("RDH", half, *_at(k * rows, tile * REGISTERS)) for k in range(inputs)]
            steps.append(Step("WRH", half, *_at(inputs * rows, tile * REGISTERS)))
    steps.append(Step("CTRL", EVEN, REGISTER_ROW, 0, 1))
    return Kernel(elementwise_crf(op, tiles), tuple(steps))


def vector_rows(tiles: int) -> int:
    """Rows of a vector of so many tiles, in every bank."""
    return -(-tiles * REGISTERS // COLUMNS)


def _at(row: int, column: int) -> tuple[int, int]:
    """Row and column of a column counted on over rows."""
    return row + column // COLUMNS, column % COLUMNS


def _fits(what: str, rows: int) -> None:
    if rows > DATA_ROWS:
        raise BadInput(
            f"{what} takes {rows} rows of every bank", right=f"at most {DATA_ROWS} rows", try_="more channels"
        )
