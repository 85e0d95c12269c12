"""Which keys a query sees: masks take points out of every reduction that runs over keys or queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.core.errors import UnknownName
from archsim.ir.cascade.einsum import BadCascade
from archsim.ir.cascade.parse import is_rank, is_size, parse_call

KINDS = {"causal": 2, "window": 3}
"""Kind of mask -> how many arguments it has."""


@dataclass(frozen=True, slots=True)
class Mask:
    """``causal(m,p)`` or ``window(m,p,W)``: the queries are the last P of M positions.

    The query at p has position ``p + M - P``. Causal: it sees no key behind that position. Window: it sees no key that
    is W or more before it.
    """

    kind: str
    key: str
    query: str
    width: int | str = 0
    """Keys in a window that ends with the query's own position: a number or a size."""

    @staticmethod
    def parse(text: str) -> Mask:
        """The mask that a text means.

        Raises
        ------
        BadInput
            Another form, an unknown kind, or a window without a width.
        """
        kind, given = parse_call(text)
        where = f"mask {text}"
        if kind not in KINDS:
            raise UnknownName("mask", kind, KINDS, where=where)
        right = "causal(m,p) or window(m,p,W): key rank, query rank, width"
        if len(given) != KINDS[kind] or not all(is_rank(rank) for rank in given[:2]):
            raise BadCascade("not the arguments of a mask", where=where, right=right)
        if kind == "causal":
            return Mask(kind, given[0], given[1])
        width = given[2]
        if not (is_size(width) or (width.isdecimal() and int(width) > 0)):
            raise BadCascade(f"width {width!r}", where=where, right="a positive whole number or a size")
        return Mask(kind, given[0], given[1], int(width) if width.isdecimal() else width)

    def visible(self, key: NDArray[Any], query: NDArray[Any], keys: int, queries: int, width: int) -> NDArray[np.bool_]:
        """Where the query sees the key, for coordinates that broadcast."""
        position = query + (keys - queries)
        seen: NDArray[np.bool_] = key <= position if self.kind == "causal" else key > position - width
        return seen

    def __str__(self) -> str:
        width = f",{self.width}" if self.width else ""
        return f"{self.kind}({self.key},{self.query}{width})"


def visible_points(masks: tuple[Mask, ...], keys: int, queries: int, widths: tuple[int, ...]) -> int:
    """How many (key, query) pairs all of these masks, on the same two ranks, leave."""
    position = np.arange(queries, dtype=np.int64) + (keys - queries)
    first, last = np.zeros(queries, np.int64), np.full(queries, keys - 1, np.int64)
    for mask, width in zip(masks, widths, strict=True):
        if mask.kind == "causal":
            last = np.minimum(last, position)
        else:
            first = np.maximum(first, position - width + 1)
    return int(np.maximum(last - first + 1, 0).sum())
