"""What tasks cost on a unit, by its own prices, for every share of its scratchpad that may be left to tiles."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from archsim.ir.affine import Affine
from archsim.ir.capability import OpUnit
from archsim.ir.graph import Repeat, occurrences
from archsim.ir.mapping import Loop, Node

Costs = NDArray[np.int64]
"""Row 0: time in ps; row 1: bytes moved; a column for each room."""
Args = ReadOnly[str, Affine]

EIGHTHS = (64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""Rooms for tiles, in 64ths of the scratchpad."""
SAMPLES = 12
"""Iterations that are priced before something is chosen, where sizes differ in more of them."""


class RefusedError(Exception):
    """The unit takes an op as a whole, but not this block of it."""


@dataclass
class Prices:
    """Costs of task arguments, each asked for once."""

    unit: OpUnit
    known: dict[tuple[object, ...], Costs] = field(default_factory=dict)
    single: dict[tuple[object, ...], tuple[int, int]] = field(default_factory=dict)

    @cached_property
    def rooms(self) -> tuple[int, ...]:
        """Bytes for tiles, the whole scratchpad first."""
        return tuple(dict.fromkeys(max(1, self.unit.memory_bytes * part // 64) for part in EIGHTHS))

    def over_rooms(self, kind: str, args: Args, around: tuple[Repeat, ...]) -> Costs:
        """Costs of a task in all iterations, or in samples of them where these are many."""
        total = np.zeros((2, len(self.rooms)), dtype=np.int64)
        for env, times in _sampled(list(occurrences(args.values(), around))):
            total += times * self._curve(kind, {name: int(size.at(env)) for name, size in args.items()})
        return total

    def exactly(self, nodes: Iterable[Node], around: tuple[Loop, ...] = ()) -> tuple[int, int]:
        """Time in ps and bytes moved by a program, in all iterations."""
        ps = moved = 0
        for node in nodes:
            if isinstance(node, Loop):
                more = self.exactly(node.body, (*around, node))
            else:
                repeats = tuple(Repeat(loop.var, loop.count, ()) for loop in around)
                more = self.in_all(node.kernel, node.args, repeats)
            ps, moved = ps + more[0], moved + more[1]
        return ps, moved

    def in_all(self, kind: str, args: Args, around: tuple[Repeat, ...]) -> tuple[int, int]:
        """Time in ps and bytes moved by a task in all iterations."""
        ps = moved = 0
        for env, times in occurrences(args.values(), around):
            one = self._one(kind, {name: int(size.at(env)) for name, size in args.items()})
            ps, moved = ps + one[0] * times, moved + one[1] * times
        return ps, moved

    def _curve(self, kind: str, args: dict[str, int]) -> Costs:
        key = (kind, *args.items())
        if key not in self.known:
            self.known[key] = self._filled(kind, args)
        return self.known[key]

    def _filled(self, kind: str, args: dict[str, int]) -> Costs:
        """Less room never costs less, so that between equal ends all is equal."""
        costs = np.zeros((2, len(self.rooms)), dtype=np.int64)

        def fill(first: int, last: int) -> None:
            if last - first < 2:
                return
            if (costs[:, first] == costs[:, last]).all():
                costs[:, first + 1 : last] = costs[:, first, None]
                return
            middle = (first + last) // 2
            costs[:, middle] = self._one(kind, {**args, "room": self.rooms[middle]})
            fill(first, middle)
            fill(middle, last)

        for end in {0, len(self.rooms) - 1}:
            costs[:, end] = self._one(kind, {**args, "room": self.rooms[end]})
        fill(0, len(self.rooms) - 1)
        return costs

    def _one(self, kind: str, args: dict[str, int]) -> tuple[int, int]:
        key = (kind, *args.items())
        if key not in self.single:
            assert self.unit.moved is not None
            ps, moved = self.unit.price(kind, args), self.unit.moved(kind, args)
            if ps is None or moved is None:
                raise RefusedError(kind)
            self.single[key] = ps, moved
        return self.single[key]


def _sampled(found: Sequence[tuple[dict[str, int], int]]) -> list[tuple[dict[str, int], int]]:
    if len(found) <= SAMPLES:
        return list(found)
    parts = np.array_split(np.arange(len(found)), SAMPLES)
    return [(found[part[len(part) // 2]][0], sum(found[i][1] for i in part)) for part in parts]
