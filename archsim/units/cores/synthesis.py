"""What synthesis of a unit gave: numbers that are kept beside its RTL, for the reports of designs that use it."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from archsim.units.cores.core import Core
from archsim.units.cores.parameters import parameters

SOURCE = "hdl/synth/results.json: Yosys, cell area in sky130 (130 nm) before placement"
"""Where the numbers are from, as facts of designs say it."""
CONFIDENCE = "derived"
"""How far they hold for a chip: logic of a DRAM process is neither sky130 nor without wires."""


def cell_area_um2(spec: Core) -> float | None:
    """Cell area of a unit in sky130; None for parameters that are not among the shipped ones."""
    for entry in _entries():
        if (entry["kind"], entry["target"], entry["parameters"]) == (spec.kind, "asic", parameters(spec)):
            return float(entry["area_um2"])
    return None


@cache
def _entries() -> list[dict[str, Any]]:
    file = files("archsim.hdl") / "synth" / "results.json"  # data, not code: models stand below the RTL
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else []
    return found
