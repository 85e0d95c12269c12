"""What must be kept while a cascade goes over a rank: from pass to pass, and from tile to tile."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Einsum
from archsim.ir.cascade.passes import Passes, by_tile, passes
from archsim.ir.cascade.sizes import Poly, total


@dataclass(frozen=True, slots=True)
class Live:
    """A tensor with tiles of the rank that one pass makes or reads and a later pass reads."""

    tensor: str
    made: int
    """Pass that makes it, or first reads it where it is an input."""
    read: tuple[int, ...]
    """Later passes that read it."""
    words: Poly
    """All of it."""
    by_element: bool
    """Whether it has a value per element of the rank: O(M). Else it has one per tile: O(M1)."""
    given: bool
    """Whether it is an input, which needs no writing to be read again."""


@dataclass(frozen=True)
class Footprint:
    """What a cascade keeps along one rank."""

    passes: Passes
    live: tuple[Live, ...]
    """Kept, spilled or computed again between passes."""
    carried: tuple[str, ...]
    """States and accumulators: kept from tile to tile, whatever the mapping."""
    fiber: tuple[str, ...]
    """Ranks that tell one fiber from another, such as heads and queries."""
    carried_per_row: Poly
    """Words of `carried` per fiber."""
    live_per_row: Poly
    """Words of `live` per fiber at the worst moment: the minimum that a mapping without spilling holds."""
    tiles_per_row: Poly
    """The part of `live_per_row` that is one word per tile, which remains where elements are spilled."""


def footprint(cascade: Cascade, rank: str) -> Footprint:
    """What must be kept along a rank.

    Raises
    ------
    UnknownName
        The cascade has no such rank.
    """
    found = passes(cascade, rank)
    live = tuple(_live(cascade, rank, found))
    carried = tuple(einsum.name for einsum in cascade.expanded if _is_carried(cascade, einsum, rank))
    fiber = _fiber_ranks(cascade, rank, carried)
    per_row = {one.tensor: per_fiber(cascade, one.tensor, fiber) for one in live}
    by_tile_only = [one for one in live if not one.by_element]
    return Footprint(
        found,
        live,
        carried,
        fiber,
        total(per_fiber(cascade, name, fiber) for name in carried),
        _worst(live, per_row, found.count),
        _worst(by_tile_only, per_row, found.count),
    )


def per_fiber(cascade: Cascade, tensor: str, fiber: tuple[str, ...]) -> Poly:
    """Words of a tensor that belong to one fiber; of a state those that exist at one time."""
    ranks = (index.rank for index in cascade.axes[tensor] if not index.step and index.over == 1)
    return cascade.points(rank for rank in ranks if rank not in fiber)


def _live(cascade: Cascade, rank: str, found: Passes) -> list[Live]:
    reads: dict[str, set[int]] = {}
    for einsum in cascade.expanded:
        for access in einsum.reads:
            if any(index.final for index in access.indices):
                continue  # a last state is carried
            if by_tile(cascade, access, rank) and einsum.name in found.level:
                reads.setdefault(access.tensor, set()).add(found.level[einsum.name])
    given = {access.tensor for access in cascade.inputs}
    leaves = set(cascade.leaves(rank))
    out = []
    for tensor, numbers in reads.items():
        made = min(numbers) if tensor in given else found.level[tensor]
        later = tuple(sorted(number for number in numbers if number > made))
        if later:
            axes = {index.rank for index in cascade.axes[tensor]}
            words = cascade.points(index.rank for index in cascade.axes[tensor])
            out.append(Live(tensor, made, later, words, leaves <= axes, tensor in given))
    return out


def _is_carried(cascade: Cascade, einsum: Einsum, rank: str) -> bool:
    """A state along the rank, or the result of a reduction over all of its tiles."""
    first = cascade.leaves(rank)[0]
    return einsum.running in cascade.leaves(rank) or first in einsum.over


def _fiber_ranks(cascade: Cascade, rank: str, carried: tuple[str, ...]) -> tuple[str, ...]:
    """Ranks that all carried tensors share: each of their points has a fiber of its own."""
    family = set(cascade.leaves(rank))
    if not carried:
        return ()
    shared = [index.rank for index in cascade.axes[carried[0]] if index.rank not in family]
    for name in carried[1:]:
        axes = {index.rank for index in cascade.axes[name]}
        shared = [one for one in shared if one in axes]
    return tuple(shared)


def _worst(live: tuple[Live, ...] | list[Live], per_row: dict[str, Poly], count: int) -> Poly:
    """The most words between two passes; closed forms of one cascade compare by their degree, then by their terms."""
    between = [total(per_row[one.tensor] for one in live if one.made <= k < max(one.read)) for k in range(1, count)]
    return max(between, key=_order, default=Poly())


def _order(poly: Poly) -> tuple[tuple[int, int], ...]:
    return tuple((len(symbols), factor) for symbols, factor in poly.terms)
