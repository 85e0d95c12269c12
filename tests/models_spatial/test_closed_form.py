"""Does the closed form keep its books, and say the same as the dataflow?"""

from __future__ import annotations

from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api import load_design
from archsim.ir.affine import Affine
from archsim.ir.closedform import ClosedForm
from archsim.ir.graph import Graph
from archsim.ir.mapping import Choice, Loop, Mapping, Node, Task
from archsim.models.spatial import SpatialDesign
from archsim.models.spatial.steady import closed_form
from archsim.sim import closedform
from archsim.sim.trace import Trace
from archsim.units.spatial.dataflows import dataflow
from archsim.units.spatial.problem import Problem
from archsim.workloads.single import Operator
from tests.sim.laws import check_conserved

DESIGNS = st.sampled_from(["fusemax", "fusemax-arch", "fusemax-cascade", "flat", "unfused"])
PS = 10**12


def machine(name: str) -> SpatialDesign:
    """A bundled design."""
    design = load_design(name)
    assert isinstance(design, SpatialDesign)
    return design


def mapped(graph: Graph, plans: dict[str, object] | None = None) -> Mapping:
    """A mapping with a task for every op and these plans; only its plans and its op names are looked at."""
    tasks: tuple[Node, ...] = tuple(Task(op.name, op.name, "mac", "array_2d", {}) for op, _ in graph.walk())
    choice = Choice("test", "ps", 0.0, 0.0, {"plans": plans or {}})
    return Mapping(graph.name, "spatial", (Loop("i", 1, tasks),), (), {}, choice)


def attention(batch: int, heads: int, positions: int, keys: int, head: int) -> Graph:
    """One attention."""
    return Operator(op=f"attention:{batch},{heads},{heads},{positions},{keys},{head}").expand()


def traced(design: SpatialDesign, graph: Graph) -> tuple[ClosedForm, Trace]:
    """The closed form and its books."""
    mapping = mapped(graph)
    closed = closed_form(design, mapping, graph)
    return closed, closedform.trace(closed, mapping.body, design.blocks())


@settings(max_examples=25)
@given(DESIGNS, st.integers(1, 4), st.integers(1, 4), st.integers(1, 2000), st.sampled_from([16, 64, 128]))
def test_every_picosecond_is_booked_once(name: str, batch: int, heads: int, length: int, head: int) -> None:
    """The laws of simulated traces hold for formulas too."""
    design, graph = machine(name), attention(batch, heads, length, length, head)
    _, trace = traced(design, graph)
    check_conserved(trace, mapped(graph).body, design.blocks())


@settings(max_examples=25)
@given(DESIGNS, st.integers(1, 4), st.integers(1, 4), st.integers(1, 2000), st.integers(1, 2000))
def test_says_what_the_dataflow_says(name: str, batch: int, heads: int, positions: int, keys: int) -> None:
    """Its time rounded up once, its bytes and every count."""
    design, graph = machine(name), attention(batch, heads, positions, keys, 64)
    closed, _ = traced(design, graph)
    problem, flow = Problem(batch, heads, heads, positions, keys, 64), dataflow(design.dataflow)
    steady = flow.steady(problem, design.arrays, flow.plan(problem, design.arrays))
    assert closed.total_ps == ceil(steady.seconds * PS)
    moved = sum(op.counters["dram"]["bytes_read"] + op.counters["dram"]["bytes_written"] for op in closed.ops)
    assert 0 <= moved - (steady.read + steady.written) < 2
    for role, unit in (("array", "array_2d"), ("vector", "array_1d")):
        for counter, count in steady.counts[role].items():
            assert sum(op.counters[unit][counter] for op in closed.ops) == count
        busy = sum(op.busy_ps[unit] for op in closed.ops)
        assert abs(busy - steady.busy[role] * PS / design.arrays.clock) < 1


def test_a_plan_of_the_mapping_is_obeyed() -> None:
    """One resident tile of queries instead of the most that fit: more passes, more traffic."""
    design, graph = machine("fusemax"), attention(1, 1, 4096, 4096, 64)
    best = closed_form(design, mapped(graph), graph)
    plan = {"dataflow": "fusemax", "resident": 1, "passes": 16}
    worse = closed_form(design, mapped(graph, {"scores": plan}), graph)
    read = [sum(op.counters["dram"]["bytes_read"] for op in form.ops) for form in (best, worse)]
    assert read == [3 * 4096 * 64 * 2, (1 + 2 * 16) * 4096 * 64 * 2]
    assert best.ratios["passes"] == 1
    assert worse.ratios["passes"] == 16


