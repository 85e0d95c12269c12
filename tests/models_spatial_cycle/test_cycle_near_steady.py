"""Programs beside the closed forms that they approach."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.core.errors import Infeasible
from tests.models_spatial_cycle.spatial_runs import Run, attention

CI = settings(deadline=None, derandomize=True, max_examples=12)
BERT, XLM = "64,12,12,{n},{n},64", "64,16,16,{n},{n},128"
PUBLISHED = ("fusemax", "fusemax-arch", "fusemax-cascade", "flat", "unfused")
WIDE = {"array_2d.rows": 512, "array_2d.cols": 512}


@pytest.mark.parametrize("shape", [BERT, XLM])
@pytest.mark.parametrize("n", [4096, 16384, 65536, 262144, 1048576])
def test_fusemax_comes_within_a_percent_and_is_never_faster(shape: str, n: int) -> None:
    assert 1 <= attention("fusemax", shape.format(n=n)).ratio < 1.01


@pytest.mark.parametrize("mode", ["artifact", "corrected"])
@pytest.mark.parametrize(
    ("sizes", "fields"),
    [
        (BERT.format(n=4096), WIDE),
        (BERT.format(n=16384), WIDE),
        (BERT.format(n=8192), {"array_2d.rows": 128, "array_2d.cols": 512}),
        (BERT.format(n=4096), {"array_2d.rows": 64, "array_2d.cols": 64}),
        (BERT.format(n=4096), {"buffer.size": "2 MiB"}),
        (BERT.format(n=4096), {"buffer.size": "512 KiB"}),
        ("1,12,12,262144,262144,64", {**WIDE, "buffer.sizing": "balanced"}),
        ("8,16,16,16384,16384,256", {}),
        ("1,32,32,1,4096,128", {}),  # decode: one query per head
        ("1,32,8,1,16384,128", {}),
        ("1,12,12,512,16384,64", {}),  # few tiles of queries
        ("1,12,12,768,16384,64", {}),
        ("8,32,8,300,16384,64", {}),  # heads that share keys fill tiles together
        ("8,24,8,300,16384,64", {}),
    ],
)
def test_so_do_other_machines_and_shapes(sizes: str, fields: dict[str, object], mode: str) -> None:
    assert 1 <= attention("fusemax", sizes, set={**fields, "energy.mode": mode}).ratio < 1.01


@pytest.mark.parametrize(
    ("sizes", "most"), [("4096,4096,64", 1.05), ("16384,16384,64", 1.02), ("65536,65536,64", 1.01)]
)
def test_a_causal_mask_adds_little(sizes: str, most: float) -> None:
    run = attention("fusemax", f"8,12,12,{sizes},causal")
    assert 1 <= run.ratio < most
    assert run.counted == run.expected


def test_short_and_lone_sequences_show_fill_and_drain() -> None:
    """Each head's is beside the work of others; a single one has nothing beside it, and says how much that is."""
    short, long = (attention("fusemax", BERT.format(n=n)).ratio for n in (1024, 4096))
    assert 1 < long < short < 1.01
    lone = [attention("fusemax", f"1,1,1,{n},{n},64") for n in (1024, 4096, 65536)]
    assert lone[0].ratio > 1.2
    assert 1.02 < lone[1].ratio < 1.1
    assert lone[2].ratio < 1.005
    assert told(lone[1]) == pytest.approx(lone[1].ratio - 1, rel=0.2)


def told(run: Run) -> float:
    """The parts over the steady state that the notes explain, in all."""
    return sum(float(number) for note in run.mapping.notes for number in re.findall(r"([\d.]+) % over", note)) / 100


@given(
    rows=st.sampled_from([64, 128, 256, 512]),
    cols=st.sampled_from([64, 128, 256, 512]),
    buffer=st.sampled_from(["256 KiB", "512 KiB", "1 MiB", "2 MiB", "16 MiB"]),
    heads=st.integers(1, 6),
    group=st.integers(1, 4),
    queries=st.sampled_from([1, 17, 256, 512, 1000, 4096]),
    keys=st.sampled_from([4096, 5000, 16384]),
    head=st.sampled_from([32, 64, 128]),
    corrected=st.booleans(),
)
@settings(CI, max_examples=15)
def test_what_is_over_a_percent_is_explained(
    rows: int, cols: int, buffer: str, heads: int, group: int, queries: int, keys: int, head: int, corrected: bool
) -> None:
    """From 4K keys on, any array and buffer: within a percent, or as much over it as the notes say, about."""
    fields = {"array_2d.rows": rows, "array_2d.cols": cols, "buffer.size": buffer}
    mode = "corrected" if corrected else "artifact"
    try:
        run = attention(
            "fusemax",
            f"1,{heads * group},{heads},{queries},{keys},{head}",
            set={**fields, "energy.mode": mode},
        )
    except Infeasible:
        return
    assert 1 <= run.ratio < 1.01 + 1.5 * told(run)
    assert run.counted == run.expected


