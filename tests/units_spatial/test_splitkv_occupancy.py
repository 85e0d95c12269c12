"""Occupancy of decode on many units: is it a share, and does it rank the schemes as their papers do?"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import UnknownName
from archsim.units.spatial.lean import lean_attention
from archsim.units.spatial.occupancy import SCHEMES, occupancy, occupancy_table
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.splitkv import key_block
from tests.units_spatial.sparse_cases import CI

decodes = st.builds(
    lambda batch, group, kv, keys, head: Problem(batch, group * kv, kv, 1, keys, head),
    st.integers(1, 64),
    st.integers(1, 8),
    st.integers(1, 32),
    st.integers(1, 1 << 20),
    st.sampled_from([64, 128, 256]),
)


@CI
@given(st.sampled_from(sorted(SCHEMES)), decodes, st.integers(1, 132))
def test_occupancy_is_tiles_over_the_time_of_all_slots(scheme: str, problem: Problem, units: int) -> None:
    point = occupancy(scheme, problem, units)
    assert point.tiles == problem.instances * -(-problem.keys // key_block(problem.head))
    assert point.occupancy == Fraction(point.tiles, 2 * units * point.makespan)
    assert 0 < point.occupancy <= 1
    assert problem.instances <= point.parts <= point.tiles


@CI
@given(decodes, st.integers(1, 132))
def test_lean_is_within_one_tile_of_the_best_possible_makespan(problem: Problem, units: int) -> None:
    point = occupancy("lean", problem, units)
    partition = lean_attention(problem, units)
    if partition.grid == 2 * units:
        assert point.makespan == -(-point.tiles // (2 * units))
        assert all(
            point.makespan <= occupancy(other, problem, units).makespan
            for other in ("flash2", "split-kv", "fixed-split")
        )


def test_few_long_sequences_need_a_cut_and_uneven_heads_an_even_one() -> None:
    table = occupancy_table(units=108, heads=32, kv_heads=8, head=128, batches=(1, 4), contexts=(1 << 17,))
    found = {(point.scheme, point.batch): float(point.occupancy) for point in table}
    assert found["flash2", 1] == 8 / 216
    assert found["flash2", 4] == 32 / 216
    for batch in (1, 4):
        assert 0.8 < found["split-kv", batch] < 0.9
        assert found["lean", batch] > 0.99


def test_an_unknown_scheme_is_named() -> None:
    with pytest.raises(UnknownName, match="lean"):
        occupancy("leen", Problem(1, 1, 1, 1, 100, 64), 4)
