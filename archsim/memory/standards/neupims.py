"""NeuPIMs: Newton with a second row buffer per bank, so that ordinary requests go on while the banks compute.

One macro (COMPS_READRES) stands for n COMPs and a READRES and takes one slot of the command bus; a header before each
tile closes the rows of the tile before. What depends on n is in no table: the program says how long the next macro
waits (`Do.hold`) and how many cycles a tile needs before the next refresh (`Do.reserve`).
"""

from __future__ import annotations

from dataclasses import replace

from archsim.memory.protocol import Command, Rule
from archsim.memory.standards.common import BANK, CHANNEL, CLOSED, COMMON, GROUP, OPEN, RANK, READS, WRITES, one_bus
from archsim.memory.standards.newton import (
    COLUMN,
    COMMANDS,
    COMPUTE_RULES,
    GROUP_RULES,
    OTHER_DRIVER,
    TURN,
    VECTOR_RULES,
    WRITTEN,
)

CLOSER = "PIM_PRECHARGE"
_OF_NEWTON = {command.name: command for command in COMMANDS}

SECOND = (
    # The bank machine keeps both row buffers apart, so it takes a PRE only where the first one has a row to close.
    Command("PRE", "close the row of one bank", needs=OPEN, leaves=CLOSED),
    _OF_NEWTON["GWRITE"],
    *(replace(_OF_NEWTON[name], row_buffer=1, closed_by=CLOSER) for name in ("G_ACT", "COMP", "READRES")),
    Command(
        "COMPS_READRES",
        "n COMPs and a READRES as one command",
        scope=CHANNEL,
        column=True,
        needs=OPEN,
        row_buffer=1,
        opened_by="G_ACT",
        closed_by=CLOSER,
        done="tCL + tBURST",
    ),
    Command(
        "P_HEADER",
        "announce a tile: the rows of the one before close",
        scope=CHANNEL,
        needs=CLOSED,
        row_buffer=1,
        closed_by=CLOSER,
    ),
    Command(CLOSER, "close the second row buffer of one bank", needs=OPEN, leaves=CLOSED, row_buffer=1),
)

MACRO_RULES = (
    Rule(CHANNEL, ("COMPS_READRES",), ("COMPS_READRES",), f"{COLUMN} * (nFILL + 1)", why="the adder trees fill"),
    Rule(CHANNEL, ("COMPS_READRES",), ("COMP", "READRES", "GWRITE"), COLUMN),
    Rule(CHANNEL, ("COMPS_READRES",), READS, OTHER_DRIVER, why="the sums are on the data bus"),
    Rule(CHANNEL, ("COMPS_READRES",), WRITES, TURN),
    Rule(CHANNEL, ("COMPS_READRES",), ("G_ACT",), "tRTP + tRP"),
    Rule(RANK, ("G_ACT",), ("COMPS_READRES",), "tRCDRD", why="the sense amplifiers settle"),
    Rule(RANK, READS, ("COMPS_READRES",), COLUMN),
    Rule(RANK, WRITES, ("COMPS_READRES",), WRITTEN),
)
"""The macro as the reference times it: ordinary columns and precharges do not wait for its n COMPs."""

TWO_BUFFERS = (
    Rule(BANK, ("ACT",), ("G_ACT",), "tRRD_L"),
    Rule(GROUP, ("G_ACT",), ("ACT",), "tRRD_L"),
    Rule(GROUP, ("G_ACT",), (CLOSER,), "tRAS", why="the rows are restored before they close"),
    Rule(CHANNEL, ("COMP", "READRES", "COMPS_READRES"), (CLOSER,), "tRTP"),
    Rule(BANK, (CLOSER,), ("G_ACT", "REF"), "tRP"),
    Rule(
        CHANNEL,
        ("GWRITE",),
        ("COMPS_READRES", "P_HEADER", CLOSER),
        "tGWRITE",
        why="the controller begins nothing before the vector is in",
    ),
)
"""What two row buffers change: a bank may open a row in each, tRRD_L apart instead of tRC."""

NEUPIMS = COMMON.variant(
    "neupims",
    "NewtonSim in NeuPIMs (f299af3), timing.cc and channel_state.cc with pim_type DUAL",
    commands=SECOND,
    rules=(
        *VECTOR_RULES,
        *COMPUTE_RULES,
        *GROUP_RULES,
        *MACRO_RULES,
        *TWO_BUFFERS,
        *one_bus("GWRITE", "G_ACT", "COMP", "READRES", "COMPS_READRES", "P_HEADER", CLOSER),
    ),
)
