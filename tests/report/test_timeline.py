"""The Chrome trace: exact times, one track per unit, bytes that repeat."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.core.errors import Broken
from archsim.report.timeline import Span, timeline

SPANS: list[Span] = [
    ("pim", "qkv", 0, 1_234_567, {"layer": 0}),
    ("link", "load", 10, 20, {}),
    ("link", "load", 15, 30, {}),
    ("link", "load", 30, 30, {}),
    ('we"ird\n', "<b>", 2**53, 2**53 + 1, {"why": "é"}),
]


def load(packed: bytes) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(gzip.decompress(packed))["traceEvents"]
    return events


def test_loads_with_one_track_per_unit() -> None:
    events = load(timeline(SPANS, name="pim-gpt x gpt2-xl"))
    tracks = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert list(tracks.values()) == ["pim", "link", "link (2)", 'we"ird\n']
    assert events[0]["args"]["name"] == "pim-gpt x gpt2-xl"
    assert [e["args"] for e in events if e["name"] == "qkv"] == [{"layer": 0}]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 10**12), st.integers(0, 10**9)), max_size=30))
def test_times_are_exact_and_tracks_never_overlap(drawn: list[tuple[str, int, int]]) -> None:
    spans: list[Span] = [(unit, "x", start, start + length, {}) for unit, start, length in drawn]
    events = [e for e in load(timeline(spans)) if e["ph"] == "X"]
    assert [(round(e["ts"] * 1e6), round(e["dur"] * 1e6)) for e in events] == [(s, length) for _, s, length in drawn]
    for track in {e["tid"] for e in events}:
        end = 0
        for event in (e for e in events if e["tid"] == track):
            assert round(event["ts"] * 1e6) >= end
            end = round(event["ts"] * 1e6) + round(event["dur"] * 1e6)


def test_bytes_repeat() -> None:
    assert timeline(SPANS) == timeline(iter(SPANS))


def test_time_does_not_run_backwards() -> None:
    with pytest.raises(Broken, match="before its start"):
        timeline([("pim", "qkv", 5, 4, {})])


def test_no_spans() -> None:
    assert [e["ph"] for e in load(timeline([]))] == ["M"]


def test_each_counter_has_its_own_track() -> None:
    events = load(timeline([], counts=[("pim", "macab", 1_500, 7), ("pim", "actab", 2_000_000, 1)]))
    counters = [(e["name"], e["ts"], e["args"]["n"]) for e in events if e["ph"] == "C"]
    assert counters == [("pim macab", 0.0015, 7), ("pim actab", 2.0, 1)]
