"""A workload as operators on named tensors, with loops where the same operators repeat.

Sizes are `Affine` in the loop variables (a decode step's KV length grows with the token), so that totals have a closed
form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import product
from math import prod

from archsim.core.errors import Broken
from archsim.ir.affine import Affine, sum_over
from archsim.ir.footprint import volume


class DType(StrEnum):
    """Element type of a tensor."""

    FP32 = "fp32"
    TF32 = "tf32"
    BF16 = "bf16"
    FP16 = "fp16"
    FP8 = "fp8"
    INT32 = "int32"
    INT16 = "int16"
    INT8 = "int8"
    INT4 = "int4"
    INT2 = "int2"

    @property
    def bits(self) -> int:
        """Bits per element as stored."""
        return 32 if self is DType.TF32 else int("".join(c for c in self.value if c.isdigit()))


class Role(StrEnum):
    """What a tensor is to the workload; decides which bytes are compulsory."""

    WEIGHT = "weight"
    KV = "kv"
    ACTIVATION = "activation"
    INPUT = "input"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Tensor:
    """A named array. `dims` are (name, size) in storage order; `stacked` names loops that each own a copy (layers)."""

    name: str
    dims: tuple[tuple[str, Affine], ...]
    dtype: DType
    role: Role = Role.ACTIVATION
    stacked: tuple[str, ...] = ()

    def elements(self, env: Mapping[str, int]) -> int:
        """Number of elements of one copy for these loop variables."""
        n = 1
        for _, size in self.dims:
            n *= int(size.at(env))
        return n

    def bits(self, env: Mapping[str, int]) -> int:
        """Bits of one copy."""
        return self.elements(env) * self.dtype.bits

    def nbytes(self, env: Mapping[str, int]) -> int:
        """Bytes of one copy, rounded up to whole bytes."""
        return -(-self.bits(env) // 8)


@dataclass(frozen=True, slots=True)
class Op:
    """One operator. `dims` is its iteration space; a matmul has m (rows), n (output columns), k (reduction).

    Attention kinds have b (batch), h (heads), kv (KV heads), q (queries), t (keys), d (head size); elementwise and row
    kinds m, n. `causal` means query i of the last q positions sees only keys up to its own position.
    """

    name: str
    kind: str
    dims: Mapping[str, Affine]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    causal: bool = False
    bias: str = ""
    """Name of the bias tensor a matmul adds, or empty."""

    def __hash__(self) -> int:
        return hash((self.name, self.kind, tuple(sorted(self.dims.items(), key=lambda kv: kv[0]))))

    def extents(self, env: Mapping[str, int]) -> dict[str, int]:
        """The iteration space as integers for these loop variables."""
        return {name: int(size.at(env)) for name, size in self.dims.items()}

    def macs(self, env: Mapping[str, int]) -> int:
        """Multiply-accumulates: volume of the iteration space, or the staircase where causal. Zero for vector kinds."""
        return volume(self.kind, self.extents(env), causal=self.causal)


@dataclass(frozen=True)
class Repeat:
    """`body` executed `count` times, one after the other; inside, `var` runs from 0."""

    var: str
    count: int
    body: tuple[Op | Repeat, ...]


Item = Op | Repeat


@dataclass(frozen=True)
class Graph:
    """Operators in a legal order, nested in repeats, and the tensors they name."""

    name: str
    items: tuple[Item, ...]
    tensors: Mapping[str, Tensor]
    notes: tuple[str, ...] = field(default=())

    def walk(self) -> Iterator[tuple[Op, tuple[Repeat, ...]]]:
        """Every op with the repeats around it, outermost first."""
        yield from _walk(self.items, ())

    @cached_property
    def ops(self) -> Mapping[str, tuple[Op, tuple[Repeat, ...]]]:
        """Op name -> (op, repeats around it). A name used twice is a bug of whoever built the graph."""
        table: dict[str, tuple[Op, tuple[Repeat, ...]]] = {}
        for op, around in self.walk():
            if op.name in table:
                raise Broken(f"graph {self.name!r} has two ops named {op.name!r}")
            table[op.name] = (op, around)
        return table

    def op_macs(self, name: str) -> int:
        """Multiply-accumulates of one op summed over its repeats, in closed form."""
        op, around = self.ops[name]
        return _sum_nest(op.macs, around, {})

    def op_bytes(self, name: str) -> int:
        """Compulsory bytes (see `compulsory_bytes`) of one op summed over its repeats, in closed form."""
        op, around = self.ops[name]
        return -(-_sum_nest(lambda env: self._op_bits(op, env), around, {}) // 8)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of the whole graph."""
        return sum(self.op_macs(name) for name in self.ops)

    @cached_property
    def compulsory_bytes(self) -> int:
        """Bytes no machine can avoid each time an op runs: weights and past KV read once, new KV, inputs, outputs once.

        Activations between ops are not counted (they can stay on chip), nor is reading back keys and values that the
        same pass appended; a weight is read again in every repeat that encloses the op, since nothing says the machine
        can keep it.
        """
        return sum(self.op_bytes(name) for name in self.ops)

    @cached_property
    def parameters(self) -> int:
        """Weight elements, all copies counted."""
        counts = {r.var: r.count for _, around in self.walk() for r in around}
        total = 0
        for tensor in self.tensors.values():
            if tensor.role == Role.WEIGHT:
                copies = 1
                for var in tensor.stacked:
                    copies *= counts.get(var, 1)
                total += tensor.elements({}) * copies
        return total

    @cached_property
    def _appended(self) -> frozenset[str]:
        return frozenset(name for op, _ in self.walk() if op.kind == "kv_append" for name in op.outputs)

    def _op_bits(self, op: Op, env: Mapping[str, int]) -> int:
        dims = op.extents(env)
        names = dict.fromkeys((*op.inputs, *op.outputs, *((op.bias,) if op.bias else ())))
        if op.kind == "kv_append":  # only what is new, as the cache stores it; an encoder keeps nothing
            cache = self.tensors[op.outputs[0]]
            return dims["m"] * dims["n"] * cache.dtype.bits if cache.role == Role.KV else 0
        if op.kind == "embedding":  # only the rows that are looked up, and no row twice
            tables = [self.tensors[n] for n in op.inputs if self.tensors[n].role == Role.WEIGHT]
            return sum(min(dims["m"] * dims["n"], table.elements(env)) * table.dtype.bits for table in tables)
        moved = (Role.WEIGHT, Role.INPUT, Role.OUTPUT)
        bits = sum(self.tensors[n].bits(env) for n in names if self.tensors[n].role in moved)
        for name in (n for n in names if self.tensors[n].role == Role.KV):
            # What this very pass appended was just computed, so only keys of earlier passes must come from memory.
            keys = dims["t"] - (dims["q"] if name in self._appended else 0)
            bits += dims["b"] * dims["kv"] * keys * dims["d"] * self.tensors[name].dtype.bits
        return bits


def occurrences(sizes: Iterable[Affine], around: tuple[Repeat, ...]) -> Iterator[tuple[dict[str, int], int]]:
    """Values of the loop variables that some sizes follow, and how often each of these values occurs."""
    used = frozenset[str]().union(*(size.names() for size in sizes))
    times = prod(repeat.count for repeat in around if repeat.var not in used)
    moving = [repeat for repeat in around if repeat.var in used]
    for values in product(*(range(repeat.count) for repeat in moving)):
        yield dict(zip((repeat.var for repeat in moving), values, strict=True)), times


def _walk(items: tuple[Item, ...], around: tuple[Repeat, ...]) -> Iterator[tuple[Op, tuple[Repeat, ...]]]:
    for item in items:
        if isinstance(item, Op):
            yield item, around
        else:
            yield from _walk(item.body, (*around, item))


def _sum_nest(measure: Callable[[Mapping[str, int]], int], around: tuple[Repeat, ...], env: dict[str, int]) -> int:
    if not around:
        return measure(env)
    first, rest = around[0], around[1:]
    return sum_over(first.count, lambda i: _sum_nest(measure, rest, {**env, first.var: i}))
