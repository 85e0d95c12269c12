"""FlashAttention-1 and -2: do traffic and cycles follow the published formulas, and the buffer?"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archsim.core.errors import BadInput, Infeasible
from archsim.units.spatial.flash import DATAFLOWS, Flash1, Flash2
from archsim.units.spatial.io_bound import io_bound, traffic_ratio
from archsim.units.spatial.onepass import OnePass
from archsim.units.spatial.onepass_cascade import ON_FLAT
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem
from archsim.units.spatial.sparse_pattern import FULL
from tests.units_spatial.sparse_cases import CI, FUSEMAX, problems, small

FLOWS = st.sampled_from(DATAFLOWS)


@CI
@given(st.integers(6, 21), st.sampled_from([16, 64, 128]), st.integers(12, 24))
def test_flash1_moves_what_its_paper_counts(n: int, d: int, m: int) -> None:
    length, words = 1 << n, 1 << m
    problem, arrays = Problem(1, 1, 1, length, length, d), replace(FUSEMAX, buffer_bytes=2 * words)
    flow = Flash1()
    plan = flow.plan(problem, arrays)
    assume(words >= 8 * d + 4)
    assert plan.number("block_keys") == min(-(-words // (4 * d)), length)
    blocks = -(-length // plan.number("block_keys"))
    steady = flow.steady(problem, arrays, plan)
    assert steady.read + steady.written == 2 * (2 * length * d + blocks * (3 * length * d + 4 * length))


@CI
@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([16, 64, 128]), st.integers(17, 24))
def test_flash2_moves_what_its_paper_counts(queries: int, keys: int, d: int, m: int) -> None:
    problem, arrays = Problem(1, 1, 1, queries, keys, d), replace(FUSEMAX, buffer_bytes=2 << m)
    flow = Flash2()
    plan = flow.plan(problem, arrays)
    blocks = -(-queries // plan.number("block_rows"))
    steady = flow.steady(problem, arrays, plan)
    assert steady.read + steady.written == 2 * (2 * queries * d + queries + blocks * 2 * keys * d)


@CI
@given(FLOWS, problems, st.integers(1, 8), st.integers(1, 8), st.integers(20, 900), st.integers(20, 900))
def test_traffic_is_above_the_bound_and_falls_with_the_buffer(
    flow: Flash1 | Flash2, problem: Problem, rows: int, cols: int, one: int, other: int
) -> None:
    base = 2 * rows * problem.head + 4 * problem.head
    small_one, large = (small(rows, cols, base + size) for size in sorted((one, other)))
    before = flow.steady(problem, small_one, flow.plan(problem, small_one))
    after = flow.steady(problem, large, flow.plan(problem, large))
    assert after.read + after.written <= before.read + before.written
    for arrays, steady in ((small_one, before), (large, after)):
        bound = io_bound(problem, arrays.buffer_bytes // arrays.word_bytes)
        assert (steady.read + steady.written) / arrays.word_bytes >= max(bound.compulsory, bound.asymptotic)
        assert traffic_ratio(problem, arrays, steady) >= 1


@CI
@given(FLOWS, problems, st.integers(1, 8), st.integers(1, 8), st.integers(100, 900))
def test_what_is_resident_fits_the_buffer(
    flow: Flash1 | Flash2, problem: Problem, rows: int, cols: int, words: int
) -> None:
    arrays = small(rows, cols, 2 * rows * problem.head + words)
    plan, d = flow.plan(problem, arrays), problem.head
    keys = plan.number("block_keys") if flow.name == "flash1" else min(rows, problem.keys)
    queries = min(plan.number("block_rows"), problem.queries)
    assert 2 * d * keys + queries * (2 * d + 2) <= arrays.buffer_bytes // arrays.word_bytes


@CI
@given(FLOWS, problems, st.integers(1, 8), st.integers(1, 8), st.integers(1, 3))
def test_work_covers_the_scores_and_no_array_is_busier_than_the_run(
    flow: Flash1 | Flash2, problem: Problem, rows: int, cols: int, copies: int
) -> None:
    arrays = small(rows, cols, 2000, copies=copies)
    steady = flow.steady(problem, arrays, flow.plan(problem, arrays))
    macs = 2 * problem.instances * problem.head * FULL.pairs(problem)
    assert macs <= steady.counts[ARRAY]["mac"] <= problem.macs()
    assert steady.counts[ARRAY]["mac"] == problem.macs() or problem.causal
    assert max(steady.busy[ARRAY], steady.busy[VECTOR]) <= steady.cycles
    for role in (ARRAY, VECTOR):
        assert steady.busy[role] == sum(spent for where, spent in steady.einsums.values() if where == role)
    assert steady.cycles * rows * cols * copies >= macs


@CI
@given(st.integers(1, 30), st.integers(1, 30), st.sampled_from([16, 64, 128]), st.integers(1, 6))
def test_flash2_takes_the_cycles_of_the_one_pass_binding(q: int, k: int, d: int, instances: int) -> None:
    # facts of the artifact: max(QK+LM, RD+RNV+AV) + RM + max(SLN+SLD, PRM+SPD) + max(SLNV, SPNV), AV = F over key tiles
    problem = Problem(instances, 1, 1, 256 * q, 256 * k, d)
    per_tile = max(Fraction(d + 1), 1 + d + Fraction(d, k)) + 1 + 8 + d
    flow = Flash2()
    steady = flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX))
    assert steady.cycles == instances * q * k * per_tile
    assert steady.einsums["QK"] == (ARRAY, Fraction(instances * q * k * d))
    assert steady.einsums["PRM"] == (VECTOR, Fraction(7 * instances * q * k))


def test_flash1_pays_for_its_divisions() -> None:
    problem = Problem(1, 1, 1, 1 << 16, 1 << 16, 64)
    one, two = (flow.steady(problem, FUSEMAX, flow.plan(problem, FUSEMAX)) for flow in DATAFLOWS)
    blocks, tiles, all_tiles = 2, 256, 256 * 256
    assert one.cycles - two.cycles == 64 * tiles * (2 * blocks - 1)
    assert two.cycles == all_tiles * (138 + Fraction(64, 256))
    assert one.counts[VECTOR]["div"] == blocks * two.counts[VECTOR]["div"]


@pytest.mark.parametrize(
    ("flow", "choices"),
    [
        (Flash2(), {"block_rows": 0}),
        (Flash2(), {"block_rows": 1 << 17}),
        (Flash1(), {"block_keys": 1 << 17, "block_rows": 256}),
        (Flash1(), {"block_keys": 256, "block_rows": 257}),
    ],
)
def test_blocks_that_do_not_fit_are_refused(flow: Flash1 | Flash2, choices: dict[str, int]) -> None:
    problem = Problem(1, 1, 1, 1 << 18, 1 << 18, 64)
    with pytest.raises(BadInput, match=f"blocks of {next(iter(choices.values()))}"):
        flow.steady(problem, FUSEMAX, Plan(flow.name, choices))


@pytest.mark.parametrize(("flow", "message"), [(Flash1(), "m0=1, p0=1"), (Flash2(), "m0=8, p0=1")])
def test_what_does_not_fit_is_said_with_numbers(flow: Flash1 | Flash2, message: str) -> None:
    with pytest.raises(Infeasible, match=message) as error:
        flow.plan(Problem(1, 1, 1, 100, 100, 64), small(8, 8, 200))
    assert "has 200" in str(error.value)


def test_an_operator_that_is_missing_is_named_with_its_einsum() -> None:
    bare = replace(FUSEMAX, vector_cycles={name: 1 for name in ("mac", "add", "max", "sub_exp")})
    problem, flow = Problem(1, 1, 1, 100, 100, 64), Flash2()
    with pytest.raises(BadInput, match="einsum AV needs div"):
        flow.steady(problem, bare, flow.plan(problem, bare))


def test_a_2d_array_that_only_multiplies_leaves_softmax_to_the_1d_array() -> None:
    flat = replace(FUSEMAX, array_cycles={"mac": 1, "mul": 1, "add": 1})
    problem = Problem(1, 1, 1, 4096, 4096, 64)
    for flow in DATAFLOWS:
        steady = flow.steady(problem, flat, flow.plan(problem, flat))
        assert steady.einsums["SLN"][0] == VECTOR
        assert steady.busy[VECTOR] == steady.cycles
        assert steady.counts[VECTOR]["exp"] > steady.counts[ARRAY]["mac"] // 128


@CI
@given(problems, st.integers(1, 8), st.integers(1, 8))
def test_on_the_hardware_of_flat_scores_cross_the_buffer(problem: Problem, rows: int, cols: int) -> None:
    """As many words as FuseMax's cascade moves there: QK to the 1D array, SLN back, each written and read once."""
    arrays = replace(small(rows, cols, 100_000), array_cycles={"mac": 1, "mul": 1, "add": 1})
    tiled, cascade = Flash2(), OnePass(ON_FLAT)
    forms = [flow.steady(problem, arrays, flow.plan(problem, arrays)) for flow in (tiled, cascade)]
    assert forms[0].counts == forms[1].counts  # the buffer holds all queries, so both load the same
    scores = forms[0].counts[VECTOR]["max"] - problem.instances * problem.queries * -(-problem.keys // rows)
    if not problem.causal:
        assert scores == problem.instances * problem.queries * problem.keys
        assert forms[0].counts[ARRAY]["buffer_read"] >= scores
        assert forms[0].counts[VECTOR]["buffer_write"] >= scores
