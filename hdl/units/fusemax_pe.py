"""RTL of FuseMax's processing element.

::

    a ─┬─────────── max ─ top ─────────────────┐
       ├─ * ── + ─┬─ sum ── back to * and +    │
    b ─┘          ├─ rest ─ back (exponential) │
                  └─ work ─ 2^k ───────────────┴─ y
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Const, Module, Mux, Signal

from archsim.hdl import float as circuits
from archsim.hdl.body import Body, body
from archsim.hdl.flow import Circuits, Timed
from archsim.hdl.rows import selected
from archsim.units.cores import softfloat as sf
from archsim.units.cores.exp import LOG2E, coefficients, special_case, special_value
from archsim.units.cores.fusemax_pe import LN2, OPS, REDUCTION, ROUNDER

MAC, ADD, MAX, SUB_EXP, RESCALE = range(len(OPS))


@body("fusemax_pe")
class FusemaxPeRtl(Body):
    """The element of `archsim.units.cores.fusemax_pe`."""

    def elaborate(self, platform: object) -> Any:
        """One product and one sum; what they get depends on the operator or on the slot of an exponential."""
        self.ops = Circuits(0, 0)
        m = self.m = self.ops.module
        self._registers()
        taken = Signal()
        m.d.comb += [
            self.i.ready.eq((self.slot == 0) & (~self.o.valid | self.o.ready)),
            taken.eq(self.i.valid & self.i.ready),
        ]
        product, total = circuits.Fp32Mul(0), circuits.Fp32Add(0)
        m.submodules.multiplier, m.submodules.adder = product, total
        idle = self.slot == 0
        operands = zip(self._operator(), self._slots(), strict=True)
        one, two, three = (Mux(idle, ours, theirs) for ours, theirs in operands)
        m.d.comb += [product.a.eq(one), product.b.eq(two), total.a.eq(product.o), total.b.eq(three)]
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(taken):
            self._take(total.o)
        with m.Elif(self.slot != 0):
            self._go_on(total.o)
        m.d.comb += self.o.p.y.eq(self._result())
        return m

    def _registers(self) -> None:
        m: Module = self.m
        self.slot = Signal(range(self.spec.exp_macs + 1))
        self.sum, self.work, self.rest = Signal(32), Signal(32), Signal(32)
        self.top = Signal(32, init=sf.INF | 1 << 31)
        self.power, self.case, self.power_of_two = Signal(9), Signal(3), Signal()
        self.kept = circuits.flushed(m, self.i.p.a, "kept")

    def _operator(self) -> tuple[Any, Any, Any]:
        """Factors and addend of the operator that is offered."""
        beat = self.i.p
        rescale, one = beat.op >= RESCALE, _word(1.0)
        before = Mux(beat.first, 0, self.sum)
        addend = Mux(rescale, beat.b, Mux(beat.op == SUB_EXP, beat.b ^ (1 << 31), before))
        return Mux(rescale, self.sum, beat.a), Mux(rescale, beat.a, Mux(beat.op == MAC, beat.b, one)), addend

    def _slots(self) -> tuple[Any, Any, Any]:
        """The same for each slot of an exponential: find k, take k ln 2 off, then Horner."""
        terms = coefficients(self.spec.exp_macs - REDUCTION)
        whole = circuits.int_to_fp32(self.m, self.work[:9].as_signed(), "whole")
        rows = [(Const(0, 32),) * 3, (self.rest, _word(LOG2E), _word(ROUNDER)), (whole, _word(-LN2), self.rest)]
        rows += [
            (self.work if degree < len(terms) - 2 else _word(terms[-1]), self.rest, _word(terms[degree]))
            for degree in reversed(range(len(terms) - 1))
        ]
        columns = zip(*rows, strict=True)
        one, two, three = (
            selected(self.m, name, column, self.slot)
            for name, column in zip(("slot_a", "slot_b", "slot_c"), columns, strict=True)
        )
        return one, two, three

    def _take(self, total: Any) -> None:
        """The first cycle of an operator, which is the only one unless it is an exponential."""
        m, beat = self.m, self.i.p
        maximum = Mux(beat.first, self.kept, circuits.fp32_max(m, self.kept, self.top))
        m.d.sync += [
            self.work.eq(Mux(beat.op == MAX, maximum, total)),
            self.power_of_two.eq(beat.op == SUB_EXP),
            self.o.valid.eq(beat.op != SUB_EXP),
        ]
        with m.If(beat.op == MAX):
            m.d.sync += self.top.eq(maximum)
        with m.Elif(beat.op == SUB_EXP):
            m.d.sync += [self.rest.eq(total), self.slot.eq(1)]
        with m.Else():
            m.d.sync += self.sum.eq(total)

    def _go_on(self, total: Any) -> None:
        """A slot of an exponential."""
        m = self.m
        m.d.sync += self.slot.eq(self.slot + 1)
        with m.If(self.slot == 1):
            m.d.sync += self.case.eq(special_case(self.ops, Timed(self.rest)).value)
        with m.If(self.slot == REDUCTION):
            m.d.sync += [self.rest.eq(total), self.power.eq(self.work[:9])]
        with m.Else():
            m.d.sync += self.work.eq(total)
        with m.If(self.slot == self.spec.exp_macs):
            m.d.sync += [self.slot.eq(0), self.o.valid.eq(1)]

    def _result(self) -> Any:
        """What was worked out last, times 2^k behind an exponential."""
        scaled = self.ops.scale(Timed(self.work), Timed(self.power.as_signed()))
        y = special_value(self.ops, Timed(self.case), scaled)
        return Mux(self.power_of_two, y.value, self.work)


def _word(value: float) -> Any:
    return Const(int(sf.to_bits(value)), 32)
