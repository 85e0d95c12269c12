"""LPDDR4: commands of two and four clocks on six wires, refresh of single banks, precharges a few cycles apart."""

from __future__ import annotations

from archsim.memory.standards.common import (
    COLUMNS,
    COMMON,
    ONE_BANK_RULES,
    PRECHARGES_APART,
    REFRESH_ONE_BANK,
    one_bus,
)

LOW_POWER = COMMON.variant(
    "lpddr", "what LPDDR4 and LPDDR5 share", commands=REFRESH_ONE_BANK, rules=(*PRECHARGES_APART, *ONE_BANK_RULES)
)

# ACT-1 with ACT-2, RD-1 or WR-1 with CAS-2: two clocks each. A gap counts from the first clock of a command to the
# first clock of the next.
SLOTS = {"ACT": "4", **dict.fromkeys(COLUMNS, "4"), "PRE": "2", "REF": "2", "REFPB": "2"}

LPDDR4 = LOW_POWER.variant("lpddr4", "JESD209-4", rules=one_bus("REFPB", slots=SLOTS))
