"""A relaxation over all orders: room counts at a chain of tight ops alone, the others run anywhere between these.

Ops that follow each other in every order are checkpoints. Each other op runs in one of the segments between them,
after what it waits for; a tensor is on chip during a checkpoint or not, and one that is not is loaded in the next
segment that uses it. That is the whole problem on a coarse grid of steps, less the room of the ops in between, so its
cost is not above that of any schedule. Fractions are allowed too; what they cost is rounded up to whole units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from archsim.mappers.residency.problem import Problem
from archsim.mappers.residency.stay import write_back
from archsim.mappers.solvers import EPSILON, Solver, least

MOST = 80
"""Checkpoints, where that many ops of a chain are not much tighter than the others."""
TIGHT = (0.0, 0.5, 0.75, 1.0)
"""Parts of the capacity that a checkpoint's operands take at least: the first that leaves few enough, or the last."""


@dataclass(frozen=True, slots=True)
class Relaxed:
    """What the relaxation says.

    Parameters
    ----------
    bound
        Units that no order moves less than, beyond the compulsory ones.
    checkpoints
        The chain, in its order.
    at
        Per op, its place: ``2k + 1`` for the checkpoint ``k``, ``2k`` for the segment before it. Ops in this order,
        those of one place in any legal one, are an order of the graph.
    rows
        Rows of the program, a measure of the work.
    """

    bound: int
    checkpoints: tuple[int, ...]
    at: tuple[int, ...]
    rows: int


def relax(problem: Problem, capacity: int, *, by: Solver, seconds: float | None = None) -> Relaxed | None:
    """Solve the relaxation; None where the time is up before that.

    Parameters
    ----------
    problem, capacity
        The graph, and the units on chip.
    by, seconds
        Solver and time limit.
    """
    model = _Grid(problem, capacity, chain(problem, capacity))
    cost = least(model.program, by, seconds)
    if cost is None:
        return None
    bound = max(0, ceil(cost - EPSILON * max(1.0, abs(cost))) - model.compulsory)
    return Relaxed(bound, model.slots, model.places(), len(model.program.constraints()))


def chain(problem: Problem, capacity: int) -> tuple[int, ...]:
    """Tight ops that follow each other in every order: a few large working sets rather than many small ones."""
    found: tuple[int, ...] = ()
    for part in TIGHT:
        found = _heaviest(problem, part * capacity)
        if len(found) <= MOST:
            break
    return found


def _heaviest(problem: Problem, least_need: float) -> tuple[int, ...]:
    best: dict[int, tuple[int, tuple[int, ...]]] = {}
    for op in problem.program:
        so_far, ops = max((best[other] for other in problem.before[op]), default=(0, ()))
        need = problem.working_set[op]
        best[op] = (so_far + need**4, (*ops, op)) if need >= least_need else (so_far, ops)
    return max(best.values())[1]


Term = tuple[Any, int]
"""A variable, or 1 for a constant, times a number."""


