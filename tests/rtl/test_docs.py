"""Do the documents say what is measured, and does the example of the guide work?"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from archsim.hdl.cache import cached
from archsim.hdl.diagram import timing_diagram
from archsim.hdl.table import MARKS, renewed
from archsim.hdl.verify.cosim import require, verilator
from archsim.units.cores import find, names
from archsim.units.cores.parameters import parameters

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "rtl.md"
EXAMPLES = ROOT / "hdl" / "examples"


@pytest.mark.parametrize("name", names())
def test_every_unit_has_a_page_with_its_parameters_and_its_timing(name: str) -> None:
    page = (ROOT / "docs" / "rtl" / f"{name}.md").read_text(encoding="utf-8")
    spec = find(name)()
    assert [parameter for parameter in parameters(spec) if f"`{parameter}`" not in page] == []
    assert "\n".join(timing_diagram(spec)) in page
    assert f"rtl/{name}.md" in GUIDE.read_text(encoding="utf-8")


def test_the_table_of_the_guide_is_fresh() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert text.count(MARKS[0]) == 1
    assert text == renewed(text), "python -m archsim.hdl.table docs/rtl.md"


def test_the_example_top_computes_products_under_its_bench() -> None:
    """Built with the Verilator command of the guide."""
    require("verilator")
    sources = [EXAMPLES / "tb_matvec.v", EXAMPLES / "matvec.v", ROOT / "hdl" / "verilog" / "dot_tree_format_int8.v"]
    key = "\n".join(path.read_text(encoding="utf-8") for path in sources)

    def build(folder: Path) -> None:
        options = ["--binary", "--timing", "-Wno-fatal", "-CFLAGS", "-std=c++20 -fcoroutines -O0"]
        command = [verilator(), *options, "--Mdir", str(folder), "--top-module", "tb_matvec", *map(str, sources)]
        subprocess.run(command, check=True, capture_output=True, cwd=folder)

    done = subprocess.run([cached("example", key, build) / "Vtb_matvec"], capture_output=True, text=True, check=True)
    assert "PASS: 4 rows" in done.stdout
    assert "FAIL" not in done.stdout


def test_the_guide_shows_the_instance_of_the_example() -> None:
    def words(text: str) -> str:
        return re.sub(r"\s+", "", text)

    shown = GUIDE.read_text(encoding="utf-8").partition("```verilog")[2].partition("```")[0]
    assert words(shown) in words((EXAMPLES / "matvec.v").read_text(encoding="utf-8"))
