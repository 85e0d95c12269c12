"""Longest processing time first, and moves and exchanges that make the busiest unit less busy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from archsim.mappers.placement.problem import Floats, Problem

Places = npt.NDArray[np.int64]
"""Unit of each item, by index."""
MOST_ROUNDS = 2_000


class State:
    """A placement in the making: what is where, and what that does to each unit."""

    def __init__(self, problem: Problem) -> None:
        self.work, self.sizes, self.rooms = problem.work, problem.sizes, problem.rooms.copy()
        self.loads = problem.start.copy()
        self.places: Places = np.full(len(problem.items), -1, dtype=np.int64)
        self.near: list[dict[int, int]] = [{} for _ in problem.items]
        for first, second, cost in problem.pairs():
            self.near[first][second] = self.near[second][first] = cost
        self.foes: list[set[int]] = [set() for _ in problem.items]
        for some in problem.apart_sets():
            for item in some:
                self.foes[item] |= set(some) - {item}

    def put(self, item: int, unit: int) -> None:
        """Place an item."""
        self.places[item] = unit
        self.loads[unit] += self.work[item, unit]
        self.rooms[unit] -= self.sizes[item]

    def take(self, item: int) -> int:
        """Remove an item; the unit it was on."""
        unit = int(self.places[item])
        self.places[item] = -1
        self.loads[unit] -= self.work[item, unit]
        self.rooms[unit] += self.sizes[item]
        return unit

    def allowed(self, item: int) -> npt.NDArray[np.bool_]:
        """Units that can take it now."""
        free: npt.NDArray[np.bool_] = np.isfinite(self.work[item]) & (self.rooms >= self.sizes[item])
        free[[self.places[foe] for foe in self.foes[item] if self.places[foe] >= 0]] = False
        return free

    def cut(self, item: int) -> Floats:
        """Cost of its links for each unit it might be on, to items that are placed."""
        costs = np.zeros(len(self.loads))
        for other, cost in self.near[item].items():
            if self.places[other] >= 0:
                costs += cost
                costs[self.places[other]] -= cost
        return costs

    def objective(self) -> float:
        """Work of the busiest unit, and the links that are cut."""
        cuts = sum(
            cost
            for item, near in enumerate(self.near)
            for other, cost in near.items()
            if other < item and self.places[item] != self.places[other]
        )
        return float(self.loads.max()) + cuts


def longest_first(problem: Problem, *, by_size: bool = False) -> State | None:
    """Every item, the longest first, where it ends soonest; None where one finds no room.

    Graham's rule for units that are alike: at most 4/3 - 1/(3 units) of the optimum. With `by_size` the largest first,
    which fits where room is short.
    """
    state = State(problem)
    finite = np.where(np.isfinite(state.work), state.work, -1.0)
    shortest = np.min(state.work, axis=1, initial=np.inf)
    keys = (-finite.max(axis=1, initial=0.0), -state.sizes) if by_size else (-state.sizes, -shortest)
    for item in np.lexsort(keys).tolist():
        allowed = state.allowed(item)
        if not allowed.any():
            return None
        ends = np.where(allowed, state.loads + state.work[item], np.inf)
        total = np.maximum(ends, state.loads.max()) + state.cut(item)
        state.put(item, int(np.lexsort((ends, total))[0]))
    return state


def weighted(problem: Problem, weights: Floats) -> State | None:
    """Every item where its work times the weight of the unit is least, those that lose most elsewhere first.

    Where units differ this is near the best for good weights, which `dual` finds; None where one finds no room.
    """
    state = State(problem)
    costs = state.work * weights
    ordered = np.sort(costs, axis=1)
    second = ordered[:, 1] if costs.shape[1] > 1 else ordered[:, 0]
    for item in np.argsort(ordered[:, 0] - np.where(np.isfinite(second), second, np.finfo(float).max)).tolist():
        allowed = state.allowed(item)
        if not allowed.any():
            return None
        state.put(item, int(np.argmin(np.where(allowed, costs[item], np.inf))))
    return state


def improve(state: State, bound: int) -> None:
    """Move items off the busiest unit, or exchange them, for as long as the objective falls and is above the bound."""
    move = _move if any(state.near) else _relieve
    for _ in range(MOST_ROUNDS):
        if state.objective() <= bound or not (move(state) or _exchange(state)):
            return


def _relieve(state: State) -> bool:
    """Take from the busiest unit the item that costs least elsewhere for what it frees, if no unit is as busy then."""
    busiest = int(np.argmax(state.loads))
    top = state.loads[busiest]
    mine = np.flatnonzero(state.places == busiest)
    mine = mine[state.work[mine, busiest] > 0]
    fits = state.loads + state.work[mine] < top
    costs = np.where(fits, state.work[mine] / state.work[mine, busiest, None], np.inf)
    for at in np.argsort(costs, axis=None).tolist():
        row, unit = divmod(at, len(state.loads))
        if not np.isfinite(costs[row, unit]):
            return False
        item = int(mine[row])
        if state.allowed(item)[unit]:
            state.take(item)
            state.put(item, unit)
            return True
    return False


def _move(state: State) -> bool:
    """Move any item to where the objective, links included, is least, if that is less than now."""
    before = state.objective()
    for item in range(len(state.places)):
        home = state.take(item)
        allowed = state.allowed(item)
        loads = state.loads[None, :] + np.diag(np.where(allowed, state.work[item], np.inf))
        state.put(item, home)
        change = loads.max(axis=1) + state.cut(item)
        now = change[home]
        best = int(np.argmin(change))
        if change[best] < now:
            state.take(item)
            state.put(item, best)
            if state.objective() < before:
                return True
            state.take(item)
            state.put(item, home)
    return False


def _exchange(state: State) -> bool:
    busiest, linked = int(np.argmax(state.loads)), any(state.near)
    before = state.objective()
    mine = np.flatnonzero(state.places == busiest).tolist()
    others = np.flatnonzero(state.places != busiest).tolist()
    top = state.loads[busiest]
    for item in mine:
        gains = state.work[item, busiest] - state.work[others, busiest]
        homes = state.places[others]
        there = state.loads[homes] + state.work[item, homes] - state.work[others, homes]
        hopeful = np.flatnonzero((gains > 0) & (there < top)) if not linked else np.arange(len(others))
        for other in (others[at] for at in hopeful.tolist()):
            home = state.take(other)
            state.take(item)
            if state.allowed(item)[home]:
                state.put(item, home)
                if state.allowed(other)[busiest]:
                    state.put(other, busiest)
                    if state.objective() < before or (not linked and max(state.loads[[busiest, home]]) < top):
                        return True
                    state.take(other)
                state.take(item)
            state.put(item, busiest)
            state.put(other, home)
    return False
