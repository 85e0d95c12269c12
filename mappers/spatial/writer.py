"""Writes down the tasks of one unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from archsim.ir.mapping import Node, Task
from archsim.mappers.spatial.bunch import before_of, wide
from archsim.mappers.spatial.cell import Cell, Cells
from archsim.mappers.spatial.emit import Pass, looped
from archsim.mappers.spatial.emitted import Emitted, Late
from archsim.mappers.spatial.keys import Bunch, Unit
from archsim.mappers.spatial.tiles import Spot
from archsim.mappers.spatial.weave import LATE, RESULTS, SCORES, VALUES, interleaved, weave
from archsim.units.spatial.problem import ARRAY, Problem

if TYPE_CHECKING:
    from archsim.mappers.spatial.unit import UnitTasks

PLENTY = 3
"""Rows of values in the buffer from which on it does not matter when exactly the first of them has been read."""


@dataclass
class Writer:
    """Tasks of one unit in the making."""

    cells: Cells
    problem: Problem
    make: UnitTasks
    unit: Unit
    spot: Spot
    label: str
    found: Emitted
    load: Task | None
    loaded: bool
    divided: tuple[Task, ...]
    stored: tuple[Task, ...]
    nodes: list[Node] = field(default_factory=list)
    _used: set[tuple[str, int]] = field(default_factory=set)
    _loaded: set[tuple[str, int]] = field(default_factory=set)
    _reads: dict[int, str] = field(default_factory=dict)

    def bunch(self, index: int, bunch: Bunch, late: Late) -> None:
        """One group, or all of a loop."""
        names = [self.cells.names(f"{self.label}.{index}.{i}") for i in range(len(bunch.cells))]
        if bunch.cells[-1].row == bunch.cells[0].row:
            self._load("K", bunch.cells[0].row)
            self._load("V", bunch.cells[0].row)
        if bunch.loops:
            # What is left is completed before a loop, and not in it.
            for number, left in enumerate(late):
                self.nodes += self.make.tail(left, number, self.label, self.found, set())
            late = ()
        if not late:
            self._divide()
        if bunch.loops:
            self._store()
        outside, self.nodes = self.nodes, []
        end = self._parts(index, bunch, late, names)
        times, inner = 1, tuple(self.nodes)
        for dim, _, count in bunch.loops:
            inner, times = looped(f"p1{dim}", count, inner), times * count
        self.nodes = [*outside, *inner]
        for number, cell in enumerate(bunch.cells):
            self._last(cell.row, names[number], times)
        if not index or not wide(self.unit.bunches[0]):
            self.found.cells = list(names)
        # That the next scores come after these exponentials goes without saying, as the array takes them in order.
        ends = (end or self._end(names), names[-1]["SLN"])
        self.found.groups.append((names[0]["QK"], ends, bool(bunch.loops)))

    def _parts(self, index: int, bunch: Bunch, late: Late, names: Sequence[Mapping[str, str]]) -> str:
        """The woven parts of a group, and the name of the task that the next one waits for, where one is chosen."""
        lags, before, spot = self.make.lags(bunch, self.unit.count), before_of(bunch), self.spot
        for dim, step, _ in bunch.loops:
            spot = spot.moved(dim, f"p1{dim}", step)
        kept = int(wide(bunch) and interleaved(self.cells.binding))
        order = weave(before, lags, len(late), kept=kept)
        # In a group that completes fewer results than usual, the same part stands elsewhere: its end does as well.
        usual = len(order) == len(weave(before, lags, 0 if lags.behind else len(names)))
        end, seen = "", set[int]()
        for place, (number, part) in enumerate(order):
            if place == lags.hold and usual:
                holder = f"{self.label}.late{number}" if part is LATE else f"{self.label}.{index}.{number}"
                end = self.cells.names(holder)[part[-1]]
            if part is not SCORES and self.found.first:
                self._store()
            if part is LATE:
                self.nodes += self.make.tail(late[number], number, self.label, self.found, seen)
                if number == len(late) - 1:
                    self._divide()
                continue
            self._part(part, bunch, number, spot, names[number])
            if part is VALUES:
                seen.add(number)
        return end

    def _part(self, part: tuple[str, ...], bunch: Bunch, number: int, spot: Spot, names: Mapping[str, str]) -> None:
        """A part of a cell, with the loads before it."""
        cells = bunch.cells
        cell = cells[number]
        if part is SCORES:
            self._load("K", cell.row)
        elif part is VALUES:
            self._load("V", cell.row)
        elif part is RESULTS:
            self._store()
            self.found.results += [names[einsum] for einsum in RESULTS]
        for einsum in part:
            self.nodes += self._tasks(einsum, cell, spot, names)
        ends = number + 1 == len(cells) or cells[number + 1].row > cell.row
        if part is VALUES and ends and cells[-1].row > cells[0].row:
            self.nodes += self._read(cell.row)

    def finish(self) -> None:
        """What has not found its place."""
        self._divide()
        self._store()

    def _end(self, names: Sequence[Mapping[str, str]]) -> str:
        """What the next group's scores wait for where no part of the order says so."""
        binding = self.cells.binding
        if interleaved(binding):
            return names[-1]["PRM"]
        after_all = any(epoch.ripple for epoch in binding.epochs)
        # Where scores cross the buffer, the next ones replace them there.
        return names[-1]["RNV" if after_all else "SLN"]

    def _last(self, row: int, names: Mapping[str, str], times: int) -> None:
        found = self.found
        while len(found.per) <= row:
            found.scores_last.append("")
            found.values_last.append("")
            found.per.append(1)
        found.scores_last[row], found.per[row] = names["QK"], times
        found.values_last[row] = self._reads.get(row, names["SLNV"])

    def _read(self, row: int) -> Iterator[Task]:
        """Where there are few rows of values: these have been read, though what they made still runs down."""
        cells, slots = self.cells, self.make.slots
        if interleaved(cells.binding) and slots.values < PLENTY:
            op = cells.trio.values
            name = self._reads[row] = f"{op.name}.read-{self.label}.{row}"
            why = "the next values may take the place of these"
            yield cells.emit.compute(name, op.name, Pass("mac", ARRAY, 0, 0), writes=(name,), why=why)

    def _tasks(self, einsum: str, cell: Cell, spot: Spot, names: Mapping[str, str]) -> tuple[Task, ...]:
        """An einsum of a cell; only the first one of a row waits for the row, the others come after it anyhow."""
        row, loads = cell.row, dict[str, tuple[str, ...]]()
        for tensor, reader, tasks in (("K", "QK", self.found.keys), ("V", "SLNV", self.found.values)):
            if einsum == reader and (tensor, row) not in self._used:
                loads[tensor] = (tasks[row],)
                self._used.add((tensor, row))
                if tensor == "K" and self.load is not None:
                    loads["Q"] = (self.load.name,)
        return self.cells.tasks(einsum, cell, self.unit.rows[row], spot, names, loads)

    def _load(self, tensor: str, row: int) -> None:
        """The DRAM brings a row of keys or values; before a block's first keys its queries."""
        if (tensor, row) in self._loaded:
            return
        self._loaded.add((tensor, row))
        if self.load is not None and not self.loaded:
            self.nodes.append(self.load)
            self.loaded = True
        trio, make = self.cells.trio, self.make
        op, tasks = (trio.scores, self.found.keys) if tensor == "K" else (trio.values, self.found.values)
        name = f"{op.name}.{tensor}-{self.label}.{row}"
        tasks.append(name)
        self.nodes.append(
            self.cells.emit.transfer(
                name,
                op.name,
                "load",
                self.unit.rows[row].keys * make.problem.head,
                fills=True,
                after=make.before,
                reads=op.inputs[1:],
                writes=(f"{op.name}.{tensor}",),
                why="a row of keys for all resident queries",
            )
        )

    def _divide(self) -> None:
        """Divisions of the block before, once its last results are complete."""
        self.nodes += self.divided
        self.divided = ()

    def _store(self) -> None:
        """Its results leave."""
        if self.stored and not self.divided:
            self.nodes += self.stored
            self.found.stores = [task.name for task in self.stored]
            self.stored = ()
