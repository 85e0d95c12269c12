"""One part of a graph: list orders with exact replacement, relaxations, joint model, windows, until it is proved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from archsim.core.errors import Infeasible
from archsim.mappers.residency.bound import must_leave
from archsim.mappers.residency.branch import branch
from archsim.mappers.residency.cosma import cosma
from archsim.mappers.residency.cpsat import joint
from archsim.mappers.residency.evict import belady, lru
from archsim.mappers.residency.keep import Kept, keep
from archsim.mappers.residency.limits import Limits
from archsim.mappers.residency.orders import RULES
from archsim.mappers.residency.peaks import least_peak
from archsim.mappers.residency.problem import Problem
from archsim.mappers.residency.stay import Schedule
from archsim.mappers.residency.window import improve
from archsim.mappers.solvers import has_cp_sat, versions

Method = Literal["auto", "orders", "branch", "window", "joint", "cosma", "belady", "lru"]

LAST = "least-peak"
PEAK_STATES = 3_000
"""Sets of ops that the order of least peak, one of the candidates, may cost."""
JOINT_OPS = 120
"""Ops up to which `auto` tries the joint model first."""
COSMA_OPS = 14
"""Ops up to which `auto` solves COSMA's program where there is no CP-SAT."""


@dataclass
class Found:
    """The best schedule of a part so far, and what no schedule is below; in units."""

    schedule: Schedule
    bound: int = 0
    method: str = ""
    solver: str = ""
    stopped: str = ""
    candidates: dict[str, int] = field(default_factory=dict)

    @property
    def proved(self) -> bool:
        """Whether nothing is left to find."""
        return self.schedule.cost == self.bound


def solve_part(
    problem: Problem, capacity: int, method: Method, limits: Limits, watch: Callable[[Found, str], None]
) -> Found:
    """The best schedule that a method finds; `watch` is told whenever something became known."""
    if method in ("lru", "belady"):
        found = Found((lru if method == "lru" else belady)(problem, problem.program, capacity), method=method)
        watch(found, method)
        return found
    found = _ordered(problem, capacity, limits)
    watch(found, found.method)
    for step in _steps(problem, capacity, method, limits, found):
        watch(found, step)
        if found.proved:
            break
    if not found.proved and not found.stopped and method != "orders":
        found.stopped = "seconds" if limits.late else "work"
    return found


def _ordered(problem: Problem, capacity: int, limits: Limits) -> Found:
    """Every list order with the best replacement for it."""
    tried: dict[tuple[int, ...], Kept] = {}
    names: dict[str, Kept] = {}
    for name, make in _orders(problem).items():
        if tried and (limits.late or (name == LAST and not min(k.schedule.cost for k in tried.values()))):
            break  # what moves nothing needs no order that takes a search to find
        order = make()
        if order not in tried:
            tried[order] = keep(problem, order, capacity, by=limits.by, seconds=limits.left)
        names[name] = tried[order]
    best = min(names, key=lambda name: names[name].schedule.cost)
    found = Found(names[best].schedule, method=f"exact replacement in {best} order")
    found.candidates = {name: kept.schedule.cost for name, kept in names.items()}
    if not found.schedule.cost:
        return found
    found.bound = names[best].bound if problem.forced else must_leave(problem, capacity, by=limits.by)
    found.solver = _named(limits.by.name if limits.by else next(iter(versions())))
    return found


def _orders(problem: Problem) -> dict[str, Callable[[], tuple[int, ...]]]:
    """Ways to an order by name: the rules, and the search for the least peak where there is more than one order."""
    if problem.forced:
        return dict.fromkeys(("program", *RULES, LAST), lambda: problem.program)
    rules = {name: partial(rule, problem) for name, rule in RULES.items()}
    return {"program": lambda: problem.program, **rules, LAST: lambda: least_peak(problem, PEAK_STATES).order}


