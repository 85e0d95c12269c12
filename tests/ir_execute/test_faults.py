"""What is wrong with a mapping shows when it is executed: order, addresses, helpers that are left out."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.designs import load_design
from archsim.api.mapping import mapped
from archsim.core.errors import ArchsimError, BadInput
from archsim.ir.component import Design
from archsim.ir.execute.orders import any_order
from archsim.ir.execute.panels import MUST
from archsim.ir.graph import Graph
from archsim.ir.mapping import Loop, Mapping, Node, Task
from archsim.ir.unrolled import unrolled
from archsim.mappers.ops import OpMapper
from archsim.mappers.pim import PimMapper
from archsim.mappers.spatial import SpatialMapper
from archsim.units.spatial.vector_ops import OPS
from tests.compliance.mutants import KINDS, Mutant, dropped
from tests.ir_execute.cases import operator
from tests.mappers.test_compliance import SHAPES, TINY, small_graph
from tests.mappers.test_spatial import SMALL
from tests.sim.programs import Case as Program
from tests.sim.programs import programs

Case = tuple[Graph, Design, Mapping]
ORDER_AND_ADDRESS = (
    "impatient",
    "outdated",
    "misdirected",
    "swapped",
    "moved up",
    "moved down",
    "nudged",
    "grown",
)
MOST = 6


def banks(shape: tuple[dict[str, object], dict[str, object]] = SHAPES[0]) -> Case:
    graph, design = small_graph(*shape), load_design("pim-gpt", set=TINY)
    return graph, design, PimMapper(vectors_ahead=False).map(graph, design)


def whole_ops() -> Case:
    graph, design = small_graph(*SHAPES[1]), load_design("systolic")
    return graph, design, OpMapper().map(graph, design)


def arrays(name: str, text: str) -> Case:
    graph, design = operator(text), load_design(name, set=SMALL)
    return graph, design, SpatialMapper().map(graph, design)


def wrong(mapping: Mapping, graph: Graph, design: Design) -> str:
    """What is wrong with it in program order or in two others; empty where nothing is."""
    for seed, order in ((0, "program"), (1, "any"), (2, "any")):
        try:
            found = mapping.execute(graph, design, seed, order="any" if order == "any" else "program")
        except ArchsimError as error:
            return str(error)
        if not found.ok:
            return "\n".join(found.lines())
    return ""


def refused(mutant: Mutant, mapping: Mapping, graph: Graph, design: Design) -> bool:
    """Whether `check` refuses it. Waits for gains are none of its business: that a task needs them is nowhere said."""
    before, after = ([task for task, _ in m.walk()] for m in (mapping, mutant.mapping))
    touched = {task.name for pair in zip(before, after, strict=True) if pair[0] != pair[1] for task in pair}
    if any(name.endswith(".vectors") for name in touched) or mutant.culprits[-1].endswith(".vectors"):
        return True
    try:
        mutant.mapping.check(graph, design)
    except ArchsimError:
        return True
    return False


@pytest.mark.parametrize("kind", ORDER_AND_ADDRESS)
def test_what_check_accepts_computes_the_graph(kind: str) -> None:
    """One thing changed: either `check` refuses the mapping, or it still computes the graph, whatever the order."""
    for graph, design, mapping in (banks(), whole_ops()):
        found = [*KINDS[kind](mapping)]
        for mutant in random.Random(7).sample(found, min(MOST, len(found))):
            assert refused(mutant, mapping, graph, design) or not wrong(mutant.mapping, graph, design), mutant.culprits


@pytest.mark.parametrize("kind", ["swapped", "moved up", "impatient"])
def test_some_of_what_check_refuses_is_seen_to_be_wrong(kind: str) -> None:
    graph, design, mapping = banks()
    found = [*KINDS[kind](mapping)]
    some = random.Random(3).sample(found, min(10, len(found)))
    assert any(refused(mutant, mapping, graph, design) and wrong(mutant.mapping, graph, design) for mutant in some)


def helpers(mapping: Mapping) -> Iterator[tuple[Task, Mutant]]:
    """Mappings without one of their tasks that compute no tile."""
    tasks = {task.name: task for task, _ in mapping.walk()}
    for mutant in dropped(mapping):
        task = tasks[mutant.culprits[0]]
        if not task.tile and not task.name.endswith("-rest"):
            rest = {
                name: replace(t, after=tuple(a for a in t.after if a.task != task.name))
                for name, t in tasks.items()
                if name != task.name
            }
            yield task, replace(mutant, mapping=_with(mutant.mapping, rest))


def _with(mapping: Mapping, tasks: dict[str, Task]) -> Mapping:
    from tests.compliance.mapper import changed

    return changed(mapping, lambda task: tasks[task.name])


def test_no_helper_of_the_banks_can_be_left_out() -> None:
    graph, design, mapping = banks(({"qkv_bias": True, "ffn_bias": True}, {"phase": "decode", "context": 8}))
    seen = set()
    for task, mutant in helpers(mapping):
        seen.add(task.kernel)
        assert not mutant.mapping.execute(graph, design).ok, task.name
    assert {"finish", "combine", "load"} <= seen


def test_results_must_reach_the_host() -> None:
    graph, design = operator("gemm:3,5,40"), load_design("pim-gpt", set=TINY)
    mapping = PimMapper().map(graph, design)
    kernels = {task.kernel: mutant for task, mutant in helpers(mapping)}
    assert {"load", "finish", "store"} <= set(kernels)
    for mutant in kernels.values():
        assert mutant.mapping.execute(graph, design).errors["out"] > 1e-3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("fusemax", "attention:1,2,1,5,9,4,causal"),
        ("flat", "attention:1,2,1,5,9,4"),
        ("unfused", "attention:1,1,1,3,5,2"),
        ("flat", "layernorm:5,3"),
        ("fusemax", "gelu:5,3"),
    ],
)
def test_no_helper_of_the_arrays_can_be_left_out(name: str, text: str) -> None:
    graph, design, mapping = arrays(name, text)
    assert mapping.execute(graph, design).ok
    seen = 0
    for task, mutant in helpers(mapping):
        if int(task.args["depth"].at({}) if "depth" in task.args and not task.args["depth"].terms else 1):
            seen += 1
            assert not mutant.mapping.execute(graph, design).ok, task.name
    assert seen > 3


def test_the_passes_of_vector_ops_are_those_of_the_closed_form() -> None:
    assert {kind: tuple(part.name for part in op.passes) for kind, op in OPS.items() if op.passes} == dict(MUST)


def test_two_live_tensors_that_share_bytes_are_both_named() -> None:
    graph, design, mapping = banks()
    mid = next(p for p in mapping.placements if p.tensor == "decode.layer.mid")
    clash = tuple(replace(p, start=mid.start) if p.tensor == "decode.layer.norm2" else p for p in mapping.placements)
    found = replace(mapping, placements=clash).execute(graph, design)
    assert not found.ok
    assert any("decode.layer.mid" in fault and "decode.norm2" in fault for fault in found.faults), found.faults


def test_bytes_that_are_only_partly_shared_are_lost_too() -> None:
    graph, design, mapping = banks()
    mid = next(p for p in mapping.placements if p.tensor == "decode.layer.mid")
    for shift in (1, -1, 2, mid.size - 1):
        places = tuple(
            replace(p, start=max(0, mid.start + shift)) if p.tensor == "decode.layer.norm2" else p
            for p in mapping.placements
        )
        assert not replace(mapping, placements=places).execute(graph, design).ok, shift


@given(programs(), st.integers(0, 5))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_orders_keep_what_waits_and_units_ask_for(program: Program, seed: int) -> None:
    instances = unrolled(program.body)
    if len(instances) > 3000:
        return
    ended: dict[int, int] = {}
    begun: dict[int, int] = {}
    for step, (at, ends, reads) in enumerate(any_order(instances, seed)):
        if reads:
            begun[at] = step
        if ends:
            ended[at] = step
    assert set(ended) == set(begun) == set(range(len(instances)))
    last: dict[int, int] = {}
    for at, instance in enumerate(instances):
        before = [*instance.waits, *([last[instance.unit]] if instance.unit in last else [])]
        assert all(ended[other] < begun[at] for other in before)
        assert all(not instance.follows(other) or ended[i] < begun[at] for i, other in enumerate(instances[:40]))
        last[instance.unit] = at


def test_what_is_too_large_says_what_to_shrink() -> None:
    from archsim.workloads.load import load_workload

    graph, design = load_workload("gpt2-xl", phase="decode").expand(), load_design("systolic")
    with pytest.raises(BadInput) as caught:
        OpMapper().map(graph, design).execute(graph, design)
    text = str(caught.value)
    assert "too large to be executed" in text
    assert "200,000,000" in text
    assert "--prompt" in text


def test_a_helper_without_a_meaning_is_refused() -> None:
    graph, design, mapping = whole_ops()
    helper = Task("extra", "prefill.embed", "embedding", next(t.unit for t, _ in mapping.walk()), {})
    with pytest.raises(BadInput, match="no meaning on arrays"):
        replace(mapping, body=(*mapping.body, helper)).execute(graph, design)


def test_sparse_attention_is_not_taken_for_the_plain_one() -> None:
    graph, design = operator("attention:1,1,1,8,32,4"), load_design("flat", set=SMALL)
    mapping = SpatialMapper(dataflow="window:4").map(graph, design)
    with pytest.raises(BadInput, match="leaves out keys"):
        mapping.execute(graph, design)


def test_scores_that_do_not_say_which_they_are_are_refused() -> None:
    """Where a mask leaves some tiles that go as one, the tasks that make their scores have no tile."""
    graph, design = operator("attention:1,2,2,33,70,4,causal"), load_design("fusemax", set=SMALL)
    mapping = SpatialMapper().map(graph, design)
    if all(task.tile for task, _ in mapping.walk() if ".QK-" in task.name):
        assert mapping.execute(graph, design).ok
    else:
        with pytest.raises(BadInput, match="do not say which they are"):
            mapping.execute(graph, design)


def changed(body: tuple[Node, ...], name: str, instead: tuple[Task, ...]) -> Iterator[Node]:
    """A program with others in place of a task."""
    for node in body:
        if isinstance(node, Loop):
            yield replace(node, body=tuple(changed(node.body, name, instead)))
        else:
            yield from instead if node.name == name else (node,)


@pytest.mark.parametrize(
    ("design", "workload"),
    [
        ("pim-gpt", "gemm:5,7,9"),
        ("aim", "attention:1,2,2,3,9,8"),
        ("unfused", "gemm:5,7,9"),
        ("unfused", "attention:1,2,2,5,9,8"),
        ("fusemax", "attention:1,2,2,5,9,8"),
    ],
)
def test_no_transfer_can_be_left_out_or_carry_nothing(design: str, workload: str) -> None:
    """Without a load or a store, or where one reads or writes nothing, a program is refused, or still right."""
    found = mapped(design, workload)
    refused = 0
    for task, _ in found.mapping.walk():
        if task.kernel not in ("load", "store"):
            continue
        for instead in ((), (replace(task, reads=()),), (replace(task, writes=()),)):
            if instead != (task,):
                wrong = replace(found.mapping, body=tuple(changed(found.mapping.body, task.name, instead)))
                try:
                    wrong.check(found.graph, found.design)
                except ArchsimError:
                    refused += 1
                else:
                    assert wrong.execute(found.graph, found.design).ok, (task.name, instead)
    assert refused >= 4
