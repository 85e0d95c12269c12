"""Every library keeps the promises of an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from math import inf
from typing import Any

import pytest
from hypothesis import strategies as st

from archsim.core.gap import gap
from archsim.core.quantities import Bytes
from archsim.ir.tensorgraph import TensorGraph, TensorOp
from archsim.mappers.allocation import Allocation, Buffer, allocate
from archsim.mappers.answer import Answer, line
from archsim.mappers.fusion import Chain, Fusion, chain_of, fuse_chain
from archsim.mappers.placement import Item, Placement, Schedule, Step, Unit, place, schedule
from archsim.mappers.precision import Layer, Option, Precision, PrecisionTable, choose_precision
from archsim.mappers.residency import Plan, plan
from archsim.mappers.tiling import Gemm, Hierarchy, Level, Tiling, priced, tile
from archsim.mappers.tiling.cost import METRICS, Metric
from archsim.mappers.tiling.solve import _tile
from tests.compliance.answer import AnswerCompliance
from tests.mappers_allocation.reference import buffer_lists
from tests.mappers_allocation.reference import least as lowest
from tests.mappers_fusion.test_fusion import brute as best_cut
from tests.mappers_fusion.test_fusion import buffer, part, small
from tests.mappers_placement.test_placement import brute as best_placement
from tests.mappers_placement.test_placement import cases
from tests.mappers_placement.test_schedule import cases as rounds
from tests.mappers_placement.test_schedule import shortest, sound
from tests.mappers_precision.test_precision import brute as best_widths
from tests.mappers_precision.test_precision import tables
from tests.mappers_residency.reference import graphs
from tests.mappers_residency.test_against_brute_force import optimum
from tests.mappers_tiling.test_tiling import gemms, hierarchies
from tests.mappers_tiling.walk import least

SOON = 1e-3
"""Seconds; no solver of ours is through by then."""
MISLED = [
    Step("s0", {"a": 9, "b": 1}),
    Step("s1", {"a": 6, "b": 9}),
    Step("s2", {"a": 4, "b": 9}),
    Step("s3", {"a": 5, "b": 2}, ("s0", "s2")),
]
"""The list takes 12 for what takes 10."""
TIGHT = PrecisionTable(
    budget=2.6,
    metric="bytes",
    layers=tuple(
        Layer(name=f"l{at}", elements=size, options=tuple(Option(bits=bits, error=error) for bits, error in options))
        for at, (size, options) in enumerate(
            [
                (22, [(6, 0.0), (3, 0.5), (8, 1.0)]),
                (8, [(8, 0.5), (3, 1.2), (6, 1.1)]),
                (8, [(8, 0.3), (2, 0.6), (6, 1.0)]),
                (12, [(6, 0.3), (3, 0.5), (2, 0.5)]),
            ]
        )
    ),
)
"""With one state kept this comes to 23 bytes; 22 are enough."""
Placing = tuple[list[Item], list[Unit], list[Any], list[list[str]]]


@pytest.mark.parametrize(
    ("objective", "bound", "wanted"), [(3, 2, 0.5), (2, 2, 0.0), (0, 0, 0.0), (1, 0, inf), (0.5, 0.0, inf)]
)
def test_the_gap_is_a_part_of_the_bound(objective: float, bound: float, wanted: float) -> None:
    assert gap(objective, bound) == wanted


def test_one_line_says_all() -> None:
    answer = Placement({"i": "u"}, {"u": 3000}, {"u": 0}, 0, 2000, "longest first", (), 0.5)
    assert line(answer) == "objective 3,000, bound 2,000, gap 50.00 %, not proved, longest first, 0.50 s"


def test_a_gap_over_nothing_is_said_and_is_no_number_in_json() -> None:
    answer = Placement({"i": "u"}, {"u": 3}, {"u": 0}, 0, 0, "longest first", ())
    assert "gap inf %" in line(answer)
    assert json.loads(json.dumps(answer.record(), allow_nan=False))["gap"] is None


class TestTile(AnswerCompliance[tuple[Gemm, Hierarchy, Metric]]):
    questions = st.tuples(gemms(most=6), hierarchies(1), st.sampled_from(METRICS))
    impossible = (Gemm(4, 4, 4), Hierarchy(levels=(Level(name="top"), Level(name="l0", capacity=Bytes(1)))), "latency")
    short = ("l0", "needs 48 bit", "has 4 bit", "more capacity")

    def ask(self, question: tuple[Gemm, Hierarchy, Metric]) -> Tiling:
        _tile.cache_clear()
        return tile(*question)

    def least(self, question: tuple[Gemm, Hierarchy, Metric]) -> float | None:
        return least(*question)[0]

    def holds(self, question: tuple[Gemm, Hierarchy, Metric], answer: Tiling) -> None:
        gemm, hierarchy, metric = question
        again = priced(gemm, hierarchy, answer.tiles, answer.orders, unroll=answer.unroll, metric=metric)
        assert again.objective == answer.objective


class TestPlan(AnswerCompliance[tuple[TensorGraph, int]]):
    questions = st.tuples(graphs(most=4), st.sampled_from([-1, 0, 0, 1, 3])).map(
        lambda drawn: (drawn[0], max(1, drawn[0].least_capacity + drawn[1]))
    )
    impossible = (TensorGraph("g", (TensorOp("add", ("x",), ("y",)),), {"x": 5, "y": 7}), 11)
    short = ("add", "12 B", "11 B", "1 B more", "--capacity 12")

    def ask(self, question: tuple[TensorGraph, int]) -> Plan:
        return plan(*question)

    def hurry(self, question: tuple[TensorGraph, int]) -> Plan:
        return plan(*question, seconds=SOON)

    def least(self, question: tuple[TensorGraph, int]) -> float | None:
        graph, capacity = question
        return optimum(graph, capacity) if capacity >= graph.least_capacity else None

    def holds(self, question: tuple[TensorGraph, int], answer: Plan) -> None:
        answer.check()
        assert answer.height <= question[1]

    def back(self, answer: Plan) -> Plan:
        return Plan.from_json(json.loads(json.dumps(answer.to_json(), allow_nan=False)))


@st.composite
def chains(draw: st.DrawFn) -> tuple[Chain, int]:
    whole = chain_of(small(draw(st.booleans()), draw(st.integers(1, 12))))
    first = draw(st.integers(0, 7))
    return part(whole, first, min(len(whole.nodes), first + draw(st.integers(2, 6)))), draw(st.integers(20, 20_000))


class TestFuse(AnswerCompliance[tuple[Chain, int]]):
    questions = chains()
    impossible = (chain_of(small(False, 12)), 1)
    short = ("prefill.norm1", "needs 64 bit", "has 8 bit", "more capacity")

    def ask(self, question: tuple[Chain, int]) -> Fusion:
        return fuse_chain(question[0], buffer(question[1]))

    def least(self, question: tuple[Chain, int]) -> float | None:
        chain, capacity = question
        alone = [best_cut(part(chain, at, at + 1), 8 * capacity) for at in range(len(chain.nodes))]
        return None if None in alone else best_cut(chain, 8 * capacity)

    def holds(self, question: tuple[Chain, int], answer: Fusion) -> None:
        chain, capacity = question
        assert [op for group in answer.groups for op in group.ops] == [node.name for node in chain.nodes]
        assert all(group.need <= capacity for group in answer.groups)
        assert sum(group.moved for group in answer.groups) == answer.objective


class TestPlace(AnswerCompliance[Placing]):
    questions = cases(most_items=4)
    impossible: Placing = ([Item("big", 1, 9)], [Unit("u", 4)], [], [])
    short = ("big", "needs 9 B", "has 4 B", "more capacity")

    def ask(self, question: Placing) -> Placement:
        items, units, links, apart = question
        return place(items, units, links=links, apart=apart)

    def hurry(self, question: Placing) -> Placement:
        items, units, links, apart = question
        return place(items, units, links=links, apart=apart, method="program", seconds=SOON)

    def least(self, question: Placing) -> float | None:
        return best_placement(question)

    def holds(self, question: Placing, answer: Placement) -> None:
        """With every item where it was put and nowhere else, the only placement there is costs as much."""
        items, units, links, apart = question
        pinned = [
            replace(item, work={at: item.work if isinstance(item.work, int) else item.work[at]})
            for item, at in ((item, answer.places[item.name]) for item in items)
        ]
        assert best_placement((pinned, units, links, apart)) == answer.objective


class TestSchedule(AnswerCompliance[tuple[list[Step], list[Any]]]):
    questions: st.SearchStrategy[tuple[list[Step], list[Any]]] = st.just((MISLED, [])) | rounds()
    impossible: tuple[list[Step], list[Any]] = ([Step("x", {})], [])
    short = ("no unit takes it",)

    def ask(self, question: tuple[list[Step], list[Any]]) -> Schedule:
        return schedule(*question)

    def hurry(self, question: tuple[list[Step], list[Any]]) -> Schedule:
        return schedule(*question, method="list")

    def least(self, question: tuple[list[Step], list[Any]]) -> float | None:
        return shortest(question)

    def holds(self, question: tuple[list[Step], list[Any]], answer: Schedule) -> None:
        sound(answer, question)


def _cost(table: PrecisionTable, bits: dict[str, int]) -> float:
    kept = [
        layer.model_copy(update={"options": tuple(o for o in layer.options if o.bits == bits[layer.name])})
        for layer in table.layers
    ]
    cost = best_widths(table.model_copy(update={"layers": tuple(kept)}))
    assert cost is not None, "over the budget"
    return float(cost)


class TestPrecision(AnswerCompliance[PrecisionTable]):
    questions = st.just(TIGHT) | tables()
    impossible = PrecisionTable(
        budget=0.5, metric="bytes", layers=(Layer(name="ffn", elements=4, options=(Option(bits=4, error=0.7),)),)
    )
    short = ("0.7", "0.5", "over by 0.2", "budget: 0.7 or more")

    def ask(self, question: PrecisionTable) -> Precision:
        return choose_precision(question)

    def hurry(self, question: PrecisionTable) -> Precision:
        return choose_precision(question, states=1)

    def least(self, question: PrecisionTable) -> float | None:
        found = best_widths(question)
        return None if found is None else float(found)

    def holds(self, question: PrecisionTable, answer: Precision) -> None:
        assert _cost(question, answer.bits) == answer.objective


class TestAllocate(AnswerCompliance[list[Buffer]]):
    questions = buffer_lists(most=4)
    impossible = None
    """What does not fit is an answer, too."""

    def ask(self, question: list[Buffer]) -> Allocation:
        return allocate(question)

    def hurry(self, question: list[Buffer]) -> Allocation:
        return allocate(question, nodes=0)

    def least(self, question: list[Buffer]) -> float | None:
        return lowest(question)

    def holds(self, question: list[Buffer], answer: Allocation) -> None:
        answer.check()
        assert max(at + buffer.size for buffer, at in zip(question, answer.places, strict=True)) == answer.objective

    def back(self, answer: Allocation) -> Allocation:
        return Allocation.from_json(json.loads(json.dumps(answer.to_json())))


def test_all_results_are_answers() -> None:
    """The type checker looks at the list, this at the names: each has all that an answer has."""
    kinds: list[type[Answer]] = [Tiling, Plan, Fusion, Placement, Schedule, Precision, Allocation]
    for kind in kinds:
        names = {*dir(kind), *getattr(kind, "__dataclass_fields__", ())}
        assert {"objective", "bound", "gap", "proved", "method", "why", "seconds", "record"} <= names
