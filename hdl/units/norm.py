"""RTL of layer and RMS normalisation.

::

                ┌ row ┐
    x ─┬────────┘     └─┐
       └─ first, mean ─ - ─┬─ square ─ + ─ sums of squares ┐
                           ├───────── + ─ sums ────────────┴ program ─ r
                           └───────────────────────────────── * ─ round ─ y
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Const, Mux, Signal

from archsim.hdl.body import body
from archsim.hdl.flow import Timed
from archsim.hdl.rows import EMIT, RowBody, selected, store


@body("norm")
class NormRtl(RowBody):
    """Rows of `archsim.units.cores.norm`."""

    def setup(self) -> None:
        """Sums by lane, and what the program writes."""
        self.registers = {name: Signal(32, name=name) for name in self.spec.row_registers}
        self._lanes = {
            name: [self.registers[f"{name}{lane}"] for lane in range(self.spec.lanes)] for name in self.spec.sums
        }

    def ends(self) -> Any:
        """Rows have one length."""
        return self.count == self.spec.length - 1

    def issue(self) -> tuple[Any, Any, dict[str, Any]]:
        """The element, and the first one or the mean."""
        m, layer = self.m, self.spec.form == "layer"
        word, held = self.read(self.i.p.x, "given"), self.read(self.held, "again")
        center: Any = Const(0, 32)
        if layer:
            first = self.registers["first"]
            with m.If(self.taken & (self.count == 0)):
                m.d.sync += first.eq(word)
            center = Mux(self.phase == EMIT, self.registers["mean"], Mux(self.count == 0, word, first))
        return Mux(self.phase == EMIT, held, word), center, {"fill": self.taken, "lane": self.lane}

    def front(self, a: Timed, b: Timed) -> Timed:
        """The difference."""
        return self.ops.add(a, self.ops.neg(b))

    def operands(self, value: Any, beside: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """Its square on top of the lane's sum, or its product with the row's scale."""
        before = selected(self.m, "square", self._lanes["square"], beside["lane"])
        return value, Mux(beside["emit"], self.derived["r"], value), before

    def keep(self, value: Timed, result: Timed, beside: Mapping[str, Timed]) -> None:
        """Both sums of the lane."""
        self._store("square", result, beside)
        if self.spec.form == "layer":
            before = selected(self.m, "sum_lane", self._lanes["sum"], self.ops.at(beside["lane"], value.age))
            self._store("sum", self.ops.add(value, Timed(before, value.age)), beside)
        with self.m.If(self.begins):
            self.m.d.sync += [lane.eq(0) for lanes in self._lanes.values() for lane in lanes]

    def _store(self, name: str, result: Timed, beside: Mapping[str, Timed]) -> None:
        fill, lane = (self.ops.at(beside[field], result.age) for field in ("fill", "lane"))
        with self.m.If(fill):
            store(self.m, self._lanes[name], lane, result.value)
