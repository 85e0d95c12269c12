"""What every mapper promises. Subclass, give `mapper` and `cases`, and all of it is tested.

The promises are those of `archsim.ir.mapper.Mapper`: every op covered once, every memory holds what is placed in it,
producers before consumers, the same input gives the same mapping, a bound that is not above the objective, and where
there is no mapping, the reasons.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from archsim.core.errors import ArchsimError
from archsim.ir.affine import Affine
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import After, Loop, Mapping, Node, Range, Task
from archsim.sim.machine import elaborate

Case = tuple[Graph, Design]
Mutant = Callable[[Task], Task | None]


def changed(mapping: Mapping, mutate: Mutant) -> Mapping:
    """The mapping with every task replaced by what `mutate` makes of it; None removes it."""

    def visit(body: tuple[Node, ...]) -> tuple[Node, ...]:
        out: list[Node] = []
        for node in body:
            if isinstance(node, Loop):
                if inner := visit(node.body):
                    out.append(Loop(node.var, node.count, inner))
            elif (task := mutate(node)) is not None:
                out.append(task)
        return tuple(out)

    return replace(mapping, body=visit(mapping.body))


class MapperCompliance:
    """One test per promise, on every case."""

    @pytest.fixture
    def mapper(self) -> Mapper:
        """The mapper under test."""
        raise NotImplementedError

    @pytest.fixture
    def case(self) -> Case:
        """A graph and a design that the mapper accepts; parametrise it."""
        raise NotImplementedError

    @pytest.fixture
    def mapping(self, mapper: Mapper, case: Case) -> Mapping:
        return mapper.map(*case)

    def test_accepts_the_design_and_passes_its_check(self, mapper: Mapper, mapping: Mapping, case: Case) -> None:
        assert mapper.accepts(case[1])
        mapping.check(*case)

    def test_the_same_input_gives_the_same_mapping(self, mapper: Mapper, mapping: Mapping, case: Case) -> None:
        assert mapper.map(*case) == mapping

    def test_the_bound_is_not_above_the_objective(self, mapping: Mapping) -> None:
        assert 0 <= mapping.choice.bound <= mapping.choice.objective * (1 + 1e-12)
        assert mapping.choice.gap >= -1e-12
        assert mapping.choice.mapper
        assert mapping.choice.metric

    def test_it_survives_json(self, mapping: Mapping) -> None:
        assert Mapping.from_json(json.loads(json.dumps(mapping.to_json()))) == mapping

    def test_it_explains_every_task(self, mapping: Mapping) -> None:
        text = mapping.explain()
        assert all(task.name in text for task, _ in mapping.walk())

    def test_it_runs(self, mapping: Mapping, case: Case) -> None:
        assert elaborate(case[1]).run(mapping).total_ps > 0

    # A check that cannot fail proves nothing: each damaged mapping is refused, and the message names the culprit.

    def _victim(self, mapping: Mapping) -> Task:
        return next(task for task, _ in mapping.walk() if task.tile and task.after)

    def _refused(self, damaged: Mapping, case: Case, culprit: str) -> None:
        with pytest.raises(ArchsimError) as caught:
            damaged.check(*case)
        assert culprit in str(caught.value)

    def test_a_dropped_task_is_missed(self, mapping: Mapping, case: Case) -> None:
        victim = self._victim(mapping)
        self._refused(changed(mapping, lambda t: None if t.name == victim.name else t), case, victim.op)

    def test_a_task_that_does_less_is_noticed(self, mapping: Mapping, case: Case) -> None:
        victim = next(
            t for t, _ in mapping.walk() if t.tile and any(r.stop.base - r.start.base > 1 for r in t.tile.values())
        )
        dim = next(d for d, r in victim.tile.items() if r.stop.base - r.start.base > 1)

        def shrink(task: Task) -> Task:
            if task.name != victim.name:
                return task
            r = task.tile[dim]
            return replace(task, tile={**task.tile, dim: Range(r.start, r.stop - 1)})

        self._refused(changed(mapping, shrink), case, victim.op.rpartition(".")[2])

    def test_a_task_that_does_too_much_is_noticed(self, mapping: Mapping, case: Case) -> None:
        victim = self._victim(mapping)
        dim = next(iter(victim.tile))

        def widen(task: Task) -> Task:
            if task.name != victim.name:
                return task
            r = task.tile[dim]
            return replace(task, tile={**task.tile, dim: Range(r.start, r.stop + 1)})

        self._refused(changed(mapping, widen), case, victim.name)

    def test_an_unknown_unit_is_named(self, mapping: Mapping, case: Case) -> None:
        victim = self._victim(mapping)
        damaged = changed(mapping, lambda t: replace(t, unit="nowhere") if t.name == victim.name else t)
        self._refused(damaged, case, "nowhere")

    def test_an_unknown_dependence_is_named(self, mapping: Mapping, case: Case) -> None:
        victim = self._victim(mapping)
        damaged = changed(mapping, lambda t: replace(t, after=(After("nobody"),)) if t.name == victim.name else t)
        self._refused(damaged, case, "nobody")

    def test_an_unbound_loop_variable_is_named(self, mapping: Mapping, case: Case) -> None:
        victim = self._victim(mapping)
        loose = {**victim.args, "extra": Affine.var("elsewhere")}
        damaged = changed(mapping, lambda t: replace(t, args=loose) if t.name == victim.name else t)
        self._refused(damaged, case, "elsewhere")

    def test_a_memory_that_is_too_small_is_named(self, mapping: Mapping, case: Case) -> None:
        for memory in mapping.capacities:
            damaged = replace(mapping, capacities={**mapping.capacities, memory: 1})
            self._refused(damaged, case, memory)

    def test_tensors_that_share_bytes_are_named(self, mapping: Mapping, case: Case) -> None:
        if len(mapping.placements) < 2:
            return
        first = mapping.placements[0]
        clash = replace(first, tensor="intruder", live=())
        self._refused(replace(mapping, placements=(*mapping.placements, clash)), case, "intruder")


class CapacityCompliance:
    """For mappers that place tensors in memories: what does not fit is said, with what would."""

    def test_what_does_not_fit_says_what_is_short(self, mapper: Mapper, too_large: Case) -> None:
        with pytest.raises(ArchsimError) as caught:
            mapper.map(*too_large)
        assert caught.value.exit_code == 1
        assert caught.value.right
        assert caught.value.tries
