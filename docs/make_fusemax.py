"""Fills the tables of docs/fusemax.md and models/spatial/README.md: ``python docs/make_fusemax.py``.

Every number comes from a closed form or a simulation made here; it takes less than a minute. Tables stand between
``<!-- name -->`` and ``<!-- /name -->``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import fusemax_tables as tables

from archsim.core.errors import BadInput
from archsim.core.marked import marked, with_marked

ROOT = Path(__file__).parents[1]
PAGES: Mapping[Path, Mapping[str, Callable[[], Iterator[str]]]] = {
    ROOT / "docs" / "fusemax.md": {
        "attention": tables.attention_table,
        "cycle": tables.cycle_table,
        "averages": tables.averages_table,
        "layers": tables.layers_table,
        "tile": tables.tile_table,
        "encoder": tables.encoder_table,
        "modes": tables.modes_table,
    },
    ROOT / "models" / "spatial" / "README.md": {"validation": tables.validation_table},
}
SIMULATED = ("cycle",)
"""Tables that take simulations, half a minute of them."""


def renewed(text: str, made: Mapping[str, Callable[[], Iterator[str]]]) -> str:
    """The page with these tables made anew; `SystemExit` where a mark is missing."""
    for name, lines in made.items():
        try:
            marked(text, name)
        except BadInput as error:
            sys.exit(f"no place for table {name}: {error}")
        text = with_marked(text, name, "".join(f"{line}\n" for line in lines()))
    return text


def main() -> None:
    """All tables of both pages."""
    for page, made in PAGES.items():
        page.write_text(renewed(page.read_text(encoding="utf-8"), made), encoding="utf-8")


if __name__ == "__main__":
    main()
