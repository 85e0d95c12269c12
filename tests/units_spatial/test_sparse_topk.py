"""Top-k: are the chosen keys the best, does their attention equal the masked one, are the counts those of the tiles?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.units.spatial.io_bound import traffic_ratio
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.sparse_topk import TopK
from archsim.units.spatial.splitkv_merge import merged, partial
from tests.units_spatial.sparse_cases import CI, FUSEMAX, mask, operands, plain, problems, small


@CI
@given(problems, st.integers(1, 50), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_the_selection_executed_is_masked_attention(problem: Problem, k: int, rows: int, cols: int, seed: int) -> None:
    q, keys, values = operands(problem, seed)
    causal = mask(problem, FULL)
    for tile in TopK("topk", k).selections(problem, cols):
        span = slice(tile.first, tile.stop)
        pooled = keys[: tile.candidates] @ q[span].sum(axis=0)
        best = np.sort(np.argsort(-pooled)[: tile.chosen])
        local = np.arange(tile.candidates, tile.candidates + tile.local)
        attended = np.concatenate([best, local]).astype(int)
        assert causal[span][:, : tile.candidates].all()  # every query of the tile sees what is chosen from
        np.testing.assert_allclose(pooled, (q[span] @ keys[: tile.candidates].T).sum(axis=0), atol=1e-9)
        parts = [
            partial(q[span], keys[cut], values[cut], causal[span][:, cut])
            for cut in (attended[low : low + rows] for low in range(0, len(attended), rows))
        ]
        chosen = np.zeros_like(causal)
        chosen[:, attended] = True
        expected = plain(q[span], keys, values, (chosen & causal)[span])
        np.testing.assert_allclose(merged(parts).result(), expected, rtol=1e-9, atol=1e-12)


@CI
@given(problems, st.integers(1, 9), st.integers(1, 9))
def test_enough_keys_make_it_dense(problem: Problem, rows: int, cols: int) -> None:
    arrays = small(rows, cols, 4000)
    flow = TopK("topk", problem.keys)
    steady = flow.steady(problem, arrays, flow.plan(problem, arrays))
    assert "SEL" not in steady.einsums
    assert steady.counts[ARRAY]["mac"] >= 2 * problem.instances * problem.head * FULL.pairs(problem)
    if not problem.causal:
        assert steady.counts[ARRAY]["mac"] == problem.macs()


@CI
@given(problems, st.integers(1, 60), st.integers(1, 9), st.integers(1, 9))
def test_choosing_reads_every_candidate_and_nothing_is_busier_than_the_run(
    problem: Problem, k: int, rows: int, cols: int
) -> None:
    arrays = small(rows, cols, 4000)
    flow = TopK("topk", k)
    steady = flow.steady(problem, arrays, flow.plan(problem, arrays))
    scored = [tile.scored for tile in flow.selections(problem, cols)]
    assert max(steady.busy[ARRAY], steady.busy[VECTOR]) <= steady.cycles
    assert steady.seconds >= steady.cycles / arrays.clock
    assert steady.read >= problem.instances * problem.head * (problem.queries + max(scored)) * arrays.word_bytes
    assert traffic_ratio(problem, arrays, steady, flow.pattern) >= 1
    assert steady.counts[ARRAY]["mac"] >= 2 * problem.instances * problem.head * flow.pattern.pairs(problem)
    assert steady.counts[VECTOR]["max"] >= problem.instances * 16 * sum(scored)


def test_decode_of_a_long_context_moves_keys_once_and_few_values() -> None:
    problem, flow = Problem(1, 8, 8, 1, 1 << 17, 128), TopK("topk", 2048)
    steady = flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX))
    words = 8 * 128 * ((1 << 17) + 2 * 2048 + 2)
    assert steady.read / 2 == words
    assert steady.written / 2 == 8 * 128


def test_what_does_not_fit_or_make_sense_is_refused() -> None:
    with pytest.raises(Infeasible, match="einsum SK: a tile of m=1,000, p1=1, e=64 does not fit"):
        TopK("topk", 4).plan(Problem(1, 1, 1, 1, 1000, 64), small(8, 8, 1500))
    with pytest.raises(BadInput, match="top-k of 0"):
        TopK("topk", 0)
    bare = replace(FUSEMAX, vector_cycles={"mac": 1, "sub_exp": 7, "div": 1, "add": 1})
    flow = TopK("topk", 4)
    problem = Problem(1, 1, 1, 1, 1000, 64)
    with pytest.raises(BadInput, match="einsum RM needs max"):
        flow.steady(problem, bare, flow.plan(problem, bare))