def _steps(problem: Problem, capacity: int, method: Method, limits: Limits, found: Found) -> Iterator[str]:
    """Searches in the order in which they pay, each yielding its name when it is done; nothing where all is proved."""
    if found.proved or method == "orders" or limits.late:
        return
    if method == "cosma" or (method == "auto" and not has_cp_sat() and len(problem.ops) <= COSMA_OPS):
        yield _cosma(problem, capacity, limits, found)
    if method == "cosma":
        return
    share = limits.work / (1 if method in ("joint", "branch") else 2)
    if method == "joint" or (method == "auto" and has_cp_sat() and len(problem.ops) <= JOINT_OPS):
        yield _joint(problem, capacity, share, limits, found)
        share /= 2
    if method in ("auto", "branch") and not limits.late:
        yield _branch(problem, capacity, share, limits, found)
    if (method == "window" or (method == "auto" and has_cp_sat())) and not limits.late:
        better = improve(problem, found.schedule, capacity, work=share, late=lambda: limits.late)
        if better.cost < found.schedule.cost:
            found.schedule, found.method, found.solver = better, "windows", _named("cp-sat")
        yield "windows"


def _branch(problem: Problem, capacity: int, work: float, limits: Limits, found: Found) -> str:
    orders = [rule(problem) for rule in RULES.values()]
    answer = branch(problem, found.schedule, capacity, orders=orders, work=work, by=limits.by, left=lambda: limits.left)
    if answer.schedule.cost < found.schedule.cost:
        found.schedule, found.method = answer.schedule, "relaxations"
        found.solver = _named("cp-sat") if has_cp_sat() else found.solver
    found.bound = max(found.bound, answer.bound)
    return "relaxations"


def _joint(problem: Problem, capacity: int, work: float, limits: Limits, found: Found) -> str:
    answer = joint(problem, capacity, hint=found.schedule, work=work, seconds=limits.left, seed=limits.seed)
    if answer.order is not None and (answer.outcome.objective or 0) < found.schedule.cost:
        found.schedule = keep(problem, answer.order, capacity, by=limits.by).schedule
        found.method = "joint model"
    if answer.outcome.bound > found.bound:
        found.bound = min(answer.outcome.bound, found.schedule.cost)
    found.solver = _named("cp-sat")
    return "joint model"


def _cosma(problem: Problem, capacity: int, limits: Limits, found: Found) -> str:
    answer = cosma(problem, capacity, by=limits.by, seconds=limits.left)
    if answer.schedule is not None and answer.schedule.cost < found.schedule.cost:
        found.schedule, found.method = answer.schedule, "COSMA's program"
    found.bound = max(found.bound, min(answer.outcome.bound, found.schedule.cost))
    found.solver = _named(answer.outcome.solver)
    return "COSMA's program"


def _named(solver: str) -> str:
    return f"{solver} {versions().get(solver, '')}".strip()


def check_fits(problem: Problem, capacity: int) -> None:
    """Say which op's operands are too large for a capacity in bytes.

    Raises
    ------
    Infeasible
        With the op, its operands, what is missing and what would do.
    """
    graph = problem.graph
    worst = max(graph.ops, key=lambda op: graph.working_set(op.name))
    need = graph.working_set(worst.name)
    if need <= capacity:
        return
    terms = ", ".join(f"{tensor} {graph.sizes[tensor]:,} B" for tensor in worst.operands)
    many = sum(1 for op in graph.ops if graph.working_set(op.name) > capacity)
    largest = max(worst.operands, key=lambda tensor: graph.sizes[tensor])
    alone = f"\ntensor {largest!r} alone is larger than the capacity" if graph.sizes[largest] > capacity else ""
    raise Infeasible(
        f"the operands of op {worst.name!r} need {need:,} B at once, {need - capacity:,} B more than there are",
        where=f"graph {graph.name!r}, capacity {capacity:,} B",
        right=f"{terms}{alone}\n{many} of {len(graph.ops)} ops have too large a working set",
        try_=(f"--capacity {need}", "smaller tiles: cut the op into chunks so that its operands shrink"),
    )
