"""RTL of the systolic array: a grid of cells between registers that skew and align."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from amaranth.hdl import Module, Mux, Signal

from archsim.hdl.body import Body, body
from archsim.hdl.units.systolic_pe import Cell
from archsim.units.cores.systolic_pe import SystolicPe


def delayed(m: Any, source: Any, cycles: int, name: str) -> Any:
    """A signal some cycles later; reset clears only what is a single bit, a flag."""
    for index in range(cycles):
        stage = Signal.like(source, name=f"{name}_{index + 1}", reset_less=len(source) > 1)
        m.d.sync += stage.eq(source)
        source = stage
    return source


@body("systolic_array")
class SystolicArrayRtl(Body):
    """Cells in a grid. Flags travel with `a`, from the left; a cycle without a beat sets no flag and adds nothing."""

    def elaborate(self, platform: Any) -> Any:
        """The grid, the skew of what enters, and what leaves."""
        m = Module()
        spec = self.spec
        element = SystolicPe(dataflow=spec.dataflow, bits=spec.bits, sum_bits=spec.sum_bits)
        cells = [[Cell(element) for _ in range(spec.cols)] for _ in range(spec.rows)]
        for r, row in enumerate(cells):
            for c, cell in enumerate(row):
                m.submodules[f"pe_{r}_{c}"] = cell
        self._from_left(m, cells)
        self._from_above(m, cells)
        if spec.dataflow == "ws":
            self._sums_down(m, cells)
        else:
            self._sums_up(m, cells)
        return m

    def _from_left(self, m: Any, cells: list[list[Cell]]) -> None:
        valid, given = self.i.valid & self.i.ready, self.i.payload
        names = ("load", "swap") if self.spec.dataflow == "ws" else ("first", "last")
        flags = [Signal(name=f"{name}_taken") for name in names]
        m.d.comb += [flag.eq(given[name] & valid) for flag, name in zip(flags, names, strict=True)]
        for r, row in enumerate(cells):
            if r:
                flags = [delayed(m, flag, 1, f"{name}_{r}") for flag, name in zip(flags, names, strict=True)]
            entering = Signal(self.spec.bits, name=f"a_{r}")
            m.d.comb += entering.eq(Mux(valid, given.a[r], 0))
            first = row[0]
            m.d.comb += [first.a.eq(delayed(m, entering, r, f"a_{r}")), first.one.eq(flags[0]), first.two.eq(flags[1])]
            for left, right in pairwise(row):
                m.d.comb += [right.a.eq(left.a_out), right.one.eq(left.one_out), right.two.eq(left.two_out)]

    def _from_above(self, m: Any, cells: list[list[Cell]]) -> None:
        across = self.i.payload["w" if self.spec.dataflow == "ws" else "b"]
        for c, top in enumerate(cells[0]):
            m.d.comb += top.other.eq(delayed(m, across[c], c, f"top_{c}"))
            for upper, lower in pairwise(cells):
                m.d.comb += lower[c].other.eq(upper[c].other_out)

    def _sums_down(self, m: Any, cells: list[list[Cell]]) -> None:
        for upper, lower in pairwise(cells):
            m.d.comb += [below.moving.eq(above.moving_out) for above, below in zip(upper, lower, strict=True)]
        self._leave(m, cells[-1])
        m.d.comb += self.i.ready.eq(1)
        computing = Signal()
        m.d.comb += computing.eq(self.i.valid & self.i.payload.compute)
        m.d.comb += self.o.valid.eq(delayed(m, computing, self.spec.latency, "computing"))

    def _sums_up(self, m: Any, cells: list[list[Cell]]) -> None:
        """Rows of sums leave every second cycle; the next tile's last beat waits until they have passed."""
        for upper, lower in pairwise(cells):
            m.d.comb += [above.moving.eq(below.moving_out) for above, below in zip(upper, lower, strict=True)]
        self._leave(m, cells[0])
        busy = Signal(range(self.spec.spacing))
        last = Signal()
        m.d.comb += self.i.ready.eq(~(self.i.payload.last & busy.any()))
        m.d.comb += last.eq(self.i.valid & self.i.ready & self.i.payload.last)
        m.d.sync += busy.eq(Mux(last, self.spec.spacing - 1, Mux(busy.any(), busy - 1, 0)))
        leaving = Signal(self.spec.spacing)
        rows = sum(1 << (2 * r) for r in range(self.spec.rows))
        finished = delayed(m, last, self.spec.latency - 1, "last")
        m.d.sync += leaving.eq((leaving >> 1) | Mux(finished, rows, 0))
        m.d.comb += self.o.valid.eq(leaving[0])

    def _leave(self, m: Any, edge: list[Cell]) -> None:
        for c, cell in enumerate(edge):
            aligned = delayed(m, cell.moving_out, self.spec.cols - 1 - c, f"sum_{c}")
            m.d.comb += self.o.payload.sum[c].eq(aligned)
