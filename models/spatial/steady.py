"""The closed form of a mapping on spatial arrays: attentions by their plans, other ops one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archsim.ir.capability import SpatialArrays
from archsim.ir.closedform import ClosedForm, OpForm
from archsim.ir.graph import Graph, Op, Repeat, occurrences
from archsim.ir.mapping import Mapping as Program
from archsim.models.spatial.assumptions import COSTED_BITS
from archsim.models.spatial.quirks import as_published, published_choice
from archsim.models.spatial.steady_ratios import Ratios
from archsim.models.spatial.steady_sum import Sum, alone, shared
from archsim.units.spatial.dataflows import dataflow
from archsim.units.spatial.lone import op_steady
from archsim.units.spatial.planning import planned
from archsim.units.spatial.problem import Plan
from archsim.units.spatial.room import fit_words
from archsim.units.spatial.trio import Trio, trios

if TYPE_CHECKING:
    from archsim.models.spatial.spec import SpatialDesign


def closed_form(design: SpatialDesign, mapping: Program, graph: Graph) -> ClosedForm:
    """Times, counts and ratios of the steady state.

    Plans are read from ``mapping.choice.options["plans"]``: the name of the op of the scores, or of any other op ->
    ``{"dataflow": name, choices...}``. An attention without one is planned afresh, and so is one whose sizes a loop
    moves out of its plan.

    Raises
    ------
    Infeasible, BadInput
        As the dataflow's `plan`.
    """
    arrays = design.arrays
    words = (*fit_words(graph, arrays), *_costed(design))
    plans = _plans(mapping)
    attentions = {trio.scores.name: trio for trio in trios(graph)}
    inside = {name for trio in attentions.values() for name in trio.ops}
    forms: list[OpForm] = []
    ratios = Ratios(arrays)
    notes: list[str] = []
    for op, around in graph.walk():
        if op.name in attentions:
            trio = attentions[op.name]
            total, said = _attention(design, trio, plans.get(op.name), ratios)
            forms += shared(trio, total, arrays)
            notes += said
        elif op.name not in inside:
            total = _alone(op, around, arrays, plans.get(op.name))
            forms.append(alone(op.name, total, arrays))
    return ClosedForm(tuple(forms), ratios.of(), (*notes, *ratios.notes(), *words))


def _costed(design: SpatialDesign) -> tuple[str, ...]:
    """A note where the PEs' energies are of another width than the design's words."""
    if design.word == COSTED_BITS:
        return ()
    return (
        f"operations and registers are charged as of {COSTED_BITS} bits: word {design.word} changes traffic, the "
        "buffer and the area of registers, not the energy of the PEs",
    )


def _plans(mapping: Program) -> Mapping[str, Plan]:
    given: Any = mapping.choice.options.get("plans", {})
    return {
        op: Plan(str(plan["dataflow"]), {name: value for name, value in plan.items() if name != "dataflow"})
        for op, plan in given.items()
    }


def _attention(design: SpatialDesign, trio: Trio, plan: Plan | None, ratios: Ratios) -> tuple[Sum, tuple[str, ...]]:
    """One attention over all its repeats, and what was decided about it."""
    arrays = design.arrays
    flow = dataflow(plan.dataflow if plan is not None else arrays.dataflow)
    total, notes = Sum(arrays.word_bytes), tuple[str, ...]()
    for env, times in occurrences(trio.scores.dims.values(), trio.around):
        problem = trio.problem(env)
        chosen, steady = planned(flow, problem, arrays, plan, moving=bool(env))
        steady = as_published(design, flow.name, problem, steady)
        total.add(steady, times)
        ratios.add(problem, chosen, steady, times, flow)
        notes = notes or (
            f"{trio.scores.name}: {flow.name}" + "".join(f", {k} {v}" for k, v in chosen.choices.items()),
            *published_choice(flow, problem, arrays, steady),
        )
    return total, notes


def _alone(op: Op, around: tuple[Repeat, ...], arrays: SpatialArrays, plan: Plan | None) -> Sum:
    """An op outside attentions over all its repeats."""
    total = Sum(arrays.word_bytes)
    for env, times in occurrences(op.dims.values(), around):
        steady, _ = op_steady(op, op.extents(env), arrays, plan if not env else None)
        total.add(steady, times)
    return total
