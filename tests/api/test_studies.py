"""Studies from YAML to table: resumed after a kill, the same bytes for any number of workers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import archsim
from archsim.api.pictures import setting
from archsim.api.studies import estimate, redraw_any, stored
from archsim.api.studyfile import check_study, evaluate, load_study
from archsim.core.errors import BadInput
from archsim.dse.worker import reference

STUDY = """\
question: How large an array?
design: systolic
workload: gemm:64,64,64
space:
  array.rows: [8, 16, 32]
  array.dataflow: [os, ws]
fidelity: cycle
"""
SLOW = """
import os, time
import archsim

class Sleepy(archsim.Component, kind="sleepy"):
    rows: int = 1

    def cost(self, op: archsim.OpCall) -> archsim.Cost | None:
        with open(os.environ["EVALUATED"], "a") as log:
            log.write(f"{os.environ['ROUND']} {self.rows}\\n")
        while os.environ["ROUND"] == "1" and self.rows > 8 and not os.path.exists(os.environ["GATE"]):
            time.sleep(0.01)
        return archsim.Cost(cycles=1000 // self.rows)

class Slow(archsim.Design, kind="slow"):
    unit: Sleepy = Sleepy()
"""
SLOW_STUDY = """\
question: Does it resume?
design: slow.py:Slow
workload: gemm:64,64,64
space: {unit.rows: {from: 1, to: 24, step: 1}}
"""


def write(work: Path, text: str = STUDY, name: str = "size.yaml") -> Path:
    (work / name).write_text(text)
    return work / name


def test_a_study_gives_a_table_pictures_and_the_same_again(work: Path) -> None:
    first = archsim.sweep(write(work), workers=2)
    assert (first.done, first.total, first.interrupted) == (6, 6, False)
    assert {p.name for p in first.folder.iterdir()} == {
        "points", "study.json", "results.csv", "results.parquet", "pareto.png", "study.html",
    }  # fmt: skip
    before = {p: p.read_bytes() for p in first.folder.rglob("*") if p.is_file()}
    again = archsim.sweep(work / "size.yaml")
    assert again.table.to_csv() == first.table.to_csv()
    assert {p: p.read_bytes() for p in again.folder.rglob("*") if p.is_file()} == before
    frame = first.table.to_pandas()
    assert list(frame["array.rows"]) == [8, 8, 16, 16, 32, 32]
    report = archsim.run("systolic", "gemm:64,64,64", set={"array.rows": 16, "array.dataflow": "os"})
    assert frame["seconds"][2] == report.seconds
    assert frame["energy_joules"][2] == report.energy.total


def test_workers_and_order_do_not_show(work: Path) -> None:
    write(work)
    tables = [archsim.sweep("size.yaml", workers=n, out=f"with{n}") for n in (1, 2)]
    for name in ("results.csv", "results.parquet", "pareto.png", "study.html"):
        assert (work / "with1" / name).read_bytes() == (work / "with2" / name).read_bytes()
    assert tables[0].table.rows == tables[1].table.rows or tables[0].table.to_csv() == tables[1].table.to_csv()


def test_a_killed_sweep_goes_on_and_repeats_nothing(work: Path) -> None:
    (work / "slow.py").write_text(SLOW)
    write(work, SLOW_STUDY, "slow.yaml")
    command = [sys.executable, "-m", "archsim.cli", "sweep", "slow.yaml", "-j", "2", "--out", "killed", "-q"]
    env = {**os.environ, "EVALUATED": str(work / "log"), "ROUND": "1", "GATE": str(work / "gate")}
    points = work / "killed" / "points"
    process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    try:
        while len(list(points.glob("*.json"))) < 6 and process.poll() is None:  # 8 pass the gate
            time.sleep(0.02)
        process.kill()
    finally:
        (work / "gate").touch()
        said = process.communicate()[1]  # ends when the last worker has ended too, since they share its stderr
    assert process.returncode == -signal.SIGKILL, said
    kept = len(list(points.glob("*.json")))
    assert 6 <= kept <= 8
    subprocess.run(command, env={**env, "ROUND": "2"}, check=True, capture_output=True)
    seen = {line for line in (work / "log").read_text().split("\n") if line.startswith("2 ")}
    assert len(seen) == 24 - kept
    whole = [*command[:-2], "whole", "-q"]
    subprocess.run(whole, env={**env, "ROUND": "3"}, check=True, capture_output=True)
    for name in ("results.csv", "results.parquet"):
        assert (work / "killed" / name).read_bytes() == (work / "whole" / name).read_bytes()


def test_infeasible_points_are_rows_with_a_reason(work: Path) -> None:
    text = STUDY.replace("systolic", "pim-gpt").replace("gemm:64,64,64", "gpt2-xl")
    text = text.replace("array.rows: [8, 16, 32]\n  array.dataflow: [os, ws]", "pim.channels: [2, 8]")
    result = archsim.sweep(write(work, text))
    assert [row.result.status.value for row in result.table.rows] == ["infeasible", "ok"]
    assert "needs" in result.table.rows[0].result.reason


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("array.rows", "array.rws", "did you mean 'rows'"),
        ("[8, 16, 32]", "[8, many]", "not a whole number"),
        ("design: systolic", "design: systolc", "did you mean 'systolic'"),
        ("gemm:64,64,64", "gemm:64,64", "needs M,N,K"),
        ("fidelity: cycle", "fidelity: cycles", "did you mean 'cycle'"),
        ("fidelity: cycle", "mapper: pin", "unknown mapper"),
        ("fidelity: cycle", "set: {array.nothing: 1}", "unknown key"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(work: Path, old: str, new: str, message: str) -> None:
    path = write(work, STUDY.replace(old, new))
    with pytest.raises(BadInput, match=message):
        archsim.sweep(path)
    assert not (work / "runs").exists()
    with pytest.raises(BadInput, match=message):
        check_study(path)


def test_limit_fresh_and_stored(work: Path) -> None:
    path = write(work)
    with pytest.raises(BadInput, match="no finished points"):
        stored(path)
    assert archsim.sweep(path, limit=2).done == 2
    assert stored(path).done == 2
    folder = archsim.sweep(path).folder
    assert stored(path).done == stored(folder).done == 6
    point = next((folder / "points").iterdir())
    point.write_text("half a fi")
    assert archsim.sweep(path).done == 6  # what cannot be read is run again
    archsim.sweep(path, fresh=True, limit=3)
    assert len(list((folder / "points").iterdir())) == 3
    assert redraw_any(str(folder)) == folder / "study.html"


def test_a_sweep_builds_every_point_once(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import archsim.api.studyfile

    built: list[object] = []
    case = archsim.api.studyfile._case

    def counting(*args: Any) -> Any:
        built.append(args)
        return case(*args)

    monkeypatch.setattr(archsim.api.studyfile, "_case", counting)
    assert archsim.sweep(write(work), workers=1).done == 6
    assert len(built) == 6


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("", "", "gemm:64,64,64, op"),
        (
            "gemm:64,64,64",
            "gpt2-small\nphase: generate\nprompt: 2\ngenerate: 3",
            "gpt2-small, generate, prompt 2, 3 tokens",
        ),
        ("gemm:64,64,64", "gpt2-small\nset: {workload.generate: 9}", "gpt2-small, generate, 9 tokens"),
        ("array.rows", "workload.context", "gpt2-small"),
    ],
)
def test_a_study_names_what_ran(work: Path, old: str, new: str, text: str) -> None:
    if old == "array.rows":
        changed = STUDY.replace("gemm:64,64,64", "gpt2-small").replace(old, new)
        text = "gpt2-small, decode, 1 token, context varied"
    else:
        changed = STUDY.replace(old, new) if old else STUDY
    assert setting(load_study(write(work, changed)).study) == text


def test_an_estimate_runs_one_point_and_keeps_nothing(work: Path) -> None:
    found = estimate(write(work))
    assert (found.total, found.stored, found.measured) == (6, 0, True)
    assert not (work / "runs").exists()
    archsim.sweep("size.yaml", limit=4)
    found = estimate("size.yaml")
    assert (found.total, found.stored, found.measured) == (6, 4, False)
    assert found.seconds(2) == pytest.approx(found.seconds_per_point)
    assert "6 points, 4 stored, 2 to run" in found.sentence(2)


def test_a_changed_study_is_another_study(work: Path) -> None:
    folders = {load_study(write(work, STUDY.replace("32", n))).folder for n in ("32", "64")}
    assert len(folders) == 2


def test_files_are_looked_for_beside_the_study(work: Path) -> None:
    (work / "sub").mkdir()
    (work / "sub" / "mine.yaml").write_text("base: systolic\n")
    path = write(work / "sub", STUDY.replace("design: systolic", "design: mine.yaml"))
    assert load_study(path).study.design == str(work / "sub" / "mine.yaml")
    assert archsim.sweep(path, limit=1).done == 1


def test_workers_import_the_evaluation_by_name() -> None:
    assert reference(evaluate) == "archsim.api.studyfile:evaluate"


@pytest.mark.parametrize("name", sorted(f.name for f in files("archsim.sweeps").iterdir() if f.name.endswith(".yaml")))
def test_every_bundled_study_runs(work: Path, name: str) -> None:
    study = load_study(Path(name).stem).study
    assert study.question.endswith("?")
    short = {"generate": 2} if study.generate else {}
    result = archsim.sweep(study.model_copy(update=short), limit=2)
    assert result.done == 2
    assert {row.result.status.value for row in result.table.rows} <= {"ok", "infeasible"}
