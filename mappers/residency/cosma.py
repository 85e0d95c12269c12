"""COSMA (Li, Gupta, Malik, arXiv 2311.18246) in PuLP: order, residency and addresses as one integer program.

The reference for small graphs: its variables are those of the paper, one set for every tensor and step. What the paper
leaves open is closed: one op per step; nothing is on chip before it is written; a tensor is not preserved after its
last possible use, where pairs that cannot meet are left out; no program is called infeasible because its time is up
(`archsim.mappers.solvers.run`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from typing import Any

from archsim.mappers.residency.problem import Problem, Window, places
from archsim.mappers.residency.stay import Gap, Schedule, Stay, schedule, write_back
from archsim.mappers.solvers import Outcome, Solver, run, solver

Grid = dict[tuple[int, int], Any]
"""(tensor or op, step) -> variable; where none is, it is 0."""


@dataclass(frozen=True, slots=True)
class Solved:
    """The schedule that was found, if any, its addresses where these were asked for, and how that went."""

    schedule: Schedule | None
    offsets: tuple[int, ...]
    outcome: Outcome
    variables: int
    rows: int


def cosma(
    problem: Problem,
    capacity: int,
    *,
    addresses: bool = False,
    order: Sequence[int] | None = None,
    by: Solver | None = None,
    seconds: float | None = None,
) -> Solved:
    """The least bytes beyond the compulsory ones over all orders (equations 1 to 12).

    Parameters
    ----------
    problem
        The graph; a few tens of ops, with addresses fewer than ten.
    capacity
        Units on chip.
    addresses
        Place tensors too (equations 9 to 11). They are then as contiguous as in the memory; without, capacities count.
    order
        The order, where it is given (equations 16 and 17).
    by, seconds
        Solver and time limit.
    """
    model = _Cosma(problem, capacity, _windows(problem, order), spills=True)
    model.residency()
    if addresses:
        model.addresses()
    else:
        model.capacities(capacity)
    model.program.setObjective(model.moved())
    outcome = run(model.program, by or solver(), seconds)
    found, offsets = model.read() if outcome.objective is not None else (None, ())
    return Solved(found, offsets, outcome, len(model.program.variables()), len(model.program.constraints()))


def cosma_peak(problem: Problem, *, by: Solver | None = None, seconds: float | None = None) -> Solved:
    """The least capacity at which nothing but compulsory bytes moves (equations 13 to 15): the objective, in units."""
    model = _Cosma(problem, sum(problem.size), tuple(problem.windows), spills=False)
    model.residency()
    height = model.program.add_variable("peak", 0, sum(problem.size))
    model.capacities(height)
    model.program.setObjective(height)
    outcome = run(model.program, by or solver(), seconds)
    found, _ = model.read() if outcome.objective is not None else (None, ())
    return Solved(found, (), outcome, len(model.program.variables()), len(model.program.constraints()))


def _windows(problem: Problem, order: Sequence[int] | None) -> tuple[Window, ...]:
    return tuple(problem.windows) if order is None else tuple((step, step) for step in places(order))


@dataclass
class _Cosma:
    problem: Problem
    capacity: int
    windows: tuple[Window, ...]
    spills: bool
    """Whether tensors may leave and come back; without, each is loaded or written once."""
    create: Grid = field(default_factory=dict)
    """Per op: sibling outputs share it (equation 6)."""
    preserve: Grid = field(default_factory=dict)
    spill: Grid = field(default_factory=dict)
    retrieve: Grid = field(default_factory=dict)
    offset: Grid = field(default_factory=dict)

    def __post_init__(self) -> None:
        import pulp

        self.lp = pulp
        self.program = pulp.LpProblem("cosma", pulp.LpMinimize)
        self.steps = len(self.problem.ops)

    def binary(self, name: str) -> Any:
        """A new variable that is 0 or 1."""
        return self.program.add_variable(name, 0, 1, "Binary")

    def created(self, tensor: int, step: int) -> Any:
        """Whether a tensor is written at a step."""
        return self.create.get((self.problem.writer[tensor], step), 0)

    def resident(self, tensor: int, step: int) -> Any:
        """Whether a tensor is on chip at a step: created, preserved or retrieved."""
        key = (tensor, step)
        return self.created(tensor, step) + self.preserve.get(key, 0) + self.retrieve.get(key, 0)

    def life(self, tensor: int) -> range:
        """Steps at which a tensor may be on chip."""
        p = self.problem
        ops = [*p.readers[tensor], *([p.writer[tensor]] if p.writer[tensor] >= 0 else [])]
        if not ops:
            return range(0)
        return range(min(self.windows[op][0] for op in ops), max(self.windows[op][1] for op in ops) + 1)

    def residency(self) -> None:
        """Equations 1 to 8, over the steps at which each can be other than 0."""
        p, lp = self.problem, self.lp
        for op, (first, last) in enumerate(self.windows):
            for step in range(first, last + 1):
                self.create[op, step] = self.binary(f"C{op}_{step}")
            self.program += lp.lpSum(self.create[op, step] for step in range(first, last + 1)) == 1  # (7)
        for step in range(self.steps):  # one op per step, which the paper does not say
            self.program += lp.lpSum(self.create.get((op, step), 0) for op in range(len(p.ops))) <= 1
        for tensor in range(len(p.tensors)):
            self.tensor(tensor)
        for op, (first, last) in enumerate(self.windows):
            for step in range(first, last + 1):
                for tensor in p.reads[op]:  # (5)
                    there = self.preserve.get((tensor, step), 0) + self.retrieve.get((tensor, step), 0)
                    self.program += self.create[op, step] <= there
        self.waits()

    def tensor(self, tensor: int) -> None:
        """Variables of one tensor, and what ties its steps together."""
        p, lp, life = self.problem, self.lp, self.life(tensor)
        from_memory = p.writer[tensor] < 0
        for step in life:
            if step > life.start:  # nothing is preserved into the first step it can be there
                self.preserve[tensor, step] = self.binary(f"P{tensor}_{step}")
                if self.spills and not from_memory:
                    self.spill[tensor, step] = self.binary(f"S{tensor}_{step}")
            if from_memory or (self.spills and step > life.start):
                self.retrieve[tensor, step] = self.binary(f"R{tensor}_{step}")
        for step in life:
            here, spilled = self.resident(tensor, step), self.spill.get((tensor, step), 0)
            self.program += here + spilled <= 1  # (1)
            before = (tensor, step - 1)
            if (tensor, step) in self.preserve:
                self.program += self.preserve[tensor, step] <= self.resident(tensor, step - 1)  # (2)
            if (tensor, step) in self.spill:
                self.program += spilled <= self.created(tensor, step - 1) + self.preserve.get(before, 0)  # (3)
            if not from_memory and (tensor, step) in self.retrieve:  # (4)
                written = lp.lpSum(self.spill.get((tensor, k), 0) for k in range(life.start, step + 1))
                self.program += self.retrieve[tensor, step] <= written
        if self.spill:
            self.program += lp.lpSum(self.spill.get((tensor, step), 0) for step in life) <= 1  # (8)
        if from_memory and not self.spills:
            self.program += lp.lpSum(self.retrieve[tensor, step] for step in life) <= 1

    def waits(self) -> None:
        """Ops that wait for another although no tensor says so."""
        p = self.problem
        for op, others in enumerate(p.before):
            for other in others:
                if set(p.writes[other]) & set(p.reads[op]):
                    continue
                for step in range(self.windows[op][0], self.windows[op][1] + 1):
                    earlier = [self.create.get((other, k), 0) for k in range(step)]
                    self.program += self.create[op, step] <= self.lp.lpSum(earlier)

    def capacities(self, most: Any) -> None:
        """What is on chip at every step, without addresses."""
        for step in range(self.steps):
            terms = [
                self.problem.size[tensor] * self.resident(tensor, step)
                for tensor in range(len(self.problem.tensors))
                if step in self.life(tensor)
            ]
            self.program += self.lp.lpSum(terms) <= most

    def addresses(self) -> None:
        """Equations 9 to 11: an address for every tensor and step, fixed while it is preserved."""
        p = self.problem
        lives = [self.life(tensor) for tensor in range(len(p.tensors))]
        for tensor, life in enumerate(lives):
            for step in life:
                most = self.capacity - p.size[tensor]  # (9)
                self.offset[tensor, step] = self.program.add_variable(f"L{tensor}_{step}", 0, most)
                if step > life.start:  # (11)
                    moved = self.offset[tensor, step] - self.offset[tensor, step - 1]
                    room = self.capacity * (1 - self.preserve[tensor, step])
                    self.program += moved <= room
                    self.program += -1 * moved <= room
        for a, b in combinations(range(len(lives)), 2):  # (10); pairs whose lives cannot meet share no step
            for step in range(max(lives[a].start, lives[b].start), min(lives[a].stop, lives[b].stop)):
                above, below = self.binary(f"u{a}_{b}_{step}"), self.binary(f"d{a}_{b}_{step}")
                low, high = self.offset[a, step], self.offset[b, step]
                self.program += low >= high + p.size[b] - self.capacity * (1 - above)
                self.program += high >= low + p.size[a] - self.capacity * (1 - below)
                self.program += above + below >= self.resident(a, step) + self.resident(b, step) - 1
                self.program += above + below <= 1

    def moved(self) -> Any:
        """Equation 12 less what is compulsory: the first load of what memory has, the write of what it must get."""
        p = self.problem
        terms = [p.size[tensor] * var for (tensor, _), var in self.retrieve.items()]
        terms += [write_back(p, tensor) * var for (tensor, _), var in self.spill.items()]
        first = sum(p.size[a] for a, readers in enumerate(p.readers) if readers and p.writer[a] < 0)
        return self.lp.lpSum(terms) - first

    def read(self) -> tuple[Schedule, tuple[int, ...]]:
        """The schedule of a solved program; stays without a use are left out."""

        def on(var: Any) -> bool:
            return not isinstance(var, int) and (var.varValue or 0) > 0.5

        p = self.problem
        step_of = [
            next(t for t in range(w[0], w[1] + 1) if on(self.create[op, t])) for op, w in enumerate(self.windows)
        ]
        order = tuple(sorted(range(self.steps), key=step_of.__getitem__))
        kept = {key for key, var in self.preserve.items() if on(var)}
        stays, offsets = list[Stay](), list[int]()
        for tensor in range(len(p.tensors)):
            uses = p.uses(tensor, step_of)
            run_of = [[uses[0]]] if uses else []
            for a, b in pairwise(uses):
                if all((tensor, step) in kept for step in range(a + 1, b + 1)):
                    run_of[-1].append(b)
                else:
                    run_of.append([b])
            for group in run_of:
                stays.append(Stay(tensor, group[0], group[-1]))
                if self.offset:
                    offsets.append(round(self.offset[tensor, group[0]].varValue or 0))
        return _costed(p, order, stays), tuple(offsets)


def _costed(problem: Problem, order: tuple[int, ...], stays: Sequence[Stay]) -> Schedule:
    """The schedule of these stays, with its cost counted anew."""
    place = places(order)
    begins = {(stay.tensor, stay.first) for stay in stays}
    out = []
    for tensor in range(len(problem.tensors)):
        uses = problem.uses(tensor, place)
        out += [Gap(tensor, a, b) for a, b in pairwise(uses) if (tensor, b) in begins]
    return schedule(problem, order, out)
