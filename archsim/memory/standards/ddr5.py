"""DDR5: commands of two cycles, writes of a bank group further apart than reads, refresh of one bank in every group."""

from __future__ import annotations

from archsim.memory.protocol import Command, Rule, Scope
from archsim.memory.standards.common import (
    BANK,
    CLOSED,
    COLUMNS,
    COMMON,
    GROUP,
    RANK,
    READ_CLOSES,
    WRITE_CLOSES,
    WRITES,
    one_bus,
)

SLOTS = dict.fromkeys(("ACT", *COLUMNS), "2")

REFRESH_SAME_BANK = (
    Command("REFSB", "refresh the same bank of every group of a rank", scope=Scope.SAME_BANK, needs=CLOSED),
)

SAME_BANK_RULES = (
    Rule(BANK, ("ACT",), ("REFSB",), "tRC", why="one row cycle"),
    Rule(BANK, ("PRE",), ("REFSB",), "tRP", why="the bit lines return to rest"),
    Rule(BANK, ("RDA",), ("REFSB",), READ_CLOSES, why="the row closes by itself"),
    Rule(BANK, ("WRA",), ("REFSB",), WRITE_CLOSES, why="the row closes by itself"),
    Rule(BANK, ("REFSB",), ("ACT",), "tRFCSB", why="rows are being refreshed"),
    Rule(RANK, ("REFSB",), ("REFSB", "REF"), "tRFCSB", why="one of them at a time"),
    Rule(RANK, ("REFSB",), ("ACT",), "tREFSBRD", why="the other banks go on after a pause"),
    Rule(RANK, ("ACT",), ("REFSB",), "tRRD_L", why="a refresh is an activation too"),
    Rule(RANK, ("REF",), ("REFSB",), "tRFC", why="rows are being refreshed"),
)

DDR5 = COMMON.variant(
    "ddr5",
    "JESD79-5",
    commands=REFRESH_SAME_BANK,
    rules=(
        Rule(GROUP, WRITES, WRITES, "max(tBURST, tCCD_L_WR)", why="a write may read, correct and write back"),
        *SAME_BANK_RULES,
        *one_bus("REFSB", slots=SLOTS),
    ),
)
