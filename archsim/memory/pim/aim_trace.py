"""Instructions of GDDR6-AiM (ISRs), and a reader for traces of them.

The form is that of arkhadem/aim_simulator (README; src/frontend/impl/memory_trace/aim_trace.cpp at 355b5a67 and
src/base/request.h at 0f28a07b), words apart by blanks or commas, numbers decimal or 0x hexadecimal::

    AiM OPCODE [size] [GPR] [GPR] [channel mask] [bank] [row]
    W|R GPR register        W|R CFR register value        W|R MEM channel bank row

Bit i of a channel mask is channel 31 - i, as there. A trace ends with AiM EOC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from archsim.core.errors import BadInput, UnknownName
from archsim.core.yamlfile import shown
from archsim.memory.requests import lines_of

CHANNELS = 32
"""Bits of a channel mask."""
AF_ROWS = 1 << 29
"""Row of the table of activation function 0, beyond the rows of the array; function f has the f-th after it."""
AF_FUNCTIONS = 8
"""Activation functions that a table exists for."""


@dataclass(frozen=True, slots=True)
class Form:
    """What an opcode takes and becomes."""

    fields: tuple[str, ...] = ()
    """Its numbers, in order: size, gpr, mask, bank, row."""
    command: str = ""
    """The DRAM command, once for each column; empty if the host deals with it."""
    waits: bool = False
    """The host sends nothing more until it is answered."""


_SIZE_ROW, _SIZE_BANK_ROW = ("size", "mask", "row"), ("size", "mask", "bank", "row")
FORMS: Mapping[str, Form] = {
    "WR_SBK": Form(("gpr", "mask", "bank", "row"), "WR"),
    "WR_ABK": Form(("gpr", "mask", "row"), "WRA16"),
    "WR_GB": Form(("size", "gpr", "mask"), "WRGB"),
    "WR_BIAS": Form(("gpr", "mask"), "WRMAC16"),
    "RD_MAC": Form(("gpr", "mask"), "RDMAC16", waits=True),
    "RD_AF": Form(("gpr", "mask"), "RDAF16", waits=True),
    "RD_SBK": Form(("gpr", "mask", "bank", "row"), "RD"),
    "COPY_BKGB": Form(_SIZE_BANK_ROW, "RDCP"),
    "COPY_GBBK": Form(_SIZE_BANK_ROW, "WRCP"),
    "MAC_SBK": Form(_SIZE_BANK_ROW, "MAC"),
    "MAC_ABK": Form(_SIZE_ROW, "MAC16"),
    "AF": Form(("mask",), "AF16"),
    "EWMUL": Form(_SIZE_ROW, "EWMUL16"),
    "EWADD": Form(("size", "gpr", "gpr")),
    "SYNC": Form(waits=True),
    "EOC": Form(waits=True),
    "CFR": Form(("register", "value")),
    "GPR": Form(("register",)),
}
"""Every opcode; CFR and GPR stand for the host's accesses to its own registers."""
ALL_BANKS = ("MAC16", "AF16", "EWMUL16", "WRA16")
"""Commands that need the same row open in all banks."""
REGIONS: Mapping[str, tuple[str, ...]] = {
    "GPR": ("register",),
    "CFR": ("register", "value"),
    "MEM": ("channel", "bank", "row"),
}
"""What R and W go to, and the numbers that say where."""
_LIMITS = {"size": (1, 1 << 31), "mask": (1, 1 << CHANNELS), "channel": (0, CHANNELS)}
_CFR_BROADCAST_EWMUL_AFM = 3


@dataclass(frozen=True, slots=True)
class Isr:
    """One instruction. SYNC and EOC concern every channel and name none."""

    opcode: str
    channels: tuple[int, ...] = ()
    size: int = 1
    """Columns, one after the other."""
    bank: int = 0
    row: int = -1
    where: str = ""
    """The line it was read from."""

    @property
    def form(self) -> Form:
        """What its opcode becomes."""
        return FORMS[self.opcode]


def mask_of(channels: Iterable[int]) -> int:
    """The channel mask that selects these channels.

    >>> hex(mask_of([0, 31]))
    '0x80000001'
    """
    return sum(1 << (CHANNELS - 1 - channel) for channel in set(channels))


