"""How tensors lie in numpy arrays: cut ranks as two axes, the last tile padded; coordinates and which of them exist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.operators import Array

Where = NDArray[np.bool_]


def split(cascade: Cascade, array: Array, ranks: Sequence[str], sizes: Mapping[str, int]) -> Array:
    """An array with an axis per rank as one with an axis per leaf, short tiles filled up with zeros."""
    position = 0
    for rank in ranks:
        array = _split(cascade, array, position, rank, sizes)
        position += len(cascade.leaves(rank))
    return array


def merge(cascade: Cascade, array: Array, leaves: Sequence[str], sizes: Mapping[str, int]) -> tuple[Array, list[str]]:
    """The inverse of `split`, wherever all leaves of a rank lie side by side; also says which ranks it then has."""
    ranks = list(leaves)
    for cut in reversed(cascade.partitions):
        if cut.outer not in ranks or ranks[ranks.index(cut.outer) + 1 :][:1] != [cut.inner]:
            continue
        at = ranks.index(cut.outer)
        shape = (*array.shape[:at], -1, *array.shape[at + 2 :])
        array = np.take(array.reshape(shape), np.arange(sizes[cut.rank.upper()]), axis=at)
        ranks[at : at + 2] = [cut.rank]
    return array, ranks


def coordinate(
    cascade: Cascade, rank: str, space: Sequence[str], sizes: Mapping[str, int], fixed: Mapping[str, int]
) -> Any:
    """Values of a rank over an iteration space, shaped so that they broadcast; `fixed` ranks are one step of a loop."""
    if rank in fixed:
        return fixed[rank]
    if rank in cascade.cuts:
        cut = cascade.cuts[rank]
        outer = coordinate(cascade, cut.outer, space, sizes, fixed)
        return outer * sizes[cut.inner.upper()] + coordinate(cascade, cut.inner, space, sizes, fixed)
    shape = [1] * len(space)
    shape[space.index(rank)] = -1
    return np.arange(sizes[rank.upper()]).reshape(shape)


def existing(
    cascade: Cascade,
    space: Sequence[str],
    ranks: Sequence[str],
    sizes: Mapping[str, int],
    fixed: Mapping[str, int],
) -> Where | None:
    """Where points of a space exist: not behind a short tile, not masked. None where all of them do.

    Parameters
    ----------
    cascade
        The cascade.
    space
        Leaf ranks that have an axis.
    ranks
        Leaf ranks that matter: a mask or a short tile that concerns none of them is left out.
    sizes
        Every size.
    fixed
        Leaf ranks without an axis -> their value.
    """
    found: Where | None = None
    there = {*space, *fixed}

    def concerns(*whole: str) -> bool:
        leaves = {leaf for rank in whole for leaf in cascade.leaves(rank)}
        return leaves <= there and bool(leaves & set(ranks))

    for cut in cascade.partitions:
        size = sizes[cut.rank.upper()]
        padded = sizes[cut.outer.upper()] * sizes[cut.inner.upper()]
        if concerns(cut.rank) and padded != size:
            at = np.asarray(coordinate(cascade, cut.rank, space, sizes, fixed)) < size
            found = at if found is None else found & at
    for mask in cascade.masks:
        if concerns(mask.key, mask.query):
            keys, queries = sizes[mask.key.upper()], sizes[mask.query.upper()]
            width = sizes[mask.width] if isinstance(mask.width, str) else mask.width
            key = np.asarray(coordinate(cascade, mask.key, space, sizes, fixed))
            query = np.asarray(coordinate(cascade, mask.query, space, sizes, fixed))
            seen = mask.visible(key, query, keys, queries, width)
            found = seen if found is None else found & seen
    return found


def _split(cascade: Cascade, array: Array, at: int, rank: str, sizes: Mapping[str, int]) -> Array:
    if rank not in cascade.cuts:
        return array
    cut = cascade.cuts[rank]
    outer, inner = sizes[cut.outer.upper()], sizes[cut.inner.upper()]
    padding = [(0, 0)] * array.ndim
    padding[at] = (0, outer * inner - array.shape[at])
    shape = (*array.shape[:at], outer, inner, *array.shape[at + 1 :])
    array = _split(cascade, np.pad(array, padding).reshape(shape), at + 1, cut.inner, sizes)
    return _split(cascade, array, at, cut.outer, sizes)
