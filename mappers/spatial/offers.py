"""What dataflows make of an attention, so that they can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from archsim.ir.capability import SpatialArrays
from archsim.ir.component import Design
from archsim.ir.graph import Repeat, occurrences
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.dataflows import DATAFLOWS
from archsim.units.spatial.planning import planned
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.trio import Trio

Sizes = tuple[tuple[Problem, int], ...]
"""What loops make of an attention, and how often each occurs."""


def exact(flow: Dataflow) -> bool:
    """Whether it computes every score; the others approximate, so that nothing takes one that was not named."""
    return getattr(flow, "pattern", FULL) is FULL


EXACT: tuple[Dataflow, ...] = tuple(flow for flow in DATAFLOWS.values() if exact(flow))
"""All exact dataflows, the published ones first."""


def sizes_of(trio: Trio, around: tuple[Repeat, ...]) -> Sizes:
    """All sizes of an attention: equal ones are of the same shape class, whatever the ops are called."""
    return tuple((trio.problem(env), times) for env, times in occurrences(trio.scores.dims.values(), around))


def largest(sizes: Sizes) -> Problem:
    """The one that plans are made for."""
    return max((problem for problem, _ in sizes), key=Problem.macs)


@dataclass(frozen=True)
class Offer:
    """One dataflow's plan, and its closed forms."""

    flow: Dataflow
    plan: Plan
    forms: tuple[tuple[Steady, int], ...]
    """Steady state of each size, and how often it occurs."""

    @property
    def name(self) -> str:
        """Of the dataflow."""
        return self.flow.name

    @cached_property
    def seconds(self) -> Fraction:
        """In all."""
        return sum((form.seconds * times for form, times in self.forms), Fraction(0))

    @cached_property
    def moved(self) -> Fraction:
        """Bytes from and to the DRAM."""
        return sum(((form.read + form.written) * times for form, times in self.forms), Fraction(0))

    def energy(self, arrays: SpatialArrays, design: Design) -> int:
        """FJ of everything that is counted, without what standing by takes, which goes with time alone."""
        blocks, total = design.blocks(), 0
        for form, times in self.forms:
            counted = {
                arrays.array: form.counts.get(ARRAY, {}),
                arrays.vector: form.counts.get(VECTOR, {}),
                arrays.memory: {"bytes_read": int(form.read), "bytes_written": int(form.written)},
            }
            total += times * sum(sum(blocks[unit].energy(each, 0).values()) for unit, each in counted.items())
        return total


def offer(flow: Dataflow, sizes: Sizes, arrays: SpatialArrays) -> Offer:
    """What a dataflow makes of these sizes.

    Raises
    ------
    Infeasible, BadInput
        As the dataflow's `plan`.
    """
    plan = flow.plan(largest(sizes), arrays)
    moving = len(sizes) > 1
    forms = ((planned(flow, problem, arrays, plan, moving=moving)[1], times) for problem, times in sizes)
    return Offer(flow, plan, tuple(forms))
