"""HBM3: the rules of HBM2; every pseudo channel is a channel of its own here."""

from __future__ import annotations

from archsim.memory.standards.hbm2 import HBM2

HBM3 = HBM2.variant("hbm3", "JESD238; command buses that two pseudo channels share are not modelled as shared")
