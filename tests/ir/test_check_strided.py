"""Loops that leave gaps: what they cover, and that `check` sees holes and overlaps in it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.ir.affine import Affine
from archsim.ir.check import BadMapping, check_cover
from archsim.ir.comb import Comb
from archsim.ir.graph import Op
from archsim.ir.mapping import Choice, Loop, Mapping, Range, Task

ROWS, HEADS, CUT = 7, 4, 5


@st.composite
def combs(draw: st.DrawFn) -> Comb:
    start, length = draw(st.integers(0, 30)), draw(st.integers(1, 6))
    teeth: list[tuple[int, int]] = []
    span = length
    for _ in range(draw(st.integers(0, 3))):
        step, count = span + draw(st.sampled_from([0, 1, 2, 7])), draw(st.integers(1, 4))
        teeth.append((step, count))
        span += step * (count - 1)
    return Comb(start, start + length, tuple(teeth))


@given(combs(), combs())
@settings(deadline=None, derandomize=True, max_examples=400)
def test_it_is_the_set_that_its_loops_leave(a: Comb, b: Comb) -> None:
    mine, theirs = set(a), set(b)
    assert len(mine) == a.size == len(list(a))
    assert (min(mine), max(mine) + 1) == (a.start, a.end)
    assert a.meets(b) == b.meets(a) == bool(mine & theirs)


def op() -> Op:
    return Op("rows", "gelu", {"m": Affine(ROWS * HEADS), "n": Affine(3)}, (), ())


def part(name: str, start: int, stop: int) -> Task:
    """Rows start to stop of every head."""
    rows = Range(Affine.var("h", ROWS, start), Affine.var("h", ROWS, stop))
    return Task(name, "rows", "gelu", "u", {}, {"m": rows, "n": Range.of(0, 3)})


def program(*tasks: Task, heads: int = HEADS) -> Mapping:
    return Mapping("g", "d", (Loop("h", heads, tasks),), (), {}, Choice("hand", "ps", 0, 0))


def test_parts_of_all_heads_together_are_the_whole() -> None:
    check_cover(program(part("first", 0, CUT), part("last", CUT, ROWS)), op(), ())


@pytest.mark.parametrize(
    ("tasks", "heads", "said"),
    [
        ((part("first", 0, CUT),), HEADS, "cover"),
        ((part("first", 0, CUT), part("last", CUT - 1, ROWS)), HEADS, "the same part"),
        ((part("first", 0, CUT), part("last", CUT, ROWS)), HEADS - 1, "cover"),
        ((part("first", 0, CUT), part("last", CUT, ROWS)), HEADS + 1, "not inside"),
        ((part("wide", 0, ROWS + 1),), HEADS, "but the tile is"),
    ],
)
def test_holes_and_overlaps_are_refused(tasks: tuple[Task, ...], heads: int, said: str) -> None:
    with pytest.raises(BadMapping, match=said):
        check_cover(program(*tasks, heads=heads), op(), ())


def test_a_head_apart_fills_the_gap_of_a_shorter_loop() -> None:
    last = replace(part("last", 0, ROWS), tile={"m": Range.of(ROWS * (HEADS - 1), ROWS * HEADS), "n": Range.of(0, 3)})
    looped = Loop("h", HEADS - 1, (part("others", 0, CUT), part("rest", CUT, ROWS)))
    check_cover(Mapping("g", "d", (looped, last), (), {}, Choice("hand", "ps", 0, 0)), op(), ())
