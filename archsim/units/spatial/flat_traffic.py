"""How often FLAT moves each tensor: loop orders, fetch counts, what the buffer holds, what spills.

Both products are loop nests over tiles. The innermost loop runs in time, the two others lie across the array:

| stationary | QK, inner to outer | AV, inner to outer |
|---|---|---|
| output | E, M, P | M, F, P |
| weight | P, E, M | P, F, M |
| input | M, E, P | F, M, P |

A fused pass takes `rows` query rows through scores, softmax and values; passes are the outermost loop over P.
Mechanism: FPSG-UIUC/micro24-fusemax-artifact@d2ee85c0 workspace/src/accel/flat.py [stated].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import Problem

HELD = ("Q", "K", "QK", "V", "AV")
"""Tensors that a choice keeps on chip or not; A, the softmax of QK, lies where QK does."""


@dataclass(frozen=True, slots=True)
class Product:
    """One of the two matrix products: its tensors by their ranks, its loop orders."""

    name: str
    inputs: Mapping[str, str]
    """Tensor -> ranks."""
    output: str
    """Ranks of the result, which has the product's name."""
    reduced: str
    orders: Mapping[str, str]
    """Stationarity -> ranks from the innermost loop outwards."""

    @property
    def tensors(self) -> Mapping[str, str]:
        """Inputs and result -> ranks."""
        return {**self.inputs, self.name: self.output}


SCORES = Product(
    "QK", {"Q": "EP", "K": "EM"}, "MP", reduced="E", orders={"output": "EMP", "weight": "PEM", "input": "MEP"}
)
VALUES = Product(
    "AV", {"A": "MP", "V": "FM"}, "FP", reduced="M", orders={"output": "MFP", "weight": "PFM", "input": "FMP"}
)
STATIONARITIES = tuple(SCORES.orders)
"""What may stay in the PEs."""


@dataclass(frozen=True, slots=True)
class Nest:
    """A product on the array: its loops, and what follows from their order."""

    product: Product
    stationary: str
    sizes: Mapping[str, int]
    """Rank -> elements."""
    rows: int
    """Query rows of a fused pass."""
    arrays: SpatialArrays

    @property
    def passes(self) -> int:
        """Fused passes of an instance."""
        return -(-self.sizes["P"] // self.rows)

    def _order(self) -> tuple[str, tuple[str, ...]]:
        """The rank of the loop in time, and those across the array."""
        order = self.product.orders[self.stationary]
        return order[0], tuple(order[1:])

    def extent(self, rank: str) -> int:
        """Elements of a rank in one tile: queries lie across columns, reductions run down them."""
        in_time, across = self._order()
        columns = "P" if "P" in across else next(name for name in across if name != self.product.reduced)
        wide = rank == columns or rank == in_time == "P"
        longest = self.rows if rank == "P" else self.sizes[rank]
        return min(self.arrays.cols if wide else self.arrays.rows, longest)

    def tiles(self, rank: str) -> int:
        """Tiles of a rank that lies across the array, in the whole instance."""
        size, extent = self.sizes[rank], self.extent(rank)
        if rank != "P":
            return -(-size // extent)
        whole, rest = divmod(size, self.rows)
        return whole * -(-self.rows // extent) + -(-rest // extent)

    def loops(self) -> tuple[tuple[str, int], ...]:
        """(rank, bound) from the innermost loop outwards."""
        in_time, across = self._order()
        loops = [(in_time, self.rows if in_time == "P" else self.sizes[in_time])]
        loops += [(rank, self.tiles(rank)) for rank in across]
        return (*loops, ("P", self.passes)) if in_time == "P" else tuple(loops)

    def refetches(self, ranks: str) -> int:
        """How often each word of a tensor with these ranks crosses from buffer to array.

        The product of the bounds of all loops that do not index the tensor, except the innermost run of such loops,
        through which it stays where it is.
        """
        loops = [(rank, bound) for rank, bound in self.loops() if bound > 1]
        while loops and loops[0][0] not in ranks:
            loops.pop(0)
        return prod(bound for rank, bound in loops if rank not in ranks)

    def cycles(self) -> int:
        """Cycles of the array for one instance, before the PEs' cycles per operation."""
        in_time, across = self._order()
        return self.sizes[in_time] * prod(self.tiles(rank) for rank in across)

    def tile_words(self, tensor: str) -> int:
        """Words of one tile; a result whose partial sums wait for later tiles is as long as the loop in time."""
        ranks = self.product.tensors[tensor]
        in_time, _ = self._order()
        whole = self.rows if in_time == "P" else self.sizes[in_time]
        waits = tensor == self.product.name and in_time != self.product.reduced
        return prod(min(whole, self.sizes[rank]) if waits and rank == in_time else self.extent(rank) for rank in ranks)


@dataclass(frozen=True, slots=True)
class Moves:
    """A tensor in all instances, in words."""

    distinct: int
    refetches: int
    tile: int
    """Of one tile."""
    held: int
    """Of what one fused pass needs of it."""

    @property
    def edge(self) -> int:
        """Words across the boundary of buffer and array in the tensor's own direction."""
        return self.distinct * self.refetches

    @property
    def partial(self) -> int:
        """Words of partial sums that come back to the array: the first touch needs none."""
        return self.distinct * (self.refetches - 1)


@dataclass(frozen=True, slots=True)
class Tiling:
    """Fused passes of `rows` query rows with one stationarity for each product."""

    rows: int
    nests: tuple[Nest, Nest]
    moves: Mapping[str, Moves]
    """Q, K, QK, A, V, AV -> how they move."""
    buffer_words: int

    @property
    def passes(self) -> int:
        """Fused passes of an instance."""
        return self.nests[0].passes

    def tiles(self, onchip: frozenset[str]) -> int:
        """Buffer words that cannot spill: tiles on their way to or from the array, each twice for double buffering.

        Scores kept on chip need none: they go from the array to where they lie.
        """
        through = [move for name, move in self.moves.items() if home(name) != "QK" or "QK" not in onchip]
        return sum(2 * move.tile for move in through)

    def footprint(self, onchip: frozenset[str]) -> int:
        """Buffer words: scores of a pass once, other kept tensors twice, tiles of the rest."""
        kept = sum((1 if name == "QK" else 2) * self.moves[name].held for name in onchip)
        return kept + sum(2 * move.tile for name, move in self.moves.items() if home(name) not in onchip)

    def spilled(self, onchip: frozenset[str]) -> Fraction:
        """The part of what is kept that finds no room, the same of every tensor."""
        need = self.footprint(onchip)
        return max(Fraction(0), 1 - Fraction(self.buffer_words, need))


def home(tensor: str) -> str:
    """The tensor by whose place this one goes."""
    return "QK" if tensor == "A" else tensor


def tiling(problem: Problem, arrays: SpatialArrays, rows: int, scores: str, values: str) -> Tiling:
    """The tiling with fused passes of `rows` query rows and these stationarities."""
    sizes = {"E": problem.head, "F": problem.head, "M": problem.keys, "P": problem.queries}
    nests = (Nest(SCORES, scores, sizes, rows, arrays), Nest(VALUES, values, sizes, rows, arrays))
    moves = {
        name: Moves(
            distinct=problem.instances * prod(sizes[rank] for rank in ranks),
            refetches=nest.refetches(ranks),
            tile=nest.tile_words(name),
            held=prod(min(rows, sizes[rank]) if rank == "P" else sizes[rank] for rank in ranks),
        )
        for nest in nests
        for name, ranks in nest.product.tensors.items()
    }
    return Tiling(rows, nests, moves, arrays.buffer_bytes // arrays.word_bytes)
