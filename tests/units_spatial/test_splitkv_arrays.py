"""Split-KV and LeanAttention on copies of the arrays: is one copy flash2, do copies help where heads are few?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.units.spatial.flash import Flash2
from archsim.units.spatial.io_bound import traffic_ratio
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem
from archsim.units.spatial.splitkv_arrays import DATAFLOWS, Lean, SplitKv
from tests.units_spatial.sparse_cases import CI, FUSEMAX, problems, small

FLOWS = st.sampled_from(DATAFLOWS)


@CI
@given(FLOWS, st.integers(1, 4), st.integers(1, 8), st.integers(1, 100_000), st.sampled_from([64, 128]))
def test_one_copy_decodes_like_flash2_without_its_lse(
    flow: SplitKv | Lean, batch: int, group: int, keys: int, head: int
) -> None:
    problem, plain = Problem(batch, 2 * group, 2, 1, keys, head), Flash2()
    mine = flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX))
    theirs = plain.steady(problem, FUSEMAX, plain.plan(problem, FUSEMAX))
    assert mine.cycles == theirs.cycles
    assert mine.counts[ARRAY] == theirs.counts[ARRAY]
    assert mine.read == theirs.read
    assert mine.written + FUSEMAX.word_bytes * problem.instances * problem.queries == theirs.written


@CI
@given(FLOWS, problems, st.integers(1, 6), st.integers(1, 6), st.integers(1, 9))
def test_copies_share_the_work_and_pay_with_partial_results(
    flow: SplitKv | Lean, problem: Problem, rows: int, cols: int, copies: int
) -> None:
    one, many = (small(rows, cols, 2000, copies=count) for count in (1, copies))
    alone = flow.steady(problem, one, flow.plan(problem, one))
    shared = flow.steady(problem, many, flow.plan(problem, many))
    for counter in ("mac", "add", "max", "exp", "buffer_read"):
        assert shared.counts[ARRAY][counter] == alone.counts[ARRAY][counter]
    assert shared.read + shared.written >= alone.read + alone.written
    assert copies * shared.cycles >= alone.cycles
    assert max(shared.busy[ARRAY], shared.busy[VECTOR]) <= shared.cycles
    assert copies * shared.busy[ARRAY] == alone.busy[ARRAY]
    assert traffic_ratio(problem, many, shared) >= 1


@CI
@given(problems, st.integers(1, 6), st.integers(1, 6), st.integers(1, 9))
def test_lean_gives_no_copy_more_tiles_than_the_even_share(problem: Problem, rows: int, cols: int, copies: int) -> None:
    arrays = small(rows, cols, 2000, copies=copies)
    flow = Lean()
    partition = flow.partition(problem, arrays, flow.plan(problem, arrays))
    assert partition.max_tiles == -(-partition.total // min(copies, partition.total))


def test_one_long_sequence_keeps_forty_copies_busy() -> None:
    problem = Problem(1, 32, 8, 1, 1 << 17, 128)
    arrays = replace(FUSEMAX, copies=40)
    busy = {
        flow.name: float(steady.busy[ARRAY] / steady.cycles)
        for flow in (Flash2(), *DATAFLOWS)
        for steady in [flow.steady(problem, arrays, flow.plan(problem, arrays))]
    }
    assert busy["flash2"] < 0.2
    assert min(busy["split-kv"], busy["lean"]) > 0.9


@pytest.mark.parametrize(
    ("flow", "choices"),
    [(SplitKv(), {"splits": 0}), (SplitKv(), {"splits": 17}), (Lean(), {"grid": 0}), (Lean(), {"grid": 4})],
)
def test_a_plan_that_the_machine_cannot_do_is_refused(flow: SplitKv | Lean, choices: dict[str, int]) -> None:
    problem, arrays = Problem(1, 1, 1, 1, 4096, 64), replace(FUSEMAX, copies=3)
    with pytest.raises(BadInput, match=str(next(iter(choices.values())))):
        flow.steady(problem, arrays, Plan(flow.name, choices))


@pytest.mark.parametrize("flow", DATAFLOWS)
def test_a_tile_of_queries_that_does_not_fit_is_refused(flow: SplitKv | Lean) -> None:
    problem = Problem(1, 8, 1, 1, 4096, 64)
    flow.plan(problem, small(8, 8, 2 * 8 * 64 + 8 * 130))
    with pytest.raises(Infeasible, match="a tile of 8 queries"):
        flow.plan(problem, small(8, 8, 2 * 8 * 64 + 8 * 130 - 1))


def test_partial_results_are_written_and_read_once() -> None:
    problem = Problem(1, 32, 8, 1, 1 << 17, 128)
    arrays = replace(FUSEMAX, copies=40)
    flow = SplitKv()
    plan = flow.plan(problem, arrays)
    alone = flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX))
    shared = flow.steady(problem, arrays, plan)
    # m, l and 128 sums of each of 32 query rows, for every part
    words = 32 * flow.partition(problem, arrays, plan).parts * (128 + 2)
    assert shared.written - alone.written == 2 * words
    assert shared.read - alone.read == 2 * (words + 32 * 128 * (plan.number("splits") - 1))
