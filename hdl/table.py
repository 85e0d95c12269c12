"""The table of units: what was measured for the default parameters of each. Run as a module, it writes the documents.

``python -m archsim.hdl.table docs/rtl.md`` replaces what stands between the two marks there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from archsim.core.errors import BadInput
from archsim.core.files import write_atomic
from archsim.core.marked import marks, with_marked
from archsim.hdl.synth.results import figures
from archsim.hdl.verify.contracts import Contract, read
from archsim.hdl.verify.run import Mismatch
from archsim.units.cores import find, names
from archsim.units.cores.core import EXACT, Core
from archsim.units.cores.parameters import parameters

PART = "units"
"""Its name in a document."""
MARKS = marks(PART)
"""Around the table in a document."""
HEAD = ("unit", "parameters", "latency", "II", "area, um2", "LUT", "DSP", "FF", "MHz", "golden error", "bar")


def rows() -> list[dict[str, Any]]:
    """A row per unit; what was never measured is None."""
    return [_row(find(name)()) for name in names()]


def markdown(units: Sequence[dict[str, Any]]) -> str:
    """The rows as a table."""
    lines = [HEAD, ("---",) * len(HEAD), *(_cells(row) for row in units)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def renewed(document: str) -> str:
    """A document with the table between its marks written again.

    Raises
    ------
    BadInput
        It has no such marks.
    """
    return with_marked(document, PART, markdown(rows()))


def _row(spec: Core) -> dict[str, Any]:
    contract, cost = _contract(spec), _cost(spec)
    error = None if contract is None else contract.accuracy or {"error": EXACT.error, "bar": 0.0, "measure": "exact"}
    return {
        "name": spec.kind,
        "about": " ".join((type(spec).__doc__ or "").split("\n\n")[0].replace("`", "").split()),
        "parameters": parameters(spec),
        "latency": None if contract is None else contract.latency,
        "ii": None if contract is None else contract.interval,
        "elastic": spec.elastic,
        "area_um2": cost.get("area_um2"),
        "luts": cost.get("luts"),
        "dsps": cost.get("dsps"),
        "ffs": cost.get("ffs"),
        "ecp5": cost.get("ecp5"),
        "fmax_mhz": cost.get("fmax_mhz_estimate"),
        "golden_error": None if error is None else error["error"],
        "error_bar": None if error is None else error["bar"],
        "error_measure": None if error is None else error["measure"],
    }


def _contract(spec: Core) -> Contract | None:
    try:
        return read(spec)
    except Mismatch:
        return None


def _cost(spec: Core) -> dict[str, Any]:
    try:
        return dict(figures(spec))
    except BadInput:
        return {}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    given = ", ".join(f"{name} {value}" for name, value in row["parameters"].items())
    numbers = ("latency", "ii", "area_um2", "luts", "dsps", "ffs", "fmax_mhz")
    shown = ["-" if row[key] is None else f"{row[key]:,.0f}" for key in numbers]
    exact = row["error_measure"] == EXACT.measure
    error = "-" if row["golden_error"] is None else "exact" if exact else f"{row['golden_error']:.2g}"
    bar = "" if exact or row["error_bar"] is None else f"{row['error_bar']:.2g} {row['error_measure']}"
    return (f"`{row['name']}`", given, *shown, error, bar)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_atomic(name, renewed(Path(name).read_text(encoding="utf-8")))
