"""LPDDR5: bank groups at high rates; the activate command takes two slots of the command bus."""

from __future__ import annotations

from archsim.memory.protocol import Rule
from archsim.memory.standards.common import CHANNEL, COLUMNS, ROWS
from archsim.memory.standards.lpddr4 import LPDDR4

LPDDR5 = LPDDR4.variant(
    "lpddr5",
    "JESD209-5",
    rules=(Rule(CHANNEL, ("ACT",), (*ROWS, *COLUMNS, "REFPB"), "2", why="ACT-1 and ACT-2"),),
)
