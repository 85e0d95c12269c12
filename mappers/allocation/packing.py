"""Does it fit below a height: searches by many orders, begun anew with growing limits, and one that goes on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, product
from random import Random
from typing import Any, TypeAlias

from archsim.mappers.allocation import search
from archsim.mappers.allocation.between import PRICE, Unfinished, between
from archsim.mappers.allocation.budget import Budget
from archsim.mappers.allocation.buffer import Buffer
from archsim.mappers.allocation.engine import Engine
from archsim.mappers.allocation.problem import Problem, problem_of, unit_of
from archsim.mappers.allocation.search import ENDED, FEWEST, FOREMOST, FULLEST, INFEASIBLE, OPEN, SOLVED, TRIED
from archsim.mappers.allocation.state import Start

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
        self._keys = _keys(buffers, self.problem)
        # Windows are first searched as if nothing could lie between two parts of a buffer.
        self._exact = not any(gap.window for b in buffers for gap in b.gaps)
        self._engine = Engine(self.problem, search, budget)
        self._start = Start(self.problem)
        self._left = 0
        self._asked: dict[int, Iterator[Answer]] = {}

    def below(self, height: int, nodes: int) -> Answer:
        """Search for offsets below a height in bytes, for about so many nodes or until the budget is used up.

        Asked again, it goes on where it was.
        """
        capacity = height // self.unit
        asked = self._asked.setdefault(capacity, self._ask(capacity))
        self._left = nodes  # slices end there, so that it does not matter how long they are
        while self._left > 0 and not self._budget.stopped:
            answer = next(asked)
            if answer.offsets is not None or answer.infeasible:
                return answer
        return Answer()

    def _ask(self, capacity: int) -> Iterator[Answer]:
        """What is known after every slice of the work, for ever."""
        whole = [self._start.state(_ranks(self._keys[0]), FEWEST)]
        for turn in count():
            limit = FIRST_LIMIT * len(self.problem.size) << turn // 2
            random = Random(turn)
            for key, rule in product(self._keys, RULES):
                ranks = _ranks(_spoiled(key, turn, random))
                state = self._start.state(ranks, rule, compiled=self._engine.compiled)
                yield from self._search([state], capacity, limit)
            # One search is never begun anew, so that the proof comes where there is nothing to find.
            yield from self._search(whole, capacity, limit * len(KEYS))
            if whole[0].at[ENDED] == INFEASIBLE:  # of windows this proves nothing
                yield from self._between(capacity)

    def _search(self, holder: list[Any], capacity: int, nodes: int) -> Iterator[Answer]:
        """Go on with the search in `holder` for so many nodes; a slice each time."""
        answer = OPEN
        while answer == OPEN and nodes > 0:
            state = holder[0] = self._engine.ready(holder[0])
            before = int(state.at[TRIED])
            first = before == 0  # which takes a node more, wherever the slice ends
            answer = self._engine.go(state, capacity, max(1, min(nodes, self._left, self._budget.left) - first))
            spent = int(state.at[TRIED]) - before
            self._budget.spend(spent)
            nodes -= spent
            self._left -= spent
            offsets = [int(offset) for offset in state.offset] if answer == SOLVED else None
            yield Answer(offsets, answer == INFEASIBLE and self._exact)

    def _between(self, capacity: int) -> Iterator[Answer]:
        """What is known after every node of the search that looks between the parts of buffers, for ever."""
        proved = True
        try:
            for found in between(self.problem, capacity):
                self._budget.spend(PRICE)
                self._left -= PRICE
                yield Answer(found)
        except Unfinished:
            proved = False
        while True:  # there is nothing left to try
            self._left = 0
            yield Answer(infeasible=proved)


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
