"""The graph as it stands: every op on whole arrays, in the order of the graph, with seeded random inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from archsim.ir.execute.layout import Array, Frame, Ints, frame, frames, phase, shape_of
from archsim.ir.execute.whole import whole
from archsim.ir.graph import Graph, Item, Op, Repeat, Role, Tensor

Key = tuple[str, tuple[int, ...], int]
"""A tensor, the loop variables of its copy, and which execution of an op wrote it: 0 for what is there at first."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of an op."""

    number: int
    op: Op
    env: Mapping[str, int]
    frame: Frame
    reads: Mapping[str, Key]
    writes: Mapping[str, Key]
    rows: Ints
    """Of an embedding without an input that says them: the rows of the table."""


@dataclass
class Plain:
    """A graph evaluated. Everything is float64, whatever the element types."""

    graph: Graph
    seed: int = 0
    values: dict[Key, Array] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)

    hidden: dict[Key, NDArray[np.bool_]] = field(default_factory=dict)
    """Of scores and probabilities, what a causal mask hides."""

    def __post_init__(self) -> None:
        self.scores = frames(self.graph)
        self.newest: dict[str, int] = {}
        for op, env in executions(self.graph.items, {}):
            self._run(op, env)

    @cached_property
    def by_name(self) -> Mapping[tuple[str, tuple[int, ...]], Run]:
        """(op, values of the repeats around it) -> its execution."""
        return {(run.op.name, tuple(run.env.values())): run for run in self.runs}

    def cached(self, tensor: Tensor) -> bool:
        """Whether ops append to a tensor that stays."""
        return tensor.role == Role.KV

    def _run(self, op: Op, env: Mapping[str, int]) -> None:
        number = len(self.runs) + 1
        reads = {name: self._key(name, env) for name in (*op.inputs, *((op.bias,) if op.bias else ()))}
        for name, key in reads.items():
            if key not in self.values:
                self.values[key] = self.given(self.graph.tensors[name], key)
        writes = {}
        for name in op.outputs:
            tensor = self.graph.tensors[name]
            if self.cached(tensor):
                writes[name] = self._key(name, env)
                if writes[name] not in self.values:
                    self.values[writes[name]] = self.given(tensor, writes[name])
            else:
                writes[name] = (name, (), number)
                self.values[writes[name]] = np.full(shape_of(tensor.dims, self._sizes(tensor, env)), np.nan)
                self.newest[name] = number
        rows = np.zeros(0, dtype=np.int64)
        if op.kind == "embedding" and len(op.inputs) == 1:
            table = self.values[reads[op.inputs[0]]]
            rows = self._random("rows", number).integers(0, len(table), op.extents(env)["m"])
        run = Run(number, op, env, frame(self.scores.get(phase(op)), env), reads, writes, rows)
        whole(run, {**{n: self.values[k] for n, k in reads.items()}, **{n: self.values[k] for n, k in writes.items()}})
        if op.causal and self.values[writes[op.outputs[0]]].ndim == 4:
            seen = run.frame.seen(np.arange(run.frame.q), causal=True)
            mask = np.arange(run.frame.t) >= seen[:, None]
            self.hidden[writes[op.outputs[0]]] = np.broadcast_to(mask, self.values[writes[op.outputs[0]]].shape)
        self.runs.append(run)

    def _sizes(self, tensor: Tensor, env: Mapping[str, int]) -> Mapping[str, int]:
        """Loop variables for a tensor's sizes: one that a later pass sized grows from its first step."""
        names = frozenset[str]().union(*(size.names() for _, size in tensor.dims))
        return {**dict.fromkeys(names, 0), **env}

    def _key(self, name: str, env: Mapping[str, int]) -> Key:
        tensor = self.graph.tensors[name]
        stacked = tensor.stacked if tensor.role in (Role.WEIGHT, Role.KV) else ()
        return name, tuple(env.get(var, 0) for var in stacked), self.newest.get(name, 0)

    def given(self, tensor: Tensor, key: Key) -> Array:
        """What is there before the first op: random numbers."""
        counts = {r.var: r.count for _, around in self.graph.walk() for r in around}
        names = frozenset[str]().union(*(size.names() for _, size in tensor.dims))
        corners = [dict(zip(names, ends, strict=True)) for ends in product(*((0, counts[n] - 1) for n in names))]
        shape = tuple(max(sizes) for sizes in zip(*(shape_of(tensor.dims, env) for env in corners), strict=True))
        rng = self._random(tensor.name, *key[1])
        if tensor.name == "token" or tensor.dtype.value.startswith("int32"):
            return rng.integers(0, 2, shape).astype(np.float64)
        reduced = shape[-1] if tensor.role == Role.WEIGHT and len(shape) > 1 else 1
        return np.asarray(rng.standard_normal(shape) * reduced**-0.5)

    def _random(self, name: str, *numbers: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, crc32(name.encode()), *numbers))


def executions(items: tuple[Item, ...], env: Mapping[str, int]) -> Iterator[tuple[Op, Mapping[str, int]]]:
    """Every execution of every op in the order of the graph."""
    for item in items:
        if isinstance(item, Repeat):
            for i in range(item.count):
                yield from executions(item.body, {**env, item.var: i})
        else:
            yield item, env
