"""What the pages about memories say to type, run and link to is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from archsim.api.dram import PimRun, load_device, run_memory
from archsim.memory.pim.kernels import KERNELS

MEMORY = Path(__file__).parents[2] / "archsim" / "memory"
PAGES = sorted(MEMORY.rglob("*.md"))
TEXT = (MEMORY / "pim" / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
PYTHON = [text for language, text in BLOCKS if language == "python"]


def printed(text: str) -> list[float]:
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def test_a_standard_of_ones_own_takes_the_cycles_that_the_page_adds_up() -> None:
    """Rows by the page's sum; each refresh costs closing, tRFC and opening at most."""
    _, standard, kernel = PYTHON
    cycles, rate = printed(standard + kernel)
    found = re.search(r"(\d+) cycles, and (\d+) refreshes", TEXT)
    assert found is not None
    row, refreshes = map(int, found.groups())
    t = load_device("hbm2e-16gb-x64-3200").cycles
    assert refreshes == int(cycles) // t["tREFI"]
    cost = t["tRAS"] + 2 * t["tRP"] + t["tRFC"] + t["tRCDRD"]
    assert 1000 * row + refreshes * t["tRFC"] <= cycles <= 1000 * row + refreshes * cost
    assert rate == pytest.approx(1000 * 32 * 16 * 16 * 16 / (cycles * 625e-12))
    lines = [line for line in standard.splitlines() if line.strip() and not line.startswith(("from", "print"))]
    assert len(lines) < 30


def test_the_first_example_is_what_the_command_line_gives() -> None:
    cycles, _ = printed(PYTHON[0])
    assert cycles == run_memory("gddr6-aim", "gemv:4096x4096").record()["total_cycles"]


def test_the_trace_of_the_page_can_be_played(tmp_path: Path) -> None:
    text = next(text for language, text in BLOCKS if not language and text.startswith("0,"))
    (tmp_path / "page.trace").write_text(text)
    found = run_memory("gddr6-aim", f"trace:{tmp_path / 'page.trace'}")
    assert isinstance(found, PimRun)
    assert (found.measured.reads, found.measured.detail["commands"]["MAC16"]) == (1, 2 * 32 * 64)


@pytest.mark.parametrize("page", ["README.md", "pim/README.md"])
def test_the_table_names_every_kernel_and_preset_that_computes(page: str) -> None:
    rows = [line for line in (MEMORY / page).read_text().splitlines() if re.match(r"\| \[.*\]\(.*\.md\) \|.*\|", line)]
    told: set[tuple[str, str]] = set()
    for cells in (row.split("|") for row in rows):
        first = cells[2].split(",")[0].strip()
        told |= {(first, name.split()[0]) for name in cells[3].split(",")}
    assert told == {(kernel.device, kernel.name) for kernel in KERNELS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(MEMORY).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / link).exists(), link
