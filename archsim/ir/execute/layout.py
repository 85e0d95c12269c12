"""How rows, columns and dims of an op's tensors belong together.

Rows of activations are position by position, and within a position sequence by sequence. Rows of a softmax of
attention scores are those of (b, h, q) as they lie in the scores, unless the mapping takes them position by position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.ir.graph import Graph, Op
from archsim.ir.mapping import Loop, Task

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
Tile = Mapping[str, tuple[int, int]]
"""Dim -> half-open range."""
BY_POSITION, BY_HEAD = ("q", "b", "h"), ("b", "h", "q")
"""Dims of the rows of a softmax, the slowest first."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Sizes of the attention that an op belongs to; an op that belongs to none has one row per position."""

    b: int = 1
    h: int = 1
    kv: int = 1
    q: int = 1
    t: int = 1
    d: int = 1

    @property
    def scale(self) -> float:
        """What scores are multiplied by."""
        return float(self.d**-0.5)

    def rows(self, b: Ints, q: Ints) -> Ints:
        """Rows of activations."""
        return q * self.b + b

    def positions(self, rows: Ints) -> Ints:
        """Position in its sequence of each row, counted from the beginning of the context."""
        return self.t - self.q + rows // self.b

    def seen(self, q: Ints, *, causal: bool) -> Ints:
        """How many keys each query sees."""
        return self.t - self.q + q + 1 if causal else np.full_like(q, self.t)

    def score_rows(self, rows: Ints, order: Sequence[str]) -> tuple[Ints, Ints, Ints]:
        """(b, h, q) of rows of a softmax."""
        sizes = {"b": self.b, "h": self.h, "q": self.q}
        found = np.unravel_index(rows, [sizes[dim] for dim in order])
        by_name = dict(zip(order, found, strict=True))
        return by_name["b"], by_name["h"], by_name["q"]


def frames(graph: Graph) -> Mapping[str, Op]:
    """Phase (what stands before the dot in names) -> the first op that has attention scores."""
    found: dict[str, Op] = {}
    for op, _ in graph.walk():
        if op.kind == "attention_scores":
            found.setdefault(phase(op), op)
    return found


def phase(op: Op) -> str:
    """What stands before the dot in an op's name."""
    return op.name.partition(".")[0] if "." in op.name else ""


def frame(scores: Op | None, env: Mapping[str, int]) -> Frame:
    """The sizes of an attention for these loop variables."""
    if scores is None:
        return Frame()
    size = scores.extents(env)
    return Frame(size["b"], size["h"], size["kv"], size["q"], size["t"], size["d"])


def row_order(softmax: Sequence[tuple[Task, tuple[Loop, ...]]], scores: Sequence[Task], sizes: Frame) -> Sequence[str]:
    """The order of a softmax's rows, from how loops move them beside the scores.

    A loop that moves the queries of the scores by one moves the rows of the softmax by one where rows are those of
    (b, h, q), and by all heads of all sequences where they are position by position.
    """
    for task, loops in softmax:
        for loop in loops:
            by = _moves([task], "m", loop)
            queries, sequences = _moves(scores, "q", loop), _moves(scores, "b", loop)
            if by and queries and by == queries * sizes.b * sizes.h != queries:
                return BY_POSITION
            if by and sequences and by == sequences * sizes.h != sequences * sizes.h * sizes.q:
                return BY_POSITION
    return BY_HEAD


def _moves(tasks: Sequence[Task], dim: str, loop: Loop) -> int:
    """How far a loop moves the tiles of tasks along a dim."""
    return max((task.tile[dim].start.coefficient(loop.var) for task in tasks if dim in task.tile), default=0)


def same_queries(frame: Frame, tile: Tile, other: Tile) -> bool:
    """Whether two tiles of an attention's ops are about the same queries, be it by rows of the softmax or by dims."""
    return _queries(frame, tile) == _queries(frame, other)


def _queries(frame: Frame, tile: Tile) -> set[tuple[int, ...]]:
    if "m" in tile:
        found = zip(*(each.tolist() for each in frame.score_rows(span(tile["m"]), BY_HEAD)), strict=True)
        return {tuple(each) for each in found}
    return {(b, h, q) for b in range(*tile["b"]) for h in range(*tile["h"]) for q in range(*tile["q"])}


def first_row(op: Op, rows: int, taken: int) -> int:
    """Where an op begins that takes fewer rows than there are: at the last position, to pool at the first one."""
    return 0 if op.name.rpartition(".")[2] == "pooler" else rows - taken


def span(bounds: tuple[int, int]) -> Ints:
    """The integers of a range."""
    return np.arange(*bounds)


def split(widths: Sequence[int], bounds: tuple[int, int]) -> list[tuple[int, Ints, Ints]]:
    """Columns of arrays that stand side by side: (which array, columns in it, columns of the range from its start)."""
    out, first = [], 0
    columns = span(bounds)
    for index, width in enumerate(widths):
        inside = (columns >= first) & (columns < first + width)
        if inside.any():
            out.append((index, columns[inside] - first, np.flatnonzero(inside)))
        first += width
    return out


def shape_of(dims: Sequence[tuple[str, Any]], env: Mapping[str, int]) -> tuple[int, ...]:
    """A tensor's sizes for these loop variables."""
    return tuple(int(size.at(env)) for _, size in dims)
