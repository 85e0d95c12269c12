"""Programs of HBM-PIM's units: up to 32 instructions, stepped by the column commands of the host.

Each column command to the banks takes one step. JUMP takes none of its own. In address-aligned mode (AAM) an
instruction stays for eight columns, and the column number picks the register. Operations, operands and field widths
follow PIMCmd.h and PIMCmd.cpp of SAITPublic/PIMSimulator (b00e73a).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from archsim.core.errors import BadInput

CAPACITY = 32
"""Instructions that a unit holds."""
PER_WRITE = 8
"""Instructions in one column write of 32 B."""
REGISTERS = 8
"""Vector registers of each file, and columns that an address-aligned instruction stays for."""
MOST_JUMPS, MOST_NOPS = (1 << 17) - 1, (1 << 11) - 1
"""What the counter fields of JUMP and NOP hold."""


class Op(StrEnum):
    """Operations of a unit on 16 lanes of fp16."""

    NOP = "nop"
    """Nothing; at a write, the unit's register of the column's number goes to the bank."""
    ADD = "add"
    MUL = "mul"
    MAC = "mac"
    """dst + src0 x src1."""
    MAD = "mad"
    """src0 x src1 + src2."""
    MOV = "mov"
    FILL = "fill"
    """Move to the register of the column's number, eight columns long."""
    JUMP = "jump"
    EXIT = "exit"


class Operand(StrEnum):
    """Where operands come from and results go."""

    EVEN = "even bank"
    ODD = "odd bank"
    A = "GRF_A"
    B = "GRF_B"
    M = "SRF_M"
    """One of the eight scalars for multiplication, in every lane."""
    S = "SRF_A"
    """One of the eight scalars for addition, in every lane."""


BANKS = (Operand.EVEN, Operand.ODD)
_SOURCES = {Op.ADD: 2, Op.MUL: 2, Op.MAC: 2, Op.MAD: 3, Op.MOV: 1, Op.FILL: 1}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction. Register numbers matter only where `aam` is off."""

    op: Op
    dst: Operand | None = None
    sources: tuple[Operand, ...] = ()
    aam: bool = False
    """Registers by the column's number; stays for eight columns."""
    relu: bool = False
    """MOV and FILL: negative lanes become 0."""
    count: int = 0
    """JUMP: how often it is taken; NOP: columns that it stays for beyond the first."""
    back: int = 1
    """JUMP: how many instructions before itself it goes."""
    numbers: tuple[int, ...] = (0, 0, 0, 0)
    """Registers of dst and of the sources."""

    @property
    def columns(self) -> int:
        """Column commands that it stays for."""
        if self.op is Op.NOP:
            return self.count + 1
        return REGISTERS if self.aam or self.op is Op.FILL else 1


@dataclass(frozen=True)
class Crf:
    """A program in the instruction registers.

    Raises
    ------
    BadInput
        Too long, without EXIT at its end, or an instruction that no unit can carry out; names the instruction.
    """

    instructions: tuple[Instruction, ...]

    def __post_init__(self) -> None:
        ends = [one.op is Op.EXIT for one in self.instructions]
        if not ends or not ends[-1] or any(ends[:-1]) or len(ends) > CAPACITY:
            right = f"at most {CAPACITY} instructions, EXIT the last and only there"
            raise BadInput(f"a program of {len(ends)} instructions", right=right)
        for at, one in enumerate(self.instructions):
            _check(one, at)

    @property
    def writes(self) -> int:
        """Column writes that load it."""
        return -(-len(self.instructions) // PER_WRITE)

    def walk(self) -> Iterator[Instruction]:
        """The instruction that each column command carries out, until EXIT."""
        left: dict[int, int] = {}
        at = 0
        while (one := self.instructions[at]).op is not Op.EXIT:
            if one.op is Op.JUMP:
                left[at] = left.get(at, one.count) - 1
                if left[at] >= 0:
                    at -= one.back
                    continue
                del left[at]  # an outer loop may come by again
            else:
                for _ in range(one.columns):
                    yield one
            at += 1


def _check(one: Instruction, at: int) -> None:
    """Raise unless a unit can carry it out."""
    where = f"instruction {at} ({one.op})"
    if one.op is Op.JUMP and not (1 <= one.back <= at and 0 <= one.count <= MOST_JUMPS):
        right = f"back to an instruction of the program, at most {MOST_JUMPS} times"
        raise BadInput(f"goes back {one.back}, {one.count} times", where=where, right=right)
    if one.op is Op.NOP and not 0 <= one.count <= MOST_NOPS:
        raise BadInput(f"stays {one.count} columns longer", where=where, right=f"0 to {MOST_NOPS}")
    if one.op not in _SOURCES:
        return
    if len(one.sources) != _SOURCES[one.op] or one.dst is None:
        right = f"a destination and {_SOURCES[one.op]} sources"
        raise BadInput(f"{len(one.sources)} sources, destination {one.dst}", where=where, right=right)
    banks = [operand for operand in one.sources if operand in BANKS]
    if len(banks) > 1 or (banks and one.dst in BANKS) or one.dst in (Operand.M, Operand.S):
        right = "one bank at a column command, results in GRF_A, GRF_B or the bank"
        raise BadInput(f"{one.dst} from {', '.join(one.sources)}", where=where, right=right)
    if any(not 0 <= number < REGISTERS for number in one.numbers):
        raise BadInput(f"registers {one.numbers}", where=where, right=f"0 to {REGISTERS - 1}")


def gemv_crf(in_tiles: int) -> Crf:
    """Multiply and add up `in_tiles` tiles of 128 inputs, the even ones first; then the sums go to the odd banks."""
    body: list[Instruction] = []
    for bank, tiles in ((Operand.EVEN, -(-in_tiles // 2)), (Operand.ODD, in_tiles // 2)):
        if tiles:
            body.append(Instruction(Op.MAC, Operand.B, (Operand.A, bank), aam=True))
            body.append(Instruction(Op.JUMP, count=REGISTERS * tiles - 1))
    return Crf((*body, Instruction(Op.NOP, count=REGISTERS - 1), Instruction(Op.EXIT)))


def elementwise_crf(op: str, tiles: int) -> Crf:
    """``add`` or ``mul`` of two vectors, or ``relu`` of one: a tile in the even banks, then one in the odd banks."""
    body: list[Instruction] = []
    for bank, file in ((Operand.EVEN, Operand.A), (Operand.ODD, Operand.B)):
        body.append(Instruction(Op.FILL, file, (bank,), relu=op == "relu"))
        if op != "relu":
            body.append(Instruction(Op(op), file, (file, bank), aam=True))
        body.append(Instruction(Op.NOP, count=REGISTERS - 1))
    if tiles > 1:
        body.append(Instruction(Op.JUMP, count=tiles - 1, back=len(body)))
    return Crf((*body, Instruction(Op.EXIT)))
