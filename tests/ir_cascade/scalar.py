"""The slow reference: every point of every tensor by itself, straight from its definition."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Access, Constant, Einsum, Index

Point = tuple[int, ...]


class Scalar:
    """Values of a cascade on X[p,m], with m = m1 * M0 + m0."""

    def __init__(self, cascade: Cascade, x: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        self.x = x
        self.tile = dict(cascade.sizes)["M0"]
        rows, keys = x.shape
        self.sizes = {"p": rows, "m1": -(-keys // self.tile), "m0": self.tile}
        self.einsums = {einsum.name: einsum for einsum in cascade.expanded}
        self.initial = dict(cascade.initial)
        self.causal = bool(cascade.masks)
        self.known: dict[tuple[str, Point], np.float64] = {}

    def value(self, tensor: str, at: Point) -> np.float64:
        """One point."""
        if tensor not in self.einsums:
            row, key = at[0], at[1] * self.tile + at[2]
            return np.float64(self.x[row, key] if key < self.x.shape[1] else 0)
        if (tensor, at) not in self.known:
            self.known[tensor, at] = self._compute(self.einsums[tensor], at)
        return self.known[tensor, at]

    def exists(self, here: dict[str, int], over: tuple[str, ...]) -> bool:
        """Whether a point takes part in a reduction: it is a key, and its query sees it."""
        if not {"m1", "m0"} <= here.keys():
            return True
        key, (rows, keys) = here["m1"] * self.tile + here["m0"], self.x.shape
        seen = not self.causal or "p" not in here or key <= here["p"] + keys - rows
        return not over or (key < keys and seen)

    def _compute(self, einsum: Einsum, at: Point) -> np.float64:
        here = {}
        for index, value in zip(einsum.output.indices, at, strict=True):
            if index.step and value == 0:
                return np.float64(self.initial[einsum.name])
            here[index.rank] = value - index.step
        if not einsum.reduce:
            return self._map(einsum, here)
        total = np.float64(0.0 if einsum.reduce == "sum" else -np.inf)
        for steps in product(*(range(self.sizes[rank]) for rank in einsum.over)):
            point = here | dict(zip(einsum.over, steps, strict=True))
            if self.exists(point, einsum.over):
                term = self._map(einsum, point)
                total = total + term if einsum.reduce == "sum" else np.maximum(total, term)
        return total

    def _map(self, einsum: Einsum, here: dict[str, int]) -> np.float64:
        a, *rest = (self._operand(operand, here) for operand in einsum.operands)
        if einsum.map == "copy":
            return a
        if einsum.map in ("sub", "subexp"):
            difference = np.float64(0 if a == rest[0] else a - rest[0])
            return np.float64(np.exp(difference)) if einsum.map == "subexp" else difference
        return np.float64({"mul": a * rest[0], "add": a + rest[0], "max": np.maximum(a, rest[0])}[einsum.map])

    def _operand(self, operand: Access | Constant, here: dict[str, int]) -> np.float64:
        assert isinstance(operand, Access)
        return self.value(operand.tensor, tuple(self._at(index, here) for index in operand.indices))

    def _at(self, index: Index, here: dict[str, int]) -> int:
        return self.sizes[index.rank] if index.final else here[index.rank] + index.step
