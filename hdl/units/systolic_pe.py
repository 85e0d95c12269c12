"""RTL of one processing element of a systolic array, alone and as the cell that the array is made of."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from archsim.hdl.body import Body, body
from archsim.units.cores.systolic_pe import SystolicPe


class Cell(wiring.Component):
    """The element without handshake: every input moves one register on in each cycle.

    Both dataflows have the same members. `moving` is the sum from above (ws) or the drained sum from below (os),
    `other` the weight (ws) or the second operand (os), `one` and `two` are the flags.
    """

    def __init__(self, spec: SystolicPe) -> None:
        shapes = {
            "a": signed(spec.bits),
            "other": signed(spec.bits),
            "moving": signed(spec.sum_bits),
            "one": 1,
            "two": 1,
        }
        super().__init__(
            {name: In(shape) for name, shape in shapes.items()}
            | {f"{name}_out": Out(shape) for name, shape in shapes.items()}
        )
        self._spec = spec

    def elaborate(self, platform: Any) -> Any:
        """Registers for what passes, and the multiply-accumulate of the dataflow."""
        m = Module()
        m.d.sync += [self.one_out.eq(self.one), self.two_out.eq(self.two)]
        m.d.comb += self.a_out.eq(_register(m, self.a, "a_kept"))
        if self._spec.dataflow == "ws":
            self._weights_stay(m)
        else:
            self._sums_stay(m)
        return m

    def _weights_stay(self, m: Any) -> None:
        held, spare = Signal(signed(self._spec.bits)), Signal(signed(self._spec.bits))
        weight = Signal(signed(self._spec.bits))
        m.d.comb += weight.eq(Mux(self.two, spare, held))
        total = (self.moving + self.a * weight)[: self._spec.sum_bits]
        m.d.comb += self.other_out.eq(_register(m, spare, "other_kept"))
        m.d.comb += self.moving_out.eq(_register(m, total, "total_kept"))
        m.d.sync += held.eq(weight)
        with m.If(self.one):
            m.d.sync += spare.eq(self.other)

    def _sums_stay(self, m: Any) -> None:
        kept, total = Signal(signed(self._spec.sum_bits)), Signal(signed(self._spec.sum_bits))
        m.d.comb += total.eq(Mux(self.one, 0, kept) + self.a * self.other)
        m.d.comb += self.other_out.eq(_register(m, self.other, "other_kept"))
        m.d.comb += self.moving_out.eq(_register(m, Mux(self.two, total, self.moving), "drained_kept"))
        m.d.sync += kept.eq(total)


def _register(m: Any, value: Any, name: str) -> Any:
    """A value one cycle later; what it is before the first beat does not matter, so that reset leaves it alone."""
    register = Signal(len(value), name=name, reset_less=True)
    m.d.sync += register.eq(value)
    return register


@body("systolic_pe")
class SystolicPeRtl(Body):
    """A cell behind a handshake that always takes: in a cycle without a beat no flag is set and nothing is added."""

    def elaborate(self, platform: Any) -> Any:
        """The cell, and a register for `valid`."""
        m = Module()
        m.submodules.cell = cell = Cell(self.spec)
        given, found = self.i.payload, self.o.payload
        names = ("a", "w", "total") if self.spec.dataflow == "ws" else ("a", "b", "below")
        drained = "total" if self.spec.dataflow == "ws" else "drained"
        one, two = self.spec.flags
        m.d.comb += [
            self.i.ready.eq(1),
            cell.a.eq(Mux(self.i.valid, given[names[0]], 0)),
            cell.other.eq(given[names[1]]),
            cell.moving.eq(given[names[2]]),
            cell.one.eq(given[one] & self.i.valid),
            cell.two.eq(given[two] & self.i.valid),
            found[names[0]].eq(cell.a_out),
            found[names[1]].eq(cell.other_out),
            found[drained].eq(cell.moving_out),
            found[one].eq(cell.one_out),
            found[two].eq(cell.two_out),
        ]
        m.d.sync += self.o.valid.eq(self.i.valid)
        return m
