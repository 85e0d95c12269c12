"""RTL of the reciprocal square root.

::

    x ─┬─ parity, 5 bits ─ table ─ y0 ─┬─ square ─┐            ┌─ * ─ y1 (again) ─ 2^(-e/2) ─ special ─ y
       └─ m/2 ─────────────────────────│───────── * ─ 1.5 minus it
                                       └───────────────────────┘
"""

from __future__ import annotations

from archsim.hdl.body import body
from archsim.hdl.flow import FlowBody


@body("rsqrt")
class RsqrtRtl(FlowBody):
    """The pipeline of `archsim.units.cores.rsqrt`."""