@pytest.mark.parametrize(
    ("design", "most"),
    # Tile after tile, loads of keys and queries are exposed; scores that cross the buffer take its ports longer than
    # the products take the array.
    [("fusemax-arch", 1.03), ("fusemax-cascade", 1.02), ("flat", 1.001), ("unfused", 1.001)],
)
@pytest.mark.parametrize("shape", [BERT, XLM])
@pytest.mark.parametrize("n", [1024, 16384, 262144])
def test_the_others_come_near(design: str, most: float, shape: str, n: int) -> None:
    assert 1 - 1e-9 <= attention(design, shape.format(n=n)).ratio < most


@pytest.mark.parametrize("shape", [BERT, XLM])
@pytest.mark.parametrize("design", PUBLISHED)
def test_a_thousand_times_the_length_is_no_more_work_to_simulate(design: str, shape: str) -> None:
    short, long = (attention(design, shape.format(n=n)) for n in (1024, 1048576))
    assert long.trace.effort.evaluated < 1.8 * short.trace.effort.evaluated
    assert len(long.mapping.tasks()) < 250


@given(
    design=st.sampled_from(PUBLISHED),
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    group=st.integers(1, 3),
    queries=st.integers(1, 700),
    extra=st.integers(0, 300),
    head=st.sampled_from([16, 64, 128]),
    causal=st.booleans(),
)
@settings(CI, max_examples=40)
def test_odd_shapes_count_what_their_closed_forms_count(
    design: str, batch: int, heads: int, group: int, queries: int, extra: int, head: int, causal: bool
) -> None:
    mask = ",causal" if causal else ""
    run = attention(design, f"{batch},{heads * group},{heads},{queries},{queries + extra},{head}{mask}")
    assert run.counted == run.expected
    assert run.ratio >= 1 - 1e-9


@given(
    rows=st.sampled_from([8, 16]),
    cols=st.sampled_from([4, 8, 16]),
    heads=st.integers(1, 2),
    group=st.sampled_from([1, 1, 2, 3]),
    queries=st.integers(1, 60),
    extra=st.integers(0, 40),
    flow=st.sampled_from(["fusemax", "fusemax-arch"]),
)
@settings(CI, max_examples=10)
def test_so_do_staircases_of_every_slope(
    rows: int, cols: int, heads: int, group: int, queries: int, extra: int, flow: str
) -> None:
    """Causal, many small tiles: whatever the loops over the diagonal make of it, each operation is counted once."""
    fields = {"array_2d.rows": rows, "array_2d.cols": cols, "buffer.size": "8 KiB", "buffer.line": "8 B"}
    run = attention(
        "fusemax", f"1,{heads * group},{heads},{queries},{queries + extra},8,causal", set=fields, dataflow=flow
    )
    run.mapping.check(run.graph, run.design)
    assert run.counted == run.expected
    assert run.ratio >= 1 - 1e-9


@pytest.mark.parametrize("copies", [2, 3])
@pytest.mark.parametrize("sizes", ["1,2,2,3000,3000,64", "1,5,5,3000,3000,64", "2,4,2,300,700,64"])
def test_phases_that_wait_for_each_other_are_never_faster(sizes: str, copies: int) -> None:
    """Top-k chooses before it attends, and copies that do not divide the heads leave some idle."""
    for mode in ("artifact", "corrected"):
        assert attention("fusemax", sizes, set={"copies": copies, "energy.mode": mode}, dataflow="topk:100").ratio >= 1


def test_tiles_in_flight_hide_the_ripple() -> None:
    alone, few, chosen = (attention("fusemax", BERT.format(n=4096), depth=depth).ratio for depth in (1, 2, None))
    assert alone > few > 1.2
    assert chosen < 1.01
