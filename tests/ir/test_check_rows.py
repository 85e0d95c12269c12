"""Rows that are written and read in turns: `check_instances` finds what is old exactly where brute force does."""

from __future__ import annotations

from contextlib import nullcontext
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.ir.affine import Affine, affine
from archsim.ir.check import BadMapping, check_instances
from archsim.ir.graph import DType, Graph, Op, Repeat, Tensor
from archsim.ir.mapping import Choice, Loop, Mapping, Node, Placement, Range, Task

STEPS, WIDE = 3, 2


def graph(rows: int) -> Graph:
    """Twice the same on all rows, step by step."""
    dims = {"m": affine(rows), "n": affine(WIDE)}
    ops = Op("first", "gelu", dims, ("x",), ("y",)), Op("second", "gelu", dims, ("y",), ("z",))
    tensors = {name: Tensor(name, tuple(dims.items()), DType.BF16) for name in "xyz"}
    return Graph("turns", (Repeat("step", STEPS, ops),), tensors)


def task(name: str, op: str, start: Affine, rows: int = 1) -> Task:
    """Some rows of an op."""
    reads, writes = ("x", "y") if op == "first" else ("y", "z")
    tile = {"m": Range(start, start + rows), "n": Range.of(0, WIDE)}
    return Task(name, op, "gelu", "u", {}, tile, (reads,), (writes,))


def program(*body: Node, size: int = 0) -> Mapping:
    """One unit, which takes its tasks in order; `size` bytes for y."""
    places = (Placement("y", "sram", 0, size, {}, ("first", "second")),) if size else ()
    return Mapping("turns", "d", (Loop("step", STEPS, body),), places, {"sram": 1024}, Choice("hand", "ps", 0, 0))


def refused(mapping: Mapping, rows: int) -> str:
    """What is said; empty where it is accepted."""
    try:
        check_instances(mapping, graph(rows))
    except BadMapping as error:
        return str(error)
    return ""


@given(st.data())
@settings(deadline=None, derandomize=True, max_examples=150)
def test_every_row_is_read_after_it_is_written_in_the_same_step(data: st.DataObject) -> None:
    """Tasks of several rows each, in any order: right where all of a reader's rows were written in its step."""
    rows = data.draw(st.integers(1, 5))
    cuts = {op: sorted({0, rows, *data.draw(st.lists(st.integers(0, rows)))}) for op in ("first", "second")}
    parts = [(op, a, b) for op, ends in cuts.items() for a, b in pairwise(ends)]
    order = data.draw(st.permutations(parts))
    written: set[int] = set()
    right = True
    for op, a, b in order:
        if op == "first":
            written |= set(range(a, b))
        else:
            right = right and set(range(a, b)) <= written
    said = refused(program(*(task(f"{op}.{a}", op, Affine(a), b - a) for op, a, b in order)), rows)
    assert bool(said) != right, said


@pytest.mark.parametrize("rows", [2, 3, 5, 7])
@pytest.mark.parametrize("whole", [True, False])
def test_loops_over_rows_are_seen_through_however_long(rows: int, whole: bool) -> None:
    """Turn by turn, also where a loop is cut short before its last row, and all at once behind it."""
    turn, back = Affine.var("turn"), Affine.var("turn", -1, rows - 1)
    after = task("second", "second", affine(0), rows) if whole else Loop("later", rows, (
        task("second", "second", Affine.var("later")),
    ))  # fmt: skip
    assert not refused(program(Loop("turn", rows, (task("first", "first", turn),)), after), rows)
    assert not refused(program(Loop("turn", rows, (task("first", "first", turn), task("s", "second", turn)))), rows)
    wrong = program(Loop("turn", rows, (task("first", "first", turn), task("s", "second", back))))
    assert "where first comes before it" in refused(wrong, rows), "the other turn's row is not there yet"


@pytest.mark.parametrize(("turns", "said"), [(2, ""), (1, "may write y over y")])
def test_rows_lie_apart_where_all_of_them_have_room(turns: int, said: str) -> None:
    """Another op writes row 0 while row 1 is still to be read: a tensor with room for one row has lost it by then."""
    rows = 2
    dims = {"m": affine(rows), "n": affine(WIDE)}
    ops = (
        Op("first", "gelu", dims, ("x",), ("y",)),
        Op("use", "gelu", dims, ("y",), ("z",)),
        Op("last", "gelu", dims, ("z",), ("y",)),
    )
    tensors = {name: Tensor(name, tuple(dims.items()), DType.BF16) for name in "xyz"}
    turn = Affine.var("turn")
    tile = {"m": Range(turn, turn + 1), "n": Range.of(0, WIDE)}
    inside = tuple(Task(op.name, op.name, "gelu", "u", {}, tile, op.inputs, op.outputs) for op in ops[1:])
    place = Placement("y", "sram", 0, turns * WIDE * 2, {}, ("first", "last"))
    first = Task(
        "first", "first", "gelu", "u", {}, {dim: Range.of(0, size) for dim, size in dims.items()}, ("x",), ("y",)
    )
    mapping = Mapping("turns", "d", (first, Loop("turn", rows, inside)), (place,), {"sram": 64}, Choice("", "", 0, 0))
    with pytest.raises(BadMapping, match=said) if said else nullcontext():
        check_instances(mapping, Graph("turns", ops, tensors))
