"""Stages that are one product in tiles of both rows and columns, with what can be done on the way in and out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from archsim.core.errors import DoesNotFit
from archsim.core.quantities import Bytes, Energy
from archsim.mappers.fusion.blocks import SUM_BITS
from archsim.mappers.fusion.chain import LOCAL, NORMS, Node, Version
from archsim.mappers.fusion.cut import Cut, Way
from archsim.mappers.tiling import Gemm, Hierarchy, Level, tile
from archsim.mappers.tiling.gemm import OTHERS

EXACT = 1 << 53
"""Up to here whole numbers are exact as floats."""


@dataclass(frozen=True, slots=True)
class Product:
    """A stage around one product whose operands are in memory.

    Parameters
    ----------
    gemm
        The product with the widths of what is read for its input and written for its output.
    copies
        Of the product.
    operands
        What has to be in memory: all that its input and output are made of, and what it stores.
    extra
        Bits of all copies that pass besides.
    norms
        Norms of the input, whose statistics take a pass of their own.
    held
        Bits on chip at the borders.
    """

    gemm: Gemm
    copies: int
    operands: frozenset[Version]
    extra: int
    norms: int
    held: int

    def floor_bits(self, room: int) -> int | None:
        """Bits that no tiling with so much room is below; None where there is none."""
        bits = floor_bits(self.gemm, room - self.held)
        return None if bits is None else self.copies * bits + self.extra

    def ways(self, room: int) -> Iterator[Way]:
        """The tiling that moves least."""
        found = _tiling(self.gemm, max(0, room - self.held) // 8)
        if found is None:
            return
        moved, (m, n, k) = found
        note = f"tiles of {m} x {n} x {k}" + (", a pass of its own for the norm" if self.norms else "")
        need = sum(size * width for size, width in zip((n * k, m * k, m * n), self.gemm.bits, strict=True))
        yield Way("tiled", self.copies * moved + self.extra, self.held + need, 0, note)


def product_of(cut: Cut) -> Product | None:
    """A stage as one product in tiles; None where it is something else, or keeps an operand of the product on chip."""
    products = [node for node in cut.nodes if node.is_product]
    if len(products) != 1:
        return None
    node = products[0]
    at = cut.nodes.index(node)
    before, after = cut.nodes[:at], cut.nodes[at + 1 :]
    if any(v in cut.made for v in node.stored) or not _ends_fit(node, before, after):
        return None
    rows, columns, reduction = node.size
    made_before = {v for other in before for v in other.writes}
    first = {v: bits for other in (*before, node) for v, bits in other.reads.items() if v not in made_before}
    made_after = {v for other in (node, *after) for v in other.writes}
    second = {v: bits for other in after for v, bits in other.reads.items() if v not in made_after}
    outputs = {v: bits for v, bits in cut.leaving.items() if v in made_after}
    if any(v in made_before for v in second) or not outputs:
        return None
    operands = frozenset((*first, *node.stored, *cut.made))
    if not operands.isdisjoint(cut.before | cut.after):
        return None
    gemm = Gemm(
        rows, columns, reduction, -(-sum(first.values()) // reduction), weight_bits(node), SUM_BITS,
        -(-sum(outputs.values()) // columns),
    )  # fmt: skip
    beside = sum(bits for v, bits in second.items() if v not in cut.before)
    extra = rows * (beside + sum(bits for v, bits in cut.leaving.items() if v in made_before)) * node.copies
    extra += sum(bits for other in (*before, *after) for bits in other.stored.values())
    extra += sum(bits for bits in node.stored.values() if bits < matrix_bits(node))
    norms = sum(1 for other in before if other.kind in NORMS)
    extra += norms * rows * (sum(first.values()) + 2 * 2 * SUM_BITS)
    return Product(gemm, node.copies, operands, extra, norms, cut.held_bits)


def matrix_bits(node: Node) -> int:
    """Bits of a product's matrix, the largest of what it stores."""
    return max(node.stored.values(), default=0)


def weight_bits(node: Node) -> int:
    """Bits of an element of a product's matrix."""
    _, columns, reduction = node.size
    return -(-matrix_bits(node) // (columns * reduction))


def _ends_fit(node: Node, before: Sequence[Node], after: Sequence[Node]) -> bool:
    """Whether what comes before only prepares the input and what comes after treats single elements of the output."""
    if node.kind != "matmul" and (before or after):
        return False
    rows, columns, reduction = node.size
    prepared = {v for other in before for v in other.writes}
    ready = all(other.kind in LOCAL | NORMS and other.size[:2] == (rows, reduction) for other in before)
    used = not before or any(v in prepared for v in node.reads)
    made = set(node.writes)
    for other in after:
        # Appending puts columns of the output where they belong, element by element.
        placed = other.kind == "kv_append" and made.issuperset(other.reads)
        if not placed and not (other.kind in LOCAL and other.size[:2] == (rows, columns)):
            return False
        made.update(other.writes)
    return ready and used


@lru_cache(maxsize=4096)
def _tiling(gemm: Gemm, room: int) -> tuple[int, tuple[int, int, int]] | None:
    """Bits moved and tile sizes of the tiling that moves least with so many bytes of room."""
    try:
        found = tile(gemm, _two_levels(room), "energy")
    except DoesNotFit:
        return None
    return 8 * found.links[0].moved, found.tiles[0]


@lru_cache(maxsize=4096)
def floor_bits(gemm: Gemm, room: int) -> int | None:
    """Bits that no tiling of one copy of a product moves less than; None where not even single elements fit.

    The innermost loop with more than one turn leaves one operand in place, which is moved once; of the other two, each
    comes once for every tile along the dim that it lacks. So one of the three operands has the shape a x b in place,
    beside the thinnest slices of the others, and for each a the largest b that fits is best. That is all there is: at
    least what the tiling library's bound says for any a and b that need not be whole, 2 m n k / sqrt(room) elements
    where all are equally wide. Tried here for all a at once, and apart from the search that finds the tiles.
    """
    least = np.inf
    areas = [gemm.extents[one] * gemm.extents[other] for one, other in OTHERS]
    for kept, (first, second) in enumerate(OTHERS):  # an operand has the index of the dim that it lacks
        a = np.arange(1, gemm.extents[first] + 1)
        most = (room - gemm.bits[second] * a) // (gemm.bits[kept] * a + gemm.bits[first])
        a, b = a[most >= 1], np.minimum(gemm.extents[second], most[most >= 1])
        times: list[float | NDArray[np.float64]] = [1.0, 1.0, 1.0]
        times[first], times[second] = np.ceil(gemm.extents[first] / a), np.ceil(gemm.extents[second] / b)
        brought = areas[0] * times[0] * gemm.weight_bits + areas[1] * times[1] * gemm.input_bits
        moved = brought + areas[2] * ((times[2] - 1) * 2 * gemm.sum_bits + gemm.final_bits)
        least = min(least, np.min(moved, initial=np.inf))
    if least == np.inf:
        return None
    return int(least if least < EXACT else least * (1 - 1e-12))


def _two_levels(room: int) -> Hierarchy:
    below = Level(name="buffer", capacity=Bytes(max(1, room)), double_buffered=False)
    return Hierarchy(name="fusion", levels=(Level(name="memory", energy=Energy(1000)), below))
