"""Programs beside the closed forms that they approach."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models_spatial_cycle.spatial_runs import attention

CI = settings(deadline=None, derandomize=True, max_examples=12)
BERT, XLM = "64,12,12,{n},{n},64", "64,16,16,{n},{n},128"
PUBLISHED = ("fusemax", "fusemax-arch", "fusemax-cascade", "flat", "unfused")


@pytest.mark.parametrize("shape", [BERT, XLM])
@pytest.mark.parametrize("n", [4096, 16384, 65536, 262144, 1048576])
def test_fusemax_comes_within_a_percent_and_is_never_faster(shape: str, n: int) -> None:
    assert 1 <= attention("fusemax", shape.format(n=n)).ratio < 1.01


@pytest.mark.parametrize("shape", [BERT, XLM])
def test_short_sequences_show_fill_and_drain(shape: str) -> None:
    short, long = (attention("fusemax", shape.format(n=n)).ratio for n in (1024, 4096))
    assert 1.02 < short < 1.1
    assert long < short


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


@pytest.mark.parametrize("design", PUBLISHED)
def test_a_thousand_times_the_length_is_no_more_work_to_simulate(design: str) -> None:
    short, long = (attention(design, BERT.format(n=n)).trace.effort.evaluated for n in (1024, 1048576))
    assert long < 2.5 * short
    assert len(attention(design, BERT.format(n=1048576)).mapping.tasks()) < 250


@given(
    design=st.sampled_from(PUBLISHED),
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    group=st.integers(1, 3),
    queries=st.integers(1, 700),
    keys=st.integers(1, 900),
    head=st.sampled_from([16, 64, 128]),
)
@settings(CI, max_examples=40)
def test_odd_shapes_count_what_their_closed_forms_count(
    design: str, batch: int, heads: int, group: int, queries: int, keys: int, head: int
) -> None:
    run = attention(design, f"{batch},{heads * group},{heads},{queries},{keys},{head}")
    found, expected = run.counted, run.expected
    if design.startswith("fusemax") and group > 1 and queries % 256:
        # Heads that do not fill tiles together take more tiles here, each of which reads its keys again.
        assert found.pop("buffer_read") >= expected.pop("buffer_read")
    assert found == expected


def test_tiles_in_flight_hide_the_ripple() -> None:
    alone, few, chosen = (attention("fusemax", BERT.format(n=4096), depth=depth).ratio for depth in (1, 2, None))
    assert alone > few > 1.2
    assert chosen < 1.01
