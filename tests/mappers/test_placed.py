"""Does the mapper for several units promise the time that is simulated, never lose to `ops`, and prove its bound?"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.cases import choose_mapper
from archsim.core.errors import BadInput, Infeasible
from archsim.ir.affine import affine
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.check import check
from archsim.ir.component import Component, Cost, Design, OpCall
from archsim.ir.graph import DType, Graph, Op, Repeat, Role, Tensor
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import After, Mapping, Task
from archsim.mappers.ops import OpMapper
from archsim.mappers.placed import PlacedMapper
from archsim.mappers.placed.emit import Plan, Turn, emit
from archsim.mappers.placed.lower import simple
from archsim.mappers.placed.solve import duration
from archsim.mappers.placed.work import Work
from archsim.sim.machine import elaborate
from tests.compliance.mapper import Case, MapperCompliance, changed
from tests.mappers.test_compliance import SHAPES, small_graph


class Odd(Component, kind="test_odd"):
    """A unit whose times nobody could guess, and which lacks some kinds of ops where it has a seed."""

    seed: int = 0
    """Of the times."""

    def cost(self, op: OpCall) -> Cost | None:
        rng = random.Random(f"{self.seed} {op.kind}")
        if rng.random() < 0.25 and self.seed:
            return None
        return Cost(rng.randrange(50) + sum(op.dims.values()) // 4)


class Bus(Component, kind="test_bus"):
    """What results cross."""

    width: int = 8
    """Bytes per cycle."""

    @property
    def carries(self) -> bool:
        return True

    def cost(self, op: OpCall) -> Cost | None:
        return Cost(1 + op.bytes_in // self.width) if op.kind == "copy" else None


class Two(Design, kind="test_two"):
    """Two units that find all results anywhere."""

    one: Odd = Odd()
    """Everything."""
    other: Odd = Odd(seed=1)
    """Some things."""


class Linked(Design, kind="test_linked"):
    """Three units and a bus between them."""

    one: Odd = Odd()
    """Everything."""
    other: Odd = Odd(seed=1)
    """Some things."""
    third: Odd = Odd(seed=2)
    """Some things."""
    bus: Bus = Bus()
    """Between them."""


def simulated(mapping: Mapping, design: Design, *, fast_forward: bool = True) -> int:
    return elaborate(design).run(mapping, fast_forward=fast_forward).total_ps


def designs(seed: int) -> tuple[Design, ...]:
    other = Odd(seed=2 * seed + 1)
    return Two(other=other), Linked(other=other, third=Odd(seed=2 * seed + 2)), Linked(other=other, bus=Bus(width=1))


class TestPlacedMapper(MapperCompliance):
    @pytest.fixture
    def mapper(self) -> Mapper:
        return PlacedMapper()

    @pytest.fixture(params=[Two(), Linked()], ids=lambda design: design.kind)
    def design(self, request: pytest.FixtureRequest) -> Design:
        found: Design = request.param
        return found

    @pytest.fixture(params=["gpt2-small", "bert-base", "llama-3.2-1b"])
    def case(self, request: pytest.FixtureRequest, design: Design) -> Case:
        from archsim.workloads.load import load_workload

        return load_workload(request.param).expand(), design

    @pytest.fixture(params=SHAPES, ids=str)
    def small(self, request: pytest.FixtureRequest, design: Design) -> Case:
        return small_graph(*request.param), design


@pytest.mark.parametrize("shape", range(len(SHAPES)))
@pytest.mark.parametrize("seed", range(2))
def test_the_objective_is_the_simulated_time_and_nothing_is_slower_than_ops(shape: int, seed: int) -> None:
    graph = small_graph(*SHAPES[shape])
    for design in designs(seed):
        mapping = PlacedMapper().map(graph, design)
        check(mapping, graph, design)
        assert simulated(mapping, design) == simulated(mapping, design, fast_forward=False) == mapping.choice.objective
        if isinstance(design, Two):
            assert mapping.choice.objective <= simulated(OpMapper().map(graph, design), design)


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_executed_on_arrays_it_computes_the_graph_in_any_order(shape: int) -> None:
    graph = small_graph(*SHAPES[shape])
    for design in designs(shape):
        mapping = PlacedMapper().map(graph, design)
        assert mapping.execute(graph, design).ok
        assert mapping.execute(graph, design, seed=1, order="any").ok


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Up to four ops that read some of what was made before, perhaps in a loop, perhaps with its last result again."""
    kinds = ("copy", "gelu", "relu", "silu", "softmax", "add")
    tensors = {"x": Tensor("x", (("m", affine(4)), ("n", affine(8))), DType.BF16)}
    ops: list[Op] = []
    count = draw(st.integers(1, 4))
    for at in range(count):
        made = list(tensors)
        inputs = tuple(draw(st.lists(st.sampled_from(made), min_size=1, max_size=2, unique=True)))
        out = "x" if at == count - 1 and draw(st.booleans()) else f"t{at}"
        kind = "add" if len(inputs) > 1 else draw(st.sampled_from(kinds[:-1]))
        ops.append(Op(f"op{at}", kind, {"m": affine(4), "n": affine(8)}, inputs, (out,)))
        tensors[out] = Tensor(out, tensors["x"].dims, DType.BF16, Role.ACTIVATION)
    loops = draw(st.integers(1, 3))
    items = tuple(ops) if loops == 1 else (Repeat("i", loops, tuple(ops)),)
    return Graph("drawn", items, tensors)


