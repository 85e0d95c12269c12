"""Whole operators on whole tensors with sizes in bytes: what order, residency and allocation are decided on.

Unlike `archsim.ir.graph.Graph` there are no loops and no shapes: an operator needs all its operands on chip at once,
and a tensor is written once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from archsim.core.errors import BadInput, did_you_mean, nearest, some


@dataclass(frozen=True, slots=True)
class TensorOp:
    """One operator: it reads all inputs and writes all outputs in one step.

    Parameters
    ----------
    name
        Its name, unique in the graph.
    inputs, outputs
        Tensors read and written.
    after
        Ops that must have run before although no tensor says so.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    after: tuple[str, ...] = ()

    @property
    def operands(self) -> tuple[str, ...]:
        """Every tensor that must be on chip while it runs, each once."""
        return tuple(dict.fromkeys((*self.inputs, *self.outputs)))


@dataclass(frozen=True)
class TensorGraph:
    """Operators and the tensors between them.

    Parameters
    ----------
    name
        What people call it.
    ops
        In program order. Where that order is not legal, `program` is the nearest one that is.
    sizes
        Tensor -> bytes.
    weights
        Tensors that are parameters: nobody writes them.
    results
        Tensors that must be in memory at the end. What is written and never read is one without being named.

    Raises
    ------
    BadInput
        An op or a tensor is named twice, is unknown or its size is not 1 or more; a tensor has two writers; ops wait
        for each other in a circle.
    """

    name: str
    ops: tuple[TensorOp, ...]
    sizes: Mapping[str, int]
    weights: frozenset[str] = frozenset()
    results: frozenset[str] = frozenset()
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        where = f"graph {self.name!r}"
        if not self.ops:
            raise BadInput("there are no ops", where=where, right="at least one")
        names = [op.name for op in self.ops]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise BadInput(f"two ops are named {twice!r}", where=where, right="unique names")
        for tensor, size in self.sizes.items():
            if isinstance(size, bool) or not isinstance(size, int) or size < 1:
                raise BadInput(f"tensor {tensor!r} has size {size!r}", where=where, right="bytes, 1 or more")
        writers: dict[str, str] = {}
        for op in self.ops:
            self._check_op(op, where, frozenset(names), writers)
        for tensor in (*self.weights, *self.results):
            self._check_known(tensor, where)
        if written := sorted(self.weights & writers.keys()):
            raise BadInput(f"weight {written[0]!r} is written by op {writers[written[0]]!r}", where=where)
        if loose := sorted(self.results - writers.keys()):
            raise BadInput(f"no op writes the result {loose[0]!r}", where=where)
        _ = self.program

    def _check_op(self, op: TensorOp, where: str, names: frozenset[str], writers: dict[str, str]) -> None:
        here = f"{where}, op {op.name!r}"
        for tensor in (*op.inputs, *op.outputs):
            self._check_known(tensor, here)
        for other in op.after:
            if other not in names:
                raise BadInput(f"comes after unknown op {other!r}{did_you_mean(nearest(other, names))}", where=here)
        for tensor in op.outputs:
            if tensor in writers:
                what = f"tensor {tensor!r} is written twice, also by op {writers[tensor]!r}"
                raise BadInput(what, where=here, right="a tensor is written once; give each version its own name")
            writers[tensor] = op.name

    def _check_known(self, tensor: str, where: str) -> None:
        if tensor not in self.sizes:
            near = did_you_mean(nearest(tensor, self.sizes))
            raise BadInput(f"unknown tensor {tensor!r}{near}", where=where, right=f"tensors: {some([*self.sizes])}")

    @cached_property
    def writer(self) -> Mapping[str, str]:
        """Tensor -> the op that writes it; inputs and weights are not in it."""
        return {tensor: op.name for op in self.ops for tensor in op.outputs}

    @cached_property
    def readers(self) -> Mapping[str, tuple[str, ...]]:
        """Tensor -> the ops that read it, in the order they were given."""
        found: dict[str, list[str]] = {tensor: [] for tensor in self.sizes}
        for op in self.ops:
            for tensor in dict.fromkeys(op.inputs):
                found[tensor].append(op.name)
        return {tensor: tuple(ops) for tensor, ops in found.items()}

    @cached_property
    def by_name(self) -> Mapping[str, TensorOp]:
        """Op name -> op."""
        return {op.name: op for op in self.ops}

    @cached_property
    def before(self) -> Mapping[str, tuple[str, ...]]:
        """Op -> ops that must have run before, directly."""
        return {
            op.name: tuple(dict.fromkeys((*(self.writer[t] for t in op.inputs if t in self.writer), *op.after)))
            for op in self.ops
        }

    @cached_property
    def program(self) -> tuple[str, ...]:
        """Op names in a legal order: as given where that is one, else each as early as what it waits for allows.

        Raises
        ------
        BadInput
            Ops wait for each other in a circle; names them.
        """
        order: list[str] = []
        done: set[str] = set()
        for op in self.ops:
            stack = [op.name]
            waiting: list[str] = []
            while stack:
                name = stack[-1]
                open_ = [other for other in self.before[name] if other not in done]
                if name in done or not open_:
                    stack.pop()
                    if waiting and waiting[-1] == name:
                        waiting.pop()
                    if name not in done:
                        done.add(name)
                        order.append(name)
                    continue
                if name not in waiting:
                    waiting.append(name)
                if open_[0] in waiting:
                    circle = [*waiting[waiting.index(open_[0]) :], open_[0]]
                    right = "an op reads what ops before it wrote: " + " waits for ".join(circle)
                    raise BadInput("ops wait for each other in a circle", where=f"graph {self.name!r}", right=right)
                stack.append(open_[0])
        return tuple(order)

    @cached_property
    def stored(self) -> frozenset[str]:
        """Tensors that must be in memory at the end: the named results and whatever is written and never read."""
        return self.results | frozenset(t for t in self.writer if not self.readers[t])

    @cached_property
    def compulsory_bytes(self) -> int:
        """Bytes that move whatever the capacity: what is read and not written once in, every result once out."""
        loaded = sum(self.sizes[t] for t, ops in self.readers.items() if ops and t not in self.writer)
        return loaded + sum(self.sizes[t] for t in self.stored)

    def working_set(self, op: str) -> int:
        """Bytes of an op's operands."""
        return sum(self.sizes[tensor] for tensor in self.by_name[op].operands)

    @cached_property
    def least_capacity(self) -> int:
        """Bytes of the largest working set, M_R in COSMA: with less no order runs."""
        return max(self.working_set(op.name) for op in self.ops)

    def without(self, tensors: Iterable[str]) -> TensorGraph:
        """The graph as if some tensors nobody writes needed no room: read from memory as they are used.

        Raises
        ------
        BadInput
            An op writes one of them.
        """
        gone = frozenset(tensors)
        if written := sorted(gone & self.writer.keys()):
            raise BadInput(f"tensor {written[0]!r} is written by op {self.writer[written[0]]!r}", where=self.name)
        ops = tuple(
            TensorOp(op.name, tuple(t for t in op.inputs if t not in gone), op.outputs, op.after) for op in self.ops
        )
        sizes = {tensor: size for tensor, size in self.sizes.items() if tensor not in gone}
        return TensorGraph(self.name, ops, sizes, self.weights - gone, self.results, self.notes)
