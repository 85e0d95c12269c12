"""What tasks of a causal op may leave out, or do twice: scores that a mask hides.

Query i of the last q positions sees the keys up to its own position. So a tile that stops with the last key of its last
query, or begins with the first query that sees its first key, has all there is to compute.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from archsim.ir.affine import Affine
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.comb import Comb
from archsim.ir.graph import Graph, Op
from archsim.ir.mapping import Range, Task

Box = dict[str, Range]


@dataclass(frozen=True, slots=True)
class Mask:
    """A causal mask over the queries (or rows of the softmax, head by head) and keys of an op."""

    rows: str
    """Dim of the queries or rows."""
    keys: str
    """Dim of the keys."""
    queries: int
    """Of one head."""
    ahead: int
    """Keys that the first query sees before its own."""

    @staticmethod
    def of(op: Op, graph: Graph | None, env: Mapping[str, int]) -> Mask | None:
        """That of an op; None where there is none, or no scores say how many queries there are."""
        scores = _scores(op, graph) if op.causal else None
        if scores is None:
            return None
        size = scores.extents(env)
        rows, keys = ("q", "t") if "q" in op.dims else ("m", "n")
        return Mask(rows, keys, size["q"], size["t"] - size["q"])

    def visible(self, box: Mapping[str, Comb]) -> int:
        """Points of a box that the mask leaves."""
        others = prod(part.size for dim, part in box.items() if dim not in (self.rows, self.keys))
        rows, keys = box[self.rows], box[self.keys]
        return others * sum(self._seen(first, first + rows.stop - rows.start, keys) for first in _starts(rows))

    def shared(self, a: Mapping[str, Comb], b: Mapping[str, Comb]) -> bool:
        """Whether two boxes that meet may have a point in common that the mask leaves."""
        key = max(a[self.keys].start, b[self.keys].start)
        return key < self.ahead + min(self._end(a[self.rows]), self._end(b[self.rows]))

    def _end(self, rows: Comb) -> int:
        """One past the last query of rows, whatever their head."""
        inner = [(step, count) for step, count in rows.teeth if step % self.queries]
        length = rows.stop - rows.start + sum(step * (count - 1) for step, count in inner)
        return min(rows.start % self.queries + length, self.queries)

    def _seen(self, start: int, stop: int, keys: Comb) -> int:
        """Of rows from `start` to `stop`: whole heads, and parts of the first and the last one."""
        head, query = divmod(start, self.queries)
        last, end = divmod(stop, self.queries)
        parts = [(query, end)] if head == last else [(query, self.queries), (0, end)]
        seen = sum(self._of_head(a, b, key, key + keys.stop - keys.start) for a, b in parts for key in _starts(keys))
        if last - head > 1:
            every = (self._of_head(0, self.queries, key, key + keys.stop - keys.start) for key in _starts(keys))
            seen += (last - head - 1) * sum(every)
        return seen

    def _of_head(self, first: int, stop: int, key: int, end: int) -> int:
        """Of queries from `first` to `stop`, the keys from `key` to `end` that they see."""
        seen = self.ahead + 1 - key
        beyond = seen - (end - key)
        return _ramp(seen + stop) - _ramp(seen + first) - _ramp(beyond + stop) + _ramp(beyond + first)


def _ramp(count: int) -> int:
    """0 + 1 + .. + (count - 1)."""
    return count * (count - 1) // 2 if count > 0 else 0


def _starts(comb: Comb) -> list[int]:
    """Where the ranges of a comb begin."""
    starts = [comb.start]
    for step, count in comb.teeth:
        starts = [start + step * i for i in range(count) for start in starts]
    return starts


def unmasked(task: Task, op: Op, counts: Mapping[str, int], extra: Mapping[str, int], graph: Graph | None) -> Box:
    """The tile of a task, and beside it what a mask hides there.

    Parameters
    ----------
    counts, extra
        Iterations of all loops around the task, and of those that are not around the op.
    graph
        Where a softmax finds the queries and keys of its scores.

    Raises
    ------
    BadMapping
        Keys grow with a loop, but not along the mask's edge.
    """
    box = dict(task.tile)
    if not op.causal:
        return box
    scores = _scores(op, graph)
    rows, keys = ("q", "t") if "q" in op.dims else ("m", "n")
    if rows not in box or keys not in box:
        return box
    queries = _queries(op, box[rows], scores) if scores is not None else None
    if scores is not None and queries is not None and box[keys].stop - queries.stop == _before(scores):
        box[keys] = Range(box[keys].start, op.dims[keys])
    else:
        _staircase(task, op, box, keys, extra)
    if scores is not None and queries is not None:
        _from_edge(box, rows, keys, queries, scores, counts)
    return box


def _queries(op: Op, rows: Range, scores: Op) -> Range | None:
    """Rows as queries of one head; None where they may belong to several.

    Rows of a softmax are those of a head of a sequence one after the other, head by head.
    """
    if op is scores:
        return rows
    size = scores.dims["q"]
    if size.terms:
        return None
    first = rows.start.base - rows.start.base % size.base
    heads = Affine(first, tuple((var, step) for var, step in rows.start.terms if step % size.base == 0))
    found = Range(rows.start - heads, rows.stop - heads)
    return found if found.stop.base <= size.base else None


def _scores(op: Op, graph: Graph | None) -> Op | None:
    """The op itself, or of a softmax the one that makes what it is of."""
    if "q" in op.dims:
        return op
    makers = (other for other, _ in graph.walk() if set(op.inputs) & set(other.outputs)) if graph else iter(())
    return next((other for other in makers if "q" in other.dims), None)


def _before(scores: Op) -> Affine:
    """Keys that the first query sees before its own."""
    return scores.dims["t"] - scores.dims["q"]


def _staircase(task: Task, op: Op, box: Box, keys: str, extra: Mapping[str, int]) -> None:
    """One query after the other, each with a key more than the one before.

    A start that moves too is a tile of a cut along the keys, not a step of the staircase.
    """
    edge, full = box[keys], op.dims[keys]
    steps = (edge.stop.names() - edge.start.names()) & set(extra)
    if not steps:
        return
    (var,) = steps if len(steps) == 1 else (None,)
    if var is None or edge.stop.at({var: extra[var] - 1}) != full.at({}) or edge.stop.coefficient(var) != 1:
        raise BadMapping(
            f"{keys} {edge} is not the causal staircase up to {full}",
            where=f"task {task.name}",
            right=f"{keys} of a tile ends with the last key that its last query sees",
        )
    box[keys] = Range(edge.start, full)


def _from_edge(box: Box, rows: str, keys: str, queries: Range, scores: Op, counts: Mapping[str, int]) -> None:
    """Fewer queries for every further row of keys: those before a tile see none of its keys."""
    moving = queries.start.names() - queries.stop.names()
    if len(moving) != 1 or not moving <= box[keys].start.names():
        return
    (var,) = moving
    hidden = box[keys].start - _before(scores) - queries.start
    if _least(hidden, counts) >= 0 and _least(scores.dims["q"] - queries.stop, counts) >= 0:
        start = box[rows].start
        box[rows] = Range(start - Affine.var(var, start.coefficient(var)), box[rows].stop)


def _least(value: Affine, counts: Mapping[str, int]) -> int:
    """The smallest value in any iteration."""
    return value.base + sum(min(0, step * (counts.get(var, 1) - 1)) for var, step in value.terms)
