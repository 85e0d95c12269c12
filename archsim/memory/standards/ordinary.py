"""The standards of ordinary DRAM, without those that compute in the memory."""

from __future__ import annotations

from archsim.memory.protocol import Protocol
from archsim.memory.standards.ddr4 import DDR4
from archsim.memory.standards.ddr5 import DDR5
from archsim.memory.standards.gddr6 import GDDR6
from archsim.memory.standards.hbm2 import HBM2, HBM2E
from archsim.memory.standards.hbm3 import HBM3
from archsim.memory.standards.lpddr4 import LPDDR4
from archsim.memory.standards.lpddr5 import LPDDR5

ORDINARY: tuple[Protocol, ...] = (DDR4, DDR5, GDDR6, HBM2, HBM2E, HBM3, LPDDR4, LPDDR5)
"""What `archsim show standards` prints as one table."""
