"""Attention by the program of its dataflow: one of its own, or its closed form spread over tiles of queries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from archsim.ir.affine import Affine
from archsim.ir.mapping import After, Node, Range
from archsim.mappers.spatial.cell import Cells
from archsim.mappers.spatial.emit import Emit
from archsim.mappers.spatial.fused import Fused, panels, shapes
from archsim.mappers.spatial.onepass import OnePass
from archsim.mappers.spatial.panels import Streamed
from archsim.mappers.spatial.share import Spread, works
from archsim.mappers.spatial.tiles import Spot, Tile
from archsim.units.spatial import onepass, unfused
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.problem import ARRAY, Plan, Problem
from archsim.units.spatial.trio import Trio
from archsim.units.spatial.vector_ops import moved_words


@dataclass(frozen=True)
class Attention:
    """One attention and how it is to be computed."""

    trio: Trio
    problem: Problem
    """With the most keys that a loop makes of it."""
    least: int
    """The fewest keys that a loop makes of it."""
    flow: Dataflow
    plan: Plan
    emit: Emit
    depth: int | None
    """Tiles of scores in flight; None is as many as hide every ripple."""
    before: tuple[After, ...]
    """What its operands wait for."""

    @property
    def keys(self) -> Affine:
        """Keys of a sequence."""
        return self.trio.scores.dims["t"]

    @property
    def grows(self) -> bool:
        """Whether its program follows a context that grows: tile by tile of keys, and not by its closed form."""
        return isinstance(self.flow, onepass.OnePass) and self.emit.arrays.copies == 1

    def body(self) -> tuple[Node, ...]:
        """The program."""
        if self.grows:
            return self._one_pass.body()
        if isinstance(self.flow, unfused.Unfused):
            return self._phases()
        steady = self.flow.steady(self.problem, self.emit.arrays, self.plan)
        word, cols = self.emit.arrays.word_bytes, self.emit.arrays.cols
        # Copies with more to do than others, and phases that wait for each other or for the DRAM, take longer than the
        # busiest array on average: its passes take as long as they do in all.
        arrays = self.emit.arrays
        moving = (steady.read + steady.written) / arrays.bandwidth
        cycles = steady.cycles if moving >= steady.seconds else steady.seconds * arrays.clock
        stretch = max(Fraction(1), cycles / max(steady.busy.values()))
        found = tuple(replace(work, depth=work.depth * stretch) for work in works(steady, self.emit.arrays))
        spread = Spread(found, steady.read / word, steady.written / word, shapes(self.problem, cols))
        why = f"{self.flow.name}: its closed form, tile of queries by tile of queries"
        return Fused(self.trio, self.problem, self.keys, spread, self.emit, self.before, why).body()

    def notes(self) -> tuple[str, ...]:
        """Why the program takes longer than its steady state, as far as that is known."""
        return tuple(f"{self.trio.scores.name}: {note}" for note in self._one_pass.notes()) if self.grows else ()

    @cached_property
    def _one_pass(self) -> OnePass:
        assert isinstance(self.flow, onepass.OnePass), "other dataflows have no program of their own"
        cells = Cells(self.trio, self.flow.binding, self.emit, self.problem.head)
        resident = self.plan.number("resident")
        return OnePass(cells, self.problem, self.keys, self.least, resident, self.depth, self.before)

    def _phases(self) -> tuple[Node, ...]:
        """Scores, softmax and values one after the other."""
        p, arrays = self.problem, self.emit.arrays
        steady = self.flow.steady(p, arrays, self.plan)
        rows = p.instances * p.queries
        own, scores = Fraction(rows * p.head), Fraction(rows * p.keys)
        streamed = Fraction(p.instances * p.keys * p.head * self.plan.number("passes"))
        moved = (
            (own + streamed, scores),
            moved_words("softmax", rows, p.keys, arrays),
            (scores + streamed, own),
        )
        ops = (self.trio.scores, self.trio.softmax, self.trio.values)
        found = works(steady, arrays)
        parts = (
            [w for w in found if w.role == ARRAY and w.name != "AV"],
            [w for w in found if w.role != ARRAY],
            [w for w in found if w.role == ARRAY and w.name == "AV"],
        )
        nodes: tuple[Node, ...] = ()
        before, span = self.before, Range(Affine(0), self.keys)
        for op, part, (read, written) in zip(ops, parts, moved, strict=True):
            spread = Spread(tuple(part), read, written, shapes(p, arrays.cols))

            def cut(spot: Spot, tile: Tile, softmax: bool = op is self.trio.softmax) -> dict[str, Range]:
                return spot.softmax(tile, span) if softmax else spot.product(tile, span)

            phase = Streamed(op, spread, cut, self.emit, before, f"{op.kind} on its own, through the DRAM")
            nodes += phase.body(panels(p, arrays.cols), Spot(p))
            before = (After(f"{op.name}.store"), *self.before)
        return nodes
