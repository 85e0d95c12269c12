"""Run folders: whole or not there."""

from __future__ import annotations

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from archsim.core.errors import BadInput
from archsim.core.files import write_atomic
from archsim.report import folder as folders
from archsim.report.document import ReportDoc
from archsim.report.folder import FILES, RunFolder, find_report, load_report, redraw, run_name, runs_base, stamp

STAMP = "2026-11-22T02-23-11Z"


def save(folder: RunFolder, doc: ReportDoc, timeline: bytes | None = b"gz") -> Path:
    return folder.save(
        doc,
        design_yaml="kind: d\n",
        workload_yaml="kind: w\n",
        mapping={"body": []},
        manifest={"argv": ["archsim"], "out": Path("x")},
        timeline=timeline,
    )


def test_names() -> None:
    assert stamp(datetime(2026, 11, 22, 2, 23, 11, tzinfo=UTC)) == STAMP
    assert run_name("configs/edge.yaml", "opt-125m", "1f3c9a7e55d0a1b2") == "edge-opt-125m-1f3c9a7e"
    assert run_name("my.py:MyDesign", "gemm:1,2,3", "0" * 16) == "my-MyDesign-gemm-1-2-3-00000000"
    assert run_name("../..", "a/b c", "k") == "run-b-c-k"


def test_base_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ARCHSIM_RUNS", raising=False)
    assert runs_base() == Path("runs")
    monkeypatch.setenv("ARCHSIM_RUNS", str(tmp_path))
    assert RunFolder.create(stamp=STAMP, name="n").path == tmp_path / f"{STAMP}-n"


def test_a_run_is_saved_and_found(pim: ReportDoc, tmp_path: Path) -> None:
    folder = RunFolder.create(stamp=STAMP, name="pim", base=tmp_path)
    assert json.loads((folder.path / "manifest.json").read_text())["status"] == "running"
    with pytest.raises(BadInput, match="never finished"):
        find_report(folder.path)
    path = save(folder, pim)
    assert sorted(p.name for p in path.iterdir()) == sorted(FILES)
    manifest = json.loads((path / "manifest.json").read_text())
    assert (manifest["status"], manifest["schema"], manifest["out"]) == ("done", "archsim.run/1", "x")
    assert os.readlink(tmp_path / "latest") == path.name
    for given in (path, path / "report.json", "latest", path.name, tmp_path / "latest"):
        assert load_report(given, base=tmp_path) == pim


def test_latest_moves(pim: ReportDoc, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(RunFolder.create(stamp=STAMP, name=name, base=tmp_path), pim)
    assert os.readlink(tmp_path / "latest") == f"{STAMP}-b"
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{STAMP}-a", f"{STAMP}-b", "latest"]


def test_latest_never_replaces_a_real_folder(gemm: ReportDoc, tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    save(RunFolder.create(stamp=STAMP, name="a", base=tmp_path), gemm)
    assert not (tmp_path / "latest").is_symlink()


def test_two_runs_in_one_second(tmp_path: Path) -> None:
    paths = [RunFolder.create(stamp=STAMP, name="n", base=tmp_path).path.name for _ in range(3)]
    assert paths == [f"{STAMP}-n", f"{STAMP}-n-2", f"{STAMP}-n-3"]


def test_out_is_taken_as_it_is(gemm: ReportDoc, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "here"
    assert save(RunFolder.create(stamp=STAMP, name="n", out=out), gemm) == out
    assert not (out.parent / "latest").exists()
    save(RunFolder.create(stamp=STAMP, name="n", out=out), gemm, timeline=None)
    assert not (out / "timeline.json.gz").exists()  # the earlier run's


def test_out_with_foreign_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    RunFolder.create(stamp=STAMP, name="n", out=tmp_path).discard()
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]
    (tmp_path / "design.yaml").write_text("mine")
    with pytest.raises(BadInput, match=r"holds design\.yaml"):
        RunFolder.create(stamp=STAMP, name="n", out=tmp_path)
    assert (tmp_path / "design.yaml").read_text() == "mine"
    with pytest.raises(BadInput, match="is a file"):
        RunFolder.create(stamp=STAMP, name="n", out=tmp_path / "notes.txt")


def test_a_base_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput) as caught:
        RunFolder.create(stamp=STAMP, name="n", base=tmp_path / "file")
    assert str(tmp_path / "file") in str(caught.value)
    assert "--out DIR" in str(caught.value)


@pytest.mark.parametrize("fails_at", FILES)
def test_a_full_disk_leaves_nothing(
    pim: ReportDoc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    save(RunFolder.create(stamp=STAMP, name="before", base=tmp_path), pim)
    folder = RunFolder.create(stamp=STAMP, name="n", base=tmp_path)
    fsync, write = os.fsync, write_atomic

    def full(path: Path, content: str | bytes) -> None:
        if path.name == fails_at:
            monkeypatch.setattr(os, "fsync", no_space)
        write(path, content)

    def no_space(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folders, "write_atomic", full)
    with pytest.raises(BadInput) as caught:
        save(folder, pim)
    monkeypatch.setattr(os, "fsync", fsync)
    assert "no space left" in str(caught.value)
    assert fails_at in str(caught.value)
    assert "try: free space" in str(caught.value)
    assert not folder.path.exists()
    assert os.readlink(tmp_path / "latest") == f"{STAMP}-before"


def test_a_bug_while_saving_leaves_nothing(gemm: ReportDoc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> str:
        raise KeyError("oops")

    monkeypatch.setattr(folders, "report_page", broken)
    folder = RunFolder.create(stamp=STAMP, name="n", base=tmp_path)
    with pytest.raises(KeyError):
        save(folder, gemm)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_a_run(gemm: ReportDoc, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no runs in"):
        load_report("latest", base=tmp_path)
    save(RunFolder.create(stamp=STAMP, name="n", base=tmp_path), gemm)
    with pytest.raises(BadInput, match=f"{STAMP}-n"):
        load_report("another", base=tmp_path)
    other = tmp_path / "other.json"
    other.write_text('{"schema": "archsim.report/0"}')
    with pytest.raises(BadInput, match=r"archsim\.report/1"):
        load_report(other)
    other.write_text("{")
    with pytest.raises(BadInput, match="cannot be read"):
        load_report(other)


def test_a_page_is_drawn_again(pim: ReportDoc, tmp_path: Path) -> None:
    path = save(RunFolder.create(stamp=STAMP, name="n", base=tmp_path), pim)
    before = (path / "report.html").read_bytes()
    (path / "report.html").unlink()
    assert redraw(path) == path / "report.html"
    assert (path / "report.html").read_bytes() == before
