"""GDDR6: a second activation window of 32, refresh of single banks, precharges a few cycles apart."""

from __future__ import annotations

from archsim.memory.protocol import Rule
from archsim.memory.standards.common import (
    COMMON,
    ONE_BANK_RULES,
    PRECHARGES_APART,
    RANK,
    REFRESH_ONE_BANK,
    one_bus,
)

GDDR6 = COMMON.variant(
    "gddr6",
    "JESD250",
    commands=REFRESH_ONE_BANK,
    rules=(
        Rule(RANK, ("ACT",), ("ACT",), "t32AW", window=32, why="charge pump, in the long run"),
        *PRECHARGES_APART,
        *ONE_BANK_RULES,
        *one_bus("REFPB"),
    ),
)
