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
from archsim.mappers.spatial.cell import COVERS, Cells, order
from archsim.mappers.spatial.depth import results_before_next
from archsim.mappers.spatial.emit import looped
from archsim.mappers.spatial.keys import KeyRow, KeyRows, Units, key_rows, masked, segments, units
from archsim.mappers.spatial.room import Ahead, Row, fits_ahead, in_turn, with_waits
from archsim.mappers.spatial.tiles import Run, Spot, Tiles, balanced, blocks, grouped, query_tiles, runs
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
    _blocks: list[list[Row]] = field(default_factory=list)
    _labels: int = 0

    @cached_property
    def tiles(self) -> Tiles:
        """The queries of one KV head."""
        return query_tiles(self.problem, self.cells.emit.arrays.cols)

    @cached_property
    def ahead(self) -> Ahead:
        """What of the next block comes, and of the last one leaves, while a block is worked on."""
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
        spot = Spot(p)
        alone = len(parts) == 1 and not parts[0].loops and bool(outer)
        if alone and self.ahead is Ahead.ALL:
            nodes = self._all_ahead(parts[0].tiles, spot, outer)
        else:
            last = outer.pop() if alone and self.ahead is Ahead.QUERIES else None
            for dim, _ in outer:
                spot = spot.moved(dim, dim)
            if last is not None:
                nodes = self._queries_ahead(parts[0].tiles, spot, *last)
            else:
                ends = [*(f"-{index}" for index in range(1, len(parts))), ""]
                nodes = tuple(
                    n for part, end in zip(parts, ends, strict=True) for n in self._one_by_one(part, spot, end)
                )
            for dim, count in reversed(outer):
                nodes = looped(dim, count, nodes)
        waits = in_turn(self._blocks)
        return tuple(with_waits(node, waits) for node in nodes)

    def _one_by_one(self, run: Run, spot: Spot, end: str) -> tuple[Node, ...]:
        """Blocks whose results are stored before the next block's queries come."""
        for dim, step, _ in run.loops:
            spot = spot.moved(dim, f"p2{dim}", step)
        label = self._label()
        queries = self._queries(run.tiles, label)
        nodes: tuple[Node, ...] = (queries, *self._block(run.tiles, spot, (queries.name,)))
        nodes = (*nodes, *self._results(run.tiles, label, end and f"{end}.last"))
        for dim, _, count in run.loops:
            nodes = looped(f"p2{dim}", count, nodes)
        return nodes

    def _all_ahead(self, tiles: Tiles, spot: Spot, outer: Sequence[tuple[str, int]]) -> tuple[Node, ...]:
        """One block after the other; its results are stored while the next one is worked on.

        The first block has none before it, so it stands apart; so do the others of the first sequence.
        """
        label = self._label()
        queries, divided = self._queries(tiles, label), [label]
        nodes: tuple[Node, ...] = (
            queries,
            *self._block(tiles, spot, (queries.name,)),
            self._division(tiles, label, ()),
        )
        for index in reversed(range(len(outer))):
            (dim, count), inner = outer[index], outer[index + 1 :]
            place = (spot.moved(dim, dim) if count > 2 else spot).shifted(dim, 1)
            for name, _ in inner:
                place = place.moved(name, name)
            label = self._label()
            divided.append(label)
            queries, store = self._queries(tiles, label), self._store(tiles, f"-{label}", *divided)
            body: tuple[Node, ...] = (queries, *self._block(tiles, place, (queries.name,)), store)
            body = (*body, self._division(tiles, label, (After(store.name),)))
            for name, times in reversed(((dim, count - 1), *inner)):
                body = looped(name, times, body)
            nodes += body
        return (*nodes, self._store(tiles, "", *divided))

    def _queries_ahead(self, tiles: Tiles, spot: Spot, dim: str, count: int) -> tuple[Node, ...]:
        """One block after the other along `dim`; the next one's queries come before its results leave."""
        first, rest, last = self._label(), self._label(), self._label()
        inner = spot.moved(dim, dim) if count > 2 else spot
        queries, following = self._queries(tiles, first), self._queries(tiles, rest)
        names = (queries.name, following.name)
        body = (*self._block(tiles, inner, names), following, *self._results(tiles, rest, f"-{rest}"))
        end = (*self._block(tiles, spot.shifted(dim, count - 1), names[1:]), *self._results(tiles, last, ""))
        return (queries, *looped(dim, count - 1, body), *end)

    def _queries(self, tiles: Tiles, label: str) -> Task:
        """Queries of a block."""
        scores = self.cells.trio.scores
        return self.cells.emit.transfer(
            f"{scores.name}.Q-{label}",
            scores.name,
            "load",
            self.problem.head * sum(tile.columns for tile in tiles),
            fills=True,
            after=self.before,
            reads=scores.inputs[:1],
            writes=(f"{scores.name}.Q",),
            why=f"{len(tiles)} tiles of queries stay while the keys pass",
        )

    def _results(self, tiles: Tiles, label: str, end: str) -> Iterator[Node]:
        """Division tile by tile; one tile leaves while the next one is divided."""
        found = runs((tile,) for tile in tiles)
        for index, run in enumerate(found):
            part = f"{label}.{index}"
            store = self._store(run.tiles, end if run is found[-1] else f"-{part}", part)
            nodes: tuple[Node, ...] = (self._division(run.tiles, part, (After(store.name, 1),)), store)
            for dim, _, count in run.loops:
                nodes = looped(f"p1{dim}", count, nodes)
            yield from nodes

    def _block(self, tiles: Tiles, spot: Spot, queries: tuple[str, ...]) -> Iterator[Node]:
        """All keys that a block of queries needs; `queries` are the tasks that may have loaded it."""
        p, rows_of = self.problem, self.cells.emit.arrays.rows
        rows = key_rows(rows_of, self.least, p.keys, self.keys)
        parts, found = segments(p, tiles, rows_of, len(rows)), list[Row]()
        for part in parts:
            for unit in units(rows[part.first : part.end], -(-self.group // len(part.tiles))):
                yield from self._unit(unit, part.tiles, spot, queries, found)
        self._blocks.append(found)
        for tile, first in masked(tiles, parts, len(rows)):
            hidden = KeyRow(first * rows_of, self.keys - first * rows_of)
            names = self.cells.names(f"hidden{self._label()}")
            for einsum in COVERS:
                waits = (After(found[-1].scores_last), After(found[-1].values_last))
                yield self.cells.masked(einsum, names[einsum], tile, hidden, spot, waits)

    def _unit(
        self, unit: Units, tiles: Tiles, spot: Spot, queries: tuple[str, ...], found: list[Row]
    ) -> Iterator[Node]:
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

    def _group(self, run: Run, rows: KeyRows, spot: Spot, row: Row, queries: tuple[str, ...]) -> Iterator[Node]:
        """All tasks of a group of tiles, stage by stage."""
        for dim, step, _ in run.loops:
            spot = spot.moved(dim, f"p1{dim}", step)
        label, loads = self._label(), {"Q": queries, "K": (row.keys,), "V": (row.values,)}
        names = [
            [self.cells.names(f"{label}.{row_of}.{i}") for i in range(len(run.tiles))] for row_of in range(len(rows))
        ]
        row.scores_last, row.values_last = names[-1][-1]["QK"], names[-1][-1]["SLNV"]
        row.groups.append((names[0][0]["QK"], self._end(names)))
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
            why="results leave while others are made",
        )

    def _label(self) -> str:
        self._labels += 1
        return str(self._labels)
