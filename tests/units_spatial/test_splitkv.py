"""Flash-Decoding's split: are all keys covered once, is the split the published one, do parts merge to attention?"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.splitkv import FixedSplit, best_split, flash_decoding
from archsim.units.spatial.splitkv_merge import Partial, merge, merged, partial
from tests.units_spatial.sparse_cases import CI


@st.composite
def splits(draw: st.DrawFn) -> FixedSplit:
    blocks = draw(st.integers(1, 60))
    return FixedSplit(draw(st.integers(1, 20)), blocks, draw(st.integers(1, 50)), draw(st.integers(1, blocks)))


@CI
@given(splits())
def test_every_tile_is_in_exactly_one_part(split: FixedSplit) -> None:
    parts = list(split.segments())
    tiles = [(part.output, tile) for part in parts for tile in range(part.start, part.stop)]
    assert tiles == [(output, tile) for output in range(split.outputs) for tile in range(split.blocks)]
    assert len(parts) == split.outputs * split.parts
    assert all(0 <= part.unit < split.slots for part in parts)


@CI
@given(splits())
def test_the_makespan_is_no_less_than_any_slot_needs(split: FixedSplit) -> None:
    work: dict[int, int] = {}
    for part in split.segments():
        work[part.unit] = work.get(part.unit, 0) + part.stop - part.start
    assert max(work.values()) <= split.makespan
    assert 0 < split.occupancy <= 1
    assert split.waves == -(-split.ctas // split.slots)


@CI
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200))
def test_the_chosen_split_is_the_smallest_good_one(outputs: int, slots: int, blocks: int) -> None:
    chosen = best_split(outputs, slots, blocks)
    if outputs >= Fraction(4, 5) * slots:
        assert chosen == 1
        return

    def last_wave(count: int) -> Fraction:
        return Fraction(outputs * count, slots * -(-outputs * count // slots))

    counts = [s for s in range(1, min(128, slots, blocks) + 1) if s == 1 or -(-blocks // s) < -(-blocks // (s - 1))]
    assert chosen in counts
    assert last_wave(chosen) >= max(map(last_wave, counts)) * Fraction(85, 100)
    assert all(last_wave(s) < max(map(last_wave, counts)) * Fraction(85, 100) for s in counts if s < chosen)


def test_the_example_of_the_published_comment() -> None:
    # "batch * n_heads = 48 and 108 SMs: 2 splits (0.89) is better than 3 splits (0.67)"
    assert best_split(48, 108, 1000) == 2


def test_a_gpu_decode_fills_its_slots() -> None:
    split = flash_decoding(Problem(1, 32, 8, 1, 65536, 128), 216)
    assert (split.outputs, split.blocks) == (8, 512)
    assert split.ctas <= split.slots
    assert split.occupancy > 20 * FixedSplit(8, 512, 216, 1).occupancy


@CI
@given(st.integers(1, 4), st.integers(1, 40), st.integers(0, 9), st.data())
def test_parts_merge_to_attention_in_any_order_and_grouping(
    rows: int, keys: int, seed: int, data: st.DataObject
) -> None:
    draw = np.random.default_rng(seed)
    q, k, v = draw.normal(size=(rows, 8)), draw.normal(size=(keys, 8)), draw.normal(size=(keys, 5))
    split = FixedSplit(1, keys, 7, data.draw(st.integers(1, keys)))
    mask = np.ones((rows, keys), bool)
    scores = np.exp(q @ k.T)
    plain = (scores / scores.sum(axis=1, keepdims=True)) @ v
    cuts = [slice(part.start, part.stop) for part in split.segments()]
    parts = [partial(q, k[cut], v[cut], mask[:, cut]) for cut in cuts]
    np.testing.assert_allclose(merged(parts).result(), plain, rtol=1e-10)
    shuffled = list(np.random.default_rng(seed).permutation(len(parts)))
    np.testing.assert_allclose(merged([parts[i] for i in shuffled]).result(), plain, rtol=1e-10)
    if len(parts) > 2:
        right = parts[-1]
        for part in reversed(parts[:-1]):
            right = merge(part, right)
        np.testing.assert_allclose(right.result(), plain, rtol=1e-10)


def test_a_part_that_sees_no_key_changes_nothing() -> None:
    draw = np.random.default_rng(1)
    q, k, v = draw.normal(size=(3, 4)), draw.normal(size=(6, 4)), draw.normal(size=(6, 4))
    some = partial(q, k, v, np.ones((3, 6), bool))
    none = partial(q, k, v, np.zeros((3, 6), bool))
    both: Partial = merge(none, merge(some, none))
    np.testing.assert_allclose(both.result(), some.result(), rtol=1e-12)


def test_more_parts_than_tiles_are_refused() -> None:
    with pytest.raises(BadInput, match="5 splits of 4 key tiles"):
        FixedSplit(1, 4, 2, 5)
