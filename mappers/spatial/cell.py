"""One einsum of the 1-pass cascade for one tile, as a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from archsim.ir.affine import Affine, affine
from archsim.ir.graph import Op
from archsim.ir.mapping import After, Range, Task
from archsim.mappers.spatial.emit import Emit, Pass
from archsim.mappers.spatial.rows import KeyRow
from archsim.mappers.spatial.tiles import Spot, Tile
from archsim.units.spatial.onepass_cascade import EINSUMS, Binding
from archsim.units.spatial.problem import ARRAY, VECTOR
from archsim.units.spatial.trio import Trio

OP_OF = {
    **dict.fromkeys(("QK", "LM"), "scores"),
    **dict.fromkeys(("RM", "PRM", "SLN", "SLD", "SPD", "RD"), "softmax"),
    **dict.fromkeys(("SLNV", "SPNV", "RNV", "AV"), "values"),
}
"""Einsum -> the op of an attention that it is a part of."""
COVERS = ("QK", "SLN", "SLNV")
"""Einsums that compute the op's own iteration space; the others serve them."""
WHY = {
    "QK": "a score in every PE; all tiles of a group come first, so that their maxima run down meanwhile",
    "LM": "maximum of every column",
    "RM": "running maximum, which the exponentials wait for",
    "PRM": "what a new maximum makes of the old sums",
    "SLN": "exponentials in the PEs that hold the scores",
    "SLD": "sum of every column",
    "SPD": "running sum under the new maximum",
    "SPNV": "running results under the new maximum, while the tile's own part is made",
    "SLNV": "exponentials times values, summed down the columns",
    "RD": "adds the tile's sum",
    "RNV": "adds the tile's part, once it has run down",
    "AV": "one division for each result, after the last keys",
}
_ORDER = tuple(EINSUMS)


@dataclass(frozen=True, slots=True)
class Cell:
    """Tiles of queries with a row of keys: one, or some that a mask leaves of a block and that go as one."""

    row: int
    """Which row of the unit."""
    columns: Affine
    """Queries."""
    tiles: Affine
    """Tiles of the array that they fill."""
    tile: Tile | None
    """Which queries; None where a loop changes their number."""

    def apart(self, index: int, count: int) -> Cell:
        """What it is in `count` iterations from `index` on of the loop that changes it."""
        return replace(self, columns=_from(self.columns, index, count), tiles=_from(self.tiles, index, count))

    @staticmethod
    def of(row: int, tile: Tile) -> Cell:
        """A tile with a row of keys."""
        return Cell(row, affine(tile.columns), affine(1), tile)


@dataclass(frozen=True, slots=True)
class Cover:
    """A part of an op's iteration space."""

    tile: Mapping[str, Range]
    columns: int


def covers(name: str, tile: Tile, keys: Range, spot: Spot) -> tuple[Cover, ...]:
    """The parts of the op of QK, SLN or SLNV that belong to some queries and keys."""
    if name != "SLN":
        return tuple(Cover(spot.product(part, keys), part.columns) for part in tile.parts)
    return tuple(Cover(one, (one["m"].stop - one["m"].start).base) for one in spot.softmaxes(tile, keys))


def _from(size: Affine, index: int, count: int) -> Affine:
    """A size in the iterations from `index` on: a number where that is one."""
    moved = size + sum(step for _, step in size.terms) * index
    return affine(moved.base) if count == 1 else moved


def product(a: Affine, b: Affine) -> Affine:
    """A product of which at least one factor is a number."""
    return b * a.base if not a.terms else a * b.base


