"""Synthesis of units with yosys: cells and area of a standard-cell library, LUTs, DSPs and registers of FPGAs."""
