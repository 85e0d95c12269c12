"""What is done with a block of queries whose keys have all passed: one division for each result, then to the DRAM."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.ir.mapping import After, Task
from archsim.mappers.spatial.cell import Cells
from archsim.mappers.spatial.tiles import Tiles, balanced, grouped
from archsim.units.spatial.problem import Problem

PARTS = 8
"""Parts at most in which results are divided and leave."""
Shape = tuple[tuple[int, int], ...]
"""(columns, tiles) of every part."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The tasks of a finished block: all divisions, then all stores."""

    divisions: tuple[Task, ...]
    stores: tuple[Task, ...]

    @property
    def nodes(self) -> tuple[Task, ...]:
        """In program order."""
        return (*self.divisions, *self.stores)


@dataclass(frozen=True)
class Results:
    """Makes the tasks of finished blocks."""

    cells: Cells
    problem: Problem

    def shape(self, tiles: Tiles) -> Shape:
        """A block's results in parts."""
        parts = grouped(tiles, balanced(len(tiles), -(-len(tiles) // PARTS)))
        return tuple((sum(tile.columns for tile in part), len(part)) for part in parts)

    def of(self, shape: Shape, label: str, *, last: bool = False) -> Finished:
        """Division and store of every part; the last store of all is without a label."""
        op, head = self.cells.trio.values, self.problem.head
        divisions, stores = list[Task](), list[Task]()
        for index, (columns, tiles) in enumerate(shape):
            name = f"{op.name}.AV-{label}.{index}"
            end = "" if last and index == len(shape) - 1 else f"-{label}.{index}"
            divisions.append(self.cells.division(name, columns, tiles, ()))
            stores.append(
                self.cells.emit.transfer(
                    f"{op.name}.store{end}",
                    op.name,
                    "store",
                    head * columns,
                    after=(After(name),),
                    reads=divisions[-1].writes,
                    writes=op.outputs,
                    why="results leave while the next scores are made",
                )
            )
        return Finished(tuple(divisions), tuple(stores))
