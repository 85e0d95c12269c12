"""HBM2 and HBM2E: separate buses for row and column commands, refresh of single banks."""

from __future__ import annotations

from archsim.memory.standards.common import COMMON, ONE_BANK_RULES, REFRESH_ONE_BANK, two_buses

HBM2 = COMMON.variant(
    "hbm2",
    "JESD235; the buses follow DRAMsim3's dual command issue",
    commands=REFRESH_ONE_BANK,
    rules=(*ONE_BANK_RULES, *two_buses("REFPB")),
)

HBM2E = HBM2.variant("hbm2e", "JESD235C: the rules of HBM2 at a higher rate")
