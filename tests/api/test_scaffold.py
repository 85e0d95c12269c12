"""What `archsim new design` writes works at once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import archsim
from archsim.api.scaffold import new_design
from archsim.core.errors import BadInput


def code_lines(text: str) -> int:
    in_docs, count = False, 0
    for line in map(str.strip, text.splitlines()):
        quotes = line.count('"""')
        count += bool(line) and not in_docs and not line.startswith(('"""', "#"))
        in_docs ^= quotes == 1
    return count


def test_a_new_design_is_short_runs_and_passes_its_test(work: Path) -> None:
    code, test = new_design("my-npu", work)
    assert code_lines(code.read_text()) < 30
    assert archsim.run("my_npu.py:MyNpu", "gpt2-small", phase="decode").seconds > 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout


def test_nothing_is_overwritten(work: Path) -> None:
    (work / "test_mine.py").write_text("precious")
    with pytest.raises(BadInput, match="is there already"):
        new_design("mine", work)
    assert not (work / "mine.py").exists()
    assert (work / "test_mine.py").read_text() == "precious"


@pytest.mark.parametrize("name", ["My", "1st", "a.b", "class", "", "a b"])
def test_names_that_python_cannot_take(work: Path, name: str) -> None:
    with pytest.raises(BadInput, match="cannot name a design"):
        new_design(name, work)


def test_a_taken_kind(work: Path) -> None:
    with pytest.raises(BadInput, match="'systolic' is taken"):
        new_design("systolic", work)


def test_under_thirty_lines_from_python_yaml_and_the_command_line(work: Path) -> None:
    text = (work / "my_design.py").read_text()
    assert code_lines(text) < 30
    (work / "my.yaml").write_text("use: ./my_design.py:MyDesign\npim: {banks: 64}\n")
    code = "import archsim; print(archsim.run('my_design.py:MyDesign', 'gemm:64,64,64', set={'pim.banks': 64}).cycles)"
    commands = (
        [sys.executable, "-c", code],
        [sys.executable, "-m", "archsim.cli", "run", "my.yaml", "gemm:64,64,64", "--json"],
        [
            sys.executable,
            "-m",
            "archsim.cli",
            "run",
            "my_design.py:MyDesign",
            "gemm:64,64,64",
            "--json",
            "--set",
            "pim.banks=64",
        ],
    )
    outputs = [subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands]
    cycles = outputs[0].strip()
    assert f'"cycles": {cycles},' in outputs[1]
    assert f'"cycles": {cycles},' in outputs[2]
