"""The counts of `traffic` for many tilings at once, of one memory or of two below the first."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import numpy.typing as npt

from archsim.mappers.tiling.gemm import OTHERS
from archsim.mappers.tiling.traffic import Order, Sizes

Floats = npt.NDArray[np.float64]
"""Counts; every operand is small enough for them to be exact, and what is chosen is counted again in integers."""
Ints = npt.NDArray[np.int64]

ORDERS: tuple[Order, ...] = tuple(permutations((0, 1, 2)))  # type: ignore[arg-type]
"""Every order of three loops."""


def _case(order: Order, operand: int) -> int:
    """Which of the operand's own dims are inside the loop it does not depend on: bit 0 the first, bit 1 the second."""
    inside = order[order.index(operand) + 1 :]
    return sum(1 << bit for bit, dim in enumerate(OTHERS[operand]) if dim in inside)


CASES = np.array([[_case(order, operand) for order in ORDERS] for operand in range(3)])
"""(operand, order) -> case."""


def visit_loads(box: Ints, tiles: Ints) -> Floats:
    """Elements brought in while a box is gone through once: (rows, operand, order), for rows of boxes and tiles."""
    counts = -(-box // tiles)
    many = counts > 1
    out = np.empty((len(counts), 3, 6))
    for operand, (first, second) in enumerate(OTHERS):
        size = box[:, first].astype(float) * box[:, second]
        again = size * counts[:, operand]
        cases = (size, np.where(many[:, first], again, size), np.where(many[:, second], again, size),
                 np.where(many[:, first] | many[:, second], again, size))  # fmt: skip
        out[:, operand] = np.stack(cases, axis=1)[:, CASES[operand]]
    return out


def nested_loads(extents: Sizes, outer: Ints, inner: Ints) -> Floats:
    """Elements brought into the lower of two memories: (rows, operand, inner order, outer order).

    Parameters
    ----------
    extents
        Of the whole product.
    outer, inner
        Tiles of the upper and the lower memory, (rows, dim).
    """
    parts = _splits(np.broadcast_to(np.array(extents), outer.shape), outer)
    total = np.zeros((len(outer), 3, 6))
    for pick in np.ndindex(2, 2, 2):
        sizes = np.stack([parts[choice][0][:, dim] for dim, choice in enumerate(pick)], axis=1)
        times = np.prod([parts[choice][1][:, dim] for dim, choice in enumerate(pick)], axis=0, dtype=float)
        if times.any():
            total += visit_loads(np.maximum(sizes, 1), inner) * times[:, None, None]
    return total[:, :, :, None] - _kept(parts, outer, inner)[:, :, None, :]


def _kept(parts: tuple[tuple[Ints, Ints], ...], outer: Ints, inner: Ints) -> Floats:
    """Elements that need no fetch because the last tile of an outer tile is the first of the next."""
    counts = parts[0][1] + parts[1][1]
    single = counts == 1
    out = np.empty((len(outer), 3, 6))
    for operand, (first, second) in enumerate(OTHERS):
        saved = np.zeros(len(outer))
        for a, b in np.ndindex(2, 2):
            size_a, size_b = parts[a][0][:, first], parts[b][0][:, second]
            alone = (size_a <= inner[:, first]) & (size_b <= inner[:, second])
            saved += alone * parts[a][1][:, first].astype(float) * parts[b][1][:, second] * size_a * size_b
        saved *= counts[:, operand] - 1
        cases = (
            saved,
            saved * single[:, first],
            saved * single[:, second],
            saved * (single[:, first] & single[:, second]),
        )
        out[:, operand] = np.stack(cases, axis=1)[:, CASES[operand]]
    return out


def nested_folds(extents: Sizes, outer: Ints, inner: Ints, across: Sizes) -> Floats:
    """Passes of the array along each dim, and for a dim that runs in time the parts that tiles make of it."""
    total = np.zeros(outer.shape)
    widths = np.array(across)
    for size, times in _splits(np.broadcast_to(np.array(extents), outer.shape), outer):
        for part, repeats in _splits(size, inner):
            passes = np.where(widths > 0, -(-part // np.maximum(widths, 1)), part > 0)
            total += passes * repeats * times
    return total


def _splits(sizes: Ints, tiles: Ints) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Full tiles and the rest: (size, how many) each, 0 times where there is none."""
    full, rest = np.divmod(sizes, tiles)
    return (np.where(full > 0, tiles, 0), full), (rest, (rest > 0).astype(np.int64))
