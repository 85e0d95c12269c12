"""RTL of the reciprocal.

::

    x ─┬─ 6 bits ─ table ─ y0 ─┬──────────────── * ─ y1 (again) ─ 2^-e ─ sign, special ─ y
       └─ m ────────────────── * ─ 2 minus it ───┘
"""

from __future__ import annotations

from archsim.hdl.body import body
from archsim.hdl.flow import FlowBody


@body("reciprocal")
class ReciprocalRtl(FlowBody):
    """The pipeline of `archsim.units.cores.reciprocal`."""
