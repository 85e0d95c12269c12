"""RTL of the softmax of rows.

::

                ┌ row ┐
    x ─┬────────┘     └─┐                    ┌ 1, lane's sum ┐
       └─ running max ─ - ─ exp(-|..|) ─ e ──┴───── * ────── + ─ sums ─ merge ─ program ─ r
                                         └─────────────────────────────── * ─ round ─ y
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Const, Mux, Signal

from archsim.hdl import float as circuits
from archsim.hdl.body import body
from archsim.hdl.flow import Timed
from archsim.hdl.rows import EMIT, FILL, RowBody, selected, store
from archsim.units.cores.softfloat import INF, NAN
from archsim.units.cores.softmax_row import MINUS_INF, ONE_WORD


@body("softmax_row")
class SoftmaxRowRtl(RowBody):
    """Rows of `archsim.units.cores.softmax_row`."""

    def setup(self) -> None:
        """A maximum and a sum for each lane, the common maximum, and whether a score of the row is no number."""
        lanes = range(self.spec.lanes)
        self.registers = {name: Signal(32, name=name) for name in ("sum", "s", "y")}
        self._sums = [Signal(32, name=f"sum_{lane}") for lane in lanes]
        self._tops = [Signal(32, name=f"top_{lane}", init=MINUS_INF) for lane in lanes]
        self._top = Signal(32, name="top", init=MINUS_INF)
        self._bad = Signal(name="bad")

    def ends(self) -> Any:
        """The last score says so, or there is no more room."""
        return self.i.p.last | (self.count == self.spec.length - 1)

    def issue(self) -> tuple[Any, Any, dict[str, Any]]:
        """A score and its lane's maximum; a lane's maximum, or a score, and the common one."""
        m = self.m
        word, held = self.read(self.i.p.x, "given"), self.read(self.held, "again")
        up = Signal()
        top = selected(m, "lane_top", self._tops, self.lane)
        m.d.comb += up.eq(circuits.ordered_key(word) > circuits.ordered_key(top))
        with m.If(self.taken):
            m.d.sync += self._bad.eq(self._bad | (word == INF) | (word == NAN))
            with m.If(up):
                store(m, self._tops, self.lane, word)
            with m.If(circuits.ordered_key(word) > circuits.ordered_key(self._top)):
                m.d.sync += self._top.eq(word)
        merge, lane = self._merges()
        with m.If(self.begins):
            m.d.sync += [self._bad.eq(0), self._top.eq(MINUS_INF)]
            m.d.sync += [signal.eq(MINUS_INF) for signal in self._tops] + [signal.eq(0) for signal in self._sums]
        emit = self.phase == EMIT
        a = Mux(merge, selected(m, "merged_top", self._tops, lane), Mux(emit, held, word))
        b = Mux(self.phase == FILL, top, self._top)
        fields = {"fill": self.taken, "merge": merge, "up": up, "lane": Mux(merge, lane, self.lane)}
        return a, b, fields | {"last": self.last, "bad": self._bad}

    def _merges(self) -> tuple[Any, Any]:
        """When a lane goes through the front again, and which one."""
        m, spec = self.m, self.spec
        beat, lane, merge = Signal(range(spec.stride)), Signal(range(spec.lanes + 1)), Signal()
        m.d.comb += merge.eq((self.phase != FILL) & (beat == spec.stride - 1) & (lane != spec.lanes))
        with m.If(self.phase == FILL):
            m.d.sync += [beat.eq(0), lane.eq(0)]
        with m.Elif(merge):
            m.d.sync += [beat.eq(0), lane.eq(lane + 1)]
        with m.Elif(lane != spec.lanes):
            m.d.sync += beat.eq(beat + 1)
        return merge, lane

    def front(self, a: Timed, b: Timed) -> Timed:
        """Difference and exponential."""
        value: Timed = self.spec.exponential(self.ops, a, b)
        return value

    def operands(self, value: Any, beside: Mapping[str, Any]) -> tuple[Any, Any, Any]:
        """A running sum and a score, a lane's share on top of the total, or an exponential times the reciprocal."""
        one = Const(ONE_WORD, 32)
        up = beside["fill"] & beside["up"]
        a = Mux(beside["emit"], self.derived["r"], selected(self.m, "lane_sum", self._sums, beside["lane"]))
        b = Mux(beside["fill"] & ~beside["up"], one, value)
        before = Mux(beside["lane"] == 0, 0, self.registers["sum"])
        return a, b, Mux(beside["merge"], before, Mux(up, one, value))

    def keep(self, value: Timed, result: Timed, beside: Mapping[str, Timed]) -> None:
        """The lane's sum, or the total."""
        fill, merge, lane = (self.ops.at(beside[field], result.age) for field in ("fill", "merge", "lane"))
        with self.m.If(fill):
            store(self.m, self._sums, lane, result.value)
        with self.m.If(merge):
            self.m.d.sync += self.registers["sum"].eq(result.value)

    def result(self, word: Any, beside: Mapping[str, Any]) -> Any:
        """NaN where the row has no softmax."""
        return Mux(beside["bad"] | (self.registers["sum"] == 0), Const(NAN, 32), word)
