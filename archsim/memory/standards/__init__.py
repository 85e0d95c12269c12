"""Protocols of ordinary DRAM, by name: what they share is in `common`, each standard names only its difference."""

from __future__ import annotations

from archsim.core.registry import Registry
from archsim.memory.protocol import Protocol
from archsim.memory.standards.ddr4 import DDR4
from archsim.memory.standards.ddr5 import DDR5
from archsim.memory.standards.gddr6 import GDDR6
from archsim.memory.standards.gddr6_aim import GDDR6_AIM
from archsim.memory.standards.hbm2 import HBM2, HBM2E
from archsim.memory.standards.hbm3 import HBM3
from archsim.memory.standards.hbm3_attacc import HBM3_ATTACC
from archsim.memory.standards.hbm_pim import HBM_PIM
from archsim.memory.standards.lpddr4 import LPDDR4
from archsim.memory.standards.lpddr5 import LPDDR5
from archsim.memory.standards.neupims import NEUPIMS
from archsim.memory.standards.newton import NEWTON

STANDARDS: Registry[Protocol] = Registry("DRAM standard")
"""Every standard that a device can name."""

for _protocol in (
    DDR4,
    DDR5,
    GDDR6,
    GDDR6_AIM,
    HBM2,
    HBM2E,
    HBM3,
    HBM3_ATTACC,
    HBM_PIM,
    LPDDR4,
    LPDDR5,
    NEUPIMS,
    NEWTON,
):
    STANDARDS.add(_protocol.name, _protocol)

__all__ = [
    "DDR4",
    "DDR5",
    "GDDR6",
    "GDDR6_AIM",
    "HBM2",
    "HBM2E",
    "HBM3",
    "HBM3_ATTACC",
    "HBM_PIM",
    "LPDDR4",
    "LPDDR5",
    "NEUPIMS",
    "NEWTON",
    "STANDARDS",
]
