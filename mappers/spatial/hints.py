"""Notes where another dataflow than the named one is faster on the same arrays."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.ir.graph import Graph
from archsim.mappers.spatial.auto import AUTO, percent, shown
from archsim.mappers.spatial.offers import EXACT, exact, largest, offer, sizes_of
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.flat import Flat
from archsim.units.spatial.least_time import least_time
from archsim.units.spatial.onepass import OnePass
from archsim.units.spatial.onepass_cascade import EINSUMS
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem
from archsim.units.spatial.trio import trios
from archsim.units.spatial.unfused import Unfused

WORTH = Fraction(5, 100)
"""Part of the time from which on another dataflow is worth a note."""


def hints(graph: Graph, arrays: SpatialArrays, flow: Dataflow) -> Iterator[str]:
    """A note for every shape class of attentions that another exact dataflow computes much sooner.

    Sizes that a loop moves are compared where they are largest. An approximation is not compared: it computes less.
    """
    if not exact(flow):
        return
    seen = set[Problem]()
    for trio in trios(graph):
        problem = largest(sizes_of(trio, trio.around))
        if problem in seen:
            continue
        seen.add(problem)
        taken = offer(flow, ((problem, 1),), arrays).seconds
        name, least = best_below(problem, arrays, taken / (1 + WORTH))
        if name:
            yield (
                f"{trio.scores.name} with {problem.keys:,} keys: {flow.name} takes {shown(taken)} in its steady state, "
                f"{percent(taken / least - 1)} longer than {name} on the same arrays: --set mapper.dataflow={name}, or "
                f"{AUTO}"
            )


def best_below(problem: Problem, arrays: SpatialArrays, limit: Fraction) -> tuple[str, Fraction]:
    """The fastest exact dataflow below a time, and its time; no name where there is none.

    Dataflows are not asked where no schedule is below the limit or the best one found, nor where they lack an operator.
    FLAT, whose plan is searched for, comes last, and only if its softmax, the unfused one, leaves it a chance.
    """
    best, least = ("", limit), least_time(problem, arrays).seconds
    softmax = Fraction(0)
    for flow in sorted(EXACT, key=lambda flow: isinstance(flow, Flat)):
        if least >= best[1]:
            return best
        if _lacks(flow, arrays) or (isinstance(flow, Flat) and softmax >= best[1]):
            continue
        try:
            found = offer(flow, ((problem, 1),), arrays)
        except (BadInput, Infeasible):
            continue
        if found.seconds < best[1]:
            best = (flow.name, found.seconds)
        if isinstance(flow, Unfused):
            softmax = found.forms[0][0].busy_seconds(VECTOR, arrays)
    return best


def _lacks(flow: Dataflow, arrays: SpatialArrays) -> bool:
    """Whether no PE has an operator that a one-pass dataflow needs where it needs it."""
    if not isinstance(flow, OnePass):
        return False
    known = {ARRAY: arrays.array_cycles, VECTOR: arrays.vector_cycles}
    return any(EINSUMS[name].operator not in known[role] for name, role in flow.binding.roles.items())
