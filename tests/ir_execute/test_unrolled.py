"""Does a number per unit say exactly what must be done before what?"""

from __future__ import annotations

from hypothesis import given, settings

from archsim.ir.mapping import instances
from archsim.ir.unrolled import shortened, size, unrolled
from tests.sim.programs import Case, programs
from tests.sim.reference import instances as in_program_order


@given(programs(longest=8, most=150))
@settings(deadline=None, derandomize=True, max_examples=80)
def test_an_instance_follows_what_it_can_be_reached_from(program: Case) -> None:
    """Edges: to the instances waited for, and to the one before on the same unit."""
    found = unrolled(program.body)
    assert [(i.task.name, dict(i.env)) for i in found] == [
        (task.name, dict(env)) for task, env in in_program_order(program.body, {})
    ]
    last: dict[str, int] = {}
    made: dict[str, list[int]] = {}
    before: list[set[int]] = []
    for at, instance in enumerate(found):
        task = instance.task
        edges = [made[a.task][-1 - a.distance] for a in task.after if a.distance < len(made.get(a.task, []))]
        assert sorted(set(edges)) == sorted(set(instance.waits))
        edges += [last[task.unit]] if task.unit in last else []
        before.append(set(edges).union(*(before[edge] for edge in edges)))
        last[task.unit] = at
        made.setdefault(task.name, []).append(at)
    for at, instance in enumerate(found):
        assert [i for i, other in enumerate(found) if instance.follows(other)] == sorted(before[at])


@given(programs(longest=20, most=600))
@settings(deadline=None, derandomize=True, max_examples=40)
def test_cut_programs_have_as_many_instances_as_counted(program: Case) -> None:
    for count in (1, 2, 3, 50):
        assert len(unrolled(program.body, shortened(program.body, count))) == size(program.body, count)
    assert size(program.body, 10**6) == instances(program.body)
    assert unrolled(program.body, most=7) == unrolled(program.body)[:7]
