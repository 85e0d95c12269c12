"""Verification of units: Amaranth's simulator, cocotb on the exported Verilog, measured contracts."""
