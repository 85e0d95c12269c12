"""HBM-PIM (Aquabolt-XL): HBM2 with a unit at every pair of banks, and a mode in which banks work in step.

Single-bank mode is ordinary HBM2. HAB, a write to a bank's key row, leaves it (four of them do in silicon; the table
counts the first), SB comes back. In all-bank mode a command to bank 0 goes to every even bank of the rank and one to
bank 1 to every odd bank; each set has a row of its own open. Reads and writes of the sets make the units step, writes
to one reserved row reach their registers.
"""

from __future__ import annotations

from dataclasses import replace

from archsim.memory.protocol import Command, Rule, Scope
from archsim.memory.standards.common import (
    BANK,
    CHANNEL,
    CLOSED,
    COLUMNS,
    GROUP,
    OPEN,
    OTHERS,
    RANK,
    READ_CLOSES,
    READS,
    ROWS,
    WRITE_CLOSES,
    WRITES,
)
from archsim.memory.standards.hbm2 import HBM2

STEP_READS, STEP_WRITES = ("RDH",), ("WRH", "CTRL", "WRCRF", "WRGRF", "WRSRF", "SB")
"""Columns of the sets of banks."""
KEY = ("HAB",)
"""The write that asks for all-bank mode goes to one bank, as an ordinary write does."""
REFRESHES = ("REF", "REFPB")

_ALL_READS, _ALL_WRITES = (*READS, *STEP_READS), (*WRITES, *KEY, *STEP_WRITES)
_CLOSES = ("PRE", "PREH", "PREA")
_READ, _WRITE = "tCL + tBURST", "tCWL + tBURST"
_WRITTEN = "tCWL + tBURST + tWR"
_STEP = "max(tBURST, nCCDAB)"
_TURN = "tCL + tBURST + tRTRS - tCWL"


ANY, SINGLE, ALL = -1, 0, 1
"""Modes that a command needs: rows and refreshes are the same in both."""


def _step(name: str, meaning: str, done: str = _WRITE) -> Command:
    """A column of every second bank."""
    return replace(_key(name, meaning, ALL), scope=Scope.HALF, opened_by="ACTH", closed_by="PREH", done=done)


def _key(name: str, meaning: str, mode: int = ANY, enters: int = -1) -> Command:
    """A column that is written, of one bank."""
    return Command(name, meaning, column=True, needs=OPEN, done=_WRITE, mode=mode, enters=enters)


_COLUMNS_OF_ONE = (
    Command("RD", "read one burst from the open row", column=True, needs=OPEN, done=_READ),
    Command("WR", "write one burst to the open row", column=True, needs=OPEN, done=_WRITE),
    _key("HAB", "write to the row that asks for all-bank mode", enters=ALL),
)
_COLUMNS_OF_SETS = (
    _step("RDH", "read a column of every second bank into its unit, which takes a step", done=_READ),
    _step("WRH", "write a column of every second bank from its unit, which takes a step"),
    _step("CTRL", "start or stop the units, clear their registers"),
    _step("WRCRF", "write eight instructions to every unit"),
    _step("WRGRF", "write one vector register of every unit"),
    _step("WRSRF", "write the scalar registers of every unit"),
    replace(_step("SB", "write to the row that asks for single-bank mode"), mode=ANY, enters=SINGLE),
)
_ROWS_AND_REFRESHES = (
    *(command for command in HBM2.commands if command.name in ("ACT", "PRE", "REFPB")),
    Command("ACTH", "open a row in every second bank", scope=Scope.HALF, needs=CLOSED, leaves=OPEN, closed_by="PREH"),
    Command("PREH", "close the rows of every second bank", scope=Scope.HALF, leaves=CLOSED),
    Command("PREA", "close the rows of every bank of a rank", scope=RANK, leaves=CLOSED),
    Command("REF", "refresh every bank of a rank", scope=RANK, needs=CLOSED, closed_by="PREA"),
)
_COMMANDS = (
    *_COLUMNS_OF_ONE,
    *(replace(command, mode=ANY) for command in _ROWS_AND_REFRESHES),
    *_COLUMNS_OF_SETS,
)

