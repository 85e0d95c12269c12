"""What all standards have in common: one row buffer per bank, columns through it, refresh of a whole rank.

Gaps are in clock cycles, in the names of the data sheets. tBURST is the time of one burst on the data bus.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archsim.memory.protocol import BankState, Command, Protocol, Rule, Scope

BANK, GROUP, RANK, OTHERS, CHANNEL = Scope.BANK, Scope.BANK_GROUP, Scope.RANK, Scope.OTHER_RANKS, Scope.CHANNEL
OPEN, CLOSED = BankState.OPEN, BankState.CLOSED

READS, WRITES = ("RD", "RDA"), ("WR", "WRA")
COLUMNS = (*READS, *WRITES)
ROWS = ("ACT", "PRE", "REF")
READ_CLOSES, WRITE_CLOSES = "tRTP + tRP", "tCWL + tBURST + tWR + tRP"

COMMANDS = (
    Command("ACT", "open a row in one bank", needs=CLOSED, leaves=OPEN),
    Command("PRE", "close the row of one bank, if one is open", leaves=CLOSED),
    Command("RD", "read one burst from the open row", column=True, needs=OPEN),
    Command("WR", "write one burst to the open row", column=True, needs=OPEN),
    Command("RDA", "read one burst, then close the row", column=True, needs=OPEN, leaves=CLOSED),
    Command("WRA", "write one burst, then close the row", column=True, needs=OPEN, leaves=CLOSED),
    Command("REF", "refresh every bank of a rank", scope=RANK, needs=CLOSED),
)

RULES = (
    Rule(BANK, ("ACT",), READS, "tRCDRD", why="the sense amplifiers settle"),
    Rule(BANK, ("ACT",), WRITES, "tRCDWR", why="the sense amplifiers settle"),
    Rule(BANK, ("ACT",), ("PRE",), "tRAS", why="the row is restored before it closes"),
    Rule(BANK, ("ACT",), ("ACT", "REF"), "tRC", why="one row cycle"),
    Rule(BANK, ("PRE",), ("ACT", "REF"), "tRP", why="the bit lines return to rest"),
    Rule(BANK, ("RD",), ("PRE",), "tRTP", why="the burst has left the row buffer"),
    Rule(BANK, ("WR",), ("PRE",), "tCWL + tBURST + tWR", why="the data reach the cells before the row closes"),
    Rule(BANK, ("RDA",), ("ACT", "REF"), READ_CLOSES, why="the row closes by itself"),
    Rule(BANK, ("WRA",), ("ACT", "REF"), WRITE_CLOSES, why="the row closes by itself"),
    Rule(GROUP, ("ACT",), ("ACT",), "tRRD_L", why="activations share supplies"),
    Rule(RANK, ("ACT",), ("ACT",), "tRRD_S", why="activations share supplies"),
    Rule(RANK, ("ACT",), ("ACT",), "tFAW", window=4, why="charge pump: four activations per window"),
    Rule(GROUP, READS, READS, "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(GROUP, WRITES, WRITES, "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(RANK, READS, READS, "max(tBURST, tCCD_S)", why="the data bus"),
    Rule(RANK, WRITES, WRITES, "max(tBURST, tCCD_S)", why="the data bus"),
    Rule(RANK, READS, WRITES, "tCL + tBURST + tRTRS - tCWL", why="the data bus turns from read to write"),
    Rule(GROUP, WRITES, READS, "tCWL + tBURST + tWTR_L", why="written data leave the column path"),
    Rule(RANK, WRITES, READS, "tCWL + tBURST + tWTR_S", why="the data bus turns from write to read"),
    Rule(OTHERS, READS, READS, "tBURST + tRTRS", why="another rank drives the data bus"),
    Rule(OTHERS, WRITES, WRITES, "tBURST", why="the data bus"),
    Rule(OTHERS, READS, WRITES, "tCL + tBURST + tRTRS - tCWL", why="the data bus turns"),
    Rule(OTHERS, WRITES, READS, "max(tCWL + tBURST + tRTRS - tCL, 1)", why="the data bus turns"),
    Rule(RANK, ("REF",), ("ACT", "REF"), "tRFC", why="rows are being refreshed"),
)

COMMON = Protocol("dram", COMMANDS, RULES, "JEDEC; which scope each gap has follows DRAMsim3 (29817593)")

REFRESH_ONE_BANK = (Command("REFPB", "refresh one bank while the others work", needs=CLOSED),)
"""The command of standards that can refresh single banks."""

ONE_BANK_RULES = (
    Rule(BANK, ("ACT",), ("REFPB",), "tRC", why="one row cycle"),
    Rule(BANK, ("PRE",), ("REFPB",), "tRP", why="the bit lines return to rest"),
    Rule(BANK, ("RDA",), ("REFPB",), READ_CLOSES, why="the row closes by itself"),
    Rule(BANK, ("WRA",), ("REFPB",), WRITE_CLOSES, why="the row closes by itself"),
    Rule(BANK, ("REFPB",), ("ACT",), "tRFCPB", why="rows are being refreshed"),
    Rule(RANK, ("REFPB",), ("REFPB", "REF"), "tRFCPB", why="one bank at a time"),
    Rule(RANK, ("REFPB",), ("ACT",), "tRREFD", why="a refresh is an activation too"),
    Rule(RANK, ("ACT",), ("REFPB",), "tRREFD", why="a refresh is an activation too"),
    Rule(RANK, ("REF",), ("REFPB",), "tRFC", why="rows are being refreshed"),
)

PRECHARGES_APART = (Rule(RANK, ("PRE",), ("PRE",), "tPPD", why="one precharge at a time"),)
"""Where precharges of different banks keep a distance."""


def one_bus(*names: str, slots: Mapping[str, str] | None = None) -> tuple[Rule, ...]:
    """All commands, those of `names` included, share one command bus.

    Parameters
    ----------
    names
        Commands beside those that all standards have.
    slots
        Cycles on the bus, as an expression of timing names, of the commands that take other than one.
    """
    every = (*ROWS, *COLUMNS, *names)
    lengths = dict.fromkeys(every, "1") | dict(slots or {})
    return tuple(
        Rule(
            CHANNEL,
            tuple(name for name in every if lengths[name] == length),
            every,
            length,
            why="one command per cycle on the command bus" if length == "1" else f"{length} cycles on the command bus",
        )
        for length in dict.fromkeys(lengths.values())
    )


def single_cycle(protocol: Protocol) -> Protocol:
    """The protocol with commands that all take one cycle on their bus, as simulators count that know no longer ones."""
    rules = (replace(rule, gap="1") if rule.scope is CHANNEL else rule for rule in protocol.rules)
    return replace(protocol, rules=tuple(rules))


def two_buses(*names: str) -> tuple[Rule, ...]:
    """Row commands, those of `names` included, and column commands have a bus each."""
    rows = (*ROWS, *names)
    return (
        Rule(CHANNEL, rows, rows, "1", why="one command per cycle on the row command bus"),
        Rule(CHANNEL, COLUMNS, COLUMNS, "1", why="one command per cycle on the column command bus"),
    )
