"""DDR5: two narrow channels per module, bursts of 16, writes of one bank group further apart than reads."""

from __future__ import annotations

from archsim.memory.protocol import Rule
from archsim.memory.standards.common import GROUP, WRITES
from archsim.memory.standards.ddr4 import DDR4

DDR5 = DDR4.variant(
    "ddr5",
    "JESD79-5",
    rules=(Rule(GROUP, WRITES, WRITES, "max(tBURST, tCCD_L_WR)", why="a write may read, correct and write back"),),
)
