"""RTL of the bank datapath: see `archsim.units.cores.pim_bank` for its commands."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.memory import Memory

from archsim.hdl.body import Body, body
from archsim.hdl.units.dot_tree import DotTreeRtl
from archsim.units.cores.pim_bank import Op, PimBank


@body("pim_bank")
class PimBankRtl(Body):
    """A register file that is read at once, in front of the MAC tree; one bit knows whether a sum has begun."""

    spec: PimBank

    def elaborate(self, platform: object) -> Any:
        """Turn commands into beats of the tree."""
        m = Module()
        spec, command = self.spec, self.i.payload
        m.submodules.mac = mac = DotTreeRtl(spec.mac)
        width = spec.inputs[2].width
        m.submodules.buffer = buffer = Memory(shape=width, depth=spec.columns, init=[])
        write, read = buffer.write_port(), buffer.read_port(domain="comb")

        data = command.data.as_value() if spec.mac.lanes > 1 else command.data
        taken = self.i.valid & self.i.ready
        multiply, give = command.op == Op.MAC, command.op == Op.READ
        m.d.comb += [
            write.addr.eq(command.column),
            write.data.eq(data),
            write.en.eq(taken & (command.op == Op.LOAD)),
            read.addr.eq(command.column),
        ]

        fresh = Signal(init=1)
        with m.If(taken & (multiply | give)):
            m.d.sync += fresh.eq(give)

        operand, row = Signal(width), Signal(width)
        m.d.comb += [operand.eq(Mux(multiply, read.data, 0)), row.eq(Mux(multiply, data, 0))]
        m.d.comb += [
            mac.i.valid.eq(self.i.valid & (multiply | give)),
            _bits(mac.i.payload.a).eq(operand),
            _bits(mac.i.payload.b).eq(row),
            mac.i.payload.first.eq(fresh),
            mac.i.payload.last.eq(give),
            self.i.ready.eq(mac.i.ready),
            self.o.valid.eq(mac.o.valid),
            self.o.payload.sum.eq(mac.o.payload.sum),
            mac.o.ready.eq(self.o.ready),
        ]
        return m


def _bits(field: Any) -> Any:
    return field.as_value() if hasattr(field, "as_value") else field