_ROWS = (
    Rule(BANK, ("ACT",), STEP_READS, "tRCDRD"),
    Rule(BANK, ("ACTH",), _ALL_READS, "tRCDRD", why="the sense amplifiers settle"),
    Rule(BANK, ("ACT",), (*KEY, *STEP_WRITES), "tRCDWR"),
    Rule(BANK, ("ACTH",), _ALL_WRITES, "tRCDWR"),
    Rule(BANK, ("ACT",), ("PREH", "PREA"), "tRAS"),
    Rule(BANK, ("ACTH",), _CLOSES, "tRAS", why="the rows are restored before they close"),
    Rule(BANK, ("ACT",), ("ACTH",), "tRC"),
    Rule(BANK, ("ACTH",), ("ACT", "ACTH", *REFRESHES), "tRC"),
    Rule(BANK, ("PRE",), ("ACTH",), "tRP"),
    Rule(BANK, ("PREH", "PREA"), ("ACT", "ACTH", *REFRESHES), "tRP"),
    Rule(BANK, ("RD",), ("PREH", "PREA"), "tRTP"),
    Rule(BANK, STEP_READS, _CLOSES, "tRTP"),
    Rule(BANK, ("WR",), ("PREH", "PREA"), _WRITTEN),
    Rule(BANK, (*KEY, *STEP_WRITES), _CLOSES, _WRITTEN, why="the data reach the cells before the rows close"),
    Rule(BANK, ("RDA",), ("ACTH",), READ_CLOSES),
    Rule(BANK, ("WRA",), ("ACTH",), WRITE_CLOSES),
    Rule(RANK, ("ACT",), ("ACTH",), "tRRD_L"),
    Rule(RANK, ("ACTH",), ("ACT", "ACTH"), "tRRD_L", why="it is an activation in every bank group"),
    Rule(RANK, ("REF",), ("ACTH",), "tRFC"),
    Rule(BANK, ("REFPB",), ("ACTH",), "tRFCPB"),
    Rule(RANK, ("REFPB",), ("ACTH",), "tRREFD"),
    Rule(RANK, ("ACTH",), ("REFPB",), "tRREFD"),
)
"""Rows of single banks and of sets of banks; a bank does not care who opened its row."""

_COLUMNS = (
    Rule(GROUP, KEY, (*KEY, *WRITES), "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(GROUP, WRITES, KEY, "max(tBURST, tCCD_L)"),
    Rule(RANK, KEY, (*KEY, *WRITES), "max(tBURST, tCCD_S)", why="the data bus"),
    Rule(RANK, WRITES, KEY, "max(tBURST, tCCD_S)"),
    Rule(RANK, READS, KEY, _TURN, why="the data bus turns from read to write"),
    Rule(GROUP, KEY, READS, "tCWL + tBURST + tWTR_L"),
    Rule(RANK, KEY, READS, "tCWL + tBURST + tWTR_S", why="the data bus turns from write to read"),
    Rule(RANK, STEP_READS, _ALL_READS, _STEP, why="every unit takes a step at each column"),
    Rule(RANK, READS, STEP_READS, _STEP),
    Rule(RANK, STEP_WRITES, _ALL_WRITES, _STEP),
    Rule(RANK, (*WRITES, *KEY), STEP_WRITES, _STEP),
    Rule(RANK, STEP_READS, _ALL_WRITES, _TURN),
    Rule(RANK, READS, STEP_WRITES, _TURN),
    Rule(RANK, STEP_WRITES, _ALL_READS, "tCWL + tBURST + tWTR_L", why="written data leave every group's column path"),
    Rule(RANK, (*WRITES, *KEY), STEP_READS, "tCWL + tBURST + tWTR_L"),
    Rule(OTHERS, _ALL_READS, _ALL_READS, "tBURST + tRTRS", why="the controller keeps the data bus free for each"),
    Rule(OTHERS, _ALL_WRITES, _ALL_WRITES, "tBURST"),
    Rule(OTHERS, _ALL_READS, _ALL_WRITES, _TURN),
    Rule(OTHERS, _ALL_WRITES, _ALL_READS, "max(tCWL + tBURST + tRTRS - tCL, 1)"),
)
"""Columns of sets are columns of every bank group, so the long distances hold."""

_ROW_BUS, _COLUMN_BUS = (*ROWS, "REFPB", "ACTH", "PREH", "PREA"), (*COLUMNS, *KEY, *STEP_READS, *STEP_WRITES)
_BUSES = (
    Rule(CHANNEL, _ROW_BUS, _ROW_BUS, "1", why="one command per cycle on the row command bus"),
    Rule(CHANNEL, _COLUMN_BUS, _COLUMN_BUS, "1", why="one command per cycle on the column command bus"),
)

HBM_PIM = HBM2.variant(
    "hbm2-pim",
    "modes, sets of banks and register rows as in SAITPublic/PIMSimulator (b00e73a, Rank.cpp); distances by JESD235",
    commands=_COMMANDS,
    rules=(*_ROWS, *_COLUMNS, *_BUSES),
)
