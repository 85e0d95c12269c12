"""Offsets for buffers: greedy rules first, then searches until it fits, is proved, or the limit is reached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from archsim.core.errors import BadInput
from archsim.mappers.allocation.budget import INTERRUPT, LIMIT, NODES, Budget
from archsim.mappers.allocation.buffer import Buffer
from archsim.mappers.allocation.greedy import best_greedy, improved
from archsim.mappers.allocation.packing import Packer
from archsim.mappers.allocation.problem import peak
from archsim.mappers.allocation.result import Allocation

BEFOREHAND = 50_000
"""Nodes for heights above the capacity: so that there is something to show when that cannot be had, or not in time."""
FIRST_STEP = 40
"""Nodes per buffer that a height gets at first; each round has four times more."""


def allocate(
    buffers: Sequence[Buffer],
    capacity: int | None = None,
    *,
    minimise: bool = False,
    nodes: int = LIMIT,
    seconds: float | None = None,
) -> Allocation:
    """Place buffers in one memory so that no two share bytes while both are needed.

    Parameters
    ----------
    buffers
        What to place.
    capacity
        Bytes that there are. None asks for the least height.
    minimise
        Go on to the least height when it fits.
    nodes
        Placements that searches may try; 0 leaves it at the greedy rules. The result depends on nothing else.
    seconds
        Time after which the best so far is returned; the result then depends on the machine.

    Returns
    -------
    Allocation
        Always a valid one, also where it does not fit: then it is the lowest that was found. Ctrl-C ends the search in
        the same way.

    Raises
    ------
    BadInput
        The capacity or a limit makes no sense, two buffers have one id, or two fixed offsets clash.
    """
    _check(buffers, capacity, nodes, seconds)
    budget = Budget(nodes, seconds)
    solid = [buffer for buffer in buffers if buffer.size]
    if solid:
        hunt = _Hunt(solid, capacity, budget)
        hunt.run(minimise or capacity is None)
        places = dict(zip((buffer.id for buffer in solid), hunt.places, strict=True))
        found = hunt.found()
    else:
        places, found = {}, Allocation((), (), 0, 0, capacity, method="nothing to place")
    everywhere = tuple(places.get(buffer.id, buffer.offset or 0) for buffer in buffers)
    return replace(
        found,
        buffers=tuple(buffers),
        places=everywhere,
        nodes=budget.used,
        seconds=budget.elapsed,
    )


@dataclass
class _Hunt:
    """The best so far, in bytes."""

    buffers: Sequence[Buffer]
    capacity: int | None
    budget: Budget

    def __post_init__(self) -> None:
        self.packer = Packer(self.buffers, self.budget)
        self.load, self.peak = peak(self.buffers)
        fixed = [b.offset + b.size for b in self.buffers if b.offset is not None]
        self.bound = max(self.load, *fixed, *(b.size for b in self.buffers))
        self.places: list[int] = []
        self.height = 0
        self.method = self.stopped = ""
        self.infeasible = False

    def run(self, minimise: bool) -> None:
        """Greedy rules, then lower heights down to the capacity, the capacity itself, and the least where asked for."""
        goal = self.bound if self.capacity is None or minimise else max(self.bound, self.capacity)
        problem = self.packer.problem
        placed = best_greedy(problem, [(b.lower, b.upper) for b in self.buffers], goal // self.packer.unit)
        self._take(placed.offsets, placed.method)
        try:
            if self.capacity is not None:
                self._lower(self.capacity, BEFOREHAND)
                self._fit()
            if minimise:
                self._lower(0, self.budget.left)
            if self.method == placed.method and self.height > goal:
                placed = improved(problem, placed, goal // self.packer.unit, self.budget)
                self._take(placed.offsets, placed.method)
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
            why="" if self._fits else self._why(),
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

    def _fit(self) -> None:
        if self.capacity is not None and not (self._fits or self._impossible or self.budget.stopped):
            self._ask(self.capacity, self.budget.left)

    def _lower(self, goal: int, nodes: int) -> None:
        """Ask for the goal or the lower bound, for half way to it and for one unit less, with growing limits."""
        end = self.budget.used + nodes
        limit = FIRST_STEP * len(self.buffers)
        unit = self.packer.unit
        while self.height > max(goal, self.bound) and self.budget.used < end and not self.budget.stopped:
            least = max(goal, self.bound)
            half = least + (self.height - least) // 2 // unit * unit
            for height in dict.fromkeys((least, half, self.height - unit)):
                if self._ask(height, min(limit, end - self.budget.used)):
                    break
            else:
                limit *= 4

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
        capacity = self.capacity or 0
        largest = max(self.buffers, key=lambda b: b.size)
        if largest.size > capacity:
            return f"buffer {largest.id!r} alone needs {largest.size:,} B"
        for buffer in self.buffers:
            if buffer.offset is not None and buffer.offset + buffer.size > capacity:
                return f"buffer {buffer.id!r} must end at {buffer.offset + buffer.size:,} B"
        if self.load > capacity:
            return f"at time {self.peak:,} the live buffers need {self.load:,} B"
        if self._impossible:
            return "the load would fit, but a complete search shows that no placement does"
        return f"not found; no proof that it cannot be, the load is {self.load:,} B"


def _check(buffers: Sequence[Buffer], capacity: int | None, nodes: int, seconds: float | None) -> None:
    if capacity is not None and capacity < 1:
        raise BadInput(f"capacity is {capacity:,}", right="bytes, 1 or more")
    if nodes < 0:
        raise BadInput(f"nodes is {nodes:,}", right="placements that may be tried, 0 for greedy rules only")
    if seconds is not None and not seconds > 0:
        raise BadInput(f"seconds is {seconds:g}", right="more than 0")
    twice = [name for name, times in Counter(buffer.id for buffer in buffers).items() if times > 1]
    if twice:
        raise BadInput(
            f"there are {len(twice)} ids that several buffers have, the first {twice[0]!r}", right="unique ids"
        )
    fixed = tuple(b for b in buffers if b.offset is not None)
    Allocation(fixed, tuple(b.offset or 0 for b in fixed), 0, 0).check()
