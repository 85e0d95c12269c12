"""Are points of different operators compared, and are ratios shown as what they are?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archsim.report.document import ReportDoc
from archsim.report.pareto import Point, pareto
from archsim.report.pareto_plot import pareto_plot
from archsim.report.sections import memory_section

times = st.lists(st.tuples(st.floats(1, 9), st.floats(1, 9)), min_size=1, max_size=6)


def points(op: str, values: list[tuple[float, float]]) -> list[Point]:
    return [
        {"params": {"workload.op": op, "rows": i}, "metrics": {"seconds": s, "energy_joules": e}, "status": "ok"}
        for i, (s, e) in enumerate(values)
    ]


@given(times, times)
def test_the_front_of_two_operators_is_that_of_each(
    small: list[tuple[float, float]], large: list[tuple[float, float]]
) -> None:
    one, other = points("gemm:1,1,1", small), points("gemm:9,9,9", [(10 * s, 10 * e) for s, e in large])
    together = pareto([*one, *other])
    assert sorted(together) == sorted([*pareto(one), *(len(one) + i for i in pareto(other))])


def test_no_line_joins_fronts_of_different_operators() -> None:
    steps = [(1.0, 4.0), (2.0, 3.0), (3.0, 1.0)]
    line = b"stroke-opacity: 0.6"
    assert line in pareto_plot(points("gemm:1,1,1", steps), form="svg")
    assert line not in pareto_plot([*points("gemm:1,1,1", steps[:2]), *points("gemm:9,9,9", steps[2:])], form="svg")


def test_only_parts_of_a_whole_are_shown_as_percent(pim: ReportDoc) -> None:
    pim["memory"] = {"util_2d": 0.25, "row_hit_rate": 0.75, "traffic_over_bound": 1.0, "passes": 1.0, "balance": 0.5}
    shown = str(memory_section(pim)).split("Ratios")[1]
    assert [text in shown for text in ("25.0", "75.0", "100.0", "50.0")] == [True, True, False, False]
