"""When the activations of a workload live in its program, loops included, and which can stay in a scratchpad."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph, Op, Repeat, Role, Tensor

KEYS_AND_VALUES = ("attention_scores", "attention_values")
"""Kinds whose second input is a cache, which units stream from memory."""


@dataclass(frozen=True, slots=True)
class Life:
    """An activation that could stay on chip from where it is written until it is read for the last time.

    Parameters
    ----------
    tensor
        Its name.
    size
        Bytes in the iteration in which it is largest.
    amount
        Bytes in every iteration.
    first, last
        Places, in the order of the graph's ops, of the first and the last op during which it must be there.
    """

    tensor: str
    size: int
    amount: Affine
    first: int
    last: int


def lives(graph: Graph) -> list[Life]:
    """What could stay, in the order in which it is written.

    Left out is what is no activation, what is read as keys or values, what is read before it is written (in an
    iteration or at all), and what has a size that is not affine in the loops.
    """
    place = {name: index for index, name in enumerate(graph.ops)}
    found = []
    for name, tensor in graph.tensors.items():
        writers = [op for op, _ in graph.walk() if name in op.outputs]
        readers = [op for op, _ in graph.walk() if name in op.inputs]
        if tensor.role != Role.ACTIVATION or not writers or not readers or _is_cache(name, readers):
            continue
        around = {op.name: graph.ops[op.name][1] for op in (*writers, *readers)}
        amount = _bytes(tensor)
        span = _span(graph, place, around)
        if amount is None or span is None or place[writers[0].name] > min(place[op.name] for op in readers):
            continue
        most = {repeat.var: repeat.count - 1 for repeats in around.values() for repeat in repeats}
        size = max(int(amount.at(dict.fromkeys(most, 0))), int(amount.at(most)))
        found.append(Life(name, size, amount, *span))
    return sorted(found, key=lambda life: (life.first, life.last, life.tensor))


def _is_cache(name: str, readers: list[Op]) -> bool:
    return any(op.kind in KEYS_AND_VALUES and name in op.inputs[1:] for op in readers)


def _bytes(tensor: Tensor) -> Affine | None:
    """Bytes as an affine expression; None where several dims follow loops or bits make no whole bytes."""
    moving = [size for _, size in tensor.dims if size.names()]
    fixed = tensor.dtype.bits
    for _, size in tensor.dims:
        fixed *= 1 if size.names() else int(size.at({}))
    if len(moving) > 1:
        return None
    if not moving:
        return Affine(-(-fixed // 8))
    bits = moving[0] * fixed
    if any(number % 8 for number in (bits.base, *(coefficient for _, coefficient in bits.terms))):
        return None
    return Affine(bits.base // 8, tuple((name, coefficient // 8) for name, coefficient in bits.terms))


def _span(graph: Graph, place: ReadOnly[str, int], around: ReadOnly[str, tuple[Repeat, ...]]) -> tuple[int, int] | None:
    """First and last op that the tensor must outlast: those that touch it, and all of a loop that only some are in."""
    depth = 0
    nests = list(around.values())
    while all(len(nest) > depth and nest[depth] is nests[0][depth] for nest in nests):
        depth += 1
    touched = []
    for name, nest in around.items():
        touched.append(place[name])
        if len(nest) > depth:
            touched += [place[op] for op, (_, outer) in graph.ops.items() if nest[depth] in outer[depth : depth + 1]]
    return min(touched), max(touched)
