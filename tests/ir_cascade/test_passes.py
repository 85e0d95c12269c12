"""Passes, what lives across them, and tile loops: against playing every element, and as the literature has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archsim.core.errors import UnknownName
from archsim.ir.cascade.cascade import Cascade, partition
from archsim.ir.cascade.file import load_cascade
from archsim.ir.cascade.live import footprint
from archsim.ir.cascade.passes import passes
from archsim.ir.cascade.run import run
from archsim.ir.cascade.schedule import tile_schedule
from tests.ir_cascade.drawn import cascades, sweeps

PASSES = {
    "attention-3-pass": 3,
    "attention-deferred": 2,
    "attention-2-pass": 2,
    "attention-2-pass-deferred": 2,
    "attention-1-pass": 1,
    "attention-split": 1,
    "softmax": 3,
    "softmax-online": 2,
}


@pytest.mark.parametrize(("name", "count"), PASSES.items())
def test_the_published_numbers_of_passes(name: str, count: int) -> None:
    found = passes(load_cascade(name), "m")
    assert found.count == count
    assert [reason.partition(":")[0] for reason in found.reasons] == [f"pass {n}" for n in range(2, count + 1)]


@pytest.mark.parametrize(("name", "count"), [("layernorm", 3), ("rmsnorm", 2)])
def test_norms(name: str, count: int) -> None:
    assert passes(load_cascade(name), "d").count == count


def test_the_reasons_name_the_chain() -> None:
    assert passes(load_cascade("attention-3-pass"), "m").reasons == (
        "pass 2: SN needs GM, which is complete only after all of m in pass 1",
        "pass 3: A needs SD, which is complete only after all of m in pass 2",
    )


@given(cascades() | cascades(("X", "Z")))
@settings(max_examples=300, deadline=None)
def test_passes_are_the_sweeps_that_the_busiest_fiber_needs(cascade: Cascade) -> None:
    found = passes(cascade, "m")
    assert found.count == max(sweeps(cascade, access.tensor) for access in cascade.inputs)
    assert [reason.partition(":")[0] for reason in found.reasons] == [f"pass {n}" for n in range(2, found.count + 1)]
    for einsum in cascade.expanded:
        for access in einsum.reads:
            if access.tensor in found.level and "m1" in access.ranks:
                assert found.level[access.tensor] <= found.level[einsum.name]


@given(st.sampled_from(sorted(PASSES)), st.sampled_from(["b", "h", "p"]), st.integers(1, 4))
@settings(deadline=None)
def test_tiling_another_rank_changes_no_pass(name: str, rank: str, size: int) -> None:
    cascade = load_cascade(name)
    if rank in cascade.ranks:
        assert passes(partition(cascade, rank, size), "m").count == PASSES[name]


@pytest.mark.parametrize("name", ["attention-3-pass", "attention-deferred", "softmax"])
def test_tiling_alone_saves_no_pass(name: str) -> None:
    assert passes(partition(load_cascade(name), "m", 4), "m").count == PASSES[name]


def test_independent_fibers_need_one_pass_each() -> None:
    """The sum of A is needed for B, but no element of B waits for another element of B."""
    cascade = Cascade.of(
        "two", inputs=["A[m]", "B[m]"], einsums=["S[] = sum(m) A[m]", "Y[m] = B[m] * S[]"], outputs=["Y"]
    )
    assert passes(cascade, "m").count == 1
    again = Cascade.of("one", inputs=["A[m]"], einsums=["S[] = sum(m) A[m]", "Y[m] = A[m] * S[]"], outputs=["Y"])
    assert passes(again, "m").count == 2


@pytest.mark.parametrize(
    ("between", "initial"),
    [("W[m] = Z[m] - G[]", {}), ("W[m+1] = W[m] * G[]", {"W": 1})],
    ids=["another fiber", "a state over no fiber"],
)
def test_a_wait_counts_through_what_another_fiber_computes(between: str, initial: dict[str, float]) -> None:
    """W has no element of A, but waits for all of A; Y goes over A again."""
    cascade = Cascade.of(
        "across",
        inputs=["A[m]", "Z[m]"],
        einsums=["G[] = sum(m) A[m]", between, "Y[m] = A[m] - W[m]"],
        initial=initial,
        outputs=["Y"],
    )
    found = footprint(cascade, "m")
    assert found.passes.count == 2
    reason = "pass 2: Y needs W, which needs G, which is complete only after all of m in pass 1"
    assert found.passes.reasons == (reason,)
    assert [(one.tensor, one.made, one.read) for one in found.live] == [("A", 1, (2,))]


def test_a_value_per_place_in_a_tile_needs_every_tile() -> None:
    cascade = Cascade.of(
        "columns",
        inputs=["X[m]"],
        einsums=["C[m0] = sum(m1) X[m1,m0]", "Y[m1,m0] = X[m1,m0] * C[m0]"],
        partitions={"m": ("m1", "m0")},
        outputs=["Y"],
    )
    assert passes(cascade, "m").count == 2


def test_a_state_that_must_wait_takes_those_that_read_it_along() -> None:
    """AH reads the state of the step before, which is there only in the loop that computes H: the second one."""
    cascade = Cascade.of(
        "late",
        inputs=["A[t]"],
        einsums=["G[] = sum(t) A[t]", "AH[t] = A[t] * H[t]", "W[t] = A[t] + G[]", "H[t+1] = AH[t] + W[t]"],
        initial={"H": 1},
        outputs=["H"],
    )
    assert [stage.einsums for stage in tile_schedule(cascade, "t").stages] == [("G",), ("AH", "W", "H")]
    state, values = [1.0], np.array([0.5, -2.0, 3.0])
    for value in values:
        state.append(value * state[-1] + value + values.sum())
    np.testing.assert_allclose(run(cascade, {"A": values})["H"], state)


@pytest.mark.parametrize(
    ("name", "live", "tiles", "carried"),
    [
        ("attention-3-pass", "M", "0", "F + 2"),
        ("attention-2-pass", "M + 2*M1", "2*M1", "F + 2"),
        ("attention-1-pass", "0", "0", "F + 2"),
    ],
)
def test_what_one_query_keeps(name: str, live: str, tiles: str, carried: str) -> None:
    foot = footprint(load_cascade(name), "m")
    assert foot.fiber == ("b", "h", "p")
    assert (str(foot.live_per_row), str(foot.tiles_per_row), str(foot.carried_per_row)) == (live, tiles, carried)


def test_which_tensors_live_across_passes() -> None:
    def found(name: str) -> list[tuple[str, int, tuple[int, ...], str]]:
        return [(one.tensor, one.made, one.read, str(one.words)) for one in footprint(load_cascade(name), "m").live]

    assert found("attention-3-pass") == [("QK", 1, (2,), "B*H*M*P"), ("SN", 2, (3,), "B*H*M*P")]
    assert [one[0] for one in found("attention-2-pass")] == ["LM", "SLN", "SLD"]
    assert found("attention-1-pass") == []


def test_the_tile_loop_of_one_pass_attention() -> None:
    view = tile_schedule(load_cascade("attention-1-pass"), "m1")
    assert view.outside == ("AV",)
    assert [stage.rank for stage in view.stages] == ["m1", ""]
    edges = {(one.producer, one.consumer, one.distance) for one in view.dependences}
    assert {(a, b) for a, b, distance in edges if distance == 1} == {
        *(("RM", "RM"), ("RM", "PRM"), ("RD", "SPD"), ("RNV", "SPNV")),
    }
    assert {("RM", "SLN", 0), ("RM", "PRM", 0), ("QK", "LM", 0), ("RD", "AV", None), ("RNV", "AV", None)} <= edges


SHORT_WORK_IN_STEPS = Cascade.of(
    "T8 waits for T7, outside of all loops, which waits for T3 and T5, over tiles alone",
    inputs=["X[p,m]"],
    einsums=[
        "T0[p,m1,m0] = X[p,m1,m0] - X[p,m1,m0]",
        "T1[p,m1] = max(m0) T0[p,m1,m0]",
        "T2[p] = max(m1) T1[p,m1]",
        "T3[p,m1] = exp(T1[p,m1] - T2[p])",
        "T4[p,m1,m0] = T0[p,m1,m0] - T3[p,m1]",
        "T5[p] = max(m1) T3[p,m1]",
        "T6[p,m1] = max(m0) T4[p,m1,m0]",
        "T7[p] = T5[p] + T5[p]",
        "T8[p,m1,m0] = T4[p,m1,m0] - T7[p]",
    ],
    partitions={"m": ("m1", "m0")},
    outputs=["T8"],
    sizes={"M": 6, "M0": 2, "P": 1},
)


def test_loops_over_elements_wait_for_work_that_saves_one() -> None:
    stages = [(stage.rank, stage.einsums) for stage in tile_schedule(SHORT_WORK_IN_STEPS, "m1").stages]
    first, short, last = ("T0", "T1", "T2"), ("T3", "T5"), ("T4", "T6", "T8")
    assert stages == [("m1", first), ("m1", short), ("", ("T7",)), ("m1", last)]


def test_fibers_that_wait_for_each_other_need_more_loops_than_passes() -> None:
    einsums = ["S[] = sum(m) A[m]", "Y[m] = B[m] * S[]", "R[] = sum(m) Y[m]", "Q[m] = A[m] * R[]"]
    cascade = Cascade.of("in turn", inputs=["A[m]", "B[m]"], einsums=einsums, outputs=["Q"])
    assert passes(cascade, "m").count == 2
    assert [stage.einsums for stage in tile_schedule(cascade, "m").stages] == [("S",), ("Y", "R"), ("Q",)]


@given(cascades() | cascades(("X", "Z")))
@example(SHORT_WORK_IN_STEPS)
@settings(max_examples=300, deadline=None)
def test_loops_are_as_few_as_sweeps_and_in_order(cascade: Cascade) -> None:
    """As many as the passes over one input; no fewer than those, where several inputs wait for each other."""
    view = tile_schedule(cascade, "m1")
    by_name = {einsum.name: einsum for einsum in cascade.expanded}
    assert sorted(view.inside + view.outside) == sorted(by_name)
    full = [stage for stage in view.stages if any("m0" in by_name[name].space for name in stage.einsums)]
    count = passes(cascade, "m").count
    assert len(full) == sweeps(cascade)
    assert len(full) == count if len(cascade.inputs) == 1 else len(full) >= count
    place = {name: (i, j) for i, stage in enumerate(view.stages) for j, name in enumerate(stage.einsums)}
    for edge in view.dependences:
        (made, first), (read, second) = place[edge.producer], place[edge.consumer]
        if edge.distance is None:
            assert made < read
        else:
            assert made == read
            assert edge.distance == 1 or first < second


def test_ranks_that_are_not_there() -> None:
    cascade = load_cascade("attention-1-pass")
    with pytest.raises(UnknownName, match="unknown rank 'n'"):
        passes(cascade, "n")
    with pytest.raises(UnknownName, match="unknown rank 'm'"):
        tile_schedule(cascade, "m")
