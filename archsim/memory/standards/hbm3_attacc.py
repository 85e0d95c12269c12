"""AttAcc's HBM3: multiply-accumulate at every bank, at every bank group or on the buffer die.

The two pseudo channels of a channel work in step, so they are two devices of one rank here, side by side on 64 pins.
The two stack ids are address bits, so the rank has eight bank groups, and is the channel. What limits the power of the
units are nCCDAB and nCCDSB; activations for them keep no tRRD and no tFAW, as in the source.
"""

from __future__ import annotations

from archsim.memory.protocol import Command, Rule, Scope
from archsim.memory.standards.common import BANK, CHANNEL, CLOSED, COLUMNS, GROUP, OPEN, RANK, ROWS
from archsim.memory.standards.hbm3 import HBM3

MACS = ("MACAB", "MACSB", "MACPB")
ACTS = ("ACTAB", "ACTSB", "ACTPB")
CLOSES = ("PREA", "PRESB")
MOVES = ("WRGB", "MVSB", "MVGB")

_ROWS = (*ROWS, "REFPB")
_DATA = ("RD", "RDA", "WR", "WRA")
_REFRESHES = ("REF", "REFPB")

_COMMANDS = (
    Command("ACTAB", "open a row in all banks", scope=CHANNEL, needs=CLOSED, leaves=OPEN, closed_by="PREA"),
    Command(
        "ACTSB",
        "open a row in the same bank of every group",
        scope=Scope.SAME_BANK,
        needs=CLOSED,
        leaves=OPEN,
        closed_by="PRESB",
    ),
    Command("ACTPB", "open a row in one bank for MACPB", needs=CLOSED, leaves=OPEN),
    Command("PREA", "close the rows of all banks", scope=CHANNEL, leaves=CLOSED),
    Command("PRESB", "close the same bank of every group", scope=Scope.SAME_BANK, leaves=CLOSED),
    Command(
        "MACAB",
        "all banks multiply a column with their buffers",
        scope=CHANNEL,
        needs=OPEN,
        opened_by="ACTAB",
        closed_by="PREA",
    ),
    Command(
        "MACSB",
        "every bank group multiplies a column of one bank",
        scope=Scope.SAME_BANK,
        needs=OPEN,
        opened_by="ACTSB",
        closed_by="PRESB",
    ),
    Command("MACPB", "the buffer die multiplies a column of one bank", needs=OPEN, opened_by="ACTPB"),
    Command("WRGB", "write 32 B per pseudo channel to a vector buffer at the banks", column=True),
    Command("MVSB", "move 32 B per pseudo channel of results to the softmax unit", column=True),
    Command("MVGB", "move 32 B per pseudo channel of probabilities to a vector buffer", column=True),
    Command("SFM", "softmax of one head on the buffer die", scope=CHANNEL, column=True),
    Command("REF", "refresh every bank of a rank", scope=RANK, needs=CLOSED, closed_by="PREA"),
)

_COLUMN_BUS = (*MACS, *MOVES, "SFM")
_ROW_BUS = (*ACTS, *CLOSES)

_RULES = (
    Rule(CHANNEL, ("MACAB",), MACS, "nCCDAB", why="the power of all banks at work at once"),
    Rule(CHANNEL, ("MACSB",), MACS, "nCCDSB", why="the power of all bank groups at work at once"),
    Rule(CHANNEL, ("MACPB",), MACS, "max(tBURST, tCCD_S)", why="the data path to the buffer die"),
    Rule(GROUP, ("MACPB",), MACS, "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(BANK, ("ACT", *ACTS), MACS, "tRCDRD", why="the sense amplifiers settle"),
    Rule(BANK, ACTS, ("RD", "RDA"), "tRCDRD"),
    Rule(BANK, ACTS, ("WR", "WRA"), "tRCDWR"),
    Rule(BANK, ACTS, ("PRE", *CLOSES), "tRAS", why="the row is restored before it closes"),
    Rule(BANK, ("ACT",), CLOSES, "tRAS"),
    Rule(BANK, ACTS, ("ACT", *ACTS, *_REFRESHES), "tRC"),
    Rule(BANK, ("ACT",), ACTS, "tRC"),
    Rule(BANK, CLOSES, ("ACT", *ACTS, *_REFRESHES), "tRP"),
    Rule(BANK, ("PRE",), ACTS, "tRP"),
    Rule(BANK, MACS, ("PRE", *CLOSES), "tRTP"),
    Rule(BANK, ("RD",), CLOSES, "tRTP"),
    Rule(BANK, ("WR",), CLOSES, "tCWL + tBURST + tWR"),
    Rule(BANK, ("RDA",), ACTS, "tRTP + tRP"),
    Rule(BANK, ("WRA",), ACTS, "tCWL + tBURST + tWR + tRP"),
    Rule(RANK, ("REF",), ACTS, "tRFC"),
    Rule(BANK, ("REFPB",), ACTS, "tRFCPB"),
    Rule(RANK, ("REFPB",), ACTS, "tRREFD"),
    Rule(RANK, ACTS, ("REFPB",), "tRREFD"),
    Rule(CHANNEL, (*MOVES, "SFM"), (*MOVES, "SFM", *_DATA), "tBURST", why="the data bus; MACs do not use it"),
    Rule(CHANNEL, _DATA, (*MOVES, "SFM"), "tBURST", why="the data bus"),
    Rule(GROUP, MOVES, (*MOVES, *_DATA), "tCCD_L", why="one group's data path"),
    Rule(GROUP, _DATA, MOVES, "tCCD_L", why="one group's data path"),
    Rule(CHANNEL, ("ACT", *ACTS), (*_ROWS, *_ROW_BUS), "2", why="an activation takes two cycles of the row bus"),
    Rule(CHANNEL, ("PRE", *_REFRESHES), _ROW_BUS, "1", why="one command per cycle on the row command bus"),
    Rule(CHANNEL, CLOSES, (*_ROWS, *_ROW_BUS), "1", why="one command per cycle on the row command bus"),
    Rule(CHANNEL, _COLUMN_BUS, (*COLUMNS, *_COLUMN_BUS), "1", why="one command per cycle on the column command bus"),
    Rule(CHANNEL, COLUMNS, _COLUMN_BUS, "1", why="one command per cycle on the column command bus"),
)

HBM3_ATTACC = HBM3.variant(
    "hbm3-attacc",
    "attacc_simulator@c1540de pim_ramulator_src/HBM3-PIM.cpp: its gaps; tRP before a refresh is kept as well",
    commands=_COMMANDS,
    rules=_RULES,
)
