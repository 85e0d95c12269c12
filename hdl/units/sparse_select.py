"""RTL of the 2:4 selector: multiplexers and one register."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Module

from archsim.hdl.body import Body, body
from archsim.hdl.pipe import delayed, handshake
from archsim.units.cores.sparse_select import GROUP, KEPT, PER_LANE
from archsim.units.cores.var_mac import DIGITS


@body("sparse_select")
class SparseSelectRtl(Body):
    """One stage, which moves unless its output waits to be taken."""

    def elaborate(self, platform: Any) -> Any:
        """The multiplexers, and the register behind them."""
        m = Module()
        given, found = self.i.payload, self.o.payload
        enable = handshake(m, self)
        passing = {name: given[name] for name in ("mode", "first", "last", "w")}
        chosen = {f"a{place}": self._chosen(place) for place in range(self.spec.lanes * DIGITS)}
        kept = delayed(m, enable, {"valid": self.i.valid, **passing, **chosen}, name="kept")
        m.d.comb += self.o.valid.eq(kept["valid"])
        m.d.comb += [found[name].eq(kept[name]) for name in passing]
        m.d.comb += [found.a[place].eq(kept[name]) for place, name in enumerate(chosen)]
        return m

    def _chosen(self, place: int) -> Any:
        """The activation that the index of a place points to: indexing is a multiplexer of four."""
        lane, digit = divmod(place, DIGITS)
        first = lane * PER_LANE + digit // KEPT * GROUP
        return Array(self.i.payload.a[first + k] for k in range(GROUP))[self.i.payload.index[place]]