@dataclass(frozen=True)
class Cells:
    """Makes the tasks of a tile."""

    trio: Trio
    binding: Binding
    emit: Emit
    head: int

    def op(self, einsum: str) -> Op:
        """The op that an einsum is a part of."""
        found: Op = getattr(self.trio, OP_OF[einsum])
        return found

    def names(self, label: str) -> dict[str, str]:
        """Einsum -> the name of its task."""
        return {einsum: f"{self.op(einsum).name}.{einsum}-{label}" for einsum in EINSUMS}

    def tasks(
        self,
        name: str,
        cell: Cell,
        row: KeyRow,
        spot: Spot,
        names: Mapping[str, str],
        loads: Mapping[str, tuple[str, ...]],
    ) -> tuple[Task, ...]:
        """An einsum of a cell.

        Where it covers several rectangles of its op, the last task takes its time and moves its words; those before it
        only count their own operations.

        Parameters
        ----------
        name
            The einsum.
        cell, row, spot
            Its queries, its keys, and where the loops around it stand.
        names
            Tasks of the same cell.
        loads
            Tensor (Q, K, V) -> the tasks that may have loaded it; the latest of them did.
        """
        einsum, op = EINSUMS[name], self.op(name)
        each, covers = einsum.depth.of(self.head), self.covered(name, cell, row, spot)
        read, written = self.binding.score_words(name)
        out, last = [], max(0, len(covers) - 1)
        for index, part in enumerate(covers or (None,)):
            columns = cell.columns if part is None or len(covers) == 1 else affine(part.columns)
            ops = product(row.keys, columns * each) if einsum.scope == "score" else columns * each
            work = Pass(einsum.operator, self.binding.roles[name], 0, ops)
            if index == last:
                work = replace(
                    work,
                    depth=cell.tiles * (each * self._turns(name) * row.times),
                    ripple=self._ripples(name, cell),
                    read=product(row.keys, cell.tiles * einsum.key_read.of(self.head) + cell.columns * read)
                    + cell.columns * einsum.query_read.of(self.head),
                    written=product(row.keys, cell.columns * written)
                    + cell.columns * einsum.query_written.of(self.head),
                )
            task = names[name] + (f"+{index}" if index < last else "")
            out.append(
                self.emit.compute(
                    task,
                    op.name,
                    work,
                    tile=part.tile if part is not None else None,
                    after=self._after(name, names, loads),
                    reads=op.inputs if part is not None else (),
                    writes=op.outputs if name in ("QK", "SLN") else (task,),
                    why=WHY[name],
                )
            )
        return tuple(out)

    def division(self, name: str, columns: int, tiles: int, after: tuple[After, ...]) -> Task:
        """AV of some tiles of queries."""
        einsum, op = EINSUMS["AV"], self.op("AV")
        each = einsum.depth.of(self.head)
        work = Pass(
            einsum.operator,
            self.binding.roles["AV"],
            each * self._turns("AV") * tiles,
            each * columns,
            read=einsum.query_read.of(self.head) * columns,
        )
        return self.emit.compute(name, op.name, work, after=after, writes=(name,), why=WHY["AV"])

    def counted(
        self, name: str, label: str, tile: Tile, keys: Range, spot: Spot, after: tuple[After, ...]
    ) -> tuple[Task, ...]:
        """A part of an op with nothing to do: a mask hides it, or tasks without a part of their own have done it."""
        op, work = self.op(name), Pass(EINSUMS[name].operator, self.binding.roles[name], 0, 0)
        return tuple(
            self.emit.compute(
                f"{op.name}.{name}-{label}" + (f"+{index}" if index else ""),
                op.name,
                work,
                tile=cover.tile,
                after=after,
                reads=(f"{op.name}.done",),
                writes=(f"{op.name}.{name}-{label}",),
                why="no query here sees a key there, or scores of several tiles have been taken as one",
            )
            for index, cover in enumerate(covers(name, tile, keys, spot))
        )

    def covered(self, name: str, cell: Cell, row: KeyRow, spot: Spot) -> tuple[Cover, ...]:
        """The parts of the op's iteration space that the einsum computes for a cell."""
        return () if cell.tile is None or name not in COVERS else covers(name, cell.tile, row.span, spot)

    def _turns(self, name: str) -> int:
        """How often an array takes up its PEs for one operation of every score, or query, of a full tile."""
        a = self.emit.arrays
        if self.binding.roles[name] == ARRAY:
            return 1
        return -(-(a.rows * a.cols if EINSUMS[name].scope == "score" else a.cols) // a.lanes)

    def _ripples(self, name: str, cell: Cell) -> Affine:
        """How often the ripple counts: tile after tile, that of maxima only, as in the binding's closed form."""
        down = EINSUMS[name].down and self.binding.roles[name] != VECTOR
        if any(epoch.ripple for epoch in self.binding.epochs):
            return cell.tiles if down and name == "LM" else affine(0)
        return affine(int(down))

    def _after(self, name: str, names: Mapping[str, str], loads: Mapping[str, tuple[str, ...]]) -> tuple[After, ...]:
        """What it reads of the same tile from the other array, and from the DRAM; its own array keeps the order."""
        roles, waits = self.binding.roles, list[str]()
        for source in EINSUMS[name].inputs:
            if source in loads:
                waits += loads[source]
            elif source in EINSUMS and _ORDER.index(source) < _ORDER.index(name) and roles[source] != roles[name]:
                waits.append(names[source])
        return tuple(After(wait) for wait in waits)
