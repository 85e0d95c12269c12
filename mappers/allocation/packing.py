"""Does it fit below a height: searches by many orders, begun anew with growing limits, and one that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, product
from random import Random
from typing import Any, TypeAlias

from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.buffer import Buffer
from archsim.mappers.allocation.problem import Problem, problem_of, unit_of
from archsim.mappers.allocation.search import (
    FEWEST,
    FOREMOST,
    FULLEST,
    INFEASIBLE,
    OPEN,
    SOLVED,
    TRIED,
    State,
    search,
)
from archsim.mappers.allocation.state import Start, arrays

PLAIN_SECONDS = 1.0
"""Seconds of plain Python before machine code takes over, which takes as long to load. The answers are the same."""
COMPILING = 40.0
"""Seconds that compiling may take, the first time on a machine; where the time limit is nearer it is left out."""
PLAIN_SLICE, SLICE = 200, 8000
"""Nodes between two looks at the clock, in plain Python and in machine code: some tenths of a second."""
MOST_UNITS = 1 << 61
"""Heights that machine code can add."""

RULES = (FEWEST, FULLEST, FOREMOST)
KEYS = ((1.0, 0.0, 0), (1.0, 1.0, 0), (0.0, 1.0, 0), (1.0, 1.0, 1), (4.0, 1.0, 0), (2.0, 0.0, 1), (0.5, 1.0, 0))
"""Orders of trying, the greatest first: powers of lifetime and of size, and whether the fullest sections go before."""
NOISE = (0.1, 0.3, 0.6)
"""By how much a key is spoiled at random, in rounds after the first."""
FIRST_LIMIT = 4
"""Nodes per buffer in the first round; every second round doubles them."""


Keys: TypeAlias = list[tuple[int, float]]
"""Per buffer, the greatest first: the load of its fullest section where that counts, and its key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Offsets in units, or a proof that there are none, or neither."""

    offsets: list[int] | None = None
    infeasible: bool = False


class Packer:
    """Buffers that are to be packed below one height or another.

    Parameters
    ----------
    buffers
        What is packed; at least one, none of size 0.
    budget
        Nodes and seconds of all questions together.
    """

    def __init__(self, buffers: Sequence[Buffer], budget: Budget) -> None:
        self.unit = unit_of(buffers)
        self._budget = budget
        self.problem = problem_of(buffers, self.unit)
        self._problem: Any = self.problem
        self._keys = _keys(buffers, self.problem)
        # Windows are searched as if nothing could lie between two parts of a buffer, so what fails may yet be possible.
        self._exact = not any(gap.window for b in buffers for gap in b.gaps)
        self._run: Any = search
        self._slice = PLAIN_SLICE
        self._plain_seconds = 0.0
        self._start = Start(self._problem, compiled=False)

    def below(self, height: int, nodes: int) -> Answer:
        """Search for offsets below a height in bytes, for about so many nodes or until the budget is used up."""
        capacity, end = height // self.unit, self._budget.used + nodes
        whole = self._start.state(_ranks(self._keys[0]), FEWEST)
        for turn in count():
            limit = FIRST_LIMIT * len(self.problem.size) << turn // 2
            random = Random(turn)
            for key, rule in product(self._keys, RULES):
                self._choose_engine()
                state = self._start.state(_ranks(_spoiled(key, turn, random)), rule)
                answer = self._search(state, capacity, min(limit, end - self._budget.used))
                if answer is not None:
                    return answer
            # One search is never begun anew, so that the proof comes where there is nothing to find.
            whole = arrays(whole) if self._slice == SLICE else whole
            answer = self._search(whole, capacity, min(limit * len(KEYS), end - self._budget.used))
            if answer is not None:
                return answer
            if self._budget.used >= end or self._budget.stopped:
                break
        return Answer()

    def _search(self, state: State, capacity: int, nodes: int) -> Answer | None:
        """Go on with a search for so many nodes; None where that decided nothing."""
        answer, began = OPEN, self._budget.elapsed
        while answer == OPEN and nodes > 0 and not self._budget.stopped:
            before = int(state.at[TRIED])
            answer = int(self._run(self._problem, state, capacity, min(nodes, self._slice, self._budget.left)))
            spent = int(state.at[TRIED]) - before
            self._budget.spend(spent)
            nodes -= spent
        self._plain_seconds += self._budget.elapsed - began
        if answer == SOLVED:
            return Answer([int(offset) for offset in state.offset])
        return Answer(infeasible=True) if answer == INFEASIBLE and self._exact else None

    def _choose_engine(self) -> None:
        """Turn to machine code where plain Python has had its share."""
        p = self.problem
        if self._slice == SLICE or self._plain_seconds < PLAIN_SECONDS:
            return
        if sum(p.size) + sum(p.fixed) + sum(p.align) > MOST_UNITS:  # Python's integers have no end, int64 has
            return
        from archsim.mappers.allocation.compiled import compiled, is_kept

        if self._budget.remaining < COMPILING and not is_kept():
            return
        self._run, self._slice = compiled(), SLICE
        self._start = Start(p, compiled=True)
        self._problem = arrays(p)


def _keys(buffers: Sequence[Buffer], p: Problem) -> list[Keys]:
    """What buffers are sorted by: one list per entry of `KEYS`."""
    sections = len(p.section_at) - 1
    totals = [0] * sections
    for b in range(len(buffers)):
        for k in range(p.buffer_at[b], p.buffer_at[b + 1]):
            totals[p.buffer_section[k]] += p.buffer_height[k]
    most = [max(totals[s] for s in p.buffer_section[p.buffer_at[b] : p.buffer_at[b + 1]]) for b in range(len(buffers))]
    keys = []
    for width, size, crowded in KEYS:
        scale = max((b.upper - b.lower) ** width * float(b.size) ** size for b in buffers)
        own = [(b.upper - b.lower) ** width * float(b.size) ** size / scale for b in buffers]
        keys.append([(most[i] * crowded, key) for i, key in enumerate(own)])
    return keys


def _spoiled(key: Keys, turn: int, random: Random) -> Keys:
    """The key with noise: none in the first round."""
    if turn == 0:
        return key
    noise = NOISE[(turn - 1) % len(NOISE)]
    return [(load, value * (1 + noise * random.uniform(-1, 1))) for load, value in key]


def _ranks(key: Keys) -> list[int]:
    """The place of each buffer when they are sorted, the greatest key first."""
    ranks = [0] * len(key)
    for rank, buffer in enumerate(sorted(range(len(key)), key=key.__getitem__, reverse=True)):
        ranks[buffer] = rank
    return ranks
