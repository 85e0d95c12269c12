"""Over which stretches of the program an activation can stay in the scratchpad as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph
from archsim.mappers.cosma.lives import lives


@dataclass(frozen=True, slots=True)
class Stay:
    """A tensor in the scratchpad from one of its uses to a later one.

    Parameters
    ----------
    tensor
        Its name.
    first, last
        Places, in the order of the graph's ops, of the first and the last op during which it is there.
    size
        Bytes in the iteration in which it is largest.
    amount
        Bytes in every iteration.
    only
        Whether this is its whole life, so that memory never has it. Otherwise memory has it too: it was written on
        the way, or is read from there by the first op and stays for the others.
    """

    tensor: str
    first: int
    last: int
    size: int
    amount: Affine
    only: bool


def stays(graph: Graph, most: int) -> list[Stay]:
    """Whole lives, and the runs of uses inside them, of tensors of at most so many bytes; in order of their begin."""
    found = []
    for life in lives(graph):
        if life.size <= most:
            found.append(Stay(life.tensor, life.first, life.last, life.size, life.amount, only=True))
            found += [
                Stay(life.tensor, first, last, life.size, life.amount, only=False)
                for first, last in _runs(graph, life.tensor)
                if (first, last) != (life.first, life.last)
            ]
    return sorted(found, key=lambda stay: (stay.first, stay.last, stay.tensor, stay.only))


def _runs(graph: Graph, tensor: str) -> Iterator[tuple[int, int]]:
    """Pairs of uses in one body of the program, the later one a read, between which the tensor is not written."""
    uses = [
        (place, tensor in op.outputs, tensor in op.inputs, around)
        for place, (op, around) in enumerate(graph.ops.values())
        if tensor in op.inputs or tensor in op.outputs
    ]
    for i, (first, _, _, around) in enumerate(uses):
        for last, writes, reads, where in uses[i + 1 :]:
            same = len(where) == len(around) and all(a is b for a, b in zip(where, around, strict=True))
            if writes or not reads or not same:
                break
            yield first, last
