"""Baselines with addresses: TensorFlow Lite's arena, filled step by step, and a rule that says who leaves.

A tensor goes into the tightest hole that is large enough. Where there is none, tensors leave until there is one, by
Belady's rule or by the contiguous stretch whose tenants cost least (what an integer program for this one step would
choose). Where even that fails, since operands of the running op lie in the way, the op's operands are laid side by
side from the bottom and everything else leaves: what fragmentation costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from archsim.mappers.residency.evict import next_use
from archsim.mappers.residency.problem import Problem, places
from archsim.mappers.residency.stay import write_back

Rule = Literal["belady", "greedy"]


@dataclass(frozen=True, slots=True)
class Filled:
    """What an arena moved, in units beyond what every schedule moves."""

    cost: int
    compactions: int
    """Steps at which operands lay in the way of others."""


@dataclass
class _Arena:
    problem: Problem
    capacity: int
    uses: list[list[int]]
    rule: Rule
    at: dict[int, int] = field(default_factory=dict)
    """Tensor on chip -> offset."""
    written: set[int] = field(default_factory=set)
    cost: int = 0
    compactions: int = 0

    def run(self, order: Sequence[int]) -> Filled:
        """Every op in turn."""
        for step, op in enumerate(order):
            operands = self.problem.operands[op]
            for tensor in sorted(operands, key=lambda a: (-self.problem.size[a], a)):
                if tensor not in self.at:
                    self.enter(tensor, step, operands)
            for tensor in [a for a in self.at if self.uses[a][-1] <= step]:
                del self.at[tensor]
        return Filled(self.cost, self.compactions)

    def enter(self, tensor: int, step: int, operands: Sequence[int]) -> None:
        """Find room for a tensor, and load it where it was on chip before."""
        size = self.problem.size[tensor]
        hole = self.hole(size)
        if hole is None:
            hole = self.by_belady(size, step, operands) if self.rule == "belady" else self.cheapest(size, operands)
        if hole is None:
            self.compact(step, operands)
            hole = self.hole(size)
            assert hole is not None, "operands side by side leave one hole, and all operands fit"
        self.at[tensor] = hole
        self.charge_load(tensor, step)

    def charge_load(self, tensor: int, step: int) -> None:
        """A load costs its bytes, unless the tensor is written in this step or loaded for the first time."""
        if self.uses[tensor][0] != step:
            self.cost += self.problem.size[tensor]

    def leave(self, tensor: int) -> None:
        """Off the chip, written back once."""
        del self.at[tensor]
        if tensor not in self.written:
            self.written.add(tensor)
            self.cost += write_back(self.problem, tensor)

    def hole(self, size: int) -> int | None:
        """Offset of the tightest hole, the lowest of equals."""
        best, least, low = None, self.capacity + 1, 0
        for offset, tenant in sorted((offset, tenant) for tenant, offset in self.at.items()):
            if size <= offset - low < least:
                best, least = low, offset - low
            low = offset + self.problem.size[tenant]
        return low if size <= self.capacity - low < least else best

    def by_belady(self, size: int, step: int, operands: Sequence[int]) -> int | None:
        """Send away what is used again last until there is a hole."""
        while (hole := self.hole(size)) is None:
            others = [a for a in self.at if a not in operands]
            if not others:
                return None
            self.leave(max(others, key=lambda a: (next_use(self.uses[a], step - 1), self.problem.size[a], -a)))
        return hole

    def cheapest(self, size: int, operands: Sequence[int]) -> int | None:
        """Send away the tenants of the stretch where that costs least."""
        ends = {0, *(offset + self.problem.size[a] for a, offset in self.at.items())}
        starts = {*ends, *(offset - size for offset in self.at.values()), self.capacity - size}
        best: tuple[int, int, list[int]] | None = None
        for low in sorted(start for start in starts if 0 <= start <= self.capacity - size):
            tenants = [a for a, o in self.at.items() if o < low + size and low < o + self.problem.size[a]]
            if any(a in operands for a in tenants):
                continue
            price = sum(self.problem.size[a] + self.unwritten(a) for a in tenants)
            if best is None or price < best[0]:
                best = (price, low, tenants)
        if best is None:
            return None
        for tenant in best[2]:
            self.leave(tenant)
        return best[1]

    def unwritten(self, tensor: int) -> int:
        """Units to write should it leave now."""
        return 0 if tensor in self.written else write_back(self.problem, tensor)

    def compact(self, step: int, operands: Sequence[int]) -> None:
        """Everything leaves, and the operands that were there come back side by side."""
        self.compactions += 1
        here = [a for a in self.at if a in operands]
        for tensor in list(self.at):
            if tensor in here and self.uses[tensor][0] == step:
                del self.at[tensor]  # not filled yet: it is this step's own
            else:
                self.leave(tensor)
        low = 0
        for tensor in here:
            self.at[tensor] = low
            self.charge_load(tensor, step)
            low += self.problem.size[tensor]


def arena(problem: Problem, order: Sequence[int], capacity: int, rule: Rule) -> Filled:
    """Run an order in TensorFlow Lite's arena.

    Parameters
    ----------
    problem, order
        What runs, and when.
    capacity
        Units; at least the largest working set.
    rule
        Who leaves when there is no hole.
    """
    place = places(order)
    uses = [problem.uses(tensor, place) for tensor in range(len(problem.tensors))]
    return _Arena(problem, capacity, uses, rule).run(order)
