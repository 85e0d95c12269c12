"""The ops of a graph that follow each other in one repeat, with sizes as numbers: what groups are cut from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.graph import Graph, Item, Op, Repeat, Role, Tensor

LOCAL = frozenset(("gelu", "relu", "silu", "add", "gate", "scale", "copy"))
"""Kinds that treat every element by itself, quantising copies among them: they join a product's output as it comes."""
NORMS = frozenset(("layernorm", "rmsnorm", "softmax"))
"""Kinds that need a whole row before they give its first element."""
ROW_WISE = LOCAL | NORMS | {"rope", "kv_append", "matmul"}
"""Kinds that treat every row by itself."""
SCORES, VALUES = "attention_scores", "attention_values"

Version = tuple[str, int]
"""A tensor as one op leaves it: name and the op's place in the chain, or -1 for what was there before."""


@dataclass(frozen=True, slots=True)
class Node:
    """An op with its sizes.

    Parameters
    ----------
    name, kind
        Of the op.
    copies, rows
        Independent copies of the op, and rows of each: for attention one copy per sequence and KV head, whose rows are
        the queries of the heads that share it; else one copy.
    reads
        Activations -> bits per row.
    stored
        Weights, or keys and values, that every row meets -> bits of one copy.
    writes
        What it makes -> bits per row.
    size
        Rows, columns and reduction of a product; columns twice for other kinds.
    """

    name: str
    kind: str
    copies: int
    rows: int
    reads: Mapping[Version, int]
    stored: Mapping[Version, int]
    writes: Mapping[Version, int]
    size: tuple[int, int, int]

    @property
    def is_product(self) -> bool:
        """Whether it multiplies rows with something stored."""
        return self.kind in ("matmul", SCORES, VALUES)


@dataclass(frozen=True, slots=True)
class Life:
    """A tensor of a chain, other than weights, from where it is made to where it is used last.

    Parameters
    ----------
    made
        The op that makes it, counted from the first of the chain; -1 where it was there before.
    reads
        Ops that read it row by row, ascending.
    stored
        Ops all of whose rows meet it: keys and values.
    bits
        All of it; of keys and values what the chain appends.
    in_memory
        Whether it is in memory in any case: it was there before, or is needed after the chain.
    """

    made: int
    reads: tuple[int, ...]
    stored: tuple[int, ...]
    bits: int
    in_memory: bool

    @property
    def last(self) -> int:
        """The op that uses it last, or that makes it if none does."""
        return max((self.made, *self.reads, *self.stored))


@dataclass(frozen=True)
class Chain:
    """Ops in program order, and which of the tensors are needed after them."""

    name: str
    nodes: tuple[Node, ...]
    leaving: frozenset[Version]
    """Tensors that something after the chain, or its next turn, reads."""
    turns: int
    """How often the chain runs."""

    @cached_property
    def lives(self) -> Mapping[Version, Life]:
        """Tensors that ops of the chain make or read, weights apart."""
        made = {v: at for at, node in enumerate(self.nodes) for v in node.writes}
        reads, stored = dict[Version, list[int]](), dict[Version, list[int]]()
        bits = {v: self.nodes[at].copies * self.nodes[at].rows * self.nodes[at].writes[v] for v, at in made.items()}
        for at, node in enumerate(self.nodes):
            for v, width in node.reads.items():
                reads.setdefault(v, []).append(at)
                if v not in made:
                    bits[v] = max(bits.get(v, 0), node.copies * node.rows * width)
            for v in node.stored:
                if v in made:
                    stored.setdefault(v, []).append(at)
        return {
            v: Life(
                made.get(v, -1), tuple(reads.get(v, ())), tuple(stored.get(v, ())), size,
                v not in made or v in self.leaving,
            )
            for v, size in bits.items()
        }  # fmt: skip


