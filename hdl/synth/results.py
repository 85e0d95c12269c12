"""Synthesis results that are kept beside the RTL, and whether they still belong to it.

``python -m archsim.hdl.synth`` renews what no longer does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from archsim.core.errors import BadInput, UnknownName
from archsim.core.files import write_atomic
from archsim.hdl.export import emit, module_name
from archsim.hdl.synth import sky130
from archsim.hdl.synth.targets import TARGETS, Synthesis, synthesise, verilog_hash
from archsim.hdl.synth.yosys import version
from archsim.units.cores.core import Core
from archsim.units.cores.parameters import parameters

FILE = Path(__file__).with_name("results.json")
RENEW = "python -m archsim.hdl.synth"
NODES: Mapping[str, float] = {"osu018": 424 / 68, "sky130": 1.0, "nangate45": 13.8 / 68, "asap7": 1 / 68}
"""Cell area over that of sky130 [derived]: one integer multiply-accumulate element mapped to each library by yosys."""


@cache
def records() -> Mapping[tuple[str, str], Synthesis]:
    """What is kept, by name of the Verilog module and target."""
    entries = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else []
    kept = [Synthesis(**{name: entry[name] for name in Synthesis.__dataclass_fields__}) for entry in entries]
    return {(one.unit, one.target): one for one in kept}


def recorded(spec: Core, target: str) -> Synthesis:
    """What is kept for a unit.

    Raises
    ------
    BadInput
        Nothing is: these parameters are not among the shipped ones.
    """
    if target not in TARGETS:
        raise UnknownName("target", target, TARGETS)
    found = records().get((module_name(spec), target))
    if found is None:
        right = "results are kept for the shipped parameters"
        raise BadInput(
            f"{module_name(spec)} was not synthesised for {target}", right=right, try_=f"archsim rtl synth {spec.kind}"
        )
    return found


def figures(spec: Core) -> dict[str, Any]:
    """The numbers of a table's row: area and frequency of sky130 cells, LUTs, DSPs and registers of 7 series and ECP5.

    Raises
    ------
    BadInput
        Nothing is kept for these parameters.
    """
    asic, xilinx, ecp5 = (recorded(spec, target) for target in TARGETS)
    return {
        "area_um2": asic.area_um2,
        "cells": asic.cells,
        "fmax_mhz_estimate": asic.fmax_mhz,
        "luts": xilinx.luts,
        "dsps": xilinx.dsps,
        "ffs": xilinx.ffs,
        "ecp5": {"luts": ecp5.luts, "dsps": ecp5.dsps, "ffs": ecp5.ffs},
    }


def scaled(area_um2: float, node: str) -> float:
    """An estimate of the area in another library, from that in sky130; not a measurement.

    Raises
    ------
    UnknownName
        No factor is known for it.
    """
    if node not in NODES:
        raise UnknownName("node", node, NODES)
    return area_um2 * NODES[node]


def stale(spec: Core, verilog: str) -> list[str]:
    """Why the kept results are not of this Verilog, with these tools and this library; empty where they are."""
    reasons = []
    for target in TARGETS:
        one = records().get((module_name(spec), target))
        if one is None:
            reasons.append(f"{target}: there is none")
            continue
        expected = {"verilog_sha256": verilog_hash(verilog), "tool": version()}
        if target == "asic":
            expected["library_sha256"] = sky130.digest(sky130.library())
        reasons += [f"{target}: {name} differs" for name, value in expected.items() if getattr(one, name) != value]
    return reasons


def renew(specs: Iterable[Core], *, say: Callable[[str], None]) -> list[str]:
    """Synthesise units whose results are stale, drop those of other units; what was done, by name.

    The file is written after every unit, so that an interrupted run has not been in vain.
    """
    entries: list[dict[str, Any]] = []
    done = []
    specs = list(specs)
    for at, spec in enumerate(specs):
        text = emit(spec)
        if stale(spec, text):
            found = [synthesise(spec, target, verilog=text) for target in TARGETS]
            done.append(module_name(spec))
            say(f"{at + 1} of {len(specs)}: {module_name(spec)}")
        else:
            found = [recorded(spec, target) for target in TARGETS]
        entries += [{"kind": spec.kind, "parameters": parameters(spec), **asdict(one)} for one in found]
        _write(entries, keep=specs[at + 1 :])
    return done


def _write(entries: list[dict[str, Any]], keep: Iterable[Core]) -> None:
    """Write the file, with what it says about units that are still to come."""
    rest = [(spec, records().get((module_name(spec), target))) for spec in keep for target in TARGETS]
    old = [{"kind": spec.kind, "parameters": parameters(spec), **asdict(one)} for spec, one in rest if one]
    write_atomic(FILE, json.dumps([*entries, *old], indent=1) + "\n")
    records.cache_clear()
