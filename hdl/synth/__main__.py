"""Renew the kept results of all shipped units: ``python -m archsim.hdl.synth``."""

from __future__ import annotations

from archsim.hdl.synth.results import FILE, renew
from archsim.units.cores import shipped

if __name__ == "__main__":
    done = renew(shipped(), say=print)
    print(f"{FILE}: {len(done)} units synthesised")
