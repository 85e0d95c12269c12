"""GPT on PIM DRAM: GDDR6 banks that multiply, and one controller chip that does the rest (PIM-GPT, GDDR6-AiM)."""

from archsim.models.pim_dram.spec import Asic, PimDram, PimMemory
from archsim.models.pim_dram.timing import PimTiming

__all__ = ["Asic", "PimDram", "PimMemory", "PimTiming"]
