"""The contract of every unit as a harness: each beat that goes in comes out, once, in order, `latency` moves later.

A shadow pipeline of as many stages as the unit's latency carries one bit for "completes an output beat" and the fields
that pass unchanged. It must agree with the unit in every cycle: then nothing is lost, doubled, early or late. Beside it
stands the rule of the handshake, that an output which is not taken stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Assert, Assume, Cat, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value
from amaranth.lib.data import View

from archsim.hdl.body import Body
from archsim.units.cores.core import Core

STALLS = 1
"""Cycles in a row for which the receiver holds an output up at most, where induction is asked for."""


class Contract(Elaboratable):
    """A unit beside its shadow.

    Parameters
    ----------
    spec, unit
        The specification, and the RTL that is held to it.
    completes
        Field of an input beat that says whether it completes an output beat; empty where every beat does.
    passing
        Fields that input and output share and that pass unchanged.
    fair
        Assume that the receiver holds an output up for `STALLS` cycles in a row at most: what is wrong inside of a
        pipeline that stands still for ever would never show, and induction would not end.
    data
        Also assert that the fields of an output which is not taken stay, which brings the arithmetic into the proof.
    """

    def __init__(
        self, spec: Core, unit: Body, *, completes: str, passing: Sequence[str], fair: bool, data: bool = True
    ) -> None:
        self._spec, self._unit, self._fair, self._data = spec, unit, fair, data
        self._completes, self._passing = completes, tuple(passing)
        self._payload = Signal(unit.i.payload.shape().as_shape().width, name="payload")
        self._valid, self._ready = Signal(name="valid"), Signal(name="ready")

    @property
    def ports(self) -> list[Any]:
        """Free inputs."""
        return [self._valid, self._ready, self._payload]

    def elaborate(self, platform: object) -> Any:
        """Unit, shadow, assertions."""
        m = Module()
        m.submodules.unit = unit = self._unit
        ready = self._ready if self._spec.elastic else Const(1)
        given: Any = View(unit.i.payload.shape(), self._payload)
        m.d.comb += [unit.i.valid.eq(self._valid), unit.i.payload.as_value().eq(self._payload), Assume(~ResetSignal())]
        if self._spec.elastic:
            m.d.comb += unit.o.ready.eq(ready)
            self._output_stays(m, ready)
        moves, valid, fields = self._shadow(m, given, ready)
        m.d.comb += Assert(unit.i.ready == moves)
        m.d.comb += Assert(unit.o.valid == valid)
        with m.If(valid):
            for name, value in zip(self._passing, fields, strict=True):
                m.d.comb += Assert(Value.cast(unit.o.payload[name]) == value)
        return m

    def _shadow(self, m: Any, given: Any, ready: Any) -> tuple[Any, Any, list[Any]]:
        """When everything moves, and the last stage: whether it holds an output, and the fields of it."""
        flags = Signal(self._spec.latency, name="shadow")
        moves = Signal(name="moves")
        m.d.comb += moves.eq(~flags[-1] | ready)
        entering = self._valid & (given[self._completes] if self._completes else 1)
        fields = [Value.cast(given[name]) for name in self._passing]
        with m.If(moves):
            m.d.sync += flags.eq(Cat(entering, flags[:-1]))
        for stage in range(self._spec.latency):
            held = [
                Signal(len(field), name=f"shadow_{n}_{stage}") for n, field in zip(self._passing, fields, strict=True)
            ]
            with m.If(moves):
                m.d.sync += [after.eq(before) for after, before in zip(held, fields, strict=True)]
            fields = list(held)
        return moves, flags[-1], fields

    def _output_stays(self, m: Any, ready: Any) -> None:
        unit = self._unit
        fields = unit.o.payload.as_value()
        held, waited = Signal(name="held"), Signal(range(STALLS + 2), name="waited")
        m.d.sync += held.eq(unit.o.valid & ~ready)
        m.d.sync += waited.eq(Mux(unit.o.valid & ~ready, waited + 1, 0))
        with m.If(held):
            m.d.comb += Assert(unit.o.valid)
        if self._data:
            before = Signal(len(fields), name="before")
            m.d.sync += before.eq(fields)
            with m.If(held):
                m.d.comb += Assert(fields == before)
        if self._fair:
            m.d.comb += Assume(waited <= STALLS)
