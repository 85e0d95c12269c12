"""The timing rules of the bank with two row buffers as a harness: no command is taken that a rule forbids.

The unit counts down from each command to the ones it delays. The harness does the opposite: it keeps how long ago each
command was last issued and compares with the gap of every pair. Whatever is taken, both row buffers are as the command
wants them and every gap has passed. That nothing waits longer than that is not proven but tested, in lockstep with the
simulator.
"""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Assert, Assume, Const, Elaboratable, Module, Mux, ResetSignal, Signal

from archsim.hdl.units.dual_row_bank import DualRowBankRtl
from archsim.units.cores.dual_row_bank import MACRO, DualRowBank, is_open


class BankRules(Elaboratable):
    """A bank beside the rules.

    Parameters
    ----------
    spec, unit
        The specification that gives the rules, and the RTL that is held to them.
    comps
        COMPs of a macro at most; few make the proof short.
    """

    def __init__(self, spec: DualRowBank, unit: DualRowBankRtl, *, comps: int = 255) -> None:
        self._spec, self._unit, self._most = spec, unit, comps
        self._valid, self._command = Signal(name="valid"), Signal(4, name="command")
        self._comps = Signal(8, name="comps")

    @property
    def ports(self) -> list[Any]:
        """Free inputs."""
        return [self._valid, self._command, self._comps]

    def elaborate(self, platform: object) -> Any:
        """Unit, ages, assertions."""
        m = Module()
        m.submodules.unit = unit = self._unit
        given = unit.i.payload
        issued, taken = Signal(), Signal()
        m.d.comb += [
            *(unit.i.valid.eq(self._valid), given.command.eq(self._command), given.comps.eq(self._comps)),
            *(taken.eq(self._valid & unit.i.ready), Assert(unit.o.valid == issued), Assume(~ResetSignal())),
            Assume(self._comps <= self._most),
        ]
        m.d.sync += issued.eq(taken)
        rows = self._rows(m, taken)
        m.d.comb += [Assert(unit.o.payload.row_open == rows[0]), Assert(unit.o.payload.pim_open == rows[1])]
        ages = self._ages(m, taken)
        comps = Signal(range(self._most + 1), name="comps_before")
        with m.If(taken & (self._command == self._spec.commands.index(MACRO))):
            m.d.sync += comps.eq(self._comps)
        with m.Switch(self._command):
            for code, command in enumerate(self._spec.gaps.commands):
                with m.Case(code):
                    m.d.comb += Assert(~unit.i.ready | self._legal(command, rows, ages, comps))
            with m.Default():
                m.d.comb += Assert(~unit.i.ready)
        self._timers(m, ages, comps)
        return m

    def _rows(self, m: Any, taken: Any) -> list[Any]:
        rows = [Signal(name="row_open_now"), Signal(name="pim_open_now")]
        for code, command in enumerate(self._spec.gaps.commands):
            left = is_open(command.leaves)
            if left is not None:
                with m.If(taken & (self._command == code)):
                    m.d.sync += rows[command.row_buffer].eq(int(left))
        return rows

    def _ages(self, m: Any, taken: Any) -> dict[str, Any]:
        """Cycles since each command was taken, as far as they matter."""
        most = max(*self._spec.gaps.cycles.values(), self._spec.hold(self._most))
        ages = {}
        for code, name in enumerate(self._spec.commands):
            age = Signal(range(most + 1), init=most, name=f"age_{name}")
            older = Mux(age >= most, most, age + 1)
            m.d.sync += age.eq(Mux(taken & (self._command == code), 1, older))
            ages[name] = age
        return ages

    def _legal(self, command: Any, rows: list[Any], ages: dict[str, Any], comps: Any) -> Any:
        wanted = is_open(command.needs)
        legal: Any = Const(1) if wanted is None else rows[command.row_buffer] == int(wanted)
        if command.name == "REF":
            legal = legal & ~rows[1]
        for before, age in ages.items():
            legal = legal & (age >= self._gap(before, command.name, comps))
        return legal

    def _gap(self, before: str, after: str, comps: Any) -> Any:
        """Cycles that the rules want between two commands; a macro's own depends on its COMPs."""
        if before == after == MACRO:
            return (Mux(comps > self._spec.fill, comps, self._spec.fill) + 1) * self._spec.column
        return self._spec.gaps.cycles[before, after]

    def _timers(self, m: Any, ages: dict[str, Any], comps: Any) -> None:
        """No timer ends before a gap has passed: what makes the rules provable by induction, whatever the timings."""
        for name, timer in self._unit.timers.items():
            for before, age in ages.items():
                m.d.comb += Assert(age + timer >= self._gap(before, name, comps))
