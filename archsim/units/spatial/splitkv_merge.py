"""Attention in pieces, executed: partial results of some keys, and the rule that merges them.

A partial result is the running maximum m, the sum l of exponentials and the weighted sum O of values, per query. Two of
them merge by m = max(m1, m2), l = e^(m1-m) l1 + e^(m2-m) l2 and O likewise: associative, so that any cut into segments
in any order gives attention. All dataflows of this folder are executed by it where their results are checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Partial:
    """Attention to some of the keys, not yet divided."""

    m: Array
    """Maximum score, one per query row; minus infinity where it has seen no key."""
    l: Array  # noqa: E741  # the name it has in every paper
    """Sum of exponentials of scores minus m, one per query row."""
    o: Array
    """Values weighted with those exponentials: query rows by head size."""

    def result(self) -> Array:
        """Attention: O divided by l."""
        return self.o / self.l[:, None]


def partial(q: Array, k: Array, v: Array, mask: NDArray[np.bool_]) -> Partial:
    """Scores q k^T where `mask` (query rows by keys) holds, without a scale, and what they make of the values."""
    scores = np.where(mask, q @ k.T, -np.inf)
    m = scores.max(axis=1, initial=-np.inf)
    weights = np.exp(scores - np.where(np.isneginf(m), 0, m)[:, None])
    return Partial(m, weights.sum(axis=1), weights @ v)


def merge(one: Partial, other: Partial) -> Partial:
    """The partial result of the keys of both."""
    m = np.maximum(one.m, other.m)
    safe = np.where(np.isneginf(m), 0, m)
    first, second = np.exp(one.m - safe), np.exp(other.m - safe)
    return Partial(m, first * one.l + second * other.l, first[:, None] * one.o + second[:, None] * other.o)


def merged(parts: Iterable[Partial]) -> Partial:
    """All parts, merged one after the other."""
    return reduce(merge, parts)
