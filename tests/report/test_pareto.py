"""The Pareto front against brute force, and the pictures of it."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from archsim.report.pareto import Point, label, metric_name, pareto, short_names, shown, tick, varied
from archsim.report.pareto_plot import Format, pareto_plot
from archsim.report.study_page import study_page
from archsim.report.study_terminal import show_front
from tests.report.test_html import EVIL, flat, read

GOALS = ("seconds", "energy_joules", "area_mm2")


def point(*values: float, status: str = "ok", params: Mapping[str, object] | None = None) -> Point:
    return {"params": dict(params or {}), "metrics": dict(zip(GOALS, values, strict=False)), "status": status}


def beats(one: Point, other: Point, goals: tuple[str, ...]) -> bool:
    pairs = [(one["metrics"][goal], other["metrics"][goal]) for goal in goals]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@given(st.lists(st.tuples(*[st.integers(0, 6)] * 3), max_size=40), st.integers(1, 3))
def test_front_equals_brute_force(values: list[tuple[int, ...]], count: int) -> None:
    goals = GOALS[:count]
    points = [point(*value) for value in values]
    front = pareto(points, goals)
    assert set(front) == {i for i, p in enumerate(points) if not any(beats(q, p, goals) for q in points)}
    assert len(front) == len(set(front))


@given(st.permutations(range(12)))
def test_front_does_not_depend_on_order(order: list[int]) -> None:
    points = [point((i * 7) % 5, (i * 3) % 4) for i in range(12)]
    shuffled = [points[i] for i in order]
    chosen = [shuffled[i]["metrics"] for i in pareto(shuffled)]
    assert chosen == [points[i]["metrics"] for i in pareto(points)]


def test_ties_stand_together_and_the_unfinished_do_not() -> None:
    points = [point(1, 1), point(1, 1), point(nan, 0), point(inf, 0), point(0, 0, status="failed"), point(0)]
    assert pareto(points) == [0, 1]
    assert pareto([]) == []


def test_names() -> None:
    points = [point(1, 1, params={"pim.banks": 4, "pim.rows": 8}), point(1, 1, params={"pim.banks": 8, "pim.rows": 8})]
    assert varied(points) == ["pim.banks"]
    assert label(points[0]["params"], varied(points)) == "banks 4"
    assert short_names(["a.x", "b.x", "y"]) == ["a.x", "b.x", "y"]
    assert metric_name("minus tokens_per_second") == "tokens per second"
    assert shown("joules_per_token", 0.0033) == "3.30 mJ"
    assert tick("minus tokens_per_second", -250.0) == "250"


@pytest.fixture
def study() -> list[Point]:
    """A grid with a trade-off, two infeasible points and a failed one."""
    points: list[Point] = []
    for banks in (4, 8, 16, 32):
        for lanes in (8, 16):
            seconds = 1 / (banks * lanes) + 0.001
            made = point(
                seconds, 1 + banks / 50 + lanes / 400, banks * lanes, params={"pim.banks": banks, "pim.lanes": lanes}
            )
            made["key"] = f"{banks:04x}{lanes:04x}"
            points.append(made)
    points[-1] = {**points[-1], "metrics": {}, "status": "infeasible", "reason": "needs 71 mm2, has 64 mm2"}
    points[-2] = {**points[-2], "metrics": {}, "status": "failed", "reason": EVIL}
    return points


def test_study_page(study: list[Point]) -> None:
    page = study_page("banks", study, question="How many banks?", provenance={"command": "archsim sweep banks.yaml"})
    text, reader = flat(page), read(page)
    assert "How many banks?" in text
    assert "needs 71 mm2, has 64 mm2" in text
    assert EVIL in text
    assert "6 ok, 1 infeasible, 1 failed" in text
    assert "archsim sweep banks.yaml" in text
    assert "http" not in page.replace("http-equiv", "")
    ids = {attrs.get("id") for _, attrs in reader.tags}
    assert {f"point-{i}" for i in range(len(study))} <= ids
    links = [str(attrs["href"]) for tag, attrs in reader.tags if tag == "a"]
    assert {link[1:] for link in links} <= ids
    assert page == study_page(
        "banks", study, question="How many banks?", provenance={"command": "archsim sweep banks.yaml"}
    )


@pytest.mark.parametrize(
    "objectives", [("seconds",), ("seconds", "energy_joules"), GOALS, ("minus hit_rate", "seconds")]
)
def test_study_page_with_any_objectives(study: list[Point], objectives: tuple[str, ...]) -> None:
    for made in study:
        if made["metrics"]:
            made["metrics"]["minus hit_rate"] = -made["metrics"]["seconds"]
    assert "On the front" in flat(study_page("s", study, objectives=objectives))


def test_a_parameter_that_is_an_objective_has_one_column(study: list[Point]) -> None:
    for made in study:
        if made["metrics"]:
            made["metrics"] |= {"minus pim.lanes": -made["params"]["pim.lanes"], "above_bound": 2.72}
    aims = ("seconds", "minus pim.lanes")
    reader = read(study_page("s", study, objectives=aims, setting="gpt2-xl, generate, 128 tokens", caveat="No price."))
    heads = page_heads(study_page("s", study, objectives=aims))
    assert all(head.count("pim.lanes") == 1 for head in heads)
    assert heads[-1][0] == "status"
    words = " ".join("".join(reader.text).split())
    assert "gpt2-xl, generate, 128 tokens" in words
    assert "No price." in words
    out = io.StringIO()
    show_front(study, Console(file=out, width=80), objectives=aims, setting="gpt2-xl", caveat="No price.")
    assert out.getvalue().startswith("gpt2-xl\n")
    assert out.getvalue().count("lanes") == 1
    assert "note: No price." in out.getvalue()
    assert shown("above_bound", 2.72) == "272.0 %"


def page_heads(page: str) -> list[list[str]]:
    """The heads of the tables that list points."""
    tables = re.findall(r"<thead>(.*?)</thead>", page)
    heads = [re.findall(r"<th[^>]*>(.*?)</th>", table) for table in tables]
    return [head for head in heads if "time" in head]


def test_study_without_a_result(study: list[Point]) -> None:
    assert "No point has a result yet." in flat(study_page("s", study[-2:]))
    assert "0 points" in flat(study_page("s", []))
    pareto_plot(study[-2:])


@pytest.mark.parametrize(("form", "magic"), [("png", b"\x89PNG"), ("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_plot_repeats_byte_for_byte(study: list[Point], form: Format, magic: bytes) -> None:
    drawn = pareto_plot(study, title="banks", form=form)
    assert drawn.startswith(magic)
    assert drawn == pareto_plot(study, title="banks", form=form)


def test_plot_of_one_point(study: list[Point]) -> None:
    assert pareto_plot(study[:1], "seconds", "area_mm2", objectives=GOALS).startswith(b"\x89PNG")


def test_front_on_the_terminal(study: list[Point]) -> None:
    out = io.StringIO()
    show_front(study, Console(file=out, width=80), where="studies/banks/study.html")
    text = out.getvalue()
    assert "banks" in text
    assert "of 8 points on the front (6 ok, 1 infeasible, 1 failed)" in text
    assert "report: studies/banks/study.html" in text
    many = [point(i, 100 - i, params={"n": i}) for i in range(50)]
    show_front(many, Console(file=out, width=80))
    assert "and 30 more on the front" in out.getvalue()
