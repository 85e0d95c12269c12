"""Prove everything and say how long it took: ``python -m archsim.hdl.formal``."""

from __future__ import annotations

import sys
import time

from archsim.hdl.formal.proofs import CLAIMS, bank_rules, contract
from archsim.units.cores.dual_row_bank import DualRowBank

if __name__ == "__main__":
    failed = 0
    for name in [*CLAIMS, "dual_row_bank"]:
        start = time.monotonic()
        verdict = contract(name) if name in CLAIMS else bank_rules(DualRowBank())
        failed += not verdict.holds
        print(f"{name}: {'proven' if verdict.holds else verdict.failing}, {time.monotonic() - start:.1f} s", flush=True)
    sys.exit(failed > 0)
