"""Scales, ticks and the charts that compute something before they draw."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.report.activity import activity, steps
from archsim.report.document import ReportDoc, SampleDoc
from archsim.report.roofline import dots, roofline, unplotted
from archsim.report.rows import flattened
from archsim.report.sections import unit_colours
from archsim.report.svg import Scale, n, padded


@given(st.floats(-1e6, 1e6), st.floats(1, 1e9), st.integers(-12, 12))
def test_linear_ticks_are_round_and_inside(low: float, span: float, power: int) -> None:
    low, span = low * 10.0**power, span * 10.0**power
    ticks = Scale(low, low + span, 0, 100).ticks()
    assert ticks == sorted(ticks)
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)


@given(st.floats(1e-12, 1e12), st.floats(1.5, 1e9))
def test_logarithmic_ticks_are_inside(low: float, times: float) -> None:
    scale = Scale(low, low * times, 0, 100, log=True)
    ticks = scale.ticks()
    assert len(ticks) <= 12
    assert all(low * (1 - 1e-6) <= tick <= low * times * (1 + 1e-6) for tick in ticks)
    assert all(-0.01 <= scale(tick) <= 100.01 for tick in ticks)


def test_ticks_of_nothing() -> None:
    assert Scale(3, 3, 0, 100).ticks() == [3]
    assert Scale(3, 3, 7, 100)(3) == 7


def test_coordinates_are_short() -> None:
    assert [n(1.0), n(-0.001), n(1.239), n(100)] == ["1", "0", "1.24", "100"]
    assert padded([1, 100], 2) == (0.5, 200)


def test_joining_samples_loses_nothing(pim: ReportDoc) -> None:
    fine, coarse = steps(pim["samples"], most=10_000), steps(pim["samples"], most=50)
    assert len(fine) == len(pim["samples"])
    assert len(coarse) < 60
    for parts in (fine, coarse):
        assert parts[0].start == 0
        assert parts[-1].end == pim["samples"][-1]["seconds"]
        total = sum(part.busy["pim"] * (part.end - part.start) for part in parts)
        assert total == pytest.approx(pim["samples"][-1]["busy"]["pim"])
        assert sum(part.last - part.first + 1 for part in parts) == len(pim["samples"])


def test_samples_may_skip_iterations() -> None:
    samples: list[SampleDoc] = [
        {"loop": "token", "index": index, "seconds": (index + 1) * 2.0, "busy": {"u": (index + 1) * 1.0}}
        for index in (0, 7, 9)
    ]
    assert [part.each for part in steps(samples)] == [2.0, 2.0, 2.0]
    assert [part.busy["u"] for part in steps(samples)] == [0.5, 0.5, 0.5]


def test_activity_needs_two_steps(pim: ReportDoc) -> None:
    assert activity(pim, {}) is not None
    pim["samples"] = pim["samples"][:1]
    assert activity(pim, {}) is None


def test_every_op_is_on_the_roofline_or_below_it(pim: ReportDoc) -> None:
    plot, rest = roofline(pim, unit_colours(pim)), unplotted(pim)
    assert plot is not None
    assert rest is not None
    shown = {op["op"] for op in dots(pim)}
    assert plot.count("<circle") == len(shown)
    for op in pim["by_op"]:
        assert (op["op"] in shown) or (op["op"] in rest)


def test_no_roofline_without_a_roof(gemm: ReportDoc) -> None:
    assert roofline(gemm, {}) is None


def test_colours_follow_the_critical_path(pim: ReportDoc) -> None:
    colours = unit_colours(pim)
    assert next(iter(colours)) == "pim"
    assert set(colours) == set(pim["units"])


def test_nested_data_is_flattened() -> None:
    data = {"a": {"b": 1, "c": {}}, "d": [1, 2], "e": [{"x": 1}] * 3, "f": None}
    assert flattened(data) == [("a.b", "1"), ("a.c", "none"), ("d", "1, 2"), ("e", "3 entries"), ("f", "none")]
