"""The value: is a wrong one refused by name, does it come back from JSON, what does a limit or Ctrl-C leave?"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.mappers import Allocation, Buffer, Gap, allocate, read_buffers
from archsim.mappers.allocation.packing import Packer
from archsim.report.allocation import allocation_plot, boxes, sketch
from tests.mappers_allocation.reference import buffer_lists
from tests.mappers_allocation.test_reference_sets import SETS

FOUR = [Buffer("a", 0, 2, 3), Buffer("b", 1, 4, 1), Buffer("c", 3, 6, 2), Buffer("d", 2, 5, 1)]


@settings(max_examples=60, deadline=None)
@given(buffer_lists(windows=True), st.none() | st.integers(1, 20))
def test_it_comes_back_from_json(buffers: list[Buffer], capacity: int | None) -> None:
    found = allocate(buffers, capacity, nodes=500)
    again = Allocation.from_json(json.loads(json.dumps(found.to_json())))
    assert again == found
    assert again.offsets == found.offsets


@settings(max_examples=80, deadline=None)
@given(buffer_lists(windows=True), st.data())
def test_a_moved_buffer_is_refused_exactly_where_it_shares_bytes(buffers: list[Buffer], data: st.DataObject) -> None:
    found = allocate(buffers, nodes=500)
    moved = data.draw(st.integers(0, len(buffers) - 1))
    free = replace(buffers[moved], offset=None, alignment=1)
    places = [*found.places]
    places[moved] = data.draw(st.integers(0, 12))
    changed = replace(found, buffers=(*buffers[:moved], free, *buffers[moved + 1 :]), places=tuple(places))
    covered = [
        {(time, byte) for one, lower, upper, low, high in boxes(changed) if one == index
         for time in range(lower, upper) for byte in range(low, high)}
        for index in range(len(buffers))
    ]  # fmt: skip
    others = set().union(*(cells for index, cells in enumerate(covered) if index != moved))
    assert changed.valid == (not covered[moved] & others)


def test_the_error_names_both_buffers_the_bytes_and_the_time() -> None:
    pair = (Buffer("first", 0, 4, 8), Buffer("second", 2, 6, 8))
    with pytest.raises(BadInput, match=r"buffers 'first' and 'second' share bytes 4 to 7 at time 2"):
        Allocation(pair, (0, 4), 16, 16).check()
    with pytest.raises(BadInput, match="lies at 2"):
        Allocation((Buffer("x", 0, 1, 8, alignment=4),), (2,), 8, 8).check()
    with pytest.raises(BadInput, match="lies at 4"):
        Allocation((Buffer("x", 0, 1, 8, offset=8),), (4,), 8, 8).check()


def test_a_gap_is_used_by_another_buffer() -> None:
    outer = Buffer("outer", 0, 10, 8, gaps=(Gap(2, 8),))
    assert allocate([outer, Buffer("inner", 2, 8, 8)]).height == 8
    assert allocate([outer, Buffer("inner", 2, 9, 8)]).height == 16


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"upper": 0}, "not after lower"),
        ({"size": -1}, "size is -1"),
        ({"alignment": 0}, "alignment is 0"),
        ({"offset": 3, "alignment": 2}, "offset is 3"),
        ({"gaps": (Gap(2, 5),)}, "gap 2-5"),
        ({"gaps": (Gap(0, 4),)}, "gaps cover its whole life"),
        ({"gaps": (Gap(1, 2, (0, 9)),)}, "window 0:9"),
        ({"size": 1 << 61}, "too large"),
    ],
)
def test_a_wrong_buffer_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(Buffer("x", 0, 4, 8), **change)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"capacity": 0}, "capacity is 0"),
        ({"nodes": -1}, "nodes is -1"),
        ({"seconds": 0.0}, "seconds is 0"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        allocate(FOUR, **arguments)


def test_equal_ids_and_fixed_buffers_that_clash_are_refused() -> None:
    with pytest.raises(BadInput, match="first 'x'"):
        allocate([Buffer("x", 0, 1, 1), Buffer("x", 1, 2, 1)])
    with pytest.raises(BadInput, match="share bytes 0 to 0"):
        allocate([Buffer("x", 0, 2, 1, offset=0), Buffer("y", 1, 3, 1, offset=0)])


def test_ctrl_c_leaves_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(packer: Packer, height: int, nodes: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Packer, "below", interrupted)
    found = allocate(read_buffers(SETS / "G.1048576.csv"), 1_048_576)
    found.check()
    assert (found.stopped, found.proof) == ("interrupt", None)


def test_nothing_and_empty_buffers_have_no_height() -> None:
    assert allocate([]).height == 0
    found = allocate([Buffer("a", 0, 9, 0), Buffer("b", 0, 9, 5)], 5)
    assert (found.height, found.proof, set(found.offsets)) == (5, "optimal", {"a", "b"})


def test_the_sketch_shows_every_unit_of_a_small_allocation() -> None:
    found = allocate([Buffer("a", 0, 4, 2), Buffer("b", 2, 6, 1), Buffer("c", 4, 6, 2)], 3)
    lines = sketch(found, ascii_only=True)
    used = sum(b.size * (b.upper - b.lower) for b in found.buffers)
    assert [len(line) for line in lines] == [6] * 3
    assert sum(cell != "." for line in lines for cell in line) == used


def test_the_picture_repeats() -> None:
    found = allocate(FOUR, 6)
    assert allocation_plot(found, form="svg") == allocation_plot(found, form="svg")
    assert allocation_plot(found).startswith(b"\x89PNG")


@given(st.sampled_from([3, 8, 64]), st.lists(st.integers(1, 300), min_size=1, max_size=60))
def test_what_alignment_costs_at_one_time_is_in_the_bound(alignment: int, sizes: list[int]) -> None:
    found = allocate([Buffer(str(i), 0, 1, size, alignment) for i, size in enumerate(sizes)], nodes=0)
    rests = [-size % alignment for size in sizes]
    assert found.lower_bound == sum(sizes) + sum(rests) - max(rests)
    short = allocate(found.buffers, found.lower_bound - 1, nodes=0) if found.lower_bound > 1 else None
    assert short is None or (short.infeasible and "need" in short.why[0])
