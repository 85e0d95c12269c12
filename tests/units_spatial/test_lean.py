"""LeanAttention's partition: is every tile dealt once, evenly, as the published implementation deals them?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.units.spatial.lean import LeanPartition, lean_attention, lean_grid, row_blocks
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.splitkv_merge import merged, partial
from tests.units_spatial.sparse_cases import CI


@st.composite
def partitions(draw: st.DrawFn) -> LeanPartition:
    blocks = tuple(draw(st.lists(st.integers(1, 40), min_size=1, max_size=5)))
    heads = draw(st.integers(1, 12))
    return LeanPartition(heads, blocks, draw(st.integers(1, heads * sum(blocks))))


@CI
@given(partitions())
def test_every_tile_is_in_exactly_one_segment_and_runs_are_even(partition: LeanPartition) -> None:
    tiles = [(s.output, tile) for s in partition.segments() for tile in range(s.start, s.stop)]
    outputs = [(head, block) for head in range(partition.heads) for block in range(len(partition.blocks))]
    assert tiles == [
        (output, tile) for output, (_, block) in enumerate(outputs) for tile in range(partition.blocks[block])
    ]
    lengths = [stop - start for start, stop in map(partition.run, range(partition.grid))]
    assert lengths.count(partition.max_tiles) == partition.high_load
    assert set(lengths) <= {partition.max_tiles, partition.max_tiles - 1}
    assert min(lengths) >= 1
    assert sum(lengths) == partition.total
    assert partition.run(partition.grid - 1)[1] == partition.total


@CI
@given(partitions())
def test_segments_and_splits_stay_within_their_bounds(partition: LeanPartition) -> None:
    segments = list(partition.segments())
    assert len(segments) <= partition.grid + partition.outputs - 1
    shared = partition.sharing()
    whole = sum(
        segment.stop - segment.start == partition.blocks[segment.output % len(partition.blocks)] for segment in segments
    )
    assert partition.partials == len(segments) - whole
    assert max(shared.values(), default=1) <= partition.splits
    assert sum(count - 1 for count in shared.values()) == len(segments) - partition.outputs
    assert partition.total / (partition.grid * partition.max_tiles) == pytest.approx(float(partition.occupancy))
    assert Fraction(1, 2) < partition.occupancy <= 1


@CI
@given(
    st.integers(1, 64),
    st.sampled_from([1, 2, 8, 32]),
    st.integers(1, 1 << 18),
    st.sampled_from([64, 80, 128, 192, 256]),
    st.sampled_from([1, 20, 108, 132]),
)
def test_decode_has_the_tile_count_and_the_grid_of_the_implementation(
    batch: int, heads: int, keys: int, head: int, processors: int
) -> None:
    partition = lean_attention(Problem(batch, 8 * heads, heads, 1, keys, head), processors)
    # microsoft/onnxruntime@0385bbbf lean_api.cc, in its own order of steps
    tile = 256 if head <= 64 else 128 if head <= 128 else 64
    blocks = (keys + tile - 1) // tile
    total = blocks * batch * heads
    grid = processors * 2
    if total <= 2 * 2 * processors:
        grid = min((total + 1) // 2, (32 * total + blocks - 1) // blocks)
    else:
        grid = min(2 * processors, 32 * heads * batch)
    grid = max(1, min(grid, total))
    most = (total + grid - 1) // grid
    even = total % grid == 0
    splits = 1 + ((blocks + most - 2) // most if even else (blocks + most - 3) // (most - 1))
    assert (partition.total, partition.grid, partition.max_tiles) == (total, grid, most)
    assert (partition.splits, partition.high_load) == (splits, total - (most - 1) * grid)


@CI
@given(st.integers(1, 40), st.sampled_from([(64, 256), (64, 128), (64, 64), (8, 12)]))
def test_causal_tiles_are_those_of_the_published_sum(blocks: int, tile: tuple[int, int]) -> None:
    rows, keys = tile
    problem = Problem(1, 1, 1, blocks * rows, blocks * rows, 64, causal=True)
    assert sum(row_blocks(problem, rows, keys)) == sum(-(-(i + 1) * rows // keys) for i in range(blocks))


@CI
@given(st.integers(1, 3), st.integers(1, 30), st.integers(0, 40), st.integers(1, 5), st.booleans(), st.data())
def test_the_row_blocks_hold_every_tile_that_a_query_needs_and_no_other(
    group: int, positions: int, before: int, rows: int, causal: bool, data: st.DataObject
) -> None:
    problem = Problem(1, group, 1, positions, positions + before, 4, causal)
    keys = data.draw(st.integers(1, problem.keys))
    for block, count in enumerate(row_blocks(problem, rows, keys)):
        last = min(problem.queries, (block + 1) * rows) - 1
        seen = before + last // group + 1 if causal else problem.keys
        assert (count - 1) * keys < seen <= count * keys


@CI
@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 12), st.integers(0, 30), st.booleans(), st.data())
def test_the_partition_executed_is_attention(
    heads: int, group: int, positions: int, before: int, causal: bool, data: st.DataObject
) -> None:
    problem = Problem(1, heads * group, heads, positions, positions + before, 8, causal)
    rows, keys = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 9))
    blocks = row_blocks(problem, rows, keys)
    grid = data.draw(st.integers(1, heads * sum(blocks)))
    partition = LeanPartition(heads, blocks, grid)
    draw = np.random.default_rng(data.draw(st.integers(0, 99)))
    q = draw.normal(size=(heads, problem.queries, 8))
    k, v = draw.normal(size=(2, heads, problem.keys, 8))
    reach = before + np.arange(problem.queries) // group
    mask = np.arange(problem.keys)[None, :] <= reach[:, None] if causal else np.ones((len(reach), problem.keys), bool)
    parts: dict[int, list[object]] = {}
    for output in range(partition.outputs):
        head, block = divmod(output, len(blocks))
        span = slice(block * rows, (block + 1) * rows)
        pieces = []
        for segment in partition.segments():
            if segment.output == output:
                cut = slice(segment.start * keys, segment.stop * keys)
                pieces.append(partial(q[head, span], k[head, cut], v[head, cut], mask[span, cut]))
        order = data.draw(st.permutations(pieces)) if len(pieces) < 5 else pieces
        plain = partial(q[head, span], k[head], v[head], mask[span]).result()
        np.testing.assert_allclose(merged(order).result(), plain, rtol=1e-9, atol=1e-12)
        parts[output] = list(pieces)
    assert sum(map(len, parts.values())) == len(list(partition.segments()))


def test_more_units_than_tiles_are_refused_and_a_grid_never_has_them() -> None:
    with pytest.raises(BadInput, match="3 units"):
        LeanPartition(1, (2,), 3)
    assert lean_grid(1, 1, 1, 108) == 1