def chain_of(graph: Graph, where: str = "layer", env: Mapping[str, int] | None = None) -> Chain:
    """The ops directly inside a repeat of a graph, such as those of a layer.

    Parameters
    ----------
    graph
        The workload.
    where
        Loop variable of the repeat; of several the first. Empty for the ops outside all repeats.
    env
        Values of loop variables that sizes follow; by default the last turn of each loop, where contexts are longest.

    Raises
    ------
    BadInput
        No such repeat, one that holds no ops of its own, or an unknown loop variable.
    """
    loops = _loops(graph.items)
    found = next(((repeat, around) for repeat, around in loops if repeat.var == where), None)
    if where and found is None:
        raise UnknownName("repeat", where, [repeat.var for repeat, _ in loops], where=f"graph {graph.name!r}")
    body, around = (found[0].body, (*found[1], found[0])) if found else (graph.items, ())
    ops = tuple(item for item in body if isinstance(item, Op))
    if not ops:
        raise BadInput(f"repeat {where!r} has no ops of its own", where=f"graph {graph.name!r}", right="ops to group")
    values = {repeat.var: repeat.count - 1 for repeat, _ in loops}
    if unknown := sorted(set(env or {}) - set(values)):
        raise UnknownName("loop variable", unknown[0], values, where=f"graph {graph.name!r}")
    values |= env or {}
    last: dict[str, int] = {}
    nodes = []
    for place, op in enumerate(ops):
        nodes.append(_node(op, place, graph.tensors, last, values))
        last |= dict.fromkeys(op.outputs, place)
    turns = 1
    for repeat in around:
        turns *= repeat.count
    return Chain(f"{graph.name}: {where or 'all'}", tuple(nodes), _leaving(graph, ops, nodes, last), turns)


def _loops(items: tuple[Item, ...], around: tuple[Repeat, ...] = ()) -> list[tuple[Repeat, tuple[Repeat, ...]]]:
    found = []
    for item in items:
        if isinstance(item, Repeat):
            found += [(item, around), *_loops(item.body, (*around, item))]
    return found


def _leaving(graph: Graph, ops: tuple[Op, ...], nodes: list[Node], last: Mapping[str, int]) -> frozenset[Version]:
    inside = {op.name for op in ops}
    wanted = {name for op, _ in graph.walk() if op.name not in inside for name in op.inputs}
    wanted |= {name for node in nodes for name, place in (*node.reads, *node.stored) if place < 0}
    wanted |= {name for name, tensor in graph.tensors.items() if tensor.role in (Role.OUTPUT, Role.KV)}
    read = {name for op, _ in graph.walk() for name in op.inputs}
    return frozenset((name, place) for name, place in last.items() if name in wanted or name not in read)


def _node(op: Op, place: int, tensors: Mapping[str, Tensor], last: Mapping[str, int], env: Mapping[str, int]) -> Node:
    dims = op.extents(env)
    names = dict.fromkeys(op.inputs)
    ids = {name: (name, last.get(name, -1)) for name in names}
    made = {name: (name, place) for name in op.outputs}
    bits = {name: tensors[name].dtype.bits for name in (*names, *op.outputs)}
    if op.kind in (SCORES, VALUES):
        rows = dims["q"] * (dims["h"] // dims["kv"])
        vector, kept = op.inputs
        wide, narrow = (dims["d"], dims["t"]) if op.kind == SCORES else (dims["t"], dims["d"])
        return Node(
            op.name, op.kind, dims["b"] * dims["kv"], rows, {ids[vector]: wide * bits[vector]},
            {ids[kept]: dims["t"] * dims["d"] * bits[kept]}, {made[op.outputs[0]]: narrow * bits[op.outputs[0]]},
            (rows, narrow, wide),
        )  # fmt: skip
    rows = dims.get("m", 1)
    weights = {name for name in names if tensors[name].role == Role.WEIGHT}
    stored = {ids[name]: tensors[name].bits(env) for name in weights}
    if op.kind == "embedding":  # only the rows that are looked up
        stored = {ids[name]: min(tensors[name].bits(env), dims["m"] * dims["n"] * bits[name]) for name in weights}
    if op.bias:
        stored[op.bias, -1] = tensors[op.bias].bits(env)
    reads = {ids[name]: _width(tensors[name], op, dims, env) * bits[name] for name in names if name not in weights}
    writes = {made[name]: _width(tensors[name], op, dims, env) * bits[name] for name in op.outputs}
    columns = dims.get("n", 1)
    return Node(op.name, op.kind, 1, rows, reads, stored, writes, (rows, columns, dims.get("k", columns)))


def _width(tensor: Tensor, op: Op, dims: Mapping[str, int], env: Mapping[str, int]) -> int:
    """Elements of a tensor that one row of an op reads or writes."""
    if op.kind == "kv_append":  # what is new, not the whole cache
        return dims["n"] // 2
    if op.kind == "softmax":  # a row of scores, whatever heads and queries it is one of
        return dims["n"]
    sizes = [int(size.at(env)) for _, size in tensor.dims]
    width = 1
    for size in sizes[1:]:
        width *= size
    return width if len(sizes) > 1 else 1