def shortest(work: Work) -> int:
    """Over all units and all orders of all ops and copies of the one run."""
    names = [op.name for op in work.runs[0].ops]
    best = None
    for chosen in product(*(work.prices[name] for name in names)):
        units = dict(zip(names, chosen, strict=True))
        copies = sorted(
            {(f.tensor, f.maker, units[f.user]) for f in work.flows if units[f.user] != units[f.maker]}
            if work.link is not None
            else ()
        )
        everything: list[Turn] = [*names, *copies]
        for turns in permutations(everything):
            if possible(work, turns):
                time = duration(work, emit(work, Plan(units, {names[0]: turns})))
                best = time if best is None else min(best, time)
    assert best is not None
    return best


def possible(work: Work, turns: Sequence[Turn]) -> bool:
    """Whether ops come after what they read and copies after what they bring, as in the graph."""
    names = [op.name for op in work.runs[0].ops]
    place = {turn: at for at, turn in enumerate(turns)}
    for flow in work.flows:
        forward = names.index(flow.maker) < names.index(flow.user)
        if (place[flow.maker] < place[flow.user]) != forward:
            return False
    for turn, at in place.items():
        if isinstance(turn, tuple):
            users = [f.user for f in work.flows if (f.tensor, f.maker) == turn[:2]]
            later = [user for user in users if names.index(user) > names.index(turn[1])]
            if at < place[turn[1]] or any(place[user] < at for user in later):
                return False
    return all(place[other] < place[name] for name, others in work.hazards.items() for other in others)


@settings(max_examples=25, deadline=None)
@given(graphs(), st.integers(0, 20), st.booleans())
def test_no_assignment_and_order_is_below_the_bound_and_few_are_better(graph: Graph, seed: int, linked: bool) -> None:
    design = designs(seed)[1 if linked else 0]
    if linked:
        design = design.vary(third={"seed": 0})
    work = Work(graph, design)
    copies = sum(1 for _ in work.flows) if linked else 0
    if len(graph.ops) + copies > 5:
        return  # too many orders to try
    mapping = PlacedMapper().map(graph, design)
    check(mapping, graph, design)
    least = min(shortest(work), *(duration(work, emit(work, plan)) for plan in simple(work).values()))
    if not linked:
        assert mapping.choice.objective <= simulated(OpMapper().map(graph, design), design)
    assert mapping.choice.bound <= least
    assert simulated(mapping, design) == mapping.choice.objective
    looped = any(isinstance(item, Repeat) for item in graph.items)
    assert mapping.choice.objective >= least
    if not looped:  # iterations that overlap are seen by the brute force only
        assert mapping.choice.objective == least


@pytest.mark.parametrize("shape", [0, 2])
def test_a_wait_for_a_copy_or_of_one_is_only_dropped_where_another_says_the_same(shape: int) -> None:
    graph, design = small_graph(*SHAPES[shape]), designs(1)[1]
    mapping = PlacedMapper().map(graph, design)
    refused = 0
    for task, _ in mapping.walk():
        for wait in task.after:
            if task.kernel != "copy" and ".to." not in wait.task:
                continue
            rest = tuple(one for one in task.after if one != wait)

            def without(one: Task, name: str = task.name, rest: tuple[After, ...] = rest) -> Task:
                return replace(one, after=rest) if one.name == name else one

            damaged = changed(mapping, without)
            try:
                check(damaged, graph, design)
            except BadMapping:
                refused += 1
            else:  # another wait says the same: the link takes copies in turn
                assert all(damaged.execute(graph, design, seed, order="any").ok for seed in range(3))
    assert refused > 3


def test_two_products_that_do_not_wait_for_each_other_run_side_by_side() -> None:
    class Products(Component, kind="test_products_in"):
        """Everything, products in so many cycles."""

        cycles: int = 100
        """Of a product."""

        def cost(self, op: OpCall) -> Cost | None:
            return Cost(self.cycles if op.macs else 1)

    class Pair(Design, kind="test_side_by_side"):
        """Two units for everything, one a little slower."""

        fast: Products = Products()
        """The faster one."""
        slow: Products = Products(cycles=120)
        """The other."""

    graph = small_graph({"gated": True}, {"phase": "prefill", "prompt": 2})
    mapping = PlacedMapper().map(graph, Pair())
    tasks = {name: task for name, (task, _) in mapping.tasks().items()}
    assert {tasks["prefill.ffn_up"].unit, tasks["prefill.ffn_gate"].unit} == {"fast", "slow"}
    assert any("beside prefill.ffn" in tasks[f"prefill.{name}"].why for name in ("ffn_up", "ffn_gate"))
    layers, gained = 2, 100_000 - 20_000 + 1_000  # ps: two products at once; the activation is done meanwhile
    assert simulated(OpMapper().map(graph, Pair()), Pair()) - mapping.choice.objective == layers * gained


def test_it_is_the_default_where_units_differ_and_the_design_has_no_policy() -> None:
    class Policy(Two, kind="test_policy"):
        """Says itself where ops go."""

        def place(self, kind: str, options: object) -> str:
            return "one"

    assert choose_mapper(None, Two()).kind == "placed"
    assert choose_mapper(None, Linked()).kind == "placed"
    assert choose_mapper(None, Policy()).kind == "ops"
    with pytest.raises(BadInput, match="'ops' cannot map"):
        choose_mapper("ops", Linked())


def test_a_link_that_carries_nothing_is_said() -> None:
    class Dead(Bus, kind="test_dead_bus"):
        """Carries nothing."""

        def cost(self, op: OpCall) -> Cost | None:
            return None

    graph = small_graph(*SHAPES[0])
    with pytest.raises(Infeasible, match="bus carries no copy"):
        PlacedMapper().map(graph, Linked(bus=Dead()))
