"""RTL of GELU.

::

    x ─┬─ fix point of |x| ─┬─ segment ─ table ─┐
       │                    └─ place ─ * + ─ * + ─ to fp32 ─ if |x| < 4 ┐
       └─ max(x, 0) ───────────────────────────────────────────────── - ─ y
"""

from __future__ import annotations

from archsim.hdl.body import body
from archsim.hdl.flow import FlowBody


@body("gelu")
class GeluRtl(FlowBody):
    """The pipeline of `archsim.units.cores.gelu`."""
