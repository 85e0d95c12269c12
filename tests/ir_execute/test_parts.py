"""Parts and copies on chip are executed: what is not there, or no longer, is missed. And `check` refuses the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.api.designs import load_design
from archsim.core.errors import BadInput
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.check import check
from archsim.ir.component import Design
from archsim.ir.execute.blocks import Block
from archsim.ir.execute.store import Slot
from archsim.ir.graph import Graph
from archsim.ir.mapping import Loop, Mapping, Node, Placement
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.placed import PlacedMapper
from tests.mappers.test_compliance import SHAPES, small_graph
from tests.mappers.test_placed import Linked

SHAPE: dict[str, object] = {"layers": 2, "d_model": 8, "heads": 4, "d_ff": 12}
PROMPT: dict[str, object] = {"phase": "prefill", "prompt": 6, "batch": 2}


def cut(buffer: int, **options: str) -> tuple[Mapping, Graph, Design]:
    """A small model on a scratchpad of so many bytes."""
    graph = small_graph(SHAPE, PROMPT)
    design = load_design("systolic", set={"array.rows": 4, "array.cols": 4, "array.buffer": f"{buffer} B"})
    return CosmaMapper(**options).map(graph, design), graph, design


def changed(node: Node, name: str, writes: tuple[str, ...]) -> Node:
    """The program with a task that writes something else."""
    if isinstance(node, Loop):
        return replace(node, body=tuple(changed(inner, name, writes) for inner in node.body))
    return replace(node, writes=writes) if node.name == name else node


def apart(body: tuple[Node, ...], var: str) -> Iterator[Node]:
    """The program with every loop of `var` cut into loops of three tasks each."""
    for node in body:
        if isinstance(node, Loop) and node.var == var:
            yield from (replace(node, body=node.body[i : i + 3]) for i in range(0, len(node.body), 3))
        elif isinstance(node, Loop):
            yield replace(node, body=tuple(apart(node.body, var)))
        else:
            yield node


def test_keys_that_stay_are_those_of_the_head_at_work() -> None:
    mapping, graph, design = cut(96, minimise="bytes")
    kept = [task for task, _ in mapping.walk() if any(name.startswith("k_cache@") for name in task.reads)]
    assert kept, "no keys stay: nothing is tried"
    check(mapping, graph, design)
    assert mapping.execute(graph, design).ok
    wrong = replace(mapping, body=tuple(apart(mapping.body, "head")))
    assert not wrong.execute(graph, design).ok
    with pytest.raises(BadMapping, match=r"reads k_cache@array.buffer, which prefill.scores fills anew for every head"):
        check(wrong, graph, design)


@pytest.mark.parametrize(("buffer", "minimise"), [(96, "bytes"), (160, "bytes"), (400, "bytes"), (1024, "time")])
def test_a_part_on_bytes_that_something_else_needs_is_missed(buffer: int, minimise: str) -> None:
    """What moves to bytes that another tensor is written to while it is needed, is not found."""
    mapping, graph, design = cut(buffer, minimise=minimise)
    assert mapping.execute(graph, design, order="any").ok
    order = {name: at for at, name in enumerate(graph.ops)}
    tried = 0
    for place, other in product(mapping.placements, repeat=2):
        (first, last), (filled, _) = ([order[op] for op in each.live] for each in (place, other))
        if first < filled < last and place.size <= other.size:
            moved = [replace(each, start=other.start) if each is place else each for each in mapping.placements]
            assert not replace(mapping, placements=tuple(moved)).execute(graph, design).ok, (place, other)
            tried += 1
    assert tried


def test_a_part_too_small_for_what_is_needed_is_missed() -> None:
    mapping, graph, design = cut(96, minimise="bytes")
    for at, place in enumerate(mapping.placements):
        if "_cache@" in place.tensor:  # under a mask the last queries fetch keys that nobody needs behind them
            continue
        smaller = replace(place, size=place.size - 2)
        others = [*mapping.placements[:at], smaller, *mapping.placements[at + 1 :]]
        assert not replace(mapping, placements=tuple(others)).execute(graph, design).ok, place


@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_what_a_link_did_not_bring_is_missed(shape: int) -> None:
    graph, design = small_graph(*SHAPES[shape]), Linked()
    mapping = PlacedMapper().map(graph, design)
    copied = [task for task, _ in mapping.walk() if task.kernel == "copy"]
    for task in copied:
        wrong = replace(mapping, body=tuple(changed(node, task.name, writes=()) for node in mapping.body))
        with pytest.raises(BadInput, match="no meaning"):
            wrong.execute(graph, design)
        bus = tuple(changed(node, task.name, writes=(f"{task.reads[0]}@nowhere",)) for node in mapping.body)
        assert not replace(mapping, body=bus).execute(graph, design).ok


@given(st.integers(1, 9), st.lists(st.tuples(st.integers(0, 2), st.integers(0, 30)), min_size=1, max_size=80))
@settings(deadline=None)
def test_a_block_holds_the_elements_that_came_last(room: int, came: list[tuple[int, int]]) -> None:
    block = Block([Slot(Placement("x@m", "m", 0, 2 * room), (), 0, 16, 1)])
    latest: list[tuple[int, int]] = []
    for time, (tensor, element) in enumerate(came):
        block.write(("x", (), tensor), 31, np.array([element]), np.array([float(time)]), time)
        if (tensor, element) not in latest:
            latest = [*latest, (tensor, element)][-room:]
    newest = {what: float(time) for time, what in enumerate(came)}
    for tensor in range(3):
        values, _ = block.read(("x", (), tensor), 31)
        held = {(tensor, int(at)): values[at] for at in np.flatnonzero(~np.isnan(values))}
        assert held == {what: newest[what] for what in latest if what[0] == tensor}


def test_columns_of_outputs_side_by_side_share_their_bytes() -> None:
    slots = [Slot(Placement(f"{name}@m", "m", start, 4), (), start, 16, 1) for name, start in (("a", 0), ("b", 4))]
    block = Block(slots)
    block.write(("a", (), 0), 4, np.arange(4), np.arange(4.0), 0)
    assert block.read(("a", (), 0), 4)[0].tolist() == [0, 1, 2, 3]
    block.write(("b", (), 0), 4, np.arange(3), np.arange(3.0), 1)
    assert np.isnan(block.read(("a", (), 0), 4)[0]).sum() == 3
