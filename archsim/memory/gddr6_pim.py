"""GDDR6 with multiply-accumulate units at the banks: the protocol of PIM-GPT-like memories and of GDDR6-AiM.

All-bank commands act on every bank of a channel in step. The global buffer (GB) holds the input segment that all
banks share; each bank has one accumulator that RDMAC reads out, all banks' results side by side.
"""

from __future__ import annotations

from archsim.memory.protocol import BankState, Command, Protocol, Rule, Scope

CH, BK = Scope.CHANNEL, Scope.BANK
OPEN, CLOSED = BankState.OPEN, BankState.CLOSED
COLUMN_OUT = ("RD", "RDMAC")
COLUMN_IN = ("WR", "WRGB")

COMMANDS = (
    Command("ACT", "open a row in one bank", needs=CLOSED, leaves=OPEN),
    Command("PRE", "close the row of one bank", needs=OPEN, leaves=CLOSED),
    Command("RD", "read one burst from an open row to the interface", column=True, needs=OPEN),
    Command("WR", "write one burst to an open row", column=True, needs=OPEN),
    Command("ACTAB", "open the same row in all banks", scope=CH, needs=CLOSED, leaves=OPEN),
    Command("PREAB", "close the rows of all banks", scope=CH, leaves=CLOSED),
    Command(
        "MACAB",
        "every bank multiplies one column with the matching part of the GB and accumulates",
        scope=CH,
        needs=OPEN,
        opened_by="ACTAB",
        closed_by="PREAB",
    ),
    Command("WRGB", "write one burst of the input vector to the GB", scope=CH),
    Command("RDMAC", "read the accumulators of all banks and clear them", scope=CH),
    Command("REFAB", "refresh all banks", scope=CH, suspends=True, needs=CLOSED, closed_by="PREAB"),
)
NAMES = tuple(c.name for c in COMMANDS)

RULES = (
    Rule(CH, NAMES, NAMES, "tCK", why="one command per clock on the command bus"),
    Rule(BK, ("ACT",), ("RD", "WR"), "tRCD"),
    Rule(BK, ("ACT",), ("PRE",), "tRAS"),
    Rule(BK, ("ACT",), ("ACT",), "tRAS + tRP"),
    Rule(BK, ("PRE",), ("ACT",), "tRP"),
    Rule(BK, ("RD",), ("PRE",), "tRTP"),
    Rule(BK, ("WR",), ("PRE",), "tCWL + tBURST + tWR", why="data restored before the row closes"),
    Rule(CH, ("ACT",), ("ACT",), "tRRD"),
    Rule(CH, ("ACT",), ("ACT",), "tFAW", window=4, why="charge pump: four single-bank activations per window"),
    Rule(CH, ("PRE",), ("ACTAB", "REFAB"), "tRP"),
    Rule(CH, ("ACT",), ("PREAB",), "tRAS"),
    Rule(CH, ("ACT",), ("ACTAB", "REFAB"), "tRAS + tRP"),
    Rule(CH, ("RD",), ("PREAB",), "tRTP"),
    Rule(CH, ("WR",), ("PREAB",), "tCWL + tBURST + tWR"),
    Rule(CH, COLUMN_OUT, COLUMN_OUT, "max(tCCD, tBURST)", why="the data bus"),
    Rule(CH, COLUMN_IN, COLUMN_IN, "max(tCCD, tBURST)", why="the data bus"),
    Rule(CH, COLUMN_OUT, COLUMN_IN, "tRTW", why="bus turns from read to write"),
    Rule(CH, ("WR",), COLUMN_OUT, "tCWL + tBURST + tWTR", why="bus turns from write to read"),
    Rule(CH, ("WRGB",), COLUMN_OUT, "tBURST + tWTR", why="bus turns from write to read"),
    Rule(CH, ("ACTAB",), ("MACAB",), "tRCDMAC"),
    Rule(CH, ("ACTAB",), ("PREAB",), "tRAS"),
    Rule(CH, ("ACTAB",), ("ACTAB",), "tRAS + tRP"),
    Rule(CH, ("MACAB",), ("PREAB",), "tRTP"),
    Rule(CH, ("PREAB",), ("ACTAB", "ACT", "REFAB"), "tRP"),
    Rule(CH, ("MACAB",), ("MACAB",), "tMAC", why="column access and multiplier rate, whichever is slower"),
    Rule(CH, ("MACAB",), ("RDMAC", "WRGB"), "tMAC", why="the pipeline keeps commands in order"),
    Rule(CH, ("RDMAC",), ("MACAB",), "tCCD", why="the accumulator restarts"),
    Rule(CH, ("WRGB",), ("MACAB",), "tBURST", why="the last part of the segment has arrived"),
    Rule(CH, ("REFAB",), ("ACTAB", "ACT", "REFAB"), "tRFC"),
)

GDDR6_PIM = Protocol(
    "gddr6-pim", COMMANDS, RULES, "PIM-GPT (arXiv 2310.09385) for the mechanisms; GDDR6-AiM for rules it leaves open"
)
