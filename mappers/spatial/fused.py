"""Attention tile of queries by tile of queries: the closed form of any dataflow, spread over its tiles.

Scores and probabilities are never there as a whole, so no task reads or writes these tensors: a tile's tasks wait for
each other by name.

A tile of queries goes through scores, softmax and values with all its keys. The scores of the next tile come before the
values of this one, so both arrays and the DRAM are busy with two tiles at a time. Ripples are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from archsim.ir.affine import Affine
from archsim.ir.graph import Op
from archsim.ir.mapping import After, Node, Range, Task
from archsim.mappers.spatial.chain import Chain, Due, Panel, Panels, Times
from archsim.mappers.spatial.emit import Emit, Pass, queue
from archsim.mappers.spatial.share import Shape, Spread, Work
from archsim.mappers.spatial.tiles import Run, Spot, Tile, query_tiles, runs
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.trio import Trio

SOFTMAX, VALUES = ("exp", "SLN"), ("SLNV", "AV")
"""Einsums that stand for the op, the first one that there is."""
READS: Mapping[str, tuple[str, ...]] = {
    "QK": (),
    "LM": ("QK",),
    "RM": ("LM",),
    "PRM": ("RM",),
    "SLN": ("RM",),
    "SLD": ("SLN",),
    "SPD": ("PRM",),
    "RD": ("SLD", "SPD"),
    "SLNV": ("SLN",),
    "UNV": (),
    "SPNV": ("PRM", "UNV"),
    "RNV": ("SLNV", "SPNV"),
    "MRG": ("RNV", "RD"),
    "max": ("QK",),
    "exp": ("max",),
    "sum": ("exp",),
    "div": ("exp", "sum"),
    "AV": ("RNV", "RD", "div"),
}
"""Einsum -> those of the same tile that it reads: of the cascades with one and with three passes."""


@lru_cache(maxsize=64)
def panels(problem: Problem, cols: int) -> Panels:
    """All tiles of queries: of all sequences, KV heads, heads."""
    found = tuple(_tree(run) for run in runs((tile,) for tile in query_tiles(problem, cols)))
    return Times("b", "b", 1, problem.batch, Times("kv", "kv", 1, problem.kv_heads, found))


@lru_cache(maxsize=64)
def shapes(problem: Problem, cols: int) -> tuple[Shape, ...]:
    """How many tiles of queries of each size there are."""
    sizes = sorted(tile.columns for tile in query_tiles(problem, cols))
    return tuple(Shape(size, len(list(same)) * problem.instances) for size, same in groupby(sizes))


def _tree(run: Run) -> Panels:
    tree: Panels = Panel(run.tiles[0])
    for dim, step, count in run.loops:
        tree = Times(dim, f"p{dim}", step, count, tree)
    return tree


@dataclass(frozen=True)
class Fused:
    """One attention whose scores do not go through the DRAM as a whole."""

    trio: Trio
    problem: Problem
    keys: Affine
    spread: Spread
    emit: Emit
    before: tuple[After, ...]
    why: str

    def body(self) -> tuple[Node, ...]:
        """The whole attention."""
        nodes = Chain(self._first, (self._scores, self._second)).nodes(
            panels(self.problem, self.emit.arrays.cols), Spot(self.problem)
        )
        return (*self._rest(), *nodes)

    def op_of(self, work: Work) -> Op:
        """The op that an einsum is booked on."""
        order = [w.name for w in self.spread.works]
        at, softmax, values = order.index(work.name), self._stands(SOFTMAX, 1), self._stands(VALUES, -1)
        if at == 0 or (at < softmax and work.name in ("QK", "LM")):
            return self.trio.scores
        return self.trio.values if at >= values else self.trio.softmax

    def _stands(self, names: Sequence[str], otherwise: int) -> int:
        order = [w.name for w in self.spread.works]
        main = [i for i, w in enumerate(self.spread.works) if w.depth]
        return next((order.index(name) for name in names if name in order), main[otherwise])

    def _covers(self, work: Work) -> Op | None:
        """The op whose iteration space the einsum stands for."""
        at = [w.name for w in self.spread.works].index(work.name)
        if at == 0:
            return self.trio.scores
        if at == self._stands(SOFTMAX, 1):
            return self.trio.softmax
        return self.trio.values if at == self._stands(VALUES, -1) else None

    def _first(self, label: str, spot: Spot, tile: Tile) -> list[Task]:
        """Operands from the DRAM."""
        scores, (read, _) = self.trio.scores, self.spread.moved(tile.columns)
        load = self.emit.transfer(
            f"{scores.name}.load-{label}",
            scores.name,
            "load",
            read,
            after=self.before,
            reads=(*scores.inputs, *self.trio.values.inputs[1:]),
            writes=(queue(scores.name, "operands"),),
            why=f"what {tile.columns} queries take from the DRAM",
        )
        return [load]

    def _scores(self, label: str, due: Due) -> list[Task]:
        """Scores of a tile, while the next one's operands come."""
        work, part = self.spread.passes(due.tile.columns)[0]
        waits = due.after(f"{self.trio.scores.name}.load", label)
        operands = (queue(self.trio.scores.name, "operands"),)
        return [self._task(work, part, label, due.spot, due.tile, waits, operands)]

    def _second(self, label: str, due: Due) -> list[Task]:
        """Softmax and values of a tile, then its results to the DRAM."""
        first, *parts = self.spread.passes(due.tile.columns)
        known, tasks = {first[0].name: first[0]}, list[Task]()
        for work, part in parts:
            waits: tuple[After, ...] = ()
            sources = self._sources(work, known)
            for source in sources:
                if source.role == work.role:
                    continue  # its own array took that one before
                name = self._name(source)
                waits += due.after(name, label) if source is first[0] else (After(f"{name}-{label}"),)
            found = tuple(self._queue(source) for source in sources)
            tasks.append(self._task(work, part, label, due.spot, due.tile, waits, found))
            known[work.name] = work
        op, (_, written) = self.trio.values, self.spread.moved(due.tile.columns)
        ends = {task.unit: task.name for task in tasks}
        name = f"{op.name}.store" + ("" if label == "end" else f"-{label}")
        waits = tuple(After(end) for end in ends.values())
        found = tuple(task.writes[0] for task in {task.unit: task for task in tasks}.values())
        store = self.emit.transfer(
            name, op.name, "store", written, after=waits, reads=found, writes=op.outputs, why="results"
        )
        return [*tasks, store]

    def _sources(self, work: Work, before: Mapping[str, Work]) -> list[Work]:
        """Einsums that an einsum reads.

        An einsum that the cascades do not know waits for what stands before it, and so do all others beside it.
        """
        if not work.depth:
            return []  # it takes no time
        if all(w.name in READS for w in self.spread.works if w.depth):
            return [before[name] for name in READS[work.name] if name in before]
        return [next(w for w in reversed([*before.values()]) if w.depth)]

    def _task(
        self,
        work: Work,
        part: Pass,
        label: str,
        spot: Spot,
        tile: Tile,
        after: tuple[After, ...],
        reads: tuple[str, ...],
    ) -> Task:
        op, covers = self.op_of(work), self._covers(work)
        span = Range(Affine(0), self.keys)
        cut = None
        if covers is not None:
            cut = spot.softmax(tile, span) if covers is self.trio.softmax else spot.product(tile, span)
        name = f"{self._name(work)}-{label}"
        return self.emit.compute(
            name,
            op.name,
            part,
            tile=cut,
            after=after,
            reads=reads or (f"{op.name}.tile",),
            writes=(self._queue(work),),
            why=self.why,
        )

    def _queue(self, work: Work) -> str:
        return queue(self.op_of(work).name, work.name)

    def _name(self, work: Work) -> str:
        return f"{self.op_of(work).name}.{work.name}"

    def _rest(self) -> list[Task]:
        """What does not divide evenly over the tiles."""
        (read, written), parts = self.spread.left()
        why = "what does not divide evenly over the tiles"
        tasks = [
            self.emit.compute(
                f"{self.op_of(w).name}.{w.name}-rest", self.op_of(w).name, part, writes=("rest",), why=why
            )
            for w, part in parts
        ]
        for kernel, words in (("load", read), ("store", written)):
            if words:
                op = self.trio.scores if kernel == "load" else self.trio.values
                name = f"{op.name}.{kernel}-rest"
                tasks.append(self.emit.transfer(name, op.name, kernel, words, writes=(name,), why=why))
        return tasks
