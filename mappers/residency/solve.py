"""From a graph and a capacity to a plan: cut it, solve parts that are alike once, put them together, place tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import get_args

from archsim.core.errors import BadInput, UnknownName
from archsim.ir.tensorgraph import TensorGraph
from archsim.mappers.residency.divide import Part, likeness, parts
from archsim.mappers.residency.limits import Limits
from archsim.mappers.residency.pack import NODES, Packed, pack
from archsim.mappers.residency.part import Found, Method, check_fits, solve_part
from archsim.mappers.residency.plan import Moment, Plan, Segment
from archsim.mappers.residency.problem import Problem
from archsim.mappers.residency.stay import Gap, Schedule, schedule
from archsim.mappers.solvers import solver as solver_named

WORK = 8.0
"""Deterministic work that each distinct part of a graph may take: about as many seconds."""

Watch = Callable[[Moment], None]


def plan(
    graph: TensorGraph,
    capacity: int,
    *,
    method: Method = "auto",
    divide: bool = True,
    work: float = WORK,
    seconds: float | None = None,
    seed: int = 0,
    solver: str | None = None,
    nodes: int = NODES,
    watch: Watch | None = None,
) -> Plan:
    """Decide order, residency and addresses so that little moves between chip and memory.

    Parameters
    ----------
    graph
        What runs.
    capacity
        Bytes on chip.
    method
        ``auto``: list orders with exact replacement, the joint model where that may help, windows where it is too
        large. ``orders``: the first alone. ``window``, ``joint``, ``cosma``: only this after the orders. ``belady`` and
        ``lru``: rules, on program order.
    divide
        Solve the parts between cut tensors one by one, alike ones once. Nothing is lost by it.
    work
        Deterministic limit per distinct part; the same plan on every machine.
    seconds
        Limit by the clock, of all parts together; a plan that it ended depends on the machine.
    seed
        Of solvers' random choices.
    solver
        Of integer programs: ``highs``, ``cbc`` or ``gurobi``; by default the best that is here.
    nodes
        Placements that each search for addresses may try.
    watch
        Told whenever a better plan or bound is known.

    Raises
    ------
    Infeasible
        The operands of an op do not fit: says which, by how much, and what would do.
    BadInput
        An option makes no sense, or a solver is not installed.
    """
    _check(graph, capacity, method, work, seconds, seed)
    by = solver_named(solver) if solver is not None else None
    whole = Problem.of(graph)
    check_fits(whole, capacity)
    began = perf_counter()
    limits = Limits(work, None if seconds is None else began + seconds, seed, by)
    pieces = parts(whole) if divide else [Part(graph, whole.ops)]
    search = _Search(whole, capacity, method, limits, pieces, began, watch)
    search.run()
    return search.finished(nodes)


@dataclass
class _Search:
    whole: Problem
    capacity: int
    method: Method
    limits: Limits
    pieces: list[Part]
    began: float
    watch: Watch | None
    found: list[Found] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    progress: list[Moment] = field(default_factory=list)

    def run(self) -> None:
        """Solve every distinct part."""
        self.problems = [Problem.of(piece.graph) for piece in self.pieces]
        kinds: dict[Hashable, int] = {}
        alike = [kinds.setdefault(likeness(problem), index) for index, problem in enumerate(self.problems)]
        times = Counter(alike)
        solved: dict[int, Found] = {}
        for index in times:

            def told(now: Found, by: str, index: int = index) -> None:
                solved[index] = now
                if len(solved) == len(times):  # before that there is no plan to speak of
                    self.tell(solved, times, by)

            problem = self.problems[index]
            solved[index] = solve_part(problem, self.capacity // problem.unit, self.method, self.limits, told)
        self.found = [solved[first] for first in alike]

    def tell(self, solved: Mapping[int, Found], times: Mapping[int, int], by: str) -> None:
        """Note what is known, each kind of part counted as often as it occurs."""
        weight = {index: self.problems[index].unit * count for index, count in times.items()}
        cost = sum(found.schedule.cost * weight[index] for index, found in solved.items())
        bound = sum(found.bound * weight[index] for index, found in solved.items())
        self.progress.append(Moment(perf_counter() - self.began, cost, bound, by))
        if self.watch is not None:
            self.watch(self.progress[-1])

    def finished(self, nodes: int) -> Plan:
        """All parts one behind the other, with addresses."""
        joined = self.joined()
        packed = pack(self.whole, joined, self.capacity // self.whole.unit, self.limits, nodes=nodes)
        fragmentation = (packed.schedule.cost - joined.cost) * self.whole.unit
        bound = sum(f.bound * p.unit for f, p in zip(self.found, self.problems, strict=True))
        best = min(self.found, key=lambda f: f.proved)  # a part that is not proved says what the search was
        return Plan(
            self.whole.graph,
            self.capacity,
            tuple(self.whole.ops[op] for op in packed.schedule.order),
            _segments(self.whole, packed),
            lower_bound=bound,
            method=", ".join(dict.fromkeys(f.method for f in self.found)),
            solver=", ".join(dict.fromkeys(f.solver for f in self.found if f.solver)),
            candidates=self.summed(),
            fragmentation=fragmentation,
            stopped=best.stopped or ("seconds" if fragmentation and self.limits.late else ""),
            seconds=perf_counter() - self.began,
            progress=tuple(self.progress),
        )

    def joined(self) -> Schedule:
        """The schedules of all parts as one of the whole."""
        op_number = {name: op for op, name in enumerate(self.whole.ops)}
        tensor_number = {name: tensor for tensor, name in enumerate(self.whole.tensors)}
        order, out = list[int](), list[Gap]()
        for piece, problem, found in zip(self.pieces, self.problems, self.found, strict=True):
            base = len(order) - piece.enters
            order += [op_number[problem.ops[op]] for op in found.schedule.order[piece.enters :]]
            last: dict[int, int] = {}
            for stay in found.schedule.stays:
                tensor = tensor_number[problem.tensors[stay.tensor]]
                if stay.tensor in last:
                    out.append(Gap(tensor, base + last[stay.tensor], base + stay.first))
                last[stay.tensor] = stay.last
        return schedule(self.whole, order, out)

    def summed(self) -> dict[str, int]:
        """Bytes by order rule over all parts; rules that a time limit cut off in one of them are left out."""
        pairs = list(zip(self.found, self.problems, strict=True))
        return {
            name: sum(f.candidates[name] * p.unit for f, p in pairs)
            for name in self.found[0].candidates
            if all(name in f.candidates for f in self.found)
        }


def _segments(problem: Problem, packed: Packed) -> tuple[Segment, ...]:
    found, began = [], set[int]()
    for stay, offset in sorted(zip(packed.schedule.stays, packed.offsets, strict=True)):
        loaded = problem.writer[stay.tensor] < 0 or stay.tensor in began
        began.add(stay.tensor)
        name = problem.tensors[stay.tensor]
        found.append(Segment(name, stay.first, stay.last, offset * problem.unit, loaded))
    return tuple(sorted(found, key=lambda s: (s.first, s.tensor)))


def _check(graph: TensorGraph, capacity: int, method: str, work: float, seconds: float | None, seed: int) -> None:
    if not graph.least_capacity:
        raise BadInput("no op reads or writes a tensor", where=f"graph {graph.name!r}", right="something to plan")
    if capacity < 1:
        raise BadInput(f"capacity is {capacity:,}", right="bytes, 1 or more", try_=f"--capacity {graph.least_capacity}")
    if method not in get_args(Method):
        raise UnknownName("method", method, get_args(Method))
    if not work > 0:
        raise BadInput(f"work is {work:g}", right="more than 0: about the seconds a part may take")
    if seconds is not None and not seconds > 0:
        raise BadInput(f"the time limit in seconds is {seconds:g}", right="more than 0, or none")
    if not 0 <= seed < 1 << 31:
        raise BadInput(f"seed is {seed}", right="0 to 2,147,483,647")
