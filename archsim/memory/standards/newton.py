"""Newton: GEMV in the banks of HBM2, one row buffer per bank, vectors from a global buffer of the channel.

Four banks open together (G_ACT), every bank of the channel multiplies one column with the vector's (COMP), and the sums
of all banks leave in one burst (READRES). The rules that the variant with two row buffers shares are named apart.
"""

from __future__ import annotations

from archsim.memory.protocol import Command, Rule
from archsim.memory.standards.common import (
    BANK,
    CHANNEL,
    CLOSED,
    COLUMNS,
    COMMON,
    GROUP,
    OPEN,
    RANK,
    READ_CLOSES,
    READS,
    WRITE_CLOSES,
    WRITES,
    one_bus,
)

COLUMN = "max(tBURST, tCCD_S)"
TURN = "tCL + tBURST + tRTRS - tCWL"
OTHER_DRIVER = "tBURST + tRTRS"
WRITTEN = "tCWL + tBURST + tWTR_S"

PREA = Command("PREA", "close the rows of every bank of a rank", scope=RANK, leaves=CLOSED)
"""Precharge of all banks, which ordinary HBM has too but no other controller here uses."""

GWRITE = Command("GWRITE", "copy the open row of one bank to the channel's vector buffer", needs=OPEN, done="tGWRITE")

COMMANDS = (
    GWRITE,
    Command("G_ACT", "open a row in every bank of a group", scope=GROUP, needs=CLOSED, leaves=OPEN, closed_by="PREA"),
    Command(
        "COMP",
        "every bank multiplies one column of its row with the vector's and adds up",
        scope=CHANNEL,
        needs=OPEN,
        opened_by="G_ACT",
        closed_by="PREA",
    ),
    Command(
        "READRES",
        "read the sum of every bank in one burst",
        scope=CHANNEL,
        column=True,
        needs=OPEN,
        opened_by="G_ACT",
        closed_by="PREA",
        done="tCL + tBURST",
    ),
    PREA,
    Command("REF", "refresh every bank of a rank", scope=RANK, needs=CLOSED, closed_by="PREA"),
)

VECTOR_RULES = (
    Rule(BANK, ("ACT",), ("GWRITE",), "tRCDRD"),
    Rule(BANK, ("GWRITE",), (*COLUMNS, "PRE"), "tGWRITE", why="its row is being copied"),
    Rule(GROUP, READS, ("GWRITE",), "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(GROUP, ("GWRITE",), READS, "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(RANK, READS, ("GWRITE",), COLUMN),
    Rule(RANK, ("GWRITE",), READS, COLUMN),
    Rule(RANK, ("GWRITE",), WRITES, TURN),
    Rule(GROUP, WRITES, ("GWRITE",), "tCWL + tBURST + tWTR_L", why="written data leave the column path"),
    Rule(RANK, WRITES, ("GWRITE",), WRITTEN),
    Rule(CHANNEL, ("GWRITE",), ("GWRITE", "G_ACT", "COMP", "READRES"), "tGWRITE", why="the vector comes first"),
)
"""Between the vector buffer and everything else."""

COMPUTE_RULES = (
    Rule(RANK, ("G_ACT",), ("COMP", "READRES"), "tRCDRD", why="the sense amplifiers settle"),
    Rule(CHANNEL, ("COMP", "READRES"), ("COMP", "READRES", "GWRITE"), COLUMN, why="the column paths of all banks"),
    Rule(CHANNEL, ("COMP",), READS, COLUMN),
    Rule(CHANNEL, ("READRES",), READS, OTHER_DRIVER, why="the sums are on the data bus"),
    Rule(CHANNEL, ("COMP", "READRES"), WRITES, TURN),
    Rule(CHANNEL, ("READRES",), ("G_ACT",), "tRTP + tRP"),
    Rule(RANK, READS, ("COMP", "READRES"), COLUMN),
    Rule(CHANNEL, READS, ("READRES",), OTHER_DRIVER, why="another rank drives the data bus"),
    Rule(RANK, WRITES, ("COMP", "READRES"), WRITTEN),
)
"""Between computing, ordinary columns and group activations."""

GROUP_RULES = (
    Rule(GROUP, ("G_ACT",), ("G_ACT",), "tRC"),
    Rule(RANK, ("G_ACT",), ("G_ACT", "ACT"), "tFAW", why="it is four activations by itself"),
    Rule(GROUP, ("ACT",), ("G_ACT",), "tRRD_L"),
    Rule(RANK, ("ACT",), ("G_ACT",), "tRRD_S"),
    Rule(RANK, ("REF",), ("G_ACT",), "tRFC"),
)
"""Between group activations and single ones."""

ONE_BUFFER = (
    Rule(BANK, ("ACT",), ("G_ACT",), "tRC"),
    Rule(GROUP, ("G_ACT",), ("ACT",), "tRC"),
    Rule(GROUP, ("G_ACT",), ("RD", "RDA", "GWRITE"), "tRCDRD"),
    Rule(GROUP, ("G_ACT",), WRITES, "tRCDWR"),
    Rule(GROUP, ("G_ACT",), ("PRE", "PREA"), "tRAS", why="the rows are restored before they close"),
    Rule(GROUP, READS, ("COMP", "READRES"), "max(tBURST, tCCD_L)", why="one group's column path"),
    Rule(GROUP, WRITES, ("COMP", "READRES"), "tCWL + tBURST + tWTR_L", why="written data leave the column path"),
    Rule(CHANNEL, ("COMP", "READRES"), ("PRE", "PREA"), "tRTP"),
    Rule(BANK, ("PRE", "PREA"), ("G_ACT",), "tRP"),
    Rule(BANK, ("RDA",), ("G_ACT",), READ_CLOSES),
    Rule(BANK, ("WRA",), ("G_ACT",), WRITE_CLOSES),
    Rule(BANK, ("ACT",), ("PREA",), "tRAS"),
    Rule(BANK, ("RD",), ("PREA",), "tRTP"),
    Rule(BANK, ("WR",), ("PREA",), "tCWL + tBURST + tWR"),
    Rule(BANK, ("PREA",), ("ACT", "REF"), "tRP"),
    Rule(CHANNEL, ("GWRITE",), ("PREA",), "tGWRITE", why="the controller begins nothing before the vector is in"),
)
"""What follows from COMP and RD using the same row buffer."""

NEWTON = COMMON.variant(
    "newton",
    "NewtonSim in NeuPIMs (f299af3), timing.cc with pim_type SINGLE; precharges of all banks by JESD235",
    commands=COMMANDS,
    rules=(
        *VECTOR_RULES,
        *COMPUTE_RULES,
        *GROUP_RULES,
        *ONE_BUFFER,
        *one_bus("GWRITE", "G_ACT", "COMP", "READRES", "PREA"),
    ),
)
