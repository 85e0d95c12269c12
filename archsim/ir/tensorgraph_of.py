"""From a workload's graph, with loops and shapes, to whole tensors: every iteration written out."""

from __future__ import annotations

from archsim.core.errors import BadInput
from archsim.ir.graph import Graph, Item, Op, Repeat, Role, Tensor
from archsim.ir.tensorgraph import TensorGraph, TensorOp

MOST_OPS = 20_000
"""Ops written out; more take minutes to plan and are a loop that repeats."""


def tensor_graph(graph: Graph, *, weights: bool = False, most: int = MOST_OPS) -> TensorGraph:
    """Every op of every iteration, every version of every tensor.

    A tensor that is written again (the residual stream) becomes a new one. Of the keys and values of earlier passes and
    of weights nothing takes room, since they are streamed from memory as they are used; what `kv_append` adds in this
    pass is a tensor like any other and must be in memory at the end.

    Parameters
    ----------
    graph
        What is written out.
    weights
        Whether weights are tensors that take room too, each copy of a layer its own.
    most
        Ops at which writing out stops.

    Raises
    ------
    BadInput
        More ops than that.
    """
    work = _Unrolled(graph, weights, most)
    for item in graph.items:
        work.add(item, {})
    return TensorGraph(graph.name, tuple(work.ops), work.sizes, frozenset(work.weights), frozenset(work.results))


class _Unrolled:
    def __init__(self, graph: Graph, weights: bool, most: int) -> None:
        self.graph, self.with_weights, self.most = graph, weights, most
        self.ops: list[TensorOp] = []
        self.sizes: dict[str, int] = {}
        self.weights: set[str] = set()
        self.results: set[str] = set()
        self.now: dict[str, str] = {}
        """Tensor -> its latest version."""

    def add(self, item: Item, env: dict[str, int]) -> None:
        """An op, or all iterations of a loop."""
        if isinstance(item, Repeat):
            for index in range(item.count):
                for part in item.body:
                    self.add(part, {**env, item.var: index})
            return
        if len(self.ops) >= self.most:
            right = f"at most {self.most:,} ops, all iterations counted"
            raise BadInput(
                f"{self.graph.name!r} has too many ops to write out", right=right, try_="fewer layers or tokens"
            )
        self.op(item, env)

    def op(self, op: Op, env: dict[str, int]) -> None:
        """One iteration of an op."""
        at = "".join(f".{value}" for value in env.values())
        names = dict.fromkeys((*op.inputs, *((op.bias,) if op.bias else ())))
        reads = [found for name in names if (found := self.read(self.graph.tensors[name], env))]
        writes = [self.write(self.graph.tensors[name], op, env, at) for name in op.outputs]
        self.ops.append(TensorOp(f"{op.name}{at}", tuple(reads), tuple(writes)))

    def read(self, tensor: Tensor, env: dict[str, int]) -> str | None:
        """The version that is read; None for what is streamed from memory."""
        key = self.key(tensor, env)
        if tensor.role == Role.WEIGHT:
            if not self.with_weights:
                return None
            self.weights.add(key)
        elif key in self.now:
            return self.now[key]
        elif tensor.role == Role.KV:
            return None
        return self.sized(key, tensor.nbytes(env))

    def write(self, tensor: Tensor, op: Op, env: dict[str, int], at: str) -> str:
        """A new version of what is written."""
        key = self.key(tensor, env)
        if op.kind == "kv_append" and tensor.role == Role.KV:  # only what is new
            amount = op.extents(env)["m"] * op.extents(env)["n"] * tensor.dtype.bits // 8 // len(op.outputs)
        else:
            amount = tensor.nbytes(env)
        name = key if key not in self.sizes else f"{key}@{op.name}{at}"
        self.now[key] = self.sized(name, amount)
        if tensor.role in (Role.KV, Role.OUTPUT):
            self.results.add(name)
        return name

    def key(self, tensor: Tensor, env: dict[str, int]) -> str:
        """Name of a tensor's copy: layers own theirs."""
        return tensor.name + "".join(f".{env[var]}" for var in tensor.stacked if var in env)

    def sized(self, name: str, amount: int) -> str:
        """Note the size of a tensor."""
        self.sizes[name] = max(1, amount)
        return name
