"""RTL of the exponential.

::

    x ──┬─ * log2 e ─ round ─┬─────────────────────────── 2^k ─ special ─ y
        │                    └ * -ln 2 ┐                   │       │
        ├──────────── delay ───────────+── Horner ─────────┘       │
        └──────────── delay ───────────────────────────────────────┘
"""

from __future__ import annotations

from archsim.hdl.body import body
from archsim.hdl.flow import FlowBody


@body("exp")
class ExpRtl(FlowBody):
    """The pipeline of `archsim.units.cores.exp`."""
