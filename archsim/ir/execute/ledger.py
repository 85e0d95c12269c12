"""How far everything that is written is from the plain graph, and who is to blame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from archsim.ir.execute.layout import Array
from archsim.ir.execute.plain import Key, Plain
from archsim.ir.execute.result import TOLERANCE
from archsim.ir.execute.store import NOBODY

MOST = 4
"""Faults that are named: the others follow from the first ones."""


@dataclass
class Ledger:
    """Errors of what was written last, element by element."""

    plain: Plain
    errors: dict[Key, Array] = field(default_factory=dict)
    """Infinite where nothing was written."""
    last: dict[Key, Array] = field(default_factory=dict)
    """The instance that wrote it."""
    factors: dict[str, float] = field(default_factory=dict)
    """Tensors that the mapping keeps multiplied by something."""
    unmade: set[str] = field(default_factory=set)
    """Tensors that the mapping never makes as a whole, such as the scores of a fused attention."""
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for run in self.plain.runs:
            for key in run.writes.values():
                self.errors.setdefault(key, np.full(self.plain.values[key].shape, np.inf))
                self.last.setdefault(key, np.full(self.plain.values[key].shape, float(NOBODY)))

    def compare(self, key: Key, index: tuple[Array, ...], values: Array, instance: int) -> None:
        """Note how far values are from the plain graph's, relative to its largest one."""
        factor = self.factors.get(key[0], 1.0)
        wanted = self.plain.values[key]
        largest = float(np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0))
        with np.errstate(invalid="ignore"):
            error = np.abs(values - wanted[index] * factor) / (max(largest, 1e-300) * abs(factor))
        self.errors[key][index] = np.where(np.isnan(error), np.inf, error)
        self.last[key][index] = instance

    def totals(self) -> Mapping[str, float]:
        """Tensor -> its largest error."""
        out: dict[str, float] = {}
        for key, error in self._made().items():
            worst = float(error[self._needed(key)].max(initial=0.0))
            out[key[0]] = max(worst, out.get(key[0], 0.0))
        return out

    def overwritten(self, reader: str, tensor: str, guilty: str) -> None:
        """A task did not find what it needed."""
        if len(self.faults) < MOST:
            self.faults.append(f"{reader} reads {tensor}, parts of which {guilty} overwrote")

    def blame(self, name: Callable[[int], str]) -> tuple[str, ...]:
        """The first faults: who overwrote what, then who wrote something wrong, and what was never written."""
        found: dict[int, Key] = {}
        for key, error in self._made().items():
            wrong = ~(error <= TOLERANCE) & self._needed(key)
            for at in np.unique(self.last[key][wrong]).astype(int):
                found.setdefault(at, key)
        others = [
            f"{found[at][0]} is never made as a whole" if at == NOBODY else f"{name(at)} makes a wrong {found[at][0]}"
            for at in sorted(found)
        ]
        return tuple([*self.faults, *others][:MOST])

    def _made(self) -> Mapping[Key, Array]:
        return {key: error for key, error in self.errors.items() if key[0] not in self.unmade}

    def _needed(self, key: Key) -> NDArray[np.bool_]:
        """Elements that must be made: not what a mask hides, and of a cache only what this graph appends."""
        if key in self.plain.hidden:
            return ~self.plain.hidden[key]
        shape = self.plain.values[key].shape
        if key[2]:
            return np.ones(shape, dtype=np.bool_)
        out = np.zeros(shape, dtype=np.bool_)
        for run in self.plain.runs:
            if key in run.writes.values():
                out[:, :, run.frame.t - run.frame.q : run.frame.t] = True
        return out
