"""Every wrong input in one place, with what archsim answers: errors.snap is prose, and is reviewed as prose.

``ARCHSIM_SNAPSHOT=write pytest tests/cli/test_errors.py`` writes it anew.
"""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

HERE = Path(__file__).parent
SNAPSHOT = HERE / "errors.snap"
DRIVER = """
import contextlib, io, json, runpy, shlex, sys
from pathlib import Path
from archsim.cli import main

given = runpy.run_path(sys.argv[1])
for name, text in given["FILES"].items():
    Path(name).write_text(text)
answers = []
for line in given["COMMANDS"].strip().splitlines():
    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["archsim", *shlex.split(line)]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            line and main()
        except SystemExit as exit_:
            code = exit_.code
    answers.append((line, out.getvalue(), err.getvalue(), code))
left = {path.name for path in Path().iterdir()} - set(given["FILES"]) - {"__pycache__"}
print(json.dumps({"answers": answers, "left": sorted(left)}))
"""
"""One process for all commands, and not this one, in which other tests have registered kinds of their own."""


def normal(text: str) -> str:
    """Without what differs between machines or grows with archsim: the checkout, keys, lists of names."""
    text = text.replace(f"{HERE.parents[1]}/", "ARCHSIM/")
    text = re.sub(r"^(   known [a-z -]+: ).*$", r"\1...", text, flags=re.MULTILINE)
    return re.sub(r"(studies/\w+)-[0-9a-f]{8}", r"\1-KEY", text)


def test_every_wrong_input_is_answered_as_reviewed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRIVER, str(HERE / "wrong_inputs.py")]
    env = {name: value for name, value in os.environ.items() if name != "ARCHSIM_RUNS"} | {"COLUMNS": "80"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    entries = []
    for line, out, err, code in found["answers"]:
        if not line:
            entries.append("")
            continue
        assert out == "", f"archsim {line}: stdout is for results"
        assert "Traceback" not in err
        assert code in {1, 2}, f"archsim {line}: {code}\n{err}"
        entries.append(f"$ archsim {line}\n{normal(err).rstrip()}\nexit {code}\n")
    assert len(entries) > 34
    made = "\n".join(entries)
    if os.environ.get("ARCHSIM_SNAPSHOT") == "write":
        SNAPSHOT.write_text(made)
    assert made == SNAPSHOT.read_text(), "an answer changed; if it reads better, write the snapshot anew"
    assert found["left"] == [], "a command that failed left something behind"


def test_a_disk_that_fills_up_half_way(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fourth file does not fit: nothing of the run is left, and the message says what to do."""
    fill_up(monkeypatch, after=3)
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
    with monkeypatch.context() as patch:
        fill_up(patch, after=3)
        done = cli("sweep", "s.yaml", "--out", "out")
    assert done.code == 2
    assert "no space left on device" in done.err
    assert len(list((tmp_path / "out" / "points").iterdir())) == 2
    again = cli("sweep", "s.yaml", "--out", "out")
    assert again.code == 0
    assert "2 of 4 points are stored already" in again.err


def fill_up(patch: pytest.MonkeyPatch, *, after: int) -> None:
    """Let only so many files reach the disk."""
    synced, files = os.fsync, [0]

    def full(handle: int) -> None:
        files[0] += not os.path.isdir(f"/proc/self/fd/{handle}")
        if files[0] > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        synced(handle)

    patch.setattr(os, "fsync", full)
