from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from archsim.core.errors import BadInput
from archsim.core.validate import build
from archsim.core.yamlfile import load_document
from archsim.dse.front import front
from archsim.dse.metrics import HEADLINE
from archsim.dse.sampler import Grid
from archsim.dse.store import Result, Row, Status
from archsim.dse.study import Goal, Objective, Scalar, Study
from archsim.dse.table import Table

HEAD = "question: q\ndesign: d\nworkload: w\n"


def read(tmp_path: Path, text: str) -> Study:
    path = tmp_path / "study.yaml"
    path.write_text(HEAD + text)
    return build(Study, load_document(path), label="study")


@pytest.mark.parametrize(
    ("axis", "values"),
    [
        ("[2, 4]", (2, 4)),
        ("['8 Gb/s', '16 Gb/s']", ("8 Gb/s", "16 Gb/s")),
        ("{from: 1, to: 16, log2: true}", (1, 2, 4, 8, 16)),
        ("{from: 16, to: 64, step: 16}", (16, 32, 48, 64)),
        ("{from: 1, to: 4, step: 2}", (1, 3)),
        ("{from: 0.1, to: 0.5, step: 0.1}", (0.1, 0.2, pytest.approx(0.3), 0.4, 0.5)),
        ("[true, false]", (True, False)),
        ("[os, ws]", ("os", "ws")),
    ],
)
def test_axes(tmp_path: Path, axis: str, values: tuple[Any, ...]) -> None:
    study = read(tmp_path, f"space:\n  a.b: {axis}\n  workload.x: [1, 2]\n")
    assert study.axes["a.b"] == values
    assert study.size == 2 * len(values)
    points = Grid().ask(study, ())
    assert [point["workload.x"] for point in points] == [1, 2] * len(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("space: {}\n", "study.space"),
        ("space: {a: []}\n", "study.space.a"),
        ("space: {a: [1, 1]}\n", "has 1 twice"),
        ("space: {a: {from: 1, to: 2}}\n", "either step or log2"),
        ("space: {a: {from: 4, to: 2, step: 1}}\n", "is empty"),
        ("space: {a: {from: 0, to: 2, log2: true}}\n", "cannot be doubled"),
        ("space: {a: {from: 0, to: 2, step: -1}}\n", "leads nowhere"),
        ("space: {a: {from: 1, to: 2, stp: 1}}\n", "did you mean 'step'"),
        ("space: {a: {from: 0, to: 1, step: 1e-9}}\n", "more than 100,000 values"),
        ("space: {a: [1]}\nset: {a: 2}\n", "in set and in space"),
        ("space: {a: [1]}\nobjectives: [{metric: second}]\n", "did you mean 'seconds'"),
        ("space: {a: [1]}\nobjectives: [{metric: seconds, goal: low}]\n", "'low' is not one of min, max"),
        ("spaces: {a: [1]}\n", "did you mean 'space'"),
    ],
)
def test_wrong_studies(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        read(tmp_path, text)


def rows(*points: tuple[float | None, float]) -> list[Row]:
    return [
        Row({"a": index}, str(index), Result(Status.OK if s is not None else Status.FAILED, {"seconds": s, "watts": w}))
        for index, (s, w) in enumerate(points)
    ]


def test_front_keeps_what_nothing_beats() -> None:
    objectives = (Objective(metric="seconds"), Objective(metric="watts"))
    assert front(rows((1, 5), (2, 2), (3, 2), (2, 6), (None, 0), (2, 2), (9, 1)), objectives) == (0, 1, 5, 6)
    assert front(rows((1, 5), (2, 6)), (Objective(metric="seconds", goal=Goal.MAX), objectives[1])) == (0, 1)
    assert front(rows((1, 5), (1, 5), (1, 6)), (objectives[0],)) == (0, 1, 2)
    assert front(rows((5, 5), (5, 4)), (Objective(metric="a", goal=Goal.MAX), objectives[0])) == (1,)


def test_table_has_every_column_and_survives_mixed_types(tmp_path: Path) -> None:
    study = read(tmp_path, "space: {a: [1, '2 GHz', true]}\n")
    results = (
        Result(Status.OK, {"seconds": 0.1, "cycles": 2**70, "energy.pim": 1.5, "bound_by": "memory"}),
        Result(Status.INFEASIBLE, reason='does, not "fit"\nat all'),
        Result(Status.OK, {"seconds": 1, "cycles": 7}),
    )
    values: tuple[Scalar, ...] = (1, "2 GHz", True)
    table = Table(study, tuple(Row({"a": v}, "k", r) for v, r in zip(values, results, strict=True)))
    assert table.columns == ("a", "status", "pareto", *HEADLINE, "energy.pim", "reason")
    table.save(tmp_path)
    import pyarrow.parquet as pq

    read_back = pq.read_table(tmp_path / "results.parquet").to_pylist()
    assert read_back[0]["a"] == "1"
    assert read_back[2]["seconds"] == 1.0
    assert read_back[1]["reason"] == 'does, not "fit"\nat all'
    frame = table.to_pandas()
    assert list(frame["status"]) == ["ok", "infeasible", "ok"]
    assert (tmp_path / "results.csv").read_text().splitlines()[0].startswith("a,status,pareto,seconds,")


def test_rows_of_different_operators_do_not_beat_each_other() -> None:
    found = rows((1, 1), (2, 2), (9, 9), (8, 10), (10, 10))
    named = [
        Row({**row.settings, "workload.op": op}, row.key, row.result) for row, op in zip(found, "aabbb", strict=True)
    ]
    objectives = (Objective(metric="seconds"), Objective(metric="watts"))
    assert front(found, objectives) == (0,)
    assert front(named, objectives) == (0, 2, 3)
