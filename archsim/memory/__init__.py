"""DRAM protocol tables and the compiled command scheduler that interprets them; SRAM and flash."""
