"""Do closed forms of a million tokens walk any tiles? And are the walks that they replace what they say?"""

from __future__ import annotations

import sys
from dataclasses import replace
from types import FrameType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.dataflows import DATAFLOWS, dataflow
from archsim.units.spatial.flash import Flash1
from archsim.units.spatial.problem import ARRAY, Plan, Problem
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.sparse_tiles import block_steps, query_blocks
from archsim.units.spatial.splitkv import FixedSplit
from archsim.units.spatial.splitkv_arrays import SplitKv
from tests.units_spatial.sparse_cases import CI, FUSEMAX, mask, problems, small

LONG = Problem(64, 12, 12, 1 << 20, 1 << 20, 64, causal=True)
TILES = LONG.instances * (LONG.queries // 256)
"""Tiles of queries: what a walk over all heads would take steps for."""


def calls(flow: Dataflow, problem: Problem, arrays: SpatialArrays) -> int:
    """Python calls of a plan and its closed form."""
    count = 0

    def counted(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(counted)
    try:
        flow.steady(problem, arrays, flow.plan(problem, arrays))
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("copies", [1, 7])
@pytest.mark.parametrize("name", DATAFLOWS)
def test_a_million_tokens_take_few_steps(name: str, copies: int) -> None:
    """A head's tiles of queries at most (4,096 of them, which top-k looks at one by one), never those of all heads."""
    assert calls(dataflow(name), LONG, replace(FUSEMAX, copies=copies)) < TILES / 20


@CI
@given(problems, st.integers(1, 9), st.integers(1, 60))
def test_runs_of_tiles_are_the_tiles_of_all_blocks(problem: Problem, cols: int, block: int) -> None:
    walked = [
        (first, min(first + cols, stop))
        for start, stop in query_blocks(problem, block)
        for first in range(start, stop, cols)
    ]
    runs = [
        (each.first + i * each.step, each.first + i * each.step + each.width)
        for each in block_steps(problem.queries, cols, block)
        for i in range(each.count)
    ]
    assert sorted(runs) == walked


@CI
@given(problems, st.integers(1, 8), st.integers(1, 8), st.integers(1, 40))
def test_flash1_computes_the_tiles_that_hold_a_needed_score(problem: Problem, rows: int, cols: int, keys: int) -> None:
    """Block of keys by block, for the queries that see any of it, tile by tile."""
    keys = min(keys, problem.keys)
    seen = mask(problem, FULL)
    scores = 0
    for start in range(0, problem.keys, keys):
        stop = min(problem.keys, start + keys)
        visiting = int(seen[:, start:stop].any(axis=1).sum())
        for first in range(problem.queries - visiting, problem.queries, cols):
            span = seen[first : first + cols]
            for low in range(start, stop, rows):
                part = span[:, low : min(low + rows, stop)]
                scores += part.size if part.any() else 0
    plan = Plan("flash1", {"block_keys": keys, "block_rows": cols})
    form = Flash1().steady(problem, small(rows, cols, 4000), plan)
    assert form.counts[ARRAY]["mac"] == 2 * problem.instances * problem.head * scores


@CI
@given(problems, st.integers(1, 5), st.integers(1, 5), st.integers(1, 7), st.data())
def test_waves_take_their_longest_part(
    problem: Problem, rows: int, cols: int, copies: int, data: st.DataObject
) -> None:
    """Split-KV under a causal mask, work item by work item."""
    problem = replace(problem, causal=True)
    arrays, flow = small(rows, cols, 4000, copies=copies), SplitKv()
    splits = data.draw(st.integers(1, -(-problem.keys // rows)))
    split: FixedSplit = flow.partition(problem, arrays, Plan("split-kv", {"splits": splits}))
    blocks, seen = -(-problem.queries // cols), mask(problem, FULL)
    longest = [0] * split.waves
    for item in range(split.ctas):
        output, part = divmod(item, splits)
        first = output % blocks * cols
        needed = -(-int(seen[first : first + cols].any(axis=0).sum()) // rows)
        tiles = min(needed, (part + 1) * split.part) - part * split.part
        longest[item // copies] = max(longest[item // copies], tiles)
    form = flow.steady(problem, arrays, Plan("split-kv", {"splits": splits}))
    merged = form.einsums["MRG"][1] if "MRG" in form.einsums else 0
    whole = replace(arrays, copies=1)
    one = flow.steady(problem, whole, Plan("split-kv", {"splits": 1}))
    per_tile = (
        one.cycles / sum(-(-int(row.any(axis=0).sum()) // rows) for row in tiles_of(seen, cols)) / problem.instances
    )
    assert form.cycles >= sum(longest) * per_tile
    assert (form.cycles == sum(longest) * per_tile) == (not merged)


def tiles_of(seen: NDArray[np.bool_], cols: int) -> list[NDArray[np.bool_]]:
    """Rows of a mask by tiles of queries."""
    return [seen[first : first + cols] for first in range(0, len(seen), cols)]
