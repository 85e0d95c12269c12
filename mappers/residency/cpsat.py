"""Order and residency together as one CP-SAT model, over any windows of steps for the ops.

Steps are indexed: a boolean says that an op runs at a step, that a tensor is on chip, that it is loaded. Tensors all of
whose uses have their step already cost one boolean per gap instead, so that freeing a few ops of a long order is cheap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import TYPE_CHECKING

from archsim.mappers.residency.problem import Problem, Window, places
from archsim.mappers.residency.stay import Schedule, write_back
from archsim.mappers.solvers import Outcome, Status, has_cp_sat, missing

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, CpSolver, CpSolverStatus, IntVar

WORK = 60.0
"""Deterministic work that a model may take: about as many seconds, and the same end on every machine."""


@dataclass(frozen=True, slots=True)
class Joint:
    """The best order that was found, if any, and how that went."""

    order: tuple[int, ...] | None
    outcome: Outcome
    work: float
    """Deterministic work that it took."""


def joint(
    problem: Problem,
    capacity: int,
    *,
    windows: Sequence[Window] | None = None,
    hint: Schedule | None = None,
    near: Window | None = None,
    work: float = WORK,
    seconds: float | None = None,
    seed: int = 0,
) -> Joint:
    """Search orders and residency together.

    Parameters
    ----------
    problem
        The graph.
    capacity
        Units on chip; at least the largest working set.
    windows
        Steps at which each op may run; by default all that its ancestors and descendants leave it.
    hint
        A schedule to begin with.
    near
        From which step until before which residency is decided; what is kept over other steps alone, and is used by no
        op that may move, is as in the hint. The bound then holds for this only.
    work
        Deterministic limit, in units of about a second.
    seconds
        Limit by the clock; a result that it ended depends on the machine.
    seed
        Of the solver's random choices.

    Raises
    ------
    BadInput
        OR-tools are not installed.
    """
    if not has_cp_sat():
        raise missing("cp-sat")
    from ortools.sat.python import cp_model

    build = _Model(problem, capacity, tuple(windows or problem.windows), cp_model.CpModel())
    if hint is not None and near is not None:
        build.freeze(hint, near)
    build.all()
    if hint is not None:
        build.hint(hint)
    engine = cp_solver(work, seconds, seed)
    began = perf_counter()
    code = engine.solve(build.model)
    return build.read(engine, code, perf_counter() - began)


def cp_solver(work: float, seconds: float | None = None, seed: int = 0) -> CpSolver:
    """A solver on one core that ends at a deterministic limit, or by the clock where that comes before."""
    from ortools.sat.python import cp_model

    engine = cp_model.CpSolver()
    engine.parameters.num_workers = 1
    engine.parameters.random_seed = seed
    engine.parameters.max_deterministic_time = work
    if seconds is not None:
        engine.parameters.max_time_in_seconds = seconds
    return engine


@dataclass
class _Model:
    problem: Problem
    capacity: int
    windows: tuple[Window, ...]
    model: CpModel

    def __post_init__(self) -> None:
        p, m = self.problem, self.model
        self.runs: list[dict[int, IntVar]] = [
            {t: m.new_bool_var(f"run{op}@{t}") for t in range(first, last + 1)}
            for op, (first, last) in enumerate(self.windows)
        ]
        self.loads: list[list[tuple[int, IntVar]]] = [[] for _ in p.ops]
        self.fixed_loads = [0] * len(p.ops)
        self.costs: list[tuple[int, IntVar]] = []
        self.constant = 0
        self.on_chip: dict[tuple[int, int], IntVar] = {}
        self.loaded: dict[tuple[int, int], IntVar] = {}
        self.written: dict[int, IntVar] = {}
        self.gaps: dict[tuple[int, int, int], IntVar] = {}
        self.near: Window = (0, len(p.ops))
        self.kept: set[tuple[int, int]] = set()
        self.free_writes: set[int] = set()

    def all(self) -> None:
        """The whole model."""
        p = self.problem
        for window in self.runs:
            self.model.add_exactly_one(window.values())
        at: list[list[IntVar]] = [[] for _ in p.ops]
        for window in self.runs:
            for step, var in window.items():
                at[step].append(var)
        for vars_ in at:
            self.model.add_exactly_one(vars_)
        self.precedence()
        for tensor in range(len(p.tensors)):
            ops = [*p.readers[tensor], *([p.writer[tensor]] if p.writer[tensor] >= 0 else [])]
            if not ops:
                continue
            if all(len(self.runs[op]) == 1 for op in ops):
                self.settled(tensor, sorted(self.windows[op][0] for op in ops))
            else:
                self.free(tensor, ops)
        for step, terms in enumerate(self.loads):
            if sum(max(size, 0) for size, _ in terms) + self.fixed_loads[step] > self.capacity:
                self.model.add(sum(size * var for size, var in terms) <= self.capacity - self.fixed_loads[step])
        self.model.minimize(sum(size * var for size, var in self.costs) + self.constant)

    def freeze(self, found: Schedule, near: Window) -> None:
        """Decide nothing that lies outside these steps."""
        self.near = near
        self.kept = {(stay.tensor, step) for stay in found.stays for step in range(stay.first, stay.last + 1)}

    def precedence(self) -> None:
        """An op has run by a step only if what it waits for had run by the step before."""
        for op, others in enumerate(self.problem.before):
            for other in others:
                (first, last), (_, latest) = self.windows[op], self.windows[other]
                for step in range(first, min(last, latest) + 1):
                    # not (op runs at or before this step and the other at or after it)
                    early = [var for t, var in self.runs[op].items() if t <= step]
                    late = [var for t, var in self.runs[other].items() if t >= step]
                    if early and late:
                        self.model.add_at_most_one([*early, *late])

    def settled(self, tensor: int, uses: list[int]) -> None:
        """A tensor whose uses have their steps: a boolean for each gap, true where it is loaded again."""
        size = self.problem.size[tensor]
        for use in uses:
            self.fixed_loads[use] += size
        pairs = [(a, b) for a, b in pairwise(uses) if b - a > 1]
        frozen = [(a, b) for a, b in pairs if b <= self.near[0] or a + 1 >= self.near[1]]
        for a, b in frozen:
            if (tensor, a + 1) in self.kept:
                for step in range(a + 1, b):
                    self.fixed_loads[step] += size
                continue
            self.constant += size
            if tensor not in self.free_writes:
                self.free_writes.add(tensor)
                self.constant += write_back(self.problem, tensor)
        for a, b in pairs:
            if (a, b) not in frozen:
                out = self.model.new_bool_var(f"out{tensor}@{a}")
                self.gaps[tensor, a, b] = out
                self.costs.append((size, out))
                self.wrote(tensor, out)
                for step in range(a + 1, b):
                    self.fixed_loads[step] += size
                    self.loads[step].append((-size, out))

    def free(self, tensor: int, ops: list[int]) -> None:
        """A tensor with a boolean for every step at which it may be on chip."""
        p, m, size = self.problem, self.model, self.problem.size[tensor]
        writer = p.writer[tensor]
        first = min(self.windows[op][0] for op in ops)
        last = max(self.windows[op][1] for op in ops)
        for step in range(first, last + 1):
            here = m.new_bool_var(f"on{tensor}@{step}")
            self.on_chip[tensor, step] = here
            self.loads[step].append((size, here))
            for op in ops:
                if step in self.runs[op]:
                    m.add_implication(self.runs[op][step], here)
            reasons = []
            if (tensor, step - 1) in self.on_chip:
                reasons.append(self.on_chip[tensor, step - 1])
            if writer >= 0 and step in self.runs[writer]:
                reasons.append(self.runs[writer][step])
            if any(step in self.runs[op] for op in p.readers[tensor]):
                load = m.new_bool_var(f"load{tensor}@{step}")
                self.loaded[tensor, step] = load
                self.costs.append((size, load))
                self.wrote(tensor, load)
                reasons.append(load)
            m.add_bool_or([here.negated(), *reasons])
        if writer < 0:
            self.constant -= size  # the first load is compulsory

    def wrote(self, tensor: int, load: IntVar) -> None:
        """A load means that the tensor was written back before, once."""
        amount = write_back(self.problem, tensor)
        if amount and tensor not in self.free_writes:
            if tensor not in self.written:
                self.written[tensor] = self.model.new_bool_var(f"written{tensor}")
                self.costs.append((amount, self.written[tensor]))
            self.model.add_implication(load, self.written[tensor])

    def hint(self, found: Schedule) -> None:
        """Tell the solver a schedule."""
        place = places(found.order)
        for op, window in enumerate(self.runs):
            for step, var in window.items():
                self.model.add_hint(var, place[op] == step)
        begins = {(stay.tensor, stay.first) for stay in found.stays}
        stays: dict[int, list[Window]] = {}
        for stay in found.stays:
            stays.setdefault(stay.tensor, []).append((stay.first, stay.last))

        def there(tensor: int, step: int) -> bool:
            return any(first <= step <= last for first, last in stays[tensor])

        for (tensor, step), var in self.on_chip.items():
            self.model.add_hint(var, there(tensor, step))
        for (tensor, step), var in self.loaded.items():
            writer = self.problem.writer[tensor]
            made = writer >= 0 and place[writer] == step
            self.model.add_hint(var, (tensor, step) in begins and not made)
        for (tensor, a, _), var in self.gaps.items():
            self.model.add_hint(var, not there(tensor, a + 1))
        for tensor, var in self.written.items():
            self.model.add_hint(var, len(stays[tensor]) > 1)

    def order(self, engine: CpSolver) -> tuple[int, ...]:
        """The order that was found."""
        step_of = [next(step for step, var in window.items() if engine.boolean_value(var)) for window in self.runs]
        return tuple(sorted(range(len(step_of)), key=step_of.__getitem__))

    def read(self, engine: CpSolver, code: CpSolverStatus, took: float) -> Joint:
        """What the solver says."""
        from ortools.sat.python import cp_model

        spent = float(engine.response_proto.deterministic_time)
        if code in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            cost = round(engine.objective_value)
            status: Status = "optimal" if code == cp_model.OPTIMAL else "feasible"
            bound = min(cost, max(0, round(engine.best_objective_bound)))
            return Joint(self.order(engine), Outcome(status, cost, bound, "cp-sat", took), spent)
        status = "infeasible" if code == cp_model.INFEASIBLE else "unknown"
        bound = max(0, round(engine.best_objective_bound)) if status == "unknown" else 0
        return Joint(None, Outcome(status, None, bound, "cp-sat", took), spent)
