"""LPDDR5: bank groups at high rates; ACT-1 and ACT-2, and a CAS before column commands while the data clock is off."""

from __future__ import annotations

from archsim.memory.standards.common import COLUMNS, one_bus
from archsim.memory.standards.lpddr4 import LOW_POWER

SLOTS = {"ACT": "2", **dict.fromkeys(COLUMNS, "1 + tCAS")}

LPDDR5 = LOW_POWER.variant(
    "lpddr5",
    "JESD209-5, with ACT-1 and ACT-2 back to back",
    rules=one_bus("REFPB", slots=SLOTS),
)
