"""One einsum of the 1-pass cascade for one tile, as a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from archsim.ir.affine import Affine, affine
from archsim.ir.graph import Op
from archsim.ir.mapping import After, Range, Task
from archsim.mappers.spatial.emit import Emit, Pass, queue
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
    """Which queries; None where it is only known how many."""
    edge: bool = False
    """Whether it begins at the mask's edge, which a loop moves: the first queries of the tile see none of the keys."""

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
    columns: Affine


def covers(name: str, tile: Tile, keys: Range, spot: Spot) -> tuple[Cover, ...]:
    """The parts of the op of QK, SLN or SLNV that belong to some queries and keys."""
    if name != "SLN":
        return tuple(Cover(spot.product(part, keys), affine(part.columns)) for part in tile.parts)
    return tuple(Cover(one, one["m"].stop - one["m"].start) for one in spot.softmaxes(tile, keys))


def covers_from_edge(name: str, tile: Tile, keys: Range, spot: Spot) -> tuple[Cover, ...]:
    """The same of those queries that see one of the keys."""
    p, out = spot.problem, list[Cover]()
    edge = spot.at("t") + keys.start - (p.keys - p.positions)
    for part in tile.parts:
        if part.heads < p.heads // p.kv_heads:  # what begins or ends the tile: a position with some of its heads
            out += covers(name, part, keys, spot) if part is not tile.parts[0] else ()
            continue
        seen = edge * -1 + (part.q + part.rows)
        if name != "SLN":
            out.append(Cover(spot.product(part, keys, edge), seen * part.heads))
            continue
        heads = (replace(part, h=part.h + i, heads=1) for i in range(part.heads))
        out += (Cover(spot.softmax(one, keys, edge), seen) for one in heads)
    return tuple(out)


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
        each, parts = einsum.depth.of(self.head), self.covered(name, cell, row, spot)
        read, written = self.binding.score_words(name)
        out, last, left = [], max(0, len(parts) - 1), cell.columns
        for index, part in enumerate(parts or (None,)):
            columns = left if part is None or index == last else part.columns
            left = left - columns
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
                    reads=self._reads(name) if index == last else (f"{op.name}.part",),
                    writes=(queue(op.name, name) if index == last else task,),
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
        return self.emit.compute(name, op.name, work, after=after, writes=(queue(op.name, "AV"),), why=WHY["AV"])

    def covered(self, name: str, cell: Cell, row: KeyRow, spot: Spot) -> tuple[Cover, ...]:
        """The parts of the op's iteration space that the einsum computes for a cell."""
        if cell.tile is None or name not in COVERS:
            return ()
        return (covers_from_edge if cell.edge else covers)(name, cell.tile, row.span, spot)

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

    def _reads(self, name: str) -> tuple[str, ...]:
        """What the buffer holds of operands, and what other einsums have made of the same tile."""
        sources, order = EINSUMS[name].inputs, _ORDER.index(name)
        held = tuple(f"{self.op(name).name}.{source}" for source in sources if source not in EINSUMS)
        return (*held, *(queue(self.op(s).name, s) for s in sources if s in EINSUMS and _ORDER.index(s) < order))

    def _after(self, name: str, names: Mapping[str, str], loads: Mapping[str, tuple[str, ...]]) -> tuple[After, ...]:
        """What it reads of the same tile from the other array, and from the DRAM; its own array keeps the order."""
        roles, waits = self.binding.roles, list[str]()
        for source in EINSUMS[name].inputs:
            if source in loads:
                waits += loads[source]
            elif source in EINSUMS and _ORDER.index(source) < _ORDER.index(name) and roles[source] != roles[name]:
                waits.append(names[source])
        return tuple(After(wait) for wait in waits)
