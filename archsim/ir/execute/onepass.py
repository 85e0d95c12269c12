"""Attention in one pass over the keys: what each einsum of a tile of scores does, on numbers.

    QK = Q K        LM = max QK      RM = max(RM, LM)      PRM = exp(old RM - RM)
    SLN = exp(QK - RM)               SLD = sum SLN         SPD = RD PRM          RD = SPD + SLD
    SLNV = SLN V                     SPNV = RNV PRM        RNV = SPNV + SLNV     AV = RNV / RD

RM, RD and RNV are kept for every query from one tile of keys to the next. Each array takes tiles in one order, so the
n-th task of every einsum is about the n-th tile; a division takes the queries that have waited longest, a store the
results that have. A load brings what the tiles after it ask for first, as much as it has words for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.ir.execute.kernels import Results, tile_of
from archsim.ir.execute.layout import BY_HEAD, Array, Frame, Ints, Tile, span
from archsim.ir.execute.plain import Run
from archsim.ir.execute.tiles import Part

if TYPE_CHECKING:
    from archsim.ir.execute.run import Executor

EINSUMS = ("QK", "LM", "RM", "PRM", "SLN", "SLD", "SPD", "RD", "SLNV", "SPNV", "RNV")
Where = tuple[int, int, int]
"""Sequence, head, position."""


@dataclass
class Cell:
    """A tile of scores: some queries with some keys."""

    run: Run
    queries: list[Where]
    keys: Ints
    loads: dict[str, int]
    """Tensor (Q, K, V) -> the instance that loads it."""
    made: dict[str, Array] = field(default_factory=dict)
    agrees: bool = True
    """Whether its parts of softmax and values are about the same queries and keys."""

    @property
    def index(self) -> tuple[Ints, Ints, Ints]:
        """Its queries as numpy indexes."""
        b, h, q = (np.array(each, dtype=np.int64) for each in zip(*self.queries, strict=True))
        return b, h, q

    def find(self, name: str) -> Array:
        """What an einsum made; not a number before it ran."""
        return self.made.get(name, np.full((), np.nan))

    def wants(self, name: str) -> list[Where]:
        """Queries (Q) or keys (K, V) of the tile."""
        if name == "Q":
            return self.queries
        group = self.run.frame.h // self.run.frame.kv
        heads = dict.fromkeys((b, h // group) for b, h, _ in self.queries)
        return [(b, h, t) for b, h in heads for t in self.keys.tolist()]


@dataclass
class State:
    """What every query keeps while the keys pass."""

    maximum: Array
    total: Array
    result: Array


class OnePass:
    """One attention of the graph, all executions of it."""

    def __init__(self, executor: Executor, members: tuple[str, str, str]) -> None:
        self.ex, self.members = executor, members
        arrays = next(kind for kind in executor.design.capabilities() if isinstance(kind, SpatialArrays))
        self.word_bytes = arrays.word_bytes
        self.cell_of: dict[int, Cell] = {}
        """Instance of an einsum -> its tile of scores."""
        self.states: dict[int, State] = {}
        self.brought: dict[int, dict[Where, None]] = defaultdict(dict)
        """Load -> what tiles ask of it, in the order of first use."""
        self.loaded: dict[int, Array] = {}
        self.divided: dict[int, list[Where]] = {}
        self.stored: dict[int, list[tuple[int, Where]]] = {}
        """Store -> the divisions and queries that it takes away."""
        self.results: dict[int, Mapping[Where, Array]] = {}
        runs: dict[int, list[int]] = defaultdict(list)
        for at, instance in enumerate(executor.instances):
            if instance.task.op in members and not instance.task.name.endswith("-rest"):
                runs[self._values(at).number].append(at)
        for instances in runs.values():
            self._lay_out(instances)

    def _values(self, at: int) -> Run:
        """The execution of the weighted sum that an instance belongs to."""
        return self.ex.plain.by_name[self.members[2], tuple(self.ex.run_of(self.ex.instances[at]).env.values())]

    def _what(self, at: int) -> tuple[str, bool]:
        """(einsum, whether it is one of several rectangles of a tile, but not the last) by the name of a task."""
        task = self.ex.instances[at].task
        what, _, label = task.name.removeprefix(task.op + ".").partition("-")
        return what, "+" in label

    def _args(self, at: int, name: str) -> int:
        instance = self.ex.instances[at]
        return int(instance.task.args[name].at(instance.env))

    def _lay_out(self, instances: list[int]) -> None:
        """Which instances of one execution belong together, by program order."""
        latest: dict[str, int] = {}
        tiles: dict[str, list[Tile]] = defaultdict(list)
        cells: list[Cell] = []
        turn = dict.fromkeys(EINSUMS, 0)
        waiting: dict[Where, None] = {}
        leaving: list[tuple[int, Where]] = []
        frame = self._values(instances[0]).frame
        for at in instances:
            task, (what, partly) = self.ex.instances[at].task, self._what(at)
            if task.kernel == "load":
                latest[what] = at
            elif task.kernel == "store":
                columns = self._args(at, "bytes") // self.word_bytes // frame.d
                self.stored[at], leaving = leaving[:columns], leaving[columns:]
            elif what == "AV":
                columns = self._args(at, "ops") // frame.d
                self.divided[at] = [*waiting][:columns]
                for query in self.divided[at]:
                    del waiting[query]
                    leaving.append((at, query))
            elif what in EINSUMS and self._args(at, "ops"):  # else a mask hides it: there is nothing to do
                if task.tile:
                    tiles[what].append(tile_of(self.ex.instances[at]))
                if partly:
                    continue
                if what == "QK":
                    cells.append(self._cell(at, tiles.pop("QK", []), latest))
                    waiting.update(dict.fromkeys(cells[-1].queries))
                if turn[what] < len(cells):
                    cell = self.cell_of[at] = cells[turn[what]]
                    self._add(cell, what, tiles.pop(what, []), latest)
                turn[what] += 1

    def _cell(self, at: int, tiles: list[Tile], latest: Mapping[str, int]) -> Cell:
        """A tile of scores from its rectangles."""
        if not tiles:
            raise BadInput(
                "scores of several tiles that go as one do not say which they are",
                where=f"task {self.ex.instances[at].task.name}",
                right="tasks that name the tile they compute",
                try_="a prompt of fewer rows of keys, or no causal mask",
            )
        run = self.ex.run_of(self.ex.instances[at])
        queries = [query for tile in tiles for query in _queries(run.frame, tile)]
        cell = Cell(run, queries, span(tiles[0]["t"]), {})
        cell.agrees = all(tile["t"] == tiles[0]["t"] for tile in tiles)
        for name in "QK":
            self._ask(cell, name, latest)
        return cell

    def _ask(self, cell: Cell, name: str, latest: Mapping[str, int]) -> None:
        if name in latest:
            cell.loads[name] = latest[name]
            self.brought[latest[name]].update(dict.fromkeys(cell.wants(name)))

    def _add(self, cell: Cell, what: str, tiles: list[Tile], latest: Mapping[str, int]) -> None:
        """A later einsum of a tile: what it covers must be the same queries and keys."""
        if what == "SLNV":
            self._ask(cell, "V", latest)
        if what in ("SLN", "SLNV"):
            found = {query for tile in tiles for query in _queries(cell.run.frame, tile)}
            keys = [span(tile["n" if "n" in tile else "t"]) for tile in tiles]
            cell.agrees &= found == set(cell.queries) and all(np.array_equal(each, cell.keys) for each in keys)

    def compute(self, at: int) -> Results:
        """What an instance does."""
        instance = self.ex.instances[at]
        what, partly = self._what(at)
        if instance.task.kernel == "load":
            if what in ("Q", "K", "V"):
                run = self._values(at)
                if what != "V":
                    run = self.ex.plain.by_name[self.members[0], tuple(run.env.values())]
                self.loaded[at] = self.ex.read(run, run.op.inputs[int(what != "Q")], instance.env).copy()
        elif instance.task.kernel == "store":
            return self._store(at)
        elif what == "AV":
            state = self._state(self._values(at))
            self.results[at] = {query: state.result[query] / state.total[query] for query in self.divided[at]}
        elif at in self.cell_of and not partly:
            cell = self.cell_of[at]
            if cell.agrees:
                cell.made[what] = self._einsum(what, cell)
        return []

    def _state(self, values: Run) -> State:
        f = values.frame
        shape = (f.b, f.h, f.q)
        return self.states.setdefault(
            values.number, State(np.full(shape, -np.inf), np.zeros(shape), np.zeros((*shape, f.d)))
        )

    def _einsum(self, what: str, cell: Cell) -> Array:
        values = self.ex.plain.by_name[self.members[2], tuple(cell.run.env.values())]
        state, find, index = self._state(values), cell.find, cell.index
        if what == "RM":
            cell.made["old"] = state.maximum[index]
            state.maximum[index] = np.maximum(state.maximum[index], find("LM"))
            return state.maximum[index]
        if what == "RD":
            state.total[index] = find("SPD") + find("SLD")
        elif what == "RNV":
            state.result[index] = find("SPNV") + find("SLNV")
        table: Mapping[str, Callable[[], Array]] = {
            "QK": lambda: self._scores(cell),
            "LM": lambda: _along(find("QK"), np.max),
            "PRM": lambda: _exp(find("old"), find("RM")),
            "SLN": lambda: _exp(find("QK"), find("RM")[..., None]),
            "SLD": lambda: _along(find("SLN"), np.sum),
            "SPD": lambda: np.asarray(state.total[index] * find("PRM")),
            "SLNV": lambda: self._mixed(cell, values),
            "SPNV": lambda: np.asarray(state.result[index] * find("PRM")[..., None]),
        }
        return table[what]() if what in table else np.full((), np.nan)

    def _operand(self, cell: Cell, name: str, run: Run, tensor: str) -> Array:
        """What a load has brought, if it has run and is long enough for this tile and all before it."""
        nothing = np.full(self.ex.plain.values[run.reads[tensor]].shape, np.nan)
        load = cell.loads.get(name)
        if load is None:
            return nothing
        room = self._args(load, "bytes") // self.word_bytes // cell.run.frame.d
        there = set([*self.brought[load]][:room])
        return self.loaded.get(load, nothing) if there.issuperset(cell.wants(name)) else nothing

    def _scores(self, cell: Cell) -> Array:
        """A tile of scores, query by key."""
        run, f, (b, h, q) = cell.run, cell.run.frame, cell.index
        queries, keys = (self._operand(cell, name, run, t) for name, t in zip("QK", run.op.inputs, strict=True))
        columns = h[:, None] * f.d + np.arange(f.d)
        mine = queries[f.rows(b, q)[:, None], columns]
        theirs = keys[b[:, None], (h // (f.h // f.kv))[:, None], cell.keys]
        scores = np.einsum("qd,qtd->qt", mine, theirs) * f.scale
        return np.where(cell.keys < f.seen(q, causal=run.op.causal)[:, None], scores, -np.inf)

    def _mixed(self, cell: Cell, values: Run) -> Array:
        """Exponentials times values."""
        f, (b, h, _), weights = cell.run.frame, cell.index, cell.find("SLN")
        cache = self._operand(cell, "V", values, values.op.inputs[1])
        theirs = cache[b[:, None], (h // (f.h // f.kv))[:, None], cell.keys]
        return np.asarray(np.einsum("qt,qtd->qd", weights, theirs)) if weights.ndim else np.full((), np.nan)

    def _store(self, at: int) -> Results:
        run = self._values(at)
        f, out = run.frame, list[tuple[Run, Part, Array]]()
        nothing = np.full(f.d, np.nan)
        for division, (b, h, q) in self.stored.get(at, []):
            found = self.results.get(division, {}).get((b, h, q), nothing)
            index = (np.full(f.d, q * f.b + b), h * f.d + np.arange(f.d))
            out.append((run, Part(run.op.outputs[0], index, found), found))
        return out


def _queries(frame: Frame, tile: Tile) -> list[Where]:
    """The queries of a part of the scores, the softmax or the weighted sum."""
    if "m" in tile:
        b, h, q = frame.score_rows(span(tile["m"]), BY_HEAD)
        return list(zip(b.tolist(), h.tolist(), q.tolist(), strict=True))
    return [(b, h, q) for b in range(*tile["b"]) for h in range(*tile["h"]) for q in range(*tile["q"])]


def _along(x: Array, reduce: Callable[..., Array]) -> Array:
    """Over the keys; nothing where there is nothing."""
    return np.asarray(reduce(x, axis=-1)) if x.ndim else x


def _exp(x: Array, top: Array) -> Array:
    """exp(x - top); nothing where not even the largest has been seen."""
    return np.where(np.isneginf(x), np.where(np.isnan(top), np.nan, 0.0), np.exp(x - top))
