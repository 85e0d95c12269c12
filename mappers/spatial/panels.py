"""An op, or a phase of an attention, in panels: operands from the DRAM, passes, results back, two panels at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archsim.ir.graph import Op
from archsim.ir.mapping import After, Node, Range, Task
from archsim.mappers.spatial.chain import Chain, Due, Panels
from archsim.mappers.spatial.emit import Emit, queue
from archsim.mappers.spatial.share import Spread
from archsim.mappers.spatial.tiles import Spot, Tile


@dataclass(frozen=True)
class Streamed:
    """One op that reads all it needs from the DRAM and writes all it makes there."""

    op: Op
    spread: Spread
    cut: Callable[[Spot, Tile], Mapping[str, Range]]
    """The part of the op that a panel is."""
    emit: Emit
    before: tuple[After, ...]
    why: str

    def body(self, panels: Panels, spot: Spot) -> tuple[Node, ...]:
        """All panels, and what does not divide evenly over them."""
        return (*self._rest(), *Chain(self._first, (self._second,)).nodes(panels, spot))

    def _first(self, label: str, spot: Spot, tile: Tile) -> list[Task]:
        """Operands, then the passes; where there are none, the operands are the result."""
        op, (read, _) = self.op, self.spread.moved(tile.columns)
        parts = self.spread.passes(tile.columns)
        covered = self.cut(spot, tile)
        moves = not parts
        load = self.emit.transfer(
            f"{op.name}.load-{label}",
            op.name,
            "load",
            read,
            tile=covered if moves else None,
            after=self.before,
            reads=op.inputs,
            writes=(queue(op.name, "operands"),),
            why=f"a panel of {tile.columns}, while the one before is worked on",
        )
        tasks = [load]
        for index, (work, part) in enumerate(parts):
            crosses = index == 0 or work.role != parts[index - 1][0].role
            tasks.append(
                self.emit.compute(
                    f"{op.name}.{work.name}-{label}",
                    op.name,
                    part,
                    tile=covered if index == 0 else None,
                    after=(After(tasks[-1].name),) if crosses else (),
                    reads=tasks[-1].writes,
                    writes=(queue(op.name, work.name),),
                    why=self.why,
                )
            )
        return tasks

    def _second(self, label: str, due: Due) -> list[Task]:
        """Results."""
        _, written = self.spread.moved(due.tile.columns)
        made = list({work.role: work.name for work in self.spread.works}.values())
        return [
            self.emit.transfer(
                f"{self.op.name}.store" + ("" if label == "end" else f"-{label}"),
                self.op.name,
                "store",
                written,
                after=tuple(wait for name in made or ["load"] for wait in due.after(f"{self.op.name}.{name}", label)),
                reads=tuple(queue(self.op.name, name) for name in made or ["operands"]),
                writes=self.op.outputs,
                why="results of a panel, once the next one's operands are on their way",
            )
        ]

    def _rest(self) -> list[Task]:
        (read, written), parts = self.spread.left()
        why = "what does not divide evenly over the panels"
        op = self.op.name
        tasks: list[Task] = []
        for kernel, words in (("load", read), ("store", written)):
            if words:
                name = f"{op}.{kernel}-rest"
                tasks.append(self.emit.transfer(name, op, kernel, words, after=self.before, writes=(name,), why=why))
        for work, part in parts:
            name = f"{op}.{work.name}-rest"
            tasks.append(self.emit.compute(name, op, part, after=self.before, writes=(name,), why=why))
        return tasks


def rows(total: int, size: int) -> tuple[Tile, ...]:
    """A dim in panels of `size`."""
    return tuple(Tile(0, 1, first, min(size, total - first)) for first in range(0, total, size))
