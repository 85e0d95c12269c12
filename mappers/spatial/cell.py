"""One einsum of the 1-pass cascade for one tile, as a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.ir.affine import Affine
from archsim.ir.graph import Op
from archsim.ir.mapping import After, Range, Task
from archsim.mappers.spatial.emit import Emit, Pass
from archsim.mappers.spatial.keys import KeyRow
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
SCORES, AHEAD, CORRECTED, RESULTS = ("QK", "LM"), ("RM", "PRM", "SLN", "SLD", "SLNV"), ("SPD", "SPNV"), ("RD", "RNV")
PREPARED = ("RM", "PRM", "SLN", "SLD", "SPD", "SPNV", "SLNV")
"""`AHEAD` and `CORRECTED` together, as a tile goes through them."""


def order(rows: int) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """(row of keys, einsums) for all its tiles, in the order in which each array takes its part of them.

    All scores come first. Sums and results of a row are corrected only when those of the row before it are complete;
    its maxima need not wait for that.
    """
    first = [(row, SCORES) for row in range(rows)] + [(0, PREPARED)]
    later = [part for row in range(1, rows) for part in ((row, AHEAD), (row - 1, RESULTS), (row, CORRECTED))]
    return (*first, *later, (rows - 1, RESULTS))


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


@dataclass(frozen=True)
class Cells:
    """Makes the tasks of a tile."""

    trio: Trio
    binding: Binding
    emit: Emit
    head: int

    @property
    def interleaved(self) -> bool:
        """Whether scores of other tiles may start before a tile is done."""
        return not any(epoch.ripple for epoch in self.binding.epochs)

    def op(self, einsum: str) -> Op:
        """The op that an einsum is a part of."""
        found: Op = getattr(self.trio, OP_OF[einsum])
        return found

    def names(self, label: str) -> dict[str, str]:
        """Einsum -> the name of its task."""
        return {einsum: f"{self.op(einsum).name}.{einsum}-{label}" for einsum in EINSUMS}

    def task(
        self,
        name: str,
        tile: Tile,
        row: KeyRow,
        spot: Spot,
        names: Mapping[str, str],
        loads: Mapping[str, tuple[str, ...]],
    ) -> Task:
        """An einsum of a tile.

        Parameters
        ----------
        name
            The einsum.
        tile, row, spot
            Its queries, its keys, and where the loops around it stand.
        names
            Tasks of the same tile.
        loads
            Tensor (Q, K, V) -> the tasks that may have loaded it; the latest of them did.
        """
        einsum, op = EINSUMS[name], self.op(name)
        each = einsum.depth.of(self.head)
        ops = row.keys * (each * tile.columns) if einsum.scope == "score" else Affine(each * tile.columns)
        read, written = self.binding.score_words(name)
        work = Pass(
            einsum.operator,
            self.binding.roles[name],
            each * self._turns(name) * row.times,
            ops,
            self._ripples(name),
            row.keys * (einsum.key_read.of(self.head) + read * tile.columns)
            + einsum.query_read.of(self.head) * tile.columns,
            row.keys * (written * tile.columns) + einsum.query_written.of(self.head) * tile.columns,
        )
        return self.emit.compute(
            names[name],
            op.name,
            work,
            tile=self.covered(name, tile, row, spot) if name in COVERS else None,
            after=self._after(name, names, loads),
            reads=op.inputs if name in COVERS else (),
            writes=op.outputs if name in ("QK", "SLN") else (names[name],),
            why=WHY[name],
        )

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

    def masked(self, name: str, task: str, tile: Tile, row: KeyRow, spot: Spot, after: tuple[After, ...]) -> Task:
        """A part that a causal mask hides whole: nothing to do."""
        op, work = self.op(name), Pass(EINSUMS[name].operator, self.binding.roles[name], 0, 0)
        return self.emit.compute(
            task,
            op.name,
            work,
            tile=self.covered(name, tile, row, spot),
            after=after,
            reads=(f"{op.name}.hidden",),
            writes=(task,),
            why="no query here sees a key there",
        )

    def covered(self, name: str, tile: Tile, row: KeyRow, spot: Spot) -> dict[str, Range]:
        """The part of the op's iteration space that the einsum computes for a tile."""
        return spot.softmax(tile, row.span) if name == "SLN" else spot.product(tile, row.span)

    def _turns(self, name: str) -> int:
        """How often an array takes up its PEs for one operation of every score, or query, of a full tile."""
        a = self.emit.arrays
        if self.binding.roles[name] == ARRAY:
            return 1
        return -(-(a.rows * a.cols if EINSUMS[name].scope == "score" else a.cols) // a.lanes)

    def _ripples(self, name: str) -> bool:
        """Whether the ripple counts: tile after tile, that of maxima only, as in the binding's closed form."""
        down = EINSUMS[name].down and self.binding.roles[name] != VECTOR
        return down and (self.interleaved or name == "LM")

    def _after(self, name: str, names: Mapping[str, str], loads: Mapping[str, tuple[str, ...]]) -> tuple[After, ...]:
        """What it reads of the same tile from the other array, and from the DRAM; its own array keeps the order."""
        roles, waits = self.binding.roles, list[str]()
        for source in EINSUMS[name].inputs:
            if source in loads:
                waits += loads[source]
            elif _ORDER.index(source) < _ORDER.index(name) and roles[source] != roles[name]:
                waits.append(names[source])
        return tuple(After(wait) for wait in waits)
