"""A run folder holds what repeats the run."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import archsim
from archsim.api.cases import prepare
from archsim.api.saving import execute_and_save, recover
from archsim.report.folder import FILES

WRITTEN = set(FILES) - {"timeline.json.gz"}


@pytest.mark.parametrize("design", ["systolic", "pim-gpt", "my_design.py:MyDesign"])
@pytest.mark.parametrize("workload", ["gpt2-small", "gemm:8,16,32"])
def test_a_folder_repeats_itself_byte_for_byte(work: Path, design: str, workload: str) -> None:
    case = prepare(design, workload, set={"workload.dtype": "bf16"})
    first = execute_and_save(case, work / "first", command=["archsim", "run"])
    again, manifest = recover(first.folder)
    assert again.key == case.key
    second = execute_and_save(again, work / "second", command=manifest["provenance"]["command"])
    names = {path.name for path in first.folder.iterdir()}
    assert names - {"my_design.py"} == WRITTEN
    for name in names - {"manifest.json"}:
        assert (first.folder / name).read_bytes() == (second.folder / name).read_bytes(), name


def test_a_folder_does_not_need_the_users_file(work: Path) -> None:
    folder = execute_and_save(prepare("my_design.py:MyDesign", "gemm:8,8,8"), work / "out").folder
    (work / "my_design.py").unlink()
    case, _ = recover(folder)
    assert case.design.kind == "my_npu_pim"


def test_the_timeline_has_a_span_per_task(work: Path) -> None:
    archsim.run("systolic", "attention:1,2,2,4,8,16", out="out", timeline=True)
    events = json.loads(gzip.decompress((work / "out" / "timeline.json.gz").read_bytes()))["traceEvents"]
    assert len([event for event in events if event["ph"] == "X"]) == 3


def test_a_folder_that_is_no_run_cannot_be_repeated(work: Path) -> None:
    with pytest.raises(archsim.BadInput, match="no finished run"):
        recover(work)


def test_runs_go_to_runs_and_latest_points_to_the_last(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = prepare("systolic", "gemm:8,8,8")
    saved = execute_and_save(case)
    assert saved.folder.parent == Path("runs")
    assert (Path("runs") / "latest" / "report.json").read_bytes() == (saved.folder / "report.json").read_bytes()
    monkeypatch.setenv("ARCHSIM_RUNS", str(work / "elsewhere"))
    assert execute_and_save(case).folder.parent == work / "elsewhere"


def test_a_simulation_that_fails_leaves_no_folder(work: Path) -> None:
    with pytest.raises(archsim.DoesNotFit):
        execute_and_save(prepare("pim-gpt", "gpt3-175b"), work / "out")
    assert not (work / "out").exists()
