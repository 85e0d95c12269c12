"""RTL of the command machine of a bank with two row buffers, made from the table of the standard."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Array, Const, Module, Mux, Signal

from archsim.hdl.body import Body, body
from archsim.units.cores.dual_row_bank import MACRO, DualRowBank, is_open


@body("dual_row_bank")
class DualRowBankRtl(Body):
    """Two row buffers as two bits, and a timer per command that counts down to the cycle in which it may go.

    `timers` are these counters by the name of the command, for proofs about them.
    """

    def __init__(self, spec: DualRowBank) -> None:
        super().__init__(spec)
        sizes = {name: max(2, self._longest(spec, name)) for name in spec.commands}
        self.timers = {name: Signal(range(size), name=f"wait_{name}") for name, size in sizes.items()}

    def elaborate(self, platform: Any) -> Any:
        """Legality, the register of what is issued, states, timers."""
        m = Module()
        spec: DualRowBank = self.spec
        given = self.i.payload
        rows = [Signal(name="row_open"), Signal(name="pim_open")]
        issue = Signal()
        legal = [self._allowed(c, rows) & (self.timers[c.name] == 0) for c in spec.gaps.commands]
        unknown = [Const(0)] * ((1 << len(given.command)) - len(legal))
        m.d.comb += [
            self.i.ready.eq(Array([*legal, *unknown])[given.command]),
            issue.eq(self.i.valid & self.i.ready),
            self.o.payload.row_open.eq(rows[0]),
            self.o.payload.pim_open.eq(rows[1]),
        ]
        m.d.sync += [self.o.valid.eq(issue), self.o.payload.command.eq(given.command)]
        self._rows(m, spec, issue, rows)
        for name, timer in self.timers.items():
            self._timer(m, spec, issue, name, timer)
        return m

    def _longest(self, spec: DualRowBank, name: str) -> int:
        longest = max(spec.gaps.cycles[before, name] for before in spec.commands)
        return max(longest, spec.hold((1 << 8) - 1)) if name == MACRO else longest

    def _allowed(self, command: Any, rows: list[Any]) -> Any:
        """Whether both row buffers are as a command wants them; a refresh wants the second one closed too."""
        wanted = is_open(command.needs)
        allowed = Const(1) if wanted is None else rows[command.row_buffer] == int(wanted)
        return allowed & ~rows[1] if command.name.startswith("REF") else allowed

    def _rows(self, m: Any, spec: DualRowBank, issue: Any, rows: list[Any]) -> None:
        for code, command in enumerate(spec.gaps.commands):
            if (left := is_open(command.leaves)) is not None:
                with m.If(issue & (self.i.payload.command == code)):
                    m.d.sync += rows[command.row_buffer].eq(int(left))

    def _timer(self, m: Any, spec: DualRowBank, issue: Any, name: str, timer: Any) -> None:
        """Count down; a command that is issued sets it to its gap, unless it is later already."""
        wait, left = Signal.like(timer, name=f"set_{name}"), Signal.like(timer, name=f"left_{name}")
        m.d.comb += left.eq(Mux(timer == 0, 0, timer - 1))
        for code, before in enumerate(spec.commands):
            gap = spec.gaps.cycles[before, name] - 1
            with m.If(issue & (self.i.payload.command == code)):
                m.d.comb += wait.eq(self._macro(spec, gap) if before == name == MACRO else gap)
        m.d.sync += timer.eq(Mux(wait > left, wait, left))

    def _macro(self, spec: DualRowBank, least: int) -> Any:
        """From a macro to the next one: its COMPs and the READRES, or the depth of the adder tree and the READRES."""
        hold = (self.i.payload.comps + 1) * spec.column - 1
        return Mux(hold > least, hold, least)
