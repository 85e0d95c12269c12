"""Sparse patterns: do keys, pairs and tiles equal those counted one by one, and do the tiles make masked attention?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.units.spatial.io_bound import traffic_ratio
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem
from archsim.units.spatial.sparse import DATAFLOWS, Sparse, lambda_shaped, parse, window
from archsim.units.spatial.sparse_pattern import Window, row_positions
from archsim.units.spatial.sparse_tiles import Steps, keys_streamed, query_blocks, tile_work, touched
from archsim.units.spatial.splitkv_merge import merged, partial
from tests.units_spatial.sparse_cases import CI, FUSEMAX, mask, operands, plain, problems, sees, small, windows


@CI
@given(problems, windows, st.data())
def test_the_ranges_are_the_union_of_what_the_positions_see(
    problem: Problem, pattern: Window, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, problem.positions - 1))
    stop = data.draw(st.integers(first + 1, problem.positions))
    listed = [key for low, high in pattern.keys(problem, first, stop) for key in range(low, high)]
    wanted = {k for p in range(first, stop) for k in range(problem.keys) if sees(problem, pattern, p, k)}
    assert listed == sorted(wanted)


@CI
@given(problems, windows)
def test_pairs_are_counted_exactly(problem: Problem, pattern: Window) -> None:
    assert pattern.pairs(problem) == mask(problem, pattern).sum()


@CI
@given(problems, windows, st.integers(1, 9), st.integers(1, 9), st.integers(1, 60))
def test_tiles_are_those_that_hold_a_needed_score(
    problem: Problem, pattern: Window, rows: int, cols: int, block: int
) -> None:
    seen = mask(problem, pattern)
    tiles = visits = scores = keys = 0
    for start, stop in query_blocks(problem, block):
        for first in range(start, stop, cols):
            span = slice(first, min(first + cols, stop))
            # the union over a tile's rows, as the keys of a tile are the same for all its rows
            for low in range(0, problem.keys, rows):
                touched = seen[span, low : low + rows]
                if touched.any():
                    tiles, visits = tiles + 1, visits + touched.shape[0]
                    scores, keys = scores + touched.size, keys + touched.shape[1]
    work = tile_work(problem, pattern, rows, cols, block)
    assert (work.tiles, work.visits, work.scores, work.keys) == (tiles, visits, scores, keys)
    assert pattern.pairs(problem) <= work.scores


@CI
@given(problems, windows, st.integers(1, 9), st.integers(1, 60))
def test_keys_are_streamed_once_for_every_block_that_needs_their_tile(
    problem: Problem, pattern: Window, rows: int, block: int
) -> None:
    seen = mask(problem, pattern)
    streamed = 0
    for start, stop in query_blocks(problem, block):
        for low in range(0, problem.keys, rows):
            streamed += seen[start:stop, low : low + rows].shape[1] if seen[start:stop, low : low + rows].any() else 0
    assert keys_streamed(problem, pattern, rows, block) == streamed


@CI
@given(problems, st.integers(1, 60))
def test_query_blocks_cover_every_row_once(problem: Problem, rows: int) -> None:
    covered = [row for start, stop in query_blocks(problem, rows) for row in range(start, stop)]
    assert covered == list(range(problem.queries))
    assert all(stop - start == rows for start, stop in list(query_blocks(problem, rows))[1:])


@CI
@given(problems, windows, st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_the_tiles_executed_are_masked_attention(
    problem: Problem, pattern: Window, rows: int, cols: int, seed: int
) -> None:
    q, k, v = operands(problem, seed)
    seen = mask(problem, pattern)
    for first, stop in query_blocks(problem, cols):
        ranges = pattern.keys(problem, *row_positions(problem, first, stop))
        span, parts = slice(first, stop), []
        for low in range(0, problem.keys, rows):
            if any(low < end and start < low + rows for start, end in ranges):
                cut = slice(low, low + rows)
                parts.append(partial(q[span], k[cut], v[cut], seen[span, cut]))
        assert len(parts) == touched(problem, pattern, rows, Steps(first, stop - first, 0, 1))[0]
        np.testing.assert_allclose(merged(parts).result(), plain(q[span], k, v, seen[span]), rtol=1e-9, atol=1e-12)


@CI
@given(problems, windows, st.integers(1, 8), st.integers(1, 8), st.integers(280, 900))
def test_traffic_lies_between_the_bound_and_that_of_smaller_buffers(
    problem: Problem, pattern: Window, rows: int, cols: int, words: int
) -> None:
    flow = Sparse("any", pattern)
    one, two = (small(rows, cols, size) for size in (words, 2 * words))  # room for a tile of queries at least
    before = flow.steady(problem, one, flow.plan(problem, one))
    after = flow.steady(problem, two, flow.plan(problem, two))
    assert after.read + after.written <= before.read + before.written
    assert traffic_ratio(problem, one, before, pattern) >= 1
    assert max(before.busy[ARRAY], before.busy[VECTOR]) <= before.cycles


@CI
@given(problems, st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_useful_work_is_what_the_pattern_needs(problem: Problem, size: int, rows: int, cols: int) -> None:
    flow, arrays = window(size), small(rows, cols, 4000)
    useful, computed = flow.useful(problem, arrays, flow.plan(problem, arrays))
    assert useful == 2 * problem.instances * problem.head * mask(problem, flow.pattern).sum()
    assert useful <= computed <= 2 * problem.instances * problem.head * problem.queries * problem.keys


def test_a_window_makes_long_contexts_linear() -> None:
    flow = parse("window:4096")
    assert flow is not None
    cycles = []
    for n in (1 << 16, 1 << 17, 1 << 18):
        problem = Problem(1, 1, 1, n, n, 64, causal=True)
        cycles.append(flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX)).cycles)
    # 17 tiles of 256 keys for every tile of queries once the window is full
    assert cycles[2] - cycles[1] == 2 * (cycles[1] - cycles[0])
    assert 2 < cycles[1] / cycles[0] < 2.1


def test_names_carry_sizes() -> None:
    assert parse("window:300") == window(300)
    assert parse("lambda:4+60") == lambda_shaped(4, 60)
    assert getattr(parse("topk:7"), "k", None) == 7
    assert parse("flash2") is None
    assert parse("window") is None
    assert [flow.name for flow in DATAFLOWS] == ["window", "lambda", "topk"]


@pytest.mark.parametrize("name", ["window:", "window:x", "lambda:4", "topk:3+4", "window:0", "topk:0"])
def test_malformed_sizes_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match=r"window|lambda|top-?k"):
        parse(name)
