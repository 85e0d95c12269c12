"""The one function that others call: place items on units so that the busiest has least to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal, get_args

import numpy as np

from archsim.core.errors import BadInput, Infeasible
from archsim.core.gap import gap
from archsim.mappers.answer import common
from archsim.mappers.placement.dual import dual
from archsim.mappers.placement.greedy import Places, State, improve, longest_first, weighted
from archsim.mappers.placement.problem import Item, Link, Problem, Unit
from archsim.mappers.placement.program import Program

SCHEMA = "archsim.placement/1"
"""What the JSON form is, and its version."""
Method = Literal["auto", "lpt", "program"]
SECONDS = 10.0
"""Limit of an integer program."""
LARGEST_PROGRAM = 4_000
"""Binaries up to which `auto` asks a solver where the heuristic is not proved."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A unit for each item.

    Parameters
    ----------
    places
        Item -> unit.
    loads
        Unit -> work, including what it had already.
    filled
        Unit -> bytes.
    cut
        Cost of the links between items on different units.
    bound
        What no placement is below.
    method
        What found it.
    why
        What makes the busiest unit busy, in words.
    seconds
        How long it took. Not part of the value.
    """

    places: dict[str, str]
    loads: dict[str, int]
    filled: dict[str, int]
    cut: int
    bound: int
    method: str
    why: tuple[str, ...]
    seconds: float = field(default=0.0, compare=False)

    @property
    def objective(self) -> int:
        """Work of the busiest unit, and the cost of the links that are cut."""
        return max(self.loads.values()) + self.cut

    @property
    def gap(self) -> float:
        """Objective above the bound, as a part of the bound."""
        return gap(self.objective, self.bound)

    @property
    def proved(self) -> bool:
        """Whether the objective is at the bound: nothing is below it."""
        return self.objective <= self.bound

    @property
    def imbalance(self) -> float:
        """Work of the busiest unit over the mean, minus one."""
        mean = sum(self.loads.values()) / len(self.loads)
        return max(self.loads.values()) / mean - 1 if mean else 0.0

    def record(self) -> dict[str, Any]:
        """As JSON."""
        names = ("imbalance", "places", "loads", "filled", "cut")
        return {
            "schema": SCHEMA,
            **common(self),
            **{name: getattr(self, name) for name in names},
            "why": list(self.why),
        }


def place(
    items: Sequence[Item],
    units: Sequence[Unit],
    *,
    links: Sequence[Link] = (),
    apart: Sequence[Sequence[str]] = (),
    method: Method = "auto",
    seconds: float = SECONDS,
    solver: str | None = None,
) -> Placement:
    """Place every item on one unit that takes it and has room for it.

    Parameters
    ----------
    items, units
        What goes where; work and room as they say.
    links
        Pairs of items that cost something when they are on different units.
    apart
        Sets of items no two of which may share a unit.
    method
        lpt: longest processing time first, then moves and exchanges. program: an integer program. auto: the first, then
        the second where the first is not proved the best and the program is small.
    seconds, solver
        Limit for the program, and highs, cbc or gurobi for it; by default the best that is installed.

    Raises
    ------
    BadInput
        A name or an amount is not right, or the solver is not installed.
    DoesNotFit
        An item, or all of them, are larger than the room.
    Infeasible
        No placement: says how many bytes are short, or that items that must be apart leave no way.
    """
    _check(method, seconds)
    start = perf_counter()
    problem = Problem(tuple(items), tuple(units), tuple(links), tuple(tuple(some) for some in apart))
    if not items:
        return _result(problem, State(problem), int(problem.start.max()), "nothing to place", start)
    bound = floor(problem)
    best = None if method == "program" else _heuristic(problem, bound)
    name = "longest first, moves and exchanges"
    small = np.isfinite(problem.work).sum() <= LARGEST_PROGRAM
    if method == "program" or (method == "auto" and (best is None or (best.objective() > bound and small))):
        found = Program(problem).solve(seconds, solver)
        # A solver may exceed a large capacity by a rounding, which is no placement.
        if found.places is not None and not _overfull(problem, found.places):
            other = _state(problem, found.places)
            if best is None or other.objective() < best.objective():
                best, name = other, "integer program"
        elif best is None:
            raise _explained(problem, infeasible=found.infeasible, seconds=seconds)
        bound = max(bound, found.bound)
    if best is None:
        raise _explained(problem, infeasible=False, seconds=seconds)
    return _result(problem, best, bound, name, start)


def _check(method: str, seconds: float) -> None:
    if method not in get_args(Method):
        raise BadInput(f"unknown method {method!r}", right=f"one of {', '.join(get_args(Method))}")
    if not seconds > 0:
        raise BadInput(f"seconds is {seconds:g}", right="more than 0")


def floor(problem: Problem) -> int:
    """Work that some unit has in every placement.

    The longest item, the mean, two of the longest that must share a unit, each with its least work on any unit; and
    the best weighted mean of the units' loads, which is what counts where units differ.
    """
    least = np.min(problem.work, axis=1)
    bounds = [float(problem.start.max()), float(least.max()), dual(problem.work, problem.start).bound]
    bounds.append(np.ceil((least.sum() + problem.start.sum()) / len(problem.units)))
    longest = np.sort(least)[::-1]
    if len(longest) > len(problem.units):
        bounds.append(longest[len(problem.units) - 1] + longest[len(problem.units)])
    return int(max(bounds))


def _heuristic(problem: Problem, bound: int) -> State | None:
    best = None
    weights = dual(problem.work, problem.start).weights
    for state in (longest_first(problem), longest_first(problem, by_size=True), weighted(problem, weights)):
        if state is None:
            continue
        improve(state, bound)
        if best is None or state.objective() < best.objective():
            best = state
    return best


def _overfull(problem: Problem, places: Places) -> bool:
    filled = [0] * len(problem.units)
    for item, unit in zip(problem.items, places.tolist(), strict=True):
        filled[unit] += item.size
    return any(
        unit.capacity is not None and full > unit.capacity for unit, full in zip(problem.units, filled, strict=True)
    )


def _state(problem: Problem, places: Places) -> State:
    state = State(problem)
    for item, unit in enumerate(places.tolist()):
        state.put(item, unit)
    return state


def _result(problem: Problem, state: State, bound: int, method: str, start: float) -> Placement:
    names = [unit.name for unit in problem.units]
    loads = {name: int(load) for name, load in zip(names, state.loads, strict=True)}
    filled = dict.fromkeys(names, 0)
    for item, unit in zip(problem.items, state.places.tolist(), strict=True):
        filled[names[unit]] += item.size
    cut = round(state.objective() - float(state.loads.max()))
    busiest = max(names, key=lambda name: loads[name])
    at = names.index(busiest)
    mine = [(int(state.work[i, at]), item.name) for i, item in enumerate(problem.items) if state.places[i] == at]
    why = [f"{busiest} is the busiest, with {loads[busiest]:,} in {len(mine)} items"]
    if mine:
        why.append(f"longest of them: {', '.join(f'{name} {work:,}' for work, name in sorted(mine, reverse=True)[:3])}")
    if problem.links:
        why.append(f"links that are cut cost {cut:,}")
    places = {item.name: names[unit] for item, unit in zip(problem.items, state.places.tolist(), strict=True)}
    return Placement(places, loads, filled, cut, bound, method, tuple(why), perf_counter() - start)


def _explained(problem: Problem, *, infeasible: bool, seconds: float) -> Infeasible:
    """Why there is no placement: how much room is short, or which items cannot be apart."""
    if not infeasible:
        return Infeasible(
            "no placement was found, and none was proved impossible",
            where="placement",
            right=f"the heuristic found no room, the integer program nothing in {seconds:g} s",
            try_=("more seconds", "method 'program'", "more capacity"),
        )
    program = Program(problem, short=True)
    found = program.solve(seconds)
    if found.places is None:
        return Infeasible(
            "no placement keeps apart what must be apart",
            where=f"apart: {'; '.join(', '.join(some) for some in problem.apart[:3])}",
            right="each of these items on a unit of its own that takes it",
            try_=("fewer items in a set", "let more units take these items"),
        )
    units = [unit.name for unit in problem.units]
    filled = dict.fromkeys(units, 0)
    for item, unit in zip(problem.items, found.places.tolist(), strict=True):
        filled[units[unit]] += item.size
    over = {u.name: filled[u.name] - u.capacity for u in problem.units if u.capacity is not None}
    short = {name: amount for name, amount in over.items() if amount > 0}
    listed = ", ".join(f"{name} by {amount:,} B" for name, amount in short.items())
    least = "at least " if found.optimal else ""
    return Infeasible(
        f"items do not fit the units: {least}{sum(short.values()):,} B are short",
        where="capacity",
        right=f"the least that is over: {listed}",
        try_=(*(f"{name}: {amount:,} B more" for name, amount in list(short.items())[:2]), "split the largest items"),
    )
