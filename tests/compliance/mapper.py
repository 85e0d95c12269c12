"""What every mapper promises. Subclass, give `mapper`, `case` and `small`, and all of it is tested.

The promises are those of `archsim.ir.mapper.Mapper`: every op covered once, every memory holds what is placed in it,
producers before consumers, the same input gives the same mapping, a bound that is not above the objective, and where
there is no mapping, the reasons.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from archsim.core.errors import ArchsimError, DoesNotFit
from archsim.ir.affine import Affine
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import After, Loop, Mapping, Node, Range, Task
from archsim.sim.machine import elaborate
from tests.compliance import proofs
from tests.sim.laws import check_conserved

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


def short_of(mapper: Mapper, graph: Graph, design: Design) -> str | None:
    """What a design has too little of; None where it can be mapped."""
    try:
        mapper.map(graph, design)
    except ArchsimError as error:
        return error.where
    return None


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
    def small(self) -> Case:
        """The same, small enough to look at every point, byte and instance."""
        raise NotImplementedError

    @pytest.fixture
    def mapping(self, mapper: Mapper, case: Case) -> Mapping:
        return mapper.map(*case)

    # By brute force.

    def test_it_computes_every_part_of_every_op_once(self, mapper: Mapper, small: Case) -> None:
        proofs.covers_every_point_once(mapper.map(*small), small[0])

    def test_it_fits_every_memory(self, mapper: Mapper, small: Case) -> None:
        proofs.fits_every_memory(mapper.map(*small), small[1])

    @pytest.mark.parametrize("salt", proofs.SALTS)
    def test_producers_come_before_consumers_whatever_time_they_take(
        self, mapper: Mapper, small: Case, salt: int
    ) -> None:
        proofs.waits_for_its_producers(mapper.map(*small), salt)

    @pytest.mark.parametrize("salt", proofs.SALTS)
    def test_no_vector_is_lost_before_its_last_use(self, mapper: Mapper, small: Case, salt: int) -> None:
        proofs.keeps_what_is_still_needed(mapper.map(*small), salt)

    def test_it_leaves_the_graph_alone(self, mapper: Mapper, small: Case) -> None:
        before = copy.deepcopy(small[0])
        mapper.map(*small)
        assert small[0] == before

    def test_every_picosecond_of_its_run_is_booked(self, mapper: Mapper, small: Case) -> None:
        mapping = mapper.map(*small)
        machine = elaborate(small[1])
        check_conserved(machine.run(mapping), mapping.body, machine.blocks)

    # By its word.

    def test_accepts_the_design_and_passes_its_check(self, mapper: Mapper, mapping: Mapping, case: Case) -> None:
        assert mapper.accepts(case[1])
        mapping.check(*case)

    def test_the_same_input_gives_the_same_mapping(self, mapper: Mapper, mapping: Mapping, case: Case) -> None:
        again = type(mapper)(**dict(mapper)).map(*case)
        assert again == mapping
        assert json.dumps(again.to_json()) == json.dumps(mapping.to_json())

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
        for memory in {place.memory for place in mapping.placements}:
            damaged = replace(mapping, capacities={**mapping.capacities, memory: 1})
            self._refused(damaged, case, memory)

    def test_a_mapping_for_more_memory_is_refused(self, mapping: Mapping, case: Case) -> None:
        for memory, size in mapping.capacities.items():
            damaged = replace(mapping, capacities={**mapping.capacities, memory: size + 1})
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
        error = caught.value
        assert error.exit_code == 1
        assert error.right
        assert error.tries
        if isinstance(error, DoesNotFit):
            assert error.need > error.have >= 0
            assert error.where
            assert 0 < sum(error.terms.values()) <= error.need

    def test_what_it_advises_helps(self, mapper: Mapper, too_large: Case) -> None:
        """Every ``--set part.field=value`` for the design: then it fits, or something else is short."""
        graph, design = too_large
        with pytest.raises(ArchsimError) as caught:
            mapper.map(graph, design)
        error = caught.value
        advised = [found for text in error.tries for found in re.findall(r"--set (\w+)\.(\w+)=('[^']*'|\S+)", text)]
        advised = [(part, field, value.strip("'")) for part, field, value in advised if part in design.parts]
        assert advised
        for part, field, value in advised:
            assert short_of(mapper, graph, design.vary(**{part: {field: value}})) != error.where, (part, field, value)