@dataclass
class _Grid:
    problem: Problem
    capacity: int
    slots: tuple[int, ...]
    late: dict[tuple[int, int], Any] = field(default_factory=dict)
    """(op, checkpoint) -> whether it runs after it, where that is open."""
    compulsory: int = 0
    """First loads of what memory has, which the program counts."""

    def __post_init__(self) -> None:
        import pulp

        self.lp, self.program = pulp, pulp.LpProblem("checkpoints", pulp.LpMinimize)
        self.low, self.high = self.windows()
        self.load: list[list[Term]] = [[] for _ in self.slots]
        self.total: list[Term] = []
        self.precedence()
        for tensor, readers in enumerate(self.problem.readers):
            if readers:
                self.tensor(tensor)
        self.program.setObjective(pulp.LpAffineExpression(self.total))
        for slot, op in enumerate(self.slots):
            if self.load[slot]:
                self.most(self.load[slot], self.capacity - self.problem.working_set[op])

    def variable(self, name: str) -> Any:
        """A new one between 0 and 1."""
        return self.program.add_variable(name, 0, 1)

    def most(self, terms: Iterable[Term], limit: int = 0) -> None:
        """A row: the terms come to a limit at most. Sums of PuLP's variables would say the same, slowly."""
        sums: dict[Any, int] = {}
        for var, number in terms:
            if isinstance(var, int):
                limit -= var * number
            else:
                sums[var] = sums.get(var, 0) + number
        self.program += self.lp.LpConstraint(self.lp.LpAffineExpression(sums), self.lp.LpConstraintLE, rhs=limit)

    def windows(self) -> tuple[list[int], list[int]]:
        """First and last segment of every op; segment k ends with checkpoint k."""
        n = len(self.problem.ops)
        low, high = [0] * n, [len(self.slots)] * n
        for k, op in enumerate(self.slots):
            for other in range(n):
                if self.problem.descendants[op] >> other & 1:
                    low[other] = k + 1
                elif self.problem.ancestors[op] >> other & 1 or other == op:
                    high[other] = min(high[other], k)
        return low, high

    def after(self, op: int, slot: int) -> Any:
        """Whether an op runs after a checkpoint."""
        if slot < self.low[op]:
            return 1
        if slot >= self.high[op]:
            return 0
        if (op, slot) not in self.late:
            self.late[op, slot] = self.variable(f"after{op}_{slot}")
        return self.late[op, slot]

    def inside(self, op: int, segment: int) -> list[Term]:
        """Whether an op runs in a segment: after the checkpoint before it, and not after the one at its end."""
        if not self.low[op] <= segment <= self.high[op]:
            return []
        return [(self.after(op, segment - 1), 1), (self.after(op, segment), -1)]

    def precedence(self) -> None:
        """What waits for an op runs after what that runs after; after a checkpoint means after those before it."""
        for op, behind in enumerate(self.problem.behind):
            for slot in range(self.low[op], self.high[op]):
                now = (self.after(op, slot), 1)
                if slot > self.low[op]:
                    self.most((now, (self.after(op, slot - 1), -1)))
                for other in behind:
                    if slot >= self.low[other]:  # else it is after it anyway
                        self.most((now, (self.after(other, slot), -1)))

    def tensor(self, tensor: int) -> None:
        """Where one tensor is on chip, and in which segments it is loaded."""
        p, size = self.problem, self.problem.size[tensor]
        writer, readers = p.writer[tensor], p.readers[tensor]
        ops = readers if writer < 0 else (writer, *readers)
        first, last = min(self.low[op] for op in ops), max(self.high[op] for op in ops)
        if first == last:
            return  # used in one segment: nothing need ever leave
        self.compulsory += size if writer < 0 else 0
        written = self.variable(f"written{tensor}") if write_back(p, tensor) else None
        if written is not None:
            self.total.append((written, write_back(p, tensor)))
        here: list[Term] = []  # at the checkpoint before the segment
        for segment in range(first, last + 1):
            there = self.resident(tensor, segment, last)
            there_from = [*here, *(self.inside(writer, segment) if writer >= 0 else ())]
            needs = [need for op in readers if (need := self.inside(op, segment))]
            if there and self.slots[segment] != writer:
                needs.append(there)
            if needs and not (here and isinstance(here[0][0], int)):  # else it is there already
                loaded = self.variable(f"load{tensor}_{segment}")
                self.total.append((loaded, size))
                for need in needs:
                    self.most([*need, (loaded, -1), *((var, -number) for var, number in there_from)])
                if written is not None:
                    self.most(((loaded, 1), (written, -1)))
            here = there

    def resident(self, tensor: int, slot: int, last: int) -> list[Term]:
        """Whether a tensor is on chip at a checkpoint: always as its operand, never after the last use."""
        if slot < len(self.slots) and tensor in self.problem.operands[self.slots[slot]]:
            return [(1, 1)]
        if slot >= last:
            return []
        var = self.variable(f"on{tensor}_{slot}")
        self.load[slot].append((var, self.problem.size[tensor]))
        return [(var, 1)]

    def places(self) -> tuple[int, ...]:
        """The place of every op, fractions rounded; none is before what it waits for, however they were rounded."""
        segment = list(self.low)
        for op in self.problem.program:
            open_ = (self.late.get((op, slot)) for slot in range(self.low[op], self.high[op]))
            segment[op] += sum(1 for var in open_ if var is not None and (var.varValue or 0) > 0.5)
            segment[op] = max([segment[op], *(segment[other] for other in self.problem.before[op])])
        ends = {op: slot for slot, op in enumerate(self.slots)}
        return tuple(2 * place + (op in ends) for op, place in enumerate(segment))


def sorted_by(at: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Ops by their place, those of one place as an order has them."""
    return tuple(sorted(order, key=lambda op: at[op]))
