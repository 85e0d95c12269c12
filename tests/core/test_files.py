"""A file is whole or untouched, and a failure says what to do."""

import errno
import os
from pathlib import Path

import pytest

from archsim.core.errors import BadInput, UnknownName
from archsim.core.files import bundled, write_atomic


def test_writes_text_and_bytes_and_makes_folders(tmp_path: Path) -> None:
    target = tmp_path / "runs" / "one" / "report.json"
    write_atomic(target, "na\u00efve\n")
    assert target.read_text(encoding="utf-8") == "na\u00efve\n"
    write_atomic(str(target), b"\x00\x01")
    assert target.read_bytes() == b"\x00\x01"
    assert list(target.parent.iterdir()) == [target]


def test_new_files_have_the_usual_permissions(tmp_path: Path) -> None:
    (tmp_path / "usual").write_text("")
    write_atomic(tmp_path / "ours", "")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


@pytest.mark.parametrize(
    ("code", "reason", "advice"),
    [
        (errno.ENOSPC, "no space left on device", "free space for"),
        (errno.EACCES, "permission denied", "writable"),
        (errno.EIO, "input/output error", "free space"),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str, advice: str
) -> None:
    target = tmp_path / "report.json"
    target.write_text("old")

    def fail(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(BadInput) as caught:
        write_atomic(target, "new" * 1000)
    assert caught.value.where == str(target)
    assert caught.value.what == f"cannot write: {reason}"
    assert caught.value.tries[0].find(advice) >= 0
    assert "another folder with --out DIR" in caught.value.tries
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interrupt_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "report.json", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a folder should be")
    with pytest.raises(BadInput, match="cannot write"):
        write_atomic(tmp_path / "runs" / "report.json", "new")


def test_an_unwritable_folder() -> None:
    # /proc refuses new files to everyone, root included.
    with pytest.raises(BadInput, match="cannot write") as caught:
        write_atomic("/proc/archsim-report.json", "new")
    assert caught.value.where == "/proc/archsim-report.json"


def test_a_folder_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(BadInput, match="cannot write: is a directory"):
        write_atomic(tmp_path / "report.json", "new")
    assert list(tmp_path.iterdir()) == [tmp_path / "report.json"]


def test_bundled_folders() -> None:
    assert bundled("sweeps").is_dir()
    assert bundled("configs").is_dir()
    with pytest.raises(UnknownName, match=r"did you mean 'sweeps'\?"):
        bundled("sweep")
