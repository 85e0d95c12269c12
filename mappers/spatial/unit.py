"""The tasks of some rows of keys with all their tiles of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from archsim.ir.affine import Affine, affine
from archsim.ir.mapping import After, Task
from archsim.mappers.spatial.bunch import group_of, wide
from archsim.mappers.spatial.cell import Cell, Cells
from archsim.mappers.spatial.emitted import Emitted, Late, Left, Made, Tail
from archsim.mappers.spatial.keys import Bunch, Unit
from archsim.mappers.spatial.results import Finished
from archsim.mappers.spatial.rows import KeyRow
from archsim.mappers.spatial.tiles import Spot, Tiles
from archsim.mappers.spatial.weave import LATE, RESULTS, Lags, Slots, best, interleaved, part_times
from archsim.mappers.spatial.writer import Writer
from archsim.units.spatial.problem import Problem


@dataclass(frozen=True)
class UnitTasks:
    """Makes the tasks of units."""

    cells: Cells
    problem: Problem
    before: tuple[After, ...]
    depth: int | None
    slots: Slots
    label: Callable[[], str]

    def lags(self, bunch: Bunch, count: int) -> Lags:
        """How the cells of a bunch are woven."""
        binding, size = self.cells.binding, len(bunch.cells)
        if not interleaved(binding):
            return Lags(1, 1)
        if wide(bunch):
            return Lags(size, size)
        group = group_of(bunch, count)
        rows = bunch.cells[-1].row + 1
        batch = size // rows if rows > 1 and size % rows == 0 else 1
        if self.depth is not None:
            return Lags(size, size, batch)
        movable = not bunch.loops
        times = part_times(binding, self.cells.emit.arrays, self.problem.head)
        return best(times, group, self.slots, batch, late=movable)[0]

    def leaves(self, unit: Unit) -> Late:
        """What the next unit completes.

        Results of tiles that go as one, so that they are beside the next such scores; all cells, where they are few.
        """
        first = unit.bunches[0]
        if wide(first) and interleaved(self.cells.binding):
            last = first.cells[0].apart(unit.count - 1, 1)
            return ((last.columns, last.tiles, 1, RESULTS),)
        if len(unit.bunches) > 1 or self.lags(first, unit.count).behind:
            return ()
        return tuple((c.columns, c.tiles, unit.rows[c.row].times, LATE) for c in first.cells)

    def needs(self, unit: Unit) -> Late:
        """What must be left before a unit for it to be a loop."""
        left = self.carried(unit)
        return (
            tuple((affine(c.base), affine(t.base), times, parts) for c, t, times, parts in left)
            if left
            else self.leaves(unit)
        )

    def carried(self, unit: Unit) -> Late:
        """What an iteration of a loop finds left of the one before, where that differs from one to the next."""
        first = unit.bunches[0]
        if not wide(first) or unit.count == 1 or not interleaved(self.cells.binding):
            return ()
        before = first.cells[0].apart(-1, unit.count)
        return ((before.columns, before.tiles, 1, RESULTS),)

    def queries(self, name: str, tiles: Tiles) -> Task:
        """Loads the queries of a block."""
        scores = self.cells.trio.scores
        return self.cells.emit.transfer(
            name,
            scores.name,
            "load",
            self.problem.head * sum(tile.columns for tile in tiles),
            fills=True,
            after=self.before,
            reads=scores.inputs[:1],
            writes=(f"{scores.name}.Q",),
            why=f"{len(tiles)} tiles of queries stay while the keys pass",
        )

    def late(self, late: Late, label: str, last: Emitted, results: Finished) -> Made:
        """What is left at the end: sums and results of the last unit, then the division."""
        found = replace(last, keys=[], values=[], groups=[], tails=[], results=[], queries="")
        found.stores = [task.name for task in results.stores]
        nodes = [task for index, cell in enumerate(late) for task in self.tail(cell, index, label, found, set())]
        return Made((*nodes, *results.nodes), found)

    def emit(
        self,
        unit: Unit,
        spot: Spot,
        late: Late,
        load: Task | None,
        loaded: bool,
        divided: tuple[Task, ...],
        stored: tuple[Task, ...],
    ) -> Made:
        """All tasks of a unit.

        Parameters
        ----------
        unit
            Rows and cells.
        spot
            Where the loops around it stand.
        late
            Cells of the unit before whose results it completes.
        load
            Loads the queries, where the unit is the first one of a block.
        loaded
            Whether that task stands before the unit already.
        divided, stored
            Divisions of the block before, and stores of its results.
        """
        first = bool(stored) and not divided
        found, label = Emitted(count=unit.count, queries=load.name if load else "", first=first), self.label()
        writer = Writer(self.cells, self.problem, self, unit, spot, label, found, load, loaded, divided, stored)
        for index, bunch in enumerate(unit.bunches):
            writer.bunch(index, bunch, late if not index else ())
        writer.finish()
        return Made(tuple(writer.nodes), found)

    def tail(self, left: Left, index: int, label: str, found: Emitted, seen: set[int]) -> Iterator[Task]:
        """Completes the results of a cell of the unit before."""
        columns, tiles, times, einsums = left
        row, names = KeyRow(0, Affine(0), times), self.cells.names(f"{label}.late{index}")
        for einsum in einsums:
            for task in self.cells.tasks(einsum, Cell(0, columns, tiles, None), row, Spot(self.problem), names, {}):
                yield replace(task, after=())  # what it adds is of the unit before
            if einsum in RESULTS:
                source = "SLD" if einsum == "RD" else "SLNV"
                found.tails.append(Tail(names[einsum], index, source, index in seen))
