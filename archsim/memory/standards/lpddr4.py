"""LPDDR4: refresh of single banks, precharges a few cycles apart."""

from __future__ import annotations

from archsim.memory.standards.common import COMMON, ONE_BANK_RULES, PRECHARGES_APART, REFRESH_ONE_BANK, one_bus

LPDDR4 = COMMON.variant(
    "lpddr4",
    "JESD209-4",
    commands=REFRESH_ONE_BANK,
    rules=(*PRECHARGES_APART, *ONE_BANK_RULES, *one_bus("REFPB")),
)
