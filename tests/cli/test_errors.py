"""Every wrong input in one place, with what archsim answers: errors.snap is prose, and is reviewed as prose.

``ARCHSIM_SNAPSHOT=write pytest tests/cli/test_errors.py`` writes it anew.
"""

from __future__ import annotations

import errno
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

HERE = Path(__file__).parent
SNAPSHOT = HERE / "errors.snap"


def wrong_inputs() -> tuple[dict[str, str], str]:
    scope: dict[str, object] = {}
    exec((HERE / "wrong_inputs.py").read_text(), scope)
    files, commands = scope["FILES"], scope["COMMANDS"]
    assert isinstance(files, dict)
    assert isinstance(commands, str)
    return files, commands


def normal(text: str, folder: Path) -> str:
    """Without what differs between machines: the folder, the checkout."""
    text = text.replace(f"{folder}/", "").replace(str(folder), ".").replace(f"{HERE.parents[1]}/", "ARCHSIM/")
    return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)


def test_every_wrong_input_is_answered_as_reviewed(cli: Cli, tmp_path: Path) -> None:
    files, commands = wrong_inputs()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    entries = []
    for line in commands.strip().splitlines():
        if not line:
            entries.append("")
            continue
        done = cli(*shlex.split(line))
        assert done.out == "", f"archsim {line}: stdout is for results"
        assert "Traceback" not in done.err
        assert done.code in {1, 2}, f"archsim {line}: {done.code}\n{done.err}"
        entries.append(f"$ archsim {line}\n{normal(done.err, tmp_path).rstrip()}\nexit {done.code}\n")
    made = "\n".join(entries)
    if os.environ.get("ARCHSIM_SNAPSHOT") == "write":
        SNAPSHOT.write_text(made)
    assert made == SNAPSHOT.read_text(), "an answer changed; if it reads better, write the snapshot anew"
    left = {path.name for path in tmp_path.iterdir()} - set(files) - {"__pycache__"}
    assert left == set(), "a command that failed left something behind"


def test_a_disk_that_fills_up_half_way(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fourth file does not fit: nothing of the run is left, and the message says what to do."""
    synced = os.fsync
    files: list[str] = []

    def full(handle: int) -> None:
        if not os.path.isdir(f"/proc/self/fd/{handle}"):
            files.append(os.readlink(f"/proc/self/fd/{handle}"))
            if len(files) >= 4:
                raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    done = cli("run", "systolic", "gemm:8,8,8", "--out", "out")
    assert done.code == 2
    assert "cannot write: no space left on device" in done.err
    assert "try: free space" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_during_a_sweep_keeps_what_was_written(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = "question: q?\ndesign: systolic\nworkload: gemm:8,8,8\nspace: {array.rows: [8, 16, 32, 64]}\n"
    (tmp_path / "s.yaml").write_text(study)
    synced, calls = os.fsync, [0]

    def full(handle: int) -> None:
        calls[0] += not os.path.isdir(f"/proc/self/fd/{handle}")
        if calls[0] > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    monkeypatch.setattr(os, "fsync", full)
    done = cli("sweep", "s.yaml", "--out", "out")
    assert done.code == 2
    assert "no space left on device" in done.err
    assert len(list((tmp_path / "out" / "points").iterdir())) == 2
    monkeypatch.setattr(os, "fsync", synced)
    again = cli("sweep", "s.yaml", "--out", "out")
    assert again.code == 0
    assert "2 of 4 points are stored already" in again.err
