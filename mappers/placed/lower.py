"""The plan of units and turns that is done soonest, as a mapping."""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly

from archsim.core.errors import BadInput
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Choice, Mapping, Node
from archsim.mappers.placed.emit import Plan, emit
from archsim.mappers.placed.solve import Scheduled, bound, duration, plan_of
from archsim.mappers.placed.why import notes, reasons
from archsim.mappers.placed.work import Work


def lower(graph: Graph, design: Design) -> Mapping:
    """The mapping; `Infeasible` where no unit executes an op, or the link does not carry what must cross it."""
    work = Work(graph, design)
    if sum(isinstance(unit, OpUnit) and unit.carries for unit in design.capabilities()) > 1:
        raise BadInput("several components carry", where=f"design {design.kind!r}", right="one link at most")
    plans = dict(simple(work))
    timed = {name: _timed(work, plan) for name, plan in plans.items()}
    best = min(timed, key=lambda name: timed[name][0])
    least, scheduled = bound(work), tuple[Scheduled, ...]()
    if timed[best][0] > least:
        plans["scheduled"], scheduled = plan_of(work)
        timed["scheduled"] = _timed(work, plans["scheduled"])
        best = min(timed, key=lambda name: timed[name][0])
        least = min(timed[best][0], max(least, bound(work, scheduled)))
    plan = plans[best]
    told = Plan(plan.units, plan.turns, reasons(work, plan.units, timed[best][1]))
    choice = Choice("placed", "makespan, ps", float(timed[best][0]), float(least))
    body = emit(work, told)
    said = notes(work, plan.units, {name: time for name, (time, _) in timed.items()}, best, scheduled)
    return Mapping(graph.name, design.kind, body, (), {}, choice, said)


def simple(work: Work) -> ReadOnly[str, Plan]:
    """What needs no search: every op where it is fastest, as `ops` has it, and everything on one unit."""
    kinds = {op.name: op.kind for op, _ in work.graph.walk()}
    fastest = {name: work.design.place(kinds[name], prices) for name, prices in work.prices.items()}
    found = {"each where it is fastest": Plan(fastest)}
    for unit in work.units:
        if all(unit in prices for prices in work.prices.values()):
            found[f"all on {unit}"] = Plan(dict.fromkeys(work.prices, unit))
    return found


def _timed(work: Work, plan: Plan) -> tuple[int, tuple[Node, ...]]:
    body = emit(work, plan)
    return duration(work, body), body
