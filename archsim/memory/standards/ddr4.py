"""DDR4: bank groups, one command bus, refresh of whole ranks."""

from __future__ import annotations

from archsim.memory.standards.common import COMMON, one_bus

DDR4 = COMMON.variant("ddr4", "JESD79-4", rules=one_bus())
