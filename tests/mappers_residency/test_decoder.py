"""The decoder layers that a prototype measured: objectives in units of 32 KiB, and what repeats costs as often."""

from __future__ import annotations

import pytest

from archsim.mappers.residency import plan
from archsim.mappers.residency.arena import arena
from archsim.mappers.residency.evict import belady, lru
from archsim.mappers.residency.footprint import least_memory
from archsim.mappers.residency.keep import keep
from archsim.mappers.residency.orders import candidates
from archsim.mappers.residency.problem import Problem
from archsim.workloads.networks import UNIT, decoder


@pytest.mark.parametrize(
    ("shape", "ops", "least", "peak"),
    [((2, 1), 21, 129, 145), ((2, 2), 25, 66, 98), ((4, 4), 45, 48, 81)],
)
def test_working_sets_and_peaks_are_the_published_ones(shape: tuple[int, int], ops: int, least: int, peak: int) -> None:
    graph = decoder(*shape)
    memory = least_memory(graph)
    assert len(graph.ops) == ops
    assert graph.least_capacity == least * UNIT
    assert (memory.bytes, memory.proved) == (peak * UNIT, True)


@pytest.mark.parametrize(
    ("shape", "capacity", "least"),
    [
        # (groups, chunks, layers), capacity, optimum
        ((2, 1, 1), 129, 32),
        ((2, 2, 1), 66, 96),
        ((2, 2, 1), 82, 32),
        ((2, 2, 2), 66, 192),
        ((2, 2, 4), 66, 384),
        ((2, 2, 4), 82, 128),
        ((2, 2, 32), 66, 32 * 96),
        ((4, 4, 1), 64, 54),
        ((4, 4, 8), 64, 8 * 54),
        ((2, 2, 1), 98, 0),
        ((4, 4, 2), 81, 0),
    ],
)
def test_optima_are_proved_and_packed_into_the_capacity(shape: tuple[int, int, int], capacity: int, least: int) -> None:
    found = plan(decoder(*shape), capacity * UNIT)
    found.check()
    assert (found.objective, found.lower_bound) == (least * UNIT, least * UNIT)
    assert found.fragmentation == 0


def test_program_order_costs_more() -> None:
    problem = Problem.of(decoder(2, 2))
    units = 66 * UNIT // problem.unit
    assert lru(problem, problem.program, units).cost * problem.unit == 112 * UNIT
    assert belady(problem, problem.program, units).cost * problem.unit == 112 * UNIT
    assert keep(problem, problem.program, units).schedule.cost * problem.unit == 112 * UNIT


@pytest.mark.parametrize(("capacity", "known"), [(48, 108), (53, 80)])
def test_wide_layers_are_at_least_as_good_as_the_prototype(capacity: int, known: int) -> None:
    found = plan(decoder(8, 8), capacity * UNIT, method="orders")
    found.check()
    assert found.objective <= known * UNIT
    assert found.fragmentation == 0


@pytest.mark.parametrize("capacity", [48, 64])
def test_replacement_of_hundreds_of_ops_is_exact(capacity: int) -> None:
    problem = Problem.of(decoder(4, 4, 8))
    assert len(problem.ops) == 360
    for order in candidates(problem).values():
        kept = keep(problem, order, capacity * UNIT // problem.unit)
        assert kept.schedule.cost == kept.bound
        for rule in (lru, belady):
            assert rule(problem, order, capacity * UNIT // problem.unit).cost >= kept.bound


def test_more_room_never_moves_more() -> None:
    graph = decoder(2, 2)
    costs = [plan(graph, units * UNIT).objective for units in range(66, 101, 4)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == 0


def test_nothing_is_lost_by_cutting() -> None:
    graph = decoder(2, 2, 2)
    whole, cut = (plan(graph, 66 * UNIT, divide=divide) for divide in (False, True))
    assert whole.objective == cut.objective == whole.lower_bound == cut.lower_bound == 192 * UNIT


def test_an_arena_fragments_where_exact_placement_does_not() -> None:
    problem = Problem.of(decoder(2, 2))
    units = 66 * UNIT // problem.unit
    best = keep(problem, problem.program, units).schedule.cost
    assert all(arena(problem, problem.program, units, rule).cost > best for rule in ("belady", "greedy"))
