"""GDDR6-AiM (SK hynix): sixteen banks that multiply and add in step, a global buffer, two registers per bank.

Gaps follow arkhadem/aim_simulator, src/dram/impl/GDDR6.cpp at c2f8ab6c, whose authors fitted them to the device. A rule
of banks that names a command of all banks looks at every one of them, so one rule here is often several there.

Bank commands need mode 0, commands to the global buffer and the registers mode 1; TMOD changes it.
"""

from __future__ import annotations

from dataclasses import replace

from archsim.memory.protocol import Command, Rule
from archsim.memory.standards.common import (
    BANK,
    CHANNEL,
    CLOSED,
    COLUMNS,
    GROUP,
    OPEN,
    RANK,
    READ_CLOSES,
    READS,
    ROWS,
    WRITE_CLOSES,
    WRITES,
)
from archsim.memory.standards.gddr6 import GDDR6

ACTS = ("ACT", "ACT4", "ACT16")
PRES = ("PRE", "PRE4", "PREA")
REGISTER_READS = ("RDMAC16", "RDAF16")
REGISTER_WRITES = ("WRGB", "WRMAC16")
REFRESHES = ("REF", "REFPB")
_WIDE_ACTS, _WIDE_PRES = ("ACT4", "ACT16"), ("PRE4", "PREA")
_BUS_READS, _BUS_WRITES = (*READS, *REGISTER_READS), (*WRITES, "WRA16", *REGISTER_WRITES)
_BANK_READS, _BANK_WRITES = ("MAC", "MAC16", "RDCP"), ("WRCP",)
_CELL_READS = ("RDCP", "MAC", "MAC16", "AF16", "EWMUL16")
_OWN = (*_WIDE_ACTS, *_WIDE_PRES, *_CELL_READS, "WRCP", "WRA16", *REGISTER_READS, *REGISTER_WRITES)
_WRITTEN = "tCWL + tBURST + tRP"
_BANK_SIDE = (*ROWS, "REFPB", *COLUMNS, *_OWN)


def _wide(command: Command) -> Command:
    """A command to the same row of all banks, and what opens and closes that row."""
    return replace(command, scope=CHANNEL, needs=OPEN, opened_by="ACT16", closed_by="PREA")


_COMMANDS = (
    Command("ACT4", "open a row in the banks of one group", scope=GROUP, needs=CLOSED, leaves=OPEN, closed_by="PRE4"),
    Command("ACT16", "open a row in all banks", scope=CHANNEL, needs=CLOSED, leaves=OPEN, closed_by="PREA"),
    Command("PRE4", "close the rows of one group", scope=GROUP, leaves=CLOSED),
    Command("PREA", "close the rows of all banks", scope=CHANNEL, leaves=CLOSED),
    Command("RD", "read one burst from the open row", column=True, needs=OPEN, done="tCL + tBURST"),
    Command("WR", "write one burst to the open row", column=True, needs=OPEN, done="tCWL + tBURST"),
    Command("MAC", "one bank multiplies a column with the global buffer and adds", needs=OPEN),
    _wide(Command("MAC16", "all banks multiply a column with the global buffer or their neighbour and add")),
    _wide(Command("AF16", "all banks apply the activation function to their sums, from the row of its table")),
    _wide(Command("EWMUL16", "in every group, multiply two banks element by element into a third")),
    Command("RDCP", "copy a column of one bank to the global buffer", needs=OPEN),
    Command("WRCP", "copy a column of the global buffer to one bank", needs=OPEN),
    _wide(Command("WRA16", "write one burst to all banks and close them", column=True, leaves=CLOSED, done=_WRITTEN)),
    Command("WRGB", "write a column of the global buffer", scope=CHANNEL, column=True, mode=1, done="nCWLGB + tBURST"),
    Command("WRMAC16", "write the sums of all banks", scope=CHANNEL, column=True, mode=1, done="nCWLREG + tBURST"),
    Command("RDMAC16", "read the sums of all banks", scope=CHANNEL, column=True, mode=1, done="nCLREG + tBURST"),
    Command("RDAF16", "read the activations of all banks", scope=CHANNEL, column=True, mode=1, done="nCLREG + tBURST"),
    Command("TMOD", "change between banks and registers", scope=CHANNEL, mode=-1, switches=True),
    Command("REF", "refresh every bank of a rank", scope=RANK, needs=CLOSED, closed_by="PREA"),
)

