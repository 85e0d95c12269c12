"""Units with a fault, which a proof must find."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from archsim.hdl.body import Body, build
from archsim.units.cores.core import Core


class Mutant(Body):
    """The unit's own RTL behind a fault at its ports.

    Parameters
    ----------
    spec
        The unit.
    fault
        ``late``: outputs come one cycle later. ``lossy``: an output that has waited a cycle is dropped.
        ``greedy``: beats are taken although the unit does not take them.
    """

    def __init__(self, spec: Core, fault: str) -> None:
        super().__init__(spec)
        self._fault = fault

    def elaborate(self, platform: Any) -> Any:
        """The unit and the fault."""
        m = Module()
        m.submodules.unit = unit = build(self.spec)
        {"late": self._late, "lossy": self._lossy, "greedy": self._greedy}[self._fault](m, unit)
        return m

    def _late(self, m: Any, unit: Body) -> None:
        wiring.connect(m, wiring.flipped(self.i), unit.i)
        moves = Signal()
        m.d.comb += moves.eq(~self.o.valid | self.o.ready)
        if self.spec.elastic:
            m.d.comb += unit.o.ready.eq(moves)
        with m.If(moves):
            m.d.sync += [self.o.valid.eq(unit.o.valid), self.o.payload.as_value().eq(unit.o.payload.as_value())]

    def _lossy(self, m: Any, unit: Body) -> None:
        wiring.connect(m, wiring.flipped(self.i), unit.i)
        waited = Signal()
        m.d.sync += waited.eq(self.o.valid & ~self.o.ready)
        m.d.comb += [
            unit.o.ready.eq(self.o.ready | waited),
            self.o.valid.eq(unit.o.valid & ~waited),
            self.o.payload.as_value().eq(unit.o.payload.as_value()),
        ]

    def _greedy(self, m: Any, unit: Body) -> None:
        wiring.connect(m, unit.o, wiring.flipped(self.o))
        m.d.comb += [
            unit.i.valid.eq(self.i.valid),
            unit.i.payload.as_value().eq(self.i.payload.as_value()),
            self.i.ready.eq(1),
        ]
