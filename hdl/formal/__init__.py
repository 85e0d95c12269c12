"""Proofs about the control of units, by yosys and z3: latency, handshake, timing rules; with mutants that fail."""