@given(st.integers(6, 12), st.sampled_from([32, 64, 128, 256]))
def test_fusemax_is_balanced_to_a_cycle(log_length: int, head: int) -> None:
    """2E + 9 cycles of the 2D array and 2E + 10 of the 1D array for every tile, without the final division."""
    length = 1 << (log_length + 4)
    closed = closed_form(machine("fusemax"), mapped(graph := attention(1, 1, length, length, head)), graph)
    tiles = ceil(length / 256)
    assert closed.ratios["tile_2d"] == 2 * head + 9
    assert closed.ratios["tile_1d"] == pytest.approx(2 * head + 10 + head / tiles, rel=1e-12)
    assert closed.ratios["tile"] == pytest.approx(closed.ratios["tile_1d"], rel=1e-12)


@given(st.integers(1, 8), st.integers(1, 8))
def test_einsums_add_up_to_the_arrays(batch: int, heads: int) -> None:
    """Utilisation by einsum sums to that of both arrays."""
    for name in ("fusemax", "fusemax-arch", "fusemax-cascade", "flat"):
        ratios = closed_form(machine(name), mapped(graph := attention(batch, heads, 512, 512, 64)), graph).ratios
        parts = sum(value for key, value in ratios.items() if key.startswith("util."))
        assert parts == pytest.approx(ratios["util_2d"] + ratios["util_1d"], rel=1e-12)


def test_a_loop_multiplies_and_growing_sizes_add_up() -> None:
    """Two layers cost twice one, and a context that grows is the sum over its steps."""
    design = machine("fusemax")
    from archsim.ir.graph import Op, Repeat

    def looped(growth: int, count: int) -> Graph:
        base = attention(1, 2, 1, 300, 64)
        ops = tuple(
            Op(
                op.name,
                op.kind,
                {
                    name: Affine.var("i", growth, 300) if name == ("n" if op.kind == "softmax" else "t") else size
                    for name, size in op.dims.items()
                },
                op.inputs,
                op.outputs,
            )
            for op, _ in base.walk()
        )
        return Graph("looped", (Repeat("i", count, ops),), base.tensors)

    once = closed_form(design, mapped(graph := looped(0, 1)), graph)
    twice = closed_form(design, mapped(graph := looped(0, 2)), graph)
    assert abs(twice.total_ps - 2 * once.total_ps) <= 1
    grown = closed_form(design, mapped(graph := looped(100, 5)), graph)
    steps = [Fraction(0)] * 5
    for step in range(5):
        problem, flow = Problem(1, 2, 2, 1, 300 + 100 * step, 64), dataflow("fusemax")
        steps[step] = flow.steady(problem, design.arrays, flow.plan(problem, design.arrays)).seconds
    assert grown.total_ps == ceil(sum(steps) * PS)


@settings(max_examples=25)
@given(DESIGNS, st.integers(1, 3), st.integers(1, 2000), st.integers(1, 2000))
def test_balance_and_bound_are_said_as_they_are_counted(name: str, heads: int, positions: int, keys: int) -> None:
    """Notes and ratios repeat the steady state: cycles per tile, and bytes over the larger bound, never below it."""
    design, graph = machine(name), attention(1, heads, positions, keys, 64)
    closed = closed_form(design, mapped(graph), graph)
    tiles = heads * ceil(positions / 256) * ceil(keys / 256)
    balance, traffic = (next(note for note in closed.notes if word in note) for word in ("per tile", "moves"))
    assert f"{closed.ratios['tile_1d']:.5g} of array_1d, {closed.ratios['tile']:.5g} in all" in balance
    busy = sum(op.busy_ps.get("array_1d", 0) for op in closed.ops)
    assert closed.ratios["tile_1d"] * tiles == pytest.approx(busy * design.arrays.clock / PS, rel=1e-6, abs=3e-3)
    moved = sum(op.counters.get("dram", {}).get(f"bytes_{way}", 0) for op in closed.ops for way in ("read", "written"))
    squares = heads * positions * keys * 64**2 // (design.buffer_bytes // 2)
    bound = 2 * max(2 * heads * (positions + keys) * 64, squares)
    assert closed.ratios["traffic_over_bound"] == pytest.approx(moved / bound, rel=1e-3)
    assert closed.ratios["traffic_over_bound"] >= 1
    assert f"moves {closed.ratios['traffic_over_bound']:.2f} times" in traffic
