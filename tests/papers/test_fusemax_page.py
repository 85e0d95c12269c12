"""Are the tables of docs/fusemax.md and models/spatial/README.md what the closed forms answer today?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def maker() -> Iterator[ModuleType]:
    sys.path.insert(0, str(DOCS))
    spec = spec_from_file_location("make_fusemax", DOCS / "make_fusemax.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    sys.path.remove(str(DOCS))


def test_every_table_of_closed_forms_is_current(maker: ModuleType) -> None:
    for page, made in maker.PAGES.items():
        cheap = {name: lines for name, lines in made.items() if name not in maker.SIMULATED}
        text = page.read_text(encoding="utf-8")
        assert text == maker.renewed(text, cheap), "python docs/make_fusemax.py"


def test_the_simulated_table_has_every_row(maker: ModuleType) -> None:
    """Its numbers take half a minute; the shortest column is made here."""
    text = (DOCS / "fusemax.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith(tuple(f"| {name} |" for name in maker.tables.CYCLE))]
    assert len(rows) == len(maker.tables.CYCLE)
    first = [line.split(" | ")[1].rstrip(" |") for line in rows]
    made = [line.split(" | ")[1].rstrip(" |") for line in list(maker.tables.cycle_table((1024,)))[2:]]
    assert first == made, "python docs/make_fusemax.py"


def test_a_page_without_the_marks_is_refused(maker: ModuleType) -> None:
    with pytest.raises(SystemExit, match="no place for table x"):
        maker.renewed("text", {"x": lambda: iter(())})
