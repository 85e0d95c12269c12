"""A cycle-level simulator for transformer accelerators: one workload, one mapping language, one clock, one report."""

__version__ = "0.1.0"
