"""What a stage moves off chip when what lies between its ops stays in a buffer, and how much of that it takes.

Three ways to run a stage, of which the one that moves least is taken:

* by rows: some rows at a time go through all ops; whatever lies between stays. Weights, or keys and values, come once
  for each block of rows, or once if all of them stay (FLAT runs attention so).
* by chunks: the same, but rows that are only made to be summed up by the next product exist a few columns at a time:
  the hidden layer of a feed-forward, and scores with an online softmax (FlashAttention).
* tiled: one product as the tiling search has it, with ops on single elements at its ends, keys and values appended as
  they come, and a norm before it whose statistics are taken in a pass of their own.

Stages follow each other, and whole tensors may stay on chip from one to the next: queries, keys and values from the ops
that make them to attention, every query of which needs all keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsim.mappers.fusion.blocks import SUM_BITS, profiles
from archsim.mappers.fusion.chain import NORMS, Node
from archsim.mappers.fusion.cut import Cut, Way
from archsim.mappers.fusion.tiled import product_of, weight_bits


def can_run(cut: Cut) -> bool:
    """Whether there is a way to run these ops as one stage, if there is room."""
    return cut.space is not None or _is_single(cut) or product_of(cut) is not None


def ways(cut: Cut, room: int) -> Iterator[Way]:
    """All ways to run a part of a chain as one stage with so many bits of room."""
    yield from untiled(cut, room)
    if (product := product_of(cut)) is not None:
        yield from product.ways(room)


def least(cut: Cut, room: int) -> Way | None:
    """The way to run a part as one stage that moves least; None where there is none. Of equals, not in tiles."""
    if cut.held_bits > room:
        return None
    fitting = [way for way in untiled(cut, room) if way.need_bits <= room]
    best = min(fitting, key=_value, default=None)
    product = product_of(cut)
    floor = product.floor_bits(room) if product is not None else None
    if product is None or floor is None or (best is not None and best.moved_bits <= floor):
        return best
    tiled = [way for way in product.ways(room) if way.need_bits <= room]
    return min((*fitting, *tiled), key=_value, default=None)


def _value(way: Way) -> tuple[int, int]:
    return way.moved_bits, way.need_bits


def untiled(cut: Cut, room: int) -> Iterator[Way]:
    """The ways by rows, by chunks, and of an op by itself."""
    for profile in profiles(cut):
        yield from profile.ways(room)
    if _is_single(cut):
        yield _streamed(cut, room)


def _is_single(cut: Cut) -> bool:
    return cut.stop - cut.start == 1 and not cut.nodes[0].is_product


def _streamed(cut: Cut, room: int) -> Way:
    """An op without a product by itself: read once, or a norm whose row does not fit twice, and written once."""
    node = cut.nodes[0]
    read, written, stored = sum(cut.entering.values()), sum(cut.leaving.values()), sum(cut.stored.values())
    if node.kind in NORMS and read > room - cut.held_bits:
        moved = node.rows * (2 * read + written) + 2 * stored
        return Way("alone", moved, cut.held_bits + 2 * SUM_BITS, 0, "a row does not fit and is read twice")
    element = -(-read // max(node.size[1], 1)) + -(-written // max(node.size[1], 1))
    need = cut.held_bits + max(element, min(room - cut.held_bits, read))
    return Way("alone", node.rows * (read + written) + stored, need, 0, "read and written once")


def smallest(node: Node) -> dict[str, int]:
    """Bits without which an op cannot run: an element of each operand, the sums of a norm."""
    if node.is_product:
        _, _, reduction = node.size
        return {"input": -(-sum(node.reads.values()) // reduction), "weight": weight_bits(node), "sum": SUM_BITS}
    if node.kind in NORMS:
        return {"sums": 2 * SUM_BITS}
    return {"elements": -(-(sum(node.reads.values()) + sum(node.writes.values())) // node.size[1])}
