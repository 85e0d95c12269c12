"""Ctrl-C: what finished is kept, and the exit code says so."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ARCHSIM = [sys.executable, "-m", "archsim.cli"]
SLEEPY = """
import time
import archsim

class Sleepy(archsim.Component, kind="sleepy"):
    rows: int = 1

    def cost(self, op: archsim.OpCall) -> archsim.Cost | None:
        open("started", "w").close()
        time.sleep(0.1)
        return archsim.Cost(cycles=1000 // self.rows)

class Slow(archsim.Design, kind="slow"):
    unit: Sleepy = Sleepy()
"""
STUDY = "question: Long?\ndesign: slow.py:Slow\nworkload: gemm:8,8,8\nspace: {unit.rows: {from: 1, to: 60, step: 1}}\n"


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    (folder / "slow.py").write_text(SLEEPY)
    (folder / "s.yaml").write_text(STUDY)
    # A shell that starts the tests in the background has them ignore Ctrl-C, and so would what they start.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            [*ARCHSIM, *words],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ},
        )
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(condition: Path, process: subprocess.Popen[str], count: int = 1) -> None:
    for _ in range(600):
        found = (
            len(list(condition.glob("*.json"))) if condition.suffix == "" and condition.is_dir() else condition.exists()
        )
        if found >= count:
            return
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError("it never began")


def test_a_run_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    process = start(tmp_path, "run", "slow.py:Slow", "gpt2-small")
    wait_for(tmp_path / "started", process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, "", "interrupted\n")
    assert not list(tmp_path.glob("runs/*"))


def test_a_sweep_finishes_what_runs_and_goes_on_later(tmp_path: Path) -> None:
    process = start(tmp_path, "sweep", "s.yaml", "-j", "2", "--out", "out")
    points = tmp_path / "out" / "points"
    wait_for(points, process, 3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    kept = len(list(points.glob("*.json")))
    assert process.returncode == 130
    assert "Ctrl-C again stops now" in err
    assert f"stopped with {kept} of 60 points done" in err
    assert f"{kept} points on the front" in out
    assert (tmp_path / "out" / "results.csv").read_text().count("\n") == kept + 1


def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    process = start(tmp_path, "sweep", "s.yaml", "--out", "out")
    wait_for(tmp_path / "out" / "points", process, 1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
