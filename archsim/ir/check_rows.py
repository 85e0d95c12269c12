"""Who wrote last what an instance reads, row by row: sequences that take turns each have rows of their own.

Rows are those of a tensor with a dim `m` or with one dim only, read and written by ops that have as many rows. Any
other writer is taken to write them all, and any other reader finds who wrote last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping as Program
from archsim.ir.mapping import Task
from archsim.ir.unrolled import Instance

ROWS = "m"
"""Dim of tensors and ops: one for each token of each sequence."""
Span = tuple[float, float]
"""From the first row to behind the last."""
ALL: Span = (0, float("inf"))


@dataclass
class Rows:
    """What was written last to the rows of every tensor, while instances pass in program order.

    Loops are cut to `counts` iterations: the last one that is looked at stands for those behind it.
    """

    graph: Graph
    mapping: Program
    counts: Mapping[str, int]
    element_bytes: Mapping[str, int]
    """Memory -> bytes of an element, where they are not the tensor's own."""
    _written: dict[str, list[tuple[Span, Instance]]] = field(default_factory=dict)
    """Tensor -> disjoint rows and who wrote them."""
    _left: dict[str, dict[str, tuple[int, int]]] = field(default_factory=dict)
    """Task -> of its loops that are cut, the last iteration that is looked at and the last one of all."""
    _known: dict[tuple[str, str], bool] = field(default_factory=dict)
    """(task, tensor) -> whether the rows of its tile are those of the tensor."""

    _whole: dict[str, bool] = field(default_factory=dict)
    """Tensor -> whether all its rows have room."""

    def __post_init__(self) -> None:
        for task, loops in self.mapping.walk():
            cut = {loop.var: (self.counts.get(loop.var, loop.count) - 1, loop.count - 1) for loop in loops}
            self._left[task.name] = {var: (last, end) for var, (last, end) in cut.items() if last < end}

    def found(self, tensor: str, reader: Instance) -> tuple[Instance, ...]:
        """The instances that a reader finds in a tensor, the newest first; none where nothing was written there."""
        written = self._written.get(tensor, ())
        if not self._is_known(tensor, reader.task):
            return tuple(maker for _, maker in written[-1:])
        first, end = self._rows(reader)
        met = [maker for (start, stop), maker in reversed(written) if start < end and first < stop]
        return tuple({id(maker): maker for maker in met}.values())

    def write(self, tensor: str, writer: Instance) -> None:
        """A writer takes the place of whoever wrote its rows before."""
        if not self._is_known(tensor, writer.task):
            self._written[tensor] = [(ALL, writer)]
            return
        first, end = rows = self._rows(writer)
        kept: list[tuple[Span, Instance]] = []
        moves = tensor != self.base(tensor) and not self._is_whole(tensor)  # a part has room for these rows alone
        for (start, stop), maker in () if moves else self._written.get(tensor, ()):
            parts = (start, min(stop, first)), (max(start, end), stop)
            kept += [(part, maker) for part in parts if part[0] < part[1]]
        self._written[tensor] = [*kept, (rows, writer)]

    def apart(self, tensor: str, one: Instance, other: Instance) -> bool:
        """Whether two instances touch different rows of a tensor, which lie at different bytes."""
        if not (self._is_known(tensor, one.task) and self._is_known(tensor, other.task) and self._is_whole(tensor)):
            return False
        (first, end), (start, stop) = self._rows(one), self._rows(other)
        return end <= start or stop <= first

    def has_rows(self, tensor: str) -> bool:
        """Whether it is one of the graph's, or a part on chip with room for all its rows."""
        return tensor in self.graph.tensors or (self.base(tensor) in self.graph.tensors and self._is_whole(tensor))

    def base(self, tensor: str) -> str:
        """The tensor that a part on chip, ``tensor@memory``, is of; others are themselves."""
        of = tensor.rpartition("@")[0]
        return of if of in self.graph.tensors else tensor

    def _is_whole(self, tensor: str) -> bool:
        """Whether every placement of a tensor has room for all its rows: what does not fit wraps around."""
        if tensor not in self._whole:
            own = self.graph.tensors[self.base(tensor)]
            steady = not any(size.names() for _, size in own.dims)
            self._whole[tensor] = steady and all(
                place.size >= own.elements({}) * self.element_bytes.get(place.memory, -(-own.dtype.bits // 8))
                for place in self.mapping.placements
                if place.tensor == tensor
            )
        return self._whole[tensor]

    def _rows(self, instance: Instance) -> Span:
        """Rows of an instance, and of those behind it that are not looked at."""
        rows, last = instance.task.tile[ROWS], dict(instance.env)
        for var, (latest, end) in self._left[instance.task.name].items():
            if last.get(var) == latest:
                last[var] = end
        bounds = [(int(rows.start.at(env)), int(rows.stop.at(env))) for env in (instance.env, last)]
        return min(first for first, _ in bounds), max(end for _, end in bounds)

    def _is_known(self, tensor: str, task: Task) -> bool:
        key = task.name, tensor
        if key not in self._known:
            size = self.graph.ops[task.op][0].dims.get(ROWS)
            self._known[key] = ROWS in task.tile and size is not None and size == self._length(tensor)
        return self._known[key]

    def _length(self, tensor: str) -> Affine | None:
        """Rows of a tensor: tokens are a row each."""
        own = self.graph.tensors.get(self.base(tensor))
        if own is None:
            return None
        dims = dict(own.dims)
        return next(iter(dims.values())) if len(dims) == 1 else dims.get(ROWS)
