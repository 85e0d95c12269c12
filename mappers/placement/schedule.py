"""Which unit takes each step, and when, so that all are done soonest: assignment and order together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal, get_args

from archsim.core.errors import BadInput
from archsim.core.gap import gap
from archsim.mappers.answer import common
from archsim.mappers.placement.listing import Listed, fitting, improved, listed
from archsim.mappers.placement.steps import Copy, Problem, Result, Step, least_load, longest_path

SCHEMA = "archsim.schedule/1"
"""What the JSON form is, and its version."""
Method = Literal["auto", "list", "program"]
SECONDS = 10.0
"""Limit of an integer program."""
ROUNDING = 3e-6
"""A program's bound is claimed with so much less, since it comes from floating point."""
LARGEST_PROGRAM = 300
"""Binaries up to which `auto` asks a solver where the list schedule is not proved the shortest."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A unit and a turn for each step.

    Parameters
    ----------
    places
        Step -> unit.
    order
        Steps, and copies as (result, unit), in an order in which units may take them one by one.
    ends
        Step -> when it is done.
    length
        When everything is done, and what the next round needs first has arrived.
    bound
        No schedule is shorter.
    loads
        Unit -> how long it is busy.
    method
        What found it.
    why
        What the length is made of, in words.
    seconds
        How long it took. Not part of the value.
    """

    places: dict[str, str]
    order: tuple[str | tuple[str, str], ...]
    ends: dict[str, int]
    length: int
    bound: int
    loads: dict[str, int]
    method: str
    why: tuple[str, ...]
    seconds: float = field(default=0.0, compare=False)

    @property
    def objective(self) -> int:
        """What was made small: the length."""
        return self.length

    @property
    def gap(self) -> float:
        """Length above the bound, as a part of the bound."""
        return gap(self.objective, self.bound)

    @property
    def proved(self) -> bool:
        """Whether the objective is at the bound: nothing is below it."""
        return self.objective <= self.bound

    def record(self) -> dict[str, Any]:
        """As JSON."""
        names = ("places", "loads", "ends")
        order = [one if isinstance(one, str) else list(one) for one in self.order]
        return {
            "schema": SCHEMA,
            **common(self),
            **{name: getattr(self, name) for name in names},
            "order": order,
            "why": list(self.why),
        }


def schedule(
    steps: Sequence[Step],
    results: Sequence[Result] = (),
    *,
    method: Method = "auto",
    seconds: float = SECONDS,
    solver: str | None = None,
) -> Schedule:
    """Place steps on units and order them there, so that all are done soonest.

    Units take one step at a time, the link one copy at a time.

    Parameters
    ----------
    steps
        What is done, what it takes on each unit, and what it waits for.
    results
        What steps hand on, and what bringing it to another unit takes.
    method
        list: list scheduling from mean and least times, then moves of single steps. program: an integer program too.
        auto: the program where the list schedule is not proved the shortest and the program is small.
    seconds, solver
        Limit for the program, and highs, cbc or gurobi for it; by default the best that is installed.

    Raises
    ------
    BadInput
        A name or a time is not right, a circle, or the solver is not installed.
    Infeasible
        A step that no unit takes.
    """
    if method not in get_args(Method):
        raise BadInput(f"unknown method {method!r}", right=f"one of {', '.join(get_args(Method))}")
    if not seconds > 0:
        raise BadInput(f"seconds is {seconds:g}", right="more than 0")
    began = perf_counter()
    problem = Problem(tuple(steps), tuple(results))
    bound = max(longest_path(problem), least_load([step.work for step in steps]))
    best, name = _listed(problem, bound), "list scheduling, moves"
    if method == "program" or (method == "auto" and best.length > bound and _small(problem)):
        best, bound, better = _solved(problem, best, bound, seconds, solver)
        proved = best.length <= bound * (1 + ROUNDING)
        name = "integer program" if better else name + ", confirmed by an integer program" * proved
    return _named(problem, best, bound, name, perf_counter() - began)


def _listed(problem: Problem, bound: int) -> Listed:
    """The best of several list schedules, improved."""
    fastest = [min(step.work, key=lambda unit, step=step: step.work[unit]) for step in problem.steps]  # type: ignore[misc]
    whole = [unit for unit in problem.units if all(unit in step.work for step in problem.steps)]
    starts = [fitting(problem), fastest, *([unit] * len(problem.steps) for unit in whole)]
    found = [improved(problem, listed(problem, start), bound) for start in starts]
    found.append(listed(problem, fastest, _as_given(problem)))
    return min(found, key=lambda one: one.length)


def _as_given(problem: Problem) -> dict[int | Copy, tuple[float, float]]:
    """Turns of steps in the order in which they are given, and of copies right behind their makers."""
    turns: dict[int | Copy, tuple[float, float]] = {at: (float(turn), 0.0) for turn, at in enumerate(problem.order)}
    for number, result in enumerate(problem.results):
        behind = turns[problem.index[result.maker]][0]
        turns |= {(number, unit): (behind, 1.0 + number) for unit in problem.units}
    return turns


def _small(problem: Problem) -> bool:
    from archsim.mappers.placement import disjunctive

    return disjunctive.size(problem) <= LARGEST_PROGRAM


def _solved(problem: Problem, best: Listed, bound: int, seconds: float, solver: str | None) -> tuple[Listed, int, bool]:
    """The better of a schedule and an integer program's, the larger bound, and whether the program was better."""
    from archsim.mappers.placement import disjunctive

    found = disjunctive.solve(problem, best.length, seconds, solver)
    bound = min(best.length, max(bound, found.bound))
    if found.places is None:
        return best, bound, False
    # By the starts the program chose, and by the ways to the end, which mends ties in its floating point.
    other = min(
        (listed(problem, found.places, turns) for turns in (found.turns, None)),
        key=lambda one: one.length,
    )
    return (other, bound, True) if other.length < best.length else (best, bound, False)


def _named(problem: Problem, best: Listed, bound: int, method: str, seconds: float) -> Schedule:
    names = [step.name for step in problem.steps]
    order = tuple(names[one] if isinstance(one, int) else (problem.results[one[0]].name, one[1]) for one in best.order)
    ends = {names[one]: end for one, end in best.ends.items() if isinstance(one, int)}
    loads = dict.fromkeys(problem.units, 0)
    for step, unit in zip(problem.steps, best.places, strict=True):
        loads[unit] += step.work[unit]
    busiest = max(loads, key=lambda unit: loads[unit], default="")
    why = [f"the longest chain takes {longest_path(problem):,}, the busiest unit, {busiest}, {loads.get(busiest, 0):,}"]
    copied = [problem.results[one[0]].cost for one in best.order if not isinstance(one, int)]
    if copied:
        why.append(f"{len(copied):,} copies keep the link busy for {sum(copied):,}")
    places = dict(zip(names, best.places, strict=True))
    return Schedule(places, order, ends, best.length, bound, loads, method, tuple(why), seconds)
