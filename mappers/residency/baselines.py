"""What others do with the same graph and capacity: rules without addresses, and TensorFlow Lite's arena with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.ir.tensorgraph import TensorGraph
from archsim.mappers.residency.arena import Rule, arena
from archsim.mappers.residency.evict import belady, lru
from archsim.mappers.residency.footprint import least_memory
from archsim.mappers.residency.part import check_fits
from archsim.mappers.residency.problem import Problem

ARENAS: tuple[tuple[str, Rule], ...] = (
    ("default", "belady"),
    ("default", "greedy"),
    ("least-peak", "belady"),
    ("least-peak", "greedy"),
)
"""Order and rule of COSMA's four baselines, each with the arena allocator."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Non-compulsory bytes of a method, and the steps at which its arena was fragmented."""

    name: str
    bytes: int
    compactions: int = 0


def baselines(graph: TensorGraph, capacity: int, *, peak_order: Sequence[str] | None = None) -> dict[str, Baseline]:
    """Every baseline by name.

    Parameters
    ----------
    graph, capacity
        What runs, and the bytes on chip.
    peak_order
        The order of least peak, where it is known already.

    Raises
    ------
    Infeasible
        The operands of an op do not fit.
    """
    problem = Problem.of(graph)
    check_fits(problem, capacity)
    units = capacity // problem.unit
    number = {name: op for op, name in enumerate(problem.ops)}
    names = peak_order if peak_order is not None else least_memory(graph).order
    orders = {"default": problem.program, "least-peak": tuple(number[name] for name in names)}
    found = [
        Baseline("lru", lru(problem, problem.program, units).cost * problem.unit),
        Baseline("belady", belady(problem, problem.program, units).cost * problem.unit),
    ]
    for order, rule in ARENAS:
        filled = arena(problem, orders[order], units, rule)
        found.append(Baseline(f"arena, {order}, {rule}", filled.cost * problem.unit, filled.compactions))
    return {each.name: each for each in found}