def channels_of(mask: int) -> tuple[int, ...]:
    """The channels that a mask selects, ascending.

    >>> channels_of(0b11)
    (30, 31)
    """
    return tuple(channel for channel in range(CHANNELS) if mask >> (CHANNELS - 1 - channel) & 1)


def read(path: Path) -> tuple[Isr, ...]:
    """Read a trace file.

    Raises
    ------
    BadInput
        No such file, or a line that cannot be read; names the line and what would be right.
    """
    return parse(lines_of(path), shown(path))


def parse(lines: Iterable[str], name: str = "trace") -> tuple[Isr, ...]:
    """The instructions of a trace; blank lines and what follows a # are skipped.

    Parameters
    ----------
    lines
        The lines of the trace.
    name
        What errors call it.

    Raises
    ------
    BadInput
        Names the line and what would be right.
    """
    found: list[Isr] = []
    function = 0
    for number, line in enumerate(lines, 1):
        words = line.split("#")[0].replace(",", " ").split()
        if not words:
            continue
        where = f"{name}:{number}"
        if found and found[-1].opcode == "EOC":
            raise BadInput(f"{' '.join(words)!r} comes after EOC", where=where, right="EOC as the last instruction")
        isr, function = _line(words, function, where)
        found.append(isr)
    if not found or found[-1].opcode != "EOC":
        raise BadInput("the trace does not end with EOC", where=name, right="AiM EOC as the last instruction")
    return tuple(found)


def _line(words: Sequence[str], function: int, where: str) -> tuple[Isr, int]:
    """The instruction of a line, and the activation function that holds after it."""
    if words[0] == "AiM":
        opcode = words[1].removeprefix("ISR_") if len(words) > 1 else ""
        known = [known for known in FORMS if known not in REGIONS]
        if opcode not in known:
            raise UnknownName("opcode", opcode, known, where=where)
        numbers = _numbers(opcode, FORMS[opcode].fields, words[2:], where)
        row = AF_ROWS + function if opcode == "AF" else numbers.get("row", -1)
        isr = Isr(
            opcode, channels_of(numbers.get("mask", 0)), numbers.get("size", 1), numbers.get("bank", 0), row, where
        )
        if opcode == "WR_ABK" and len(isr.channels) != 1:
            raise BadInput(f"WR_ABK to {len(isr.channels)} channels", where=where, right="a mask with one bit")
        return isr, function
    if words[0] not in ("R", "W") or len(words) < 2 or words[1] not in REGIONS:
        right = f"AiM OPCODE ..., or R or W and {', '.join(REGIONS)}"
        raise BadInput(f"{' '.join(words)!r} is no instruction", where=where, right=right)
    region, numbers = words[1], _numbers(f"{words[0]} {words[1]}", REGIONS[words[1]], words[2:], where)
    if region == "MEM":
        opcode = "WR_SBK" if words[0] == "W" else "RD_SBK"
        return Isr(opcode, (numbers["channel"],), 1, numbers["bank"], numbers["row"], where), function
    if region == "CFR" and numbers["register"] >= _CFR_BROADCAST_EWMUL_AFM:
        right = "0 (broadcast), 1 (bank groups of EWMUL) or 2 (activation function)"
        raise BadInput(f"configuration register {numbers['register']}", where=where, right=right)
    if words[:3] == ["W", "CFR", "2"]:
        function = numbers["value"]
        if function >= AF_FUNCTIONS:
            raise BadInput(f"activation function {function}", where=where, right=f"0 to {AF_FUNCTIONS - 1}")
    return Isr(region, where=where), function


def _numbers(what: str, fields: Sequence[str], words: Sequence[str], where: str) -> dict[str, int]:
    if len(words) != len(fields):
        right = f"{what} {' '.join(fields)}" if fields else f"{what} alone"
        raise BadInput(f"{what} with {len(words)} numbers", where=where, right=right)
    return {field: _number(field, word, where) for field, word in zip(fields, words, strict=True)}


def _number(field: str, word: str, where: str) -> int:
    least, end = _LIMITS.get(field, (0, 1 << 31))
    try:
        value = int(word, 16 if word.lower().startswith("0x") else 10)
    except ValueError:
        value = -1
    if not least <= value < end:
        raise BadInput(f"{field} {word!r}", where=where, right=f"a number from {least} to {end - 1:#x}")
    return value
