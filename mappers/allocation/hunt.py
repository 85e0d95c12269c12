"""The hunt for a height: greedy rules, then searches and ejection in turn, each with what the other found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archsim.mappers.allocation import ejection
from archsim.mappers.allocation.budget import INTERRUPT, NODES, Budget
from archsim.mappers.allocation.buffer import Buffer
from archsim.mappers.allocation.ejector import Ejector
from archsim.mappers.allocation.engine import Engine
from archsim.mappers.allocation.greedy import best_greedy
from archsim.mappers.allocation.packing import Packer
from archsim.mappers.allocation.problem import aligned_peak, peak
from archsim.mappers.allocation.result import Allocation

POLISH = 40
"""Steps of ejection per buffer that belong to the greedy rules."""
POLISH_WORK = 400_000_000
"""Steps of ejection times neighbours squared that do: a second or so, also where all live at once."""
STEP_WORK = 8000
"""Neighbours squared that take as long as a node of the search; a step with more counts as several."""
BEFOREHAND = 50_000
"""Nodes to lower the height although the capacity cannot be had: so that there is something good to show."""
FIRST_STEP = 40
"""Nodes per buffer that a height gets at first; each round has twice as many."""


@dataclass
class Hunt:
    """The best so far, in bytes."""

    buffers: Sequence[Buffer]
    capacity: int | None
    budget: Budget

    def __post_init__(self) -> None:
        self.packer = Packer(self.buffers, self.budget)
        widths = [b.upper - b.lower for b in self.buffers]
        problem = self.packer.problem
        self.ejector = Ejector(problem, widths, Engine(problem, ejection, self.budget), self.budget)
        self.squares = sum((end - start) ** 2 for start, end in pairwise(problem.overlap_at)) // len(self.buffers)
        self.price = max(1, self.squares // STEP_WORK)
        self.load, self.peak = peak(self.buffers)
        fixed = [b.offset + b.size for b in self.buffers if b.offset is not None]
        self.aligned, self.alignment = aligned_peak(self.buffers)
        self.bound = max(self.load, self.aligned, *fixed, *(b.size for b in self.buffers))
        self.places: list[int] = []
        self.height = 0
        self.method = self.stopped = ""
        self.infeasible = False

    def run(self, minimise: bool) -> None:
        """Greedy rules, then the capacity, then the least height where asked for."""
        goal = self.bound if self.capacity is None or minimise else max(self.bound, self.capacity)
        try:
            self._greedy(goal)
            if self.capacity is not None:
                self._lower(self.capacity, halve=False)
            if minimise:
                self._lower(0, halve=True)
        except KeyboardInterrupt:
            self.stopped = INTERRUPT
        if not self.stopped and not self._settled and (minimise or not self._fits):
            self.stopped = self.budget.stopped or NODES

    def found(self) -> Allocation:
        """The best so far as a value."""
        return Allocation(
            tuple(self.buffers),
            tuple(self.places),
            self.load,
            self.bound,
            self.capacity,
            infeasible=self._impossible,
            method=self.method,
            stopped=self.stopped,
            why=(self._why(),),
        )

    @property
    def _fits(self) -> bool:
        return self.capacity is None or self.height <= self.capacity

    @property
    def _impossible(self) -> bool:
        return self.capacity is not None and self.bound > self.capacity

    @property
    def _settled(self) -> bool:
        return self._impossible or self.height == self.bound

    def _greedy(self, goal: int) -> None:
        """The best rule, and what few steps of ejection make of it; they are not counted."""
        p = self.packer.problem
        lives = [(b.lower, b.upper) for b in self.buffers]
        placed = best_greedy(p, lives, goal // self.packer.unit, self.budget)
        self._take(placed.offsets, placed.method)
        steps = min(POLISH * len(self.buffers), POLISH_WORK // max(1, self.squares))
        self._eject(goal, steps, f"{placed.method}, then ejection")

    def _lower(self, goal: int, *, halve: bool) -> None:
        """Search below the goal or the lower bound, and eject towards it, in turn and with growing limits.

        With `halve` also search below half way to it and one unit below the best.
        """
        shown = self.budget.used + BEFOREHAND
        limit = FIRST_STEP * len(self.buffers)
        unit = self.packer.unit
        while self.height > max(goal, self.bound) and not self.budget.stopped:
            if not halve and self._impossible and self.budget.used >= shown:
                break
            least = max(goal, self.bound)
            half = least + (self.height - least) // 2 // unit * unit
            for height in dict.fromkeys((least, half, self.height - unit) if halve else (least,)):
                if self._ask(height, limit):
                    break
            else:
                steps = self._eject(least, max(1, min(limit, self.budget.left) // self.price), "ejection")
                self.budget.spend(steps * self.price)
                limit *= 2

    def _eject(self, goal: int, steps: int, method: str) -> int:
        """The steps taken."""
        unit = self.packer.unit
        offsets, taken = self.ejector.lower([at // unit for at in self.places], goal // unit, steps)
        self._take(offsets, method)
        return taken

    def _ask(self, height: int, nodes: int) -> bool:
        """Whether something was found out about a height."""
        answer = self.packer.below(height, nodes)
        if answer.offsets is not None:
            self._take(answer.offsets, "search")
        elif answer.infeasible:
            unit = self.packer.unit
            self.bound = max(self.bound, (height // unit + 1) * unit)
        return answer.infeasible or answer.offsets is not None

    def _take(self, offsets: Sequence[int], method: str) -> None:
        places = [offset * self.packer.unit for offset in offsets]
        height = max(at + b.size for b, at in zip(self.buffers, places, strict=True))
        if not self.places or height < self.height:
            self.places, self.height, self.method = places, height, method

    def _why(self) -> str:
        at_once = f"at time {self.peak:,} the live buffers need {self.load:,} B"
        if self._fits:
            return at_once
        capacity = self.capacity or 0
        largest = max(self.buffers, key=lambda b: b.size)
        if largest.size > capacity:
            return f"buffer {largest.id!r} alone needs {largest.size:,} B"
        for buffer in self.buffers:
            if buffer.offset is not None and buffer.offset + buffer.size > capacity:
                return f"buffer {buffer.id!r} must end at {buffer.offset + buffer.size:,} B"
        if self.load > capacity:
            return at_once
        if self.aligned > capacity:
            return f"at multiples of {self.alignment:,}, what lives at one time needs {self.aligned:,} B"
        if self._impossible:
            return "the load would fit, but a complete search shows that no placement does"
        return f"not found; no proof that it cannot be, the load is {self.load:,} B"
