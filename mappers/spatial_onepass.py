"""The 1-pass cascade as a program: one task for every einsum of a tile, tiles interleaved so that ripples are hidden.

A group of tiles goes through three stages: scores and their maxima; running maxima, corrections and the products with
the values; running sums and results. Each array takes its part of a stage tile by tile. While the maximum of the first
tile runs down the columns, the array computes the scores of the others, and while results run down, the 1D array
prepares theirs. Nothing drains at the end of a group: the next one's scores follow at once, be they of the next head.
Where few tiles are resident, a group takes several rows of keys, and results of one row wait for those of the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archsim.ir.affine import Affine
from archsim.ir.mapping import After, Node, Task
from archsim.mappers.spatial_cell import COVERS, Cells, order
from archsim.mappers.spatial_depth import results_before_next
from archsim.mappers.spatial_emit import looped
from archsim.mappers.spatial_keys import KeyRow, KeyRows, Units, key_rows, masked, segments, units
from archsim.mappers.spatial_room import Row, fits_ahead, overwriting, with_waits
from archsim.mappers.spatial_tiles import Run, Spot, Tiles, balanced, blocks, grouped, query_tiles, runs
from archsim.units.spatial.problem import Problem


@dataclass
class OnePass:
    """One attention with a 1-pass dataflow."""

    cells: Cells
    problem: Problem
    """With the most keys that a loop makes of it."""
    keys: Affine
    """Keys of a sequence."""
    least: int
    """The fewest keys that a loop makes of it."""
    resident: int
    """Tiles of queries that stay in the buffer while the keys pass."""
    group: int
    """Tiles of scores in flight: 1 is one tile after the other."""
    before: tuple[After, ...]
    """What queries, keys and values wait for."""
    _rows: list[Row] = field(default_factory=list)
    _starts: list[str] = field(default_factory=list)
    """First tasks of groups."""
    _ends: list[str] = field(default_factory=list)
    """What the next group's first task waits for."""
    _labels: int = 0

    @cached_property
    def tiles(self) -> Tiles:
        """The queries of one KV head."""
        return query_tiles(self.problem, self.cells.emit.arrays.cols)

    @cached_property
    def ahead(self) -> bool:
        """Whether the next queries come, and results leave, while others are worked on."""
        a, p = self.cells.emit.arrays, self.problem
        columns = max(sum(tile.columns for tile in part) for part in blocks(self.tiles, self.resident))
        together = -(-self.group // min(self.resident, len(self.tiles)))
        state = self.cells.binding.held(a, p.head) - p.head
        return fits_ahead(a, columns, p.head, state, together * min(a.rows, p.keys))

    def body(self) -> tuple[Node, ...]:
        """The whole attention: sequences, KV heads, blocks of queries."""
        p = self.problem
        parts = runs(blocks(self.tiles, self.resident), along=("h",) if p.causal else ("q", "h"))
        outer = [(dim, count) for dim, count in (("b", p.batch), ("kv", p.kv_heads)) if count > 1]
        ahead = self.ahead and len(parts) == 1 and not parts[0].loops and bool(outer)
        last = outer.pop() if ahead else None
        spot = Spot(p)
        for dim, _ in outer:
            spot = spot.moved(dim, dim)
        if last is not None:
            nodes = self._ahead(parts[0].tiles, spot, *last)
        else:
            nodes = tuple(n for part in parts for n in self._one_by_one(part, spot, "" if part is parts[-1] else "-"))
        for dim, count in reversed(outer):
            nodes = looped(dim, count, nodes)
        waits = dict(overwriting(self._rows))
        waits |= dict.fromkeys(self._starts, tuple(After(name) for name in self._ends))
        return tuple(with_waits(node, waits) for node in nodes)

    def _one_by_one(self, run: Run, spot: Spot, end: str) -> tuple[Node, ...]:
        """Blocks whose results are stored before the next block's queries come."""
        for dim, step, _ in run.loops:
            spot = spot.moved(dim, f"p2{dim}", step)
        label = self._label()
        nodes: tuple[Node, ...] = (*self._block(run.tiles, spot, label), self._division(run.tiles, label, ()))
        nodes = (*nodes, self._store(run.tiles, end and f"-{label}", label))
        for dim, _, count in run.loops:
            nodes = looped(f"p2{dim}", count, nodes)
        return nodes

    def _ahead(self, tiles: Tiles, spot: Spot, dim: str, count: int) -> tuple[Node, ...]:
        """One block after the other along `dim`; its results are stored while the next one is worked on."""
        first, rest = self._label(), self._label()
        inner = (spot.moved(dim, dim) if count > 2 else spot).shifted(dim, 1)
        store = self._store(tiles, f"-{rest}", first, rest)
        end = self._store(tiles, "", rest)
        head = (*self._block(tiles, spot, first), self._division(tiles, first, (After(end.name),)))
        body = (*self._block(tiles, inner, rest), store, self._division(tiles, rest, (After(store.name),)))
        return (*head, *looped(dim, count - 1, body), end)

    def _block(self, tiles: Tiles, spot: Spot, label: str) -> Iterator[Node]:
        """Queries of a block and all keys it needs, without its division."""
        p, scores, rows_of = self.problem, self.cells.trio.scores, self.cells.emit.arrays.rows
        rows = key_rows(rows_of, self.least, p.keys, self.keys)
        queries = f"{scores.name}.Q-{label}"
        yield self.cells.emit.transfer(
            queries,
            scores.name,
            "load",
            p.head * sum(tile.columns for tile in tiles),
            fills=True,
            after=self.before,
            reads=scores.inputs[:1],
            writes=(f"{scores.name}.Q",),
            why=f"{len(tiles)} tiles of queries stay while the keys pass",
        )
        parts, found = segments(p, tiles, rows_of, len(rows)), list[Row]()
        for part in parts:
            for unit in units(rows[part.first : part.end], -(-self.group // len(part.tiles))):
                yield from self._unit(unit, part.tiles, spot, queries, found)
        self._rows += found
        for tile, first in masked(tiles, parts, len(rows)):
            hidden = KeyRow(first * rows_of, self.keys - first * rows_of)
            names = self.cells.names(f"hidden{self._label()}")
            for einsum in COVERS:
                waits = (After(found[-1].scores_last), After(found[-1].values_last))
                yield self.cells.masked(einsum, names[einsum], tile, hidden, spot, waits)

    def _unit(self, unit: Units, tiles: Tiles, spot: Spot, queries: str, found: list[Row]) -> Iterator[Node]:
        """Some rows of keys with all their tiles, as often as the unit is repeated."""
        label, trio = self._label(), self.cells.trio
        row = Row(f"{trio.scores.name}.K-{label}", f"{trio.values.name}.V-{label}")
        found.append(row)
        if unit.count > 1:
            spot = spot.moved("t", "m1", unit.step)
        alone = len(unit.rows) == 1
        groups = runs(grouped(tiles, balanced(len(tiles), self.group) if alone else (len(tiles),)))
        body: list[Node] = [*self._loads(unit.rows, row)]
        for run in groups:
            nodes = tuple(self._group(run, unit.rows, spot, row, queries))
            for dim, _, count in run.loops:
                nodes = looped(f"p1{dim}", count, nodes)
            body += nodes
        yield from looped("m1", unit.count, tuple(body))

    def _loads(self, rows: KeyRows, row: Row) -> Iterator[Task]:
        """Keys and values of some rows."""
        keys = sum((r.keys for r in rows[1:]), rows[0].keys)
        for name, op, tensor in ((row.keys, self.cells.trio.scores, "K"), (row.values, self.cells.trio.values, "V")):
            yield self.cells.emit.transfer(
                name,
                op.name,
                "load",
                keys * self.problem.head,
                fills=True,
                after=self.before,
                reads=op.inputs[1:],
                writes=(f"{op.name}.{tensor}",),
                why=f"{len(rows)} rows of keys for all resident queries",
            )

    def _group(self, run: Run, rows: KeyRows, spot: Spot, row: Row, queries: str) -> Iterator[Node]:
        """All tasks of a group of tiles, stage by stage."""
        for dim, step, _ in run.loops:
            spot = spot.moved(dim, f"p1{dim}", step)
        label, loads = self._label(), {"Q": queries, "K": row.keys, "V": row.values}
        names = [
            [self.cells.names(f"{label}.{row_of}.{i}") for i in range(len(run.tiles))] for row_of in range(len(rows))
        ]
        row.scores_last, row.values_last = names[-1][-1]["QK"], names[-1][-1]["SLNV"]
        self._starts.append(names[0][0]["QK"])
        self._ends.append(self._end(names))
        for index, einsums in order(len(rows)):
            for tile, mine in zip(run.tiles, names[index], strict=True):
                for einsum in einsums:
                    yield self.cells.task(einsum, tile, rows[index], spot, mine, loads)

    def _end(self, names: Sequence[Sequence[Mapping[str, str]]]) -> str:
        """What the next group's scores wait for."""
        cells = self.cells
        if not cells.interleaved:
            return names[-1][-1]["RNV"]
        if cells.binding.roles["LM"] != cells.binding.roles["QK"]:
            return names[-1][-1]["SLN"]  # which has read the scores that the next ones replace in the buffer
        if len(names) > 1:
            return names[-2][-1]["RNV"]
        ready = results_before_next(cells.binding, cells.emit.arrays, cells.head, len(names[0]))
        return names[0][ready - 1]["RNV"] if ready else names[0][-1]["SPNV"]

    def _division(self, tiles: Tiles, label: str, after: tuple[After, ...]) -> Task:
        columns = sum(tile.columns for tile in tiles)
        return self.cells.division(f"{self.cells.trio.values.name}.AV-{label}", columns, len(tiles), after)

    def _store(self, tiles: Tiles, label: str, *divided: str) -> Task:
        """Results of the latest block to the DRAM; the last task of all is without a label."""
        op = self.cells.trio.values
        return self.cells.emit.transfer(
            f"{op.name}.store{label}",
            op.name,
            "store",
            self.problem.head * sum(tile.columns for tile in tiles),
            after=tuple(After(f"{op.name}.AV-{one}") for one in divided),
            writes=op.outputs,
            why="results leave while the next are made" if self.ahead else "results leave the buffer",
        )

    def _label(self) -> str:
        self._labels += 1
        return str(self._labels)
