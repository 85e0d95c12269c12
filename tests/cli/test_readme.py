"""What the README says to type works as typed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = FENCE.findall((ROOT / "README.md").read_text())
COMMANDS = [line for _, text in BLOCKS for line in text.splitlines() if line.startswith("archsim ")]
PYTHON = [text for language, text in BLOCKS if language == "python"]
FIRST = "run fusemax attention:64,12,12,4096,4096,64"
MACHINE = next(text for text in PYTHON if "archsim.Design" in text)


@pytest.fixture
def there(cli: Cli, tmp_path: Path) -> Cli:
    """A folder that looks like the checkout, with the README's own machine in it."""
    for folder in ("sweeps", "tests"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    (tmp_path / "my_design.py").write_text(MACHINE)
    return cli


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_runs(there: Cli, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    if words[0] == "pareto":
        there("sweep", *words[1:], "--limit", "2")
    done = there(*words, *(["--limit", "2"] if words[0] == "sweep" else []))
    assert done.code == 0, done.err
    assert done.out


def test_the_machine_runs_from_python_yaml_and_the_command_line(there: Cli, tmp_path: Path) -> None:
    yaml = next(text for language, text in BLOCKS if language == "yaml")
    (tmp_path / "mine.yaml").write_text(yaml)
    quoted = re.search(r"`archsim run (my_design.py:\S+ \S+ --set \S+)`", (ROOT / "README.md").read_text())
    assert quoted is not None
    sets = shlex.split(quoted[1])
    from_yaml = there("run", "mine.yaml", sets[1], "--json").json
    from_command = there("run", *sets, "--json").json
    assert from_yaml["cycles"] == from_command["cycles"] > 0
    lines = [line for line in MACHINE.splitlines() if line.strip() and not line.strip().startswith(('"""', "#"))]
    assert len(lines) < 30


@pytest.mark.parametrize("text", [text for text in PYTHON if text != MACHINE])
def test_every_python_example_runs(text: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_readme_shows_what_the_command_says(there: Cli) -> None:
    shown = next(text for language, text in BLOCKS if language == "text" and "array_2d" in text)
    said = " ".join(there(*shlex.split(FIRST), "--no-save").out.split())
    assert [line for line in shown.splitlines() if " ".join(line.split()) not in said] == []