_ROW_RULES = (
    Rule(GROUP, ACTS, ACTS, "tRRD_L"),
    Rule(CHANNEL, ACTS, ACTS, "tRRD_S"),
    Rule(BANK, ACTS, PRES, "tRAS", why="the row is restored before it closes"),
    Rule(BANK, PRES, _WIDE_ACTS, "tRP"),
    Rule(BANK, _WIDE_PRES, ("ACT", *REFRESHES), "tRP"),
    Rule(CHANNEL, PRES, PRES, "tRP", why="one precharge at a time"),
    Rule(BANK, ACTS, ("MAC", "MAC16"), "nRCDRDMAC", why="tRCD and 10 ns, as profiled"),
    Rule(BANK, ACTS, ("AF16",), "nRCDRDAF", why="tRCD and 25 ns, as profiled"),
    Rule(BANK, ACTS, ("EWMUL16",), "nRCDEWMUL"),
    Rule(BANK, ACTS, ("RDCP",), "nRCDRDCP", why="tRCD and 15 ns, as profiled"),
    Rule(BANK, ACTS, ("WRCP",), "nRCDWRCP", why="tRCD and 10 ns, as profiled"),
    Rule(BANK, ACTS, ("WRA16",), "tRCDWR"),
    Rule(BANK, _WIDE_ACTS, READS, "tRCDRD", why="the sense amplifiers settle"),
    Rule(BANK, _WIDE_ACTS, WRITES, "tRCDWR"),
    Rule(BANK, _CELL_READS, PRES, "tRTP"),
    Rule(BANK, ("RD",), _WIDE_PRES, "tRTP"),
    Rule(GROUP, ("RD", "RDCP", "MAC"), ("PRE", "PRE4"), "tRTP", why="counted by group"),
    Rule(BANK, ("WR", "WRCP"), PRES, "tCWL + tBURST + tWR", why="the data reach the cells before the row closes"),
    Rule(GROUP, ("WR", "WRCP"), ("PRE", "PRE4"), "tCWL + tBURST + tWR", why="counted by group"),
    Rule(BANK, ("EWMUL16",), PRES, "tCWL + tWR", why="the products reach the cells before the row closes"),
    Rule(BANK, ("RDA",), _WIDE_ACTS, READ_CLOSES),
    Rule(BANK, ("WRA",), _WIDE_ACTS, WRITE_CLOSES),
    Rule(BANK, ("WRA16",), (*ACTS, *REFRESHES), WRITE_CLOSES),
)

_REFRESH_RULES = (
    Rule(BANK, _WIDE_ACTS, REFRESHES, "tRC"),
    Rule(RANK, _WIDE_ACTS, ("REFPB",), "tRREFD"),
    Rule(RANK, ("REFPB",), _WIDE_ACTS, "tRREFD"),
    Rule(BANK, ("REFPB",), _WIDE_ACTS, "tRFCPB"),
    Rule(RANK, ("REF",), _WIDE_ACTS, "tRFC"),
)

_COLUMN_RULES = (
    Rule(CHANNEL, _BUS_READS, _BUS_READS, "tBURST", why="the data bus"),
    Rule(CHANNEL, _BUS_WRITES, _BUS_WRITES, "tBURST", why="the data bus"),
    Rule(CHANNEL, (*_BUS_READS, *_BANK_READS), (*_BUS_READS, *_BANK_READS), "tCCD_S", why="the bus between groups"),
    Rule(CHANNEL, (*_BUS_WRITES, *_BANK_WRITES), (*_BUS_WRITES, *_BANK_WRITES), "tCCD_S", why="the bus between groups"),
    Rule(
        GROUP,
        (*_BUS_READS, *_BANK_READS, "EWMUL16"),
        (*_BUS_READS, *_BANK_READS, "EWMUL16"),
        "tCCD_L",
        why="one group's column path",
    ),
    Rule(
        GROUP,
        (*WRITES, "WRCP", "WRA16", "WRMAC16", "EWMUL16"),
        (*WRITES, "WRCP", "WRA16", "WRMAC16", "EWMUL16"),
        "tCCD_L",
        why="one group's column path",
    ),
    Rule(CHANNEL, READS, ("WRA16",), "tCL + tBURST + tRTRS - tCWL", why="the data bus turns from read to write"),
    Rule(CHANNEL, READS, ("WRGB",), "tCL + tBURST + tRTRS - nCWLGB"),
    Rule(CHANNEL, READS, ("WRMAC16",), "tCL + tBURST + tRTRS - nCWLREG"),
    Rule(CHANNEL, REGISTER_READS, (*WRITES, "WRA16"), "max(nCLREG + tBURST + tRTRS - tCWL, 1)"),
    Rule(CHANNEL, REGISTER_READS, ("WRGB",), "nCLREG + tBURST + tRTRS - nCWLGB"),
    Rule(CHANNEL, REGISTER_READS, ("WRMAC16",), "nCLREG + tBURST + tRTRS - nCWLREG"),
    Rule(CHANNEL, WRITES, REGISTER_READS, "tCWL + tBURST + tWTR_L", why="the data bus turns from write to read"),
    Rule(CHANNEL, ("WRA16",), _BUS_READS, "tCWL + tBURST + tWTR_L"),
    Rule(CHANNEL, ("WRGB",), _BUS_READS, "nCWLGB + tBURST + tWTR_S"),
    Rule(CHANNEL, ("WRMAC16",), _BUS_READS, "nCWLREG + tBURST + tWTR_L"),
)

_CHANNEL_RULES = (
    Rule(CHANNEL, ("TMOD",), _BANK_SIDE, "nMODCH", why="the mode takes effect"),
    Rule(CHANNEL, (*_OWN, "TMOD"), (*_BANK_SIDE, "TMOD"), "1", why="one command per cycle on the command bus"),
    Rule(CHANNEL, (*ROWS, "REFPB", *COLUMNS), (*_OWN, "TMOD"), "1", why="one command per cycle on the command bus"),
)

GDDR6_AIM = GDDR6.variant(
    "gddr6-aim",
    "arkhadem/aim_simulator, src/dram/impl/GDDR6.cpp at c2f8ab6c",
    commands=_COMMANDS,
    rules=(*_ROW_RULES, *_REFRESH_RULES, *_COLUMN_RULES, *_CHANNEL_RULES),
)
