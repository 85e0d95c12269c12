"""Which neighbouring ops can run together on blocks of rows, or of heads and queries, and what passes between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from archsim.ir.graph import Graph, Op, Repeat, Role

LOCAL = frozenset(("gelu", "relu", "silu", "add", "gate", "scale", "copy"))
"""Kinds that treat every element by itself."""
ROW_WISE = LOCAL | {"layernorm", "rmsnorm", "rope", "kv_append", "matmul"}
"""Kinds that treat every row by itself."""
ATTENTION = ("attention_scores", "softmax", "attention_values")
LONGEST = 10
"""Ops of one group at most."""


@dataclass(frozen=True)
class Group:
    """Ops that follow each other.

    Parameters
    ----------
    first
        Place of the first of them in the order of the graph's ops.
    ops
        They.
    kind
        "rows", "heads", or "" for one op by itself.
    inside
        Tensors that only they need.
    made
        Tensors that they make, those inside included.
    entering
        Activations from outside.
    """

    first: int
    ops: tuple[Op, ...]
    kind: str = ""
    inside: frozenset[str] = frozenset()
    made: frozenset[str] = frozenset()
    entering: frozenset[str] = frozenset()

    @property
    def stop(self) -> int:
        """Place after the last op."""
        return self.first + len(self.ops)

    @cached_property
    def frame(self) -> Op | None:
        """Of attention, an op that has its dims."""
        return next((op for op in self.ops if op.kind in ATTENTION and op.kind != "softmax"), None)

    @cached_property
    def touching(self) -> Mapping[str, tuple[int, ...]]:
        """Tensor -> places of the ops that make and read it, in their order."""
        found: dict[str, list[int]] = {}
        for place, op in enumerate(self.ops, self.first):
            for name in dict.fromkeys((*activations(op), *op.outputs)):
                found.setdefault(name, []).append(place)
        return {name: tuple(places) for name, places in found.items()}

    def readers(self, tensor: str) -> tuple[int, ...]:
        """Places of the ops that read a tensor."""
        places = self.touching.get(tensor, ())
        return places[1:] if tensor in self.made else places


def activations(op: Op) -> tuple[str, ...]:
    """What an op reads, but for keys and values."""
    return op.inputs[:1] if op.kind in ("attention_scores", "attention_values") else op.inputs


@dataclass
class Groups:
    """All groups of a graph."""

    graph: Graph
    readers: dict[str, list[str]] = field(default_factory=dict)
    writers: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for op, _ in self.graph.walk():
            for name in dict.fromkeys(op.inputs):
                self.readers.setdefault(name, []).append(op.name)
            for name in op.outputs:
                self.writers.setdefault(name, []).append(op.name)

    def all(self) -> Iterator[Group]:
        """Every op by itself, and every run of neighbours that blocks can go through."""
        table = list(self.graph.ops.values())
        for first in range(len(table)):
            yield self._group(first, [table[first][0]], "")
            for stop in range(first + 2, min(first + LONGEST, len(table)) + 1):
                part = table[first:stop]
                if not _together([around for _, around in part]):
                    break
                ops = [op for op, _ in part]
                kind = self._kind(ops)
                if kind and self._linked(group := self._group(first, ops, kind)):
                    yield group

    def _group(self, first: int, ops: list[Op], kind: str) -> Group:
        names = {op.name for op in ops}
        made = frozenset(name for op in ops for name in op.outputs)
        inside = frozenset(
            name
            for name in made
            if kind
            and self.graph.tensors[name].role == Role.ACTIVATION
            and names.issuperset(self.readers.get(name, ["outside"]))
            and names.issuperset(self.writers[name])
        )
        read = {name for op in ops for name in activations(op)}
        entering = frozenset(n for n in read - made if self.graph.tensors[n].role not in (Role.WEIGHT, Role.KV))
        return Group(first, tuple(ops), kind, inside, made, entering)

    def _kind(self, ops: Sequence[Op]) -> str:
        if all(op.kind in ATTENTION for op in ops):
            order = [ATTENTION.index(op.kind) for op in ops]
            fixed = all(not op.dims[dim].names() for op in ops for dim in "bhqd" if dim in op.dims)
            return "heads" if order == sorted(set(order)) and fixed else ""
        if any(op.kind not in ROW_WISE or op.causal for op in ops):
            return ""
        sizes = [size for op in ops for size in op.dims.values()]
        rows = {op.dims["m"].at({}) for op in ops if not op.dims["m"].names()}
        if any(size.names() for size in sizes) or len(rows) != 1:
            return ""
        return "rows" if all(by_rows(self.graph, op) for op in ops) else ""

    def _linked(self, group: Group) -> bool:
        """Whether every op but the first has to do with an earlier one, and none writes over what another one reads."""
        made, read = set[str](), set[str]()
        for op in group.ops:
            mine = set(activations(op)) & (group.made | group.entering)
            if made and not mine & (made | read):
                return False
            if (read | mine | made) & set(op.outputs):
                return False  # blocks that come later would read what blocks before have written over it
            made |= set(op.outputs)
            read |= mine
        rows = self.graph.tensors
        passing = group.made - {name for name in group.made if len(rows[name].dims) not in (2, 4)}
        return bool(passing & {name for op in group.ops for name in activations(op)})


def _together(nests: list[tuple[Repeat, ...]]) -> bool:
    return all(
        len(nest) == len(nests[0]) and all(a is b for a, b in zip(nest, nests[0], strict=True)) for nest in nests
    )


def by_rows(graph: Graph, op: Op) -> bool:
    """Whether block after block of an op's rows needs and gives block after block of its tensors."""
    rows = op.dims["m"]
    if any(size.names() for size in op.dims.values()):
        return False
    for name in op.inputs:
        tensor = graph.tensors[name]
        if tensor.role == Role.WEIGHT:
            continue
        if len(tensor.dims) != 2 or any(size.names() for _, size in tensor.dims):
            return False
        if int(tensor.dims[0][1].at({})) > int(rows.at({})):
            return False
    return op.kind == "kv_append" or all(graph.tensors[name].dims[0][1] == rows for name in op.outputs)
