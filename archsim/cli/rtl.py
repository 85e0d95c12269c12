"""Units of RTL: list, emit, verify, synth."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options as opt
from archsim.cli.talk import Talk, columns, show, show_json
from archsim.core.errors import BadInput

if TYPE_CHECKING:
    from archsim.api.rtl import Verdict
    from archsim.units.cores.core import Core

Unit = Annotated[str | None, typer.Argument(metavar="UNIT", help="A unit of `archsim rtl list`.", show_default=False)]
Set = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Change a parameter: lanes=8. Repeatable.", show_default=False),
]
All = Annotated[bool, typer.Option("--all", help="Every shipped parameter set of every unit.")]
HEAD = ("unit", "latency", "II", "um2", "LUT", "DSP", "FF", "MHz", "golden error")


def list_(*, json: opt.Json = False) -> None:
    """Every unit with what was measured for its default parameters.

    um2 is sky130 cell area before layout; LUT, DSP and FF are for Xilinx 7-series; MHz is an estimate.
    """
    from archsim.api.rtl import units

    rows = units()
    if json:
        show_json(rows)
        return
    texts = [_cells(row) for row in rows]
    widths = [max(len(row[i]) for row in [HEAD, *texts]) for i in range(len(HEAD) - 1)]
    for row in [HEAD, *texts]:
        middle = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:], strict=True)]
        show("  ".join([row[0].ljust(widths[0]), *middle, row[-1]]))


def emit(
    name: Unit = None,
    *,
    set: Set = [],  # noqa: B006  # typer wants a list
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for the Verilog; here by default.")] = None,
    all: All = False,
) -> None:
    """Write a unit as Verilog: one file whose opening comment has parameters, ports, latency and how to verify it.

    With --all and without --out, the files that archsim keeps are written again.
    """
    from archsim.api import rtl

    if _everything(name, set, all=all):
        for path in rtl.emit_all(out):
            show(str(path))
        return
    show(str(rtl.emit(_unit(name, set), out or Path())))


def verify(
    name: Unit = None,
    *,
    set: Set = [],  # noqa: B006
    backend: Annotated[str, typer.Option(metavar="amaranth|verilator|icarus", help="Simulator.")] = "verilator",
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the random stimulus.")] = 1,
    beats: Annotated[int, typer.Option(metavar="N", min=20, help="Input beats per test, about.")] = 150,
    all: All = False,
    record: Annotated[bool, typer.Option("--record", help="Write what is measured as the unit's contract.")] = False,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Hold the RTL to the specification: every value bit by bit, every transfer cycle by cycle, under random stalls.

    amaranth simulates the RTL as written, verilator and icarus the exported Verilog. Exit code 1: they differ.
    """
    from archsim.api import rtl
    from archsim.units.cores import shipped

    specs = shipped() if _everything(name, set, all=all) else (_unit(name, set),)
    talk, verdicts = Talk(quiet), []
    for spec in specs:
        talk.say(f"{spec.kind} in {backend}, seed {seed}")
        verdicts.append(rtl.verify(spec, backend=backend, seed=seed, beats=beats, record=record))
        if not json:
            show(_verdict(verdicts[-1]))
    if json:
        show_json([verdict.record() for verdict in verdicts] if all else verdicts[0].record())


def synth(
    name: Unit = None,
    *,
    set: Set = [],  # noqa: B006
    target: Annotated[str, typer.Option(metavar="asic|xilinx|ecp5", help="What it is synthesised for.")] = "asic",
    liberty: Annotated[
        str | None, typer.Option(metavar="FILE", help="A cell library of your own (asic).", show_default=False)
    ] = None,
    json: opt.Json = False,
) -> None:
    """Synthesise a unit with Yosys: cells and area for sky130 or a library of yours; LUTs, DSPs and flip-flops.

    The first synthesis on a machine takes a minute longer, since Yosys is compiled for it.
    """
    from archsim.api import rtl

    found = rtl.synthesise(_unit(name, set), target, liberty=liberty)
    if json:
        show_json(found)
        return
    show("\n".join(columns([(key, _text(value)) for key, value in found.items()])))


def _unit(name: str | None, sets: list[str]) -> Core:
    from archsim.api.rtl import unit

    if name is None:
        raise BadInput("UNIT is missing", right="one of `archsim rtl list`", try_="archsim rtl list")
    return unit(name, sets)


def _everything(name: str | None, sets: list[str], *, all: bool) -> bool:
    if all and (name is not None or sets):
        raise BadInput("--all takes no UNIT and no --set", right="one unit, or all with their shipped parameters")
    return all


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    error = row["golden_error"]
    said = "not measured" if error is None else "exact" if not error else f"{error:.2g} {row['error_measure']}"
    numbers = ("latency", "ii", "area_um2", "luts", "dsps", "ffs", "fmax_mhz")
    return (row["name"], *("-" if row[key] is None else f"{row[key]:,.0f}" for key in numbers), said)


def _verdict(verdict: Verdict) -> str:
    given = " ".join(f"{name}={value}" for name, value in verdict.parameters.items())
    error = f"error {verdict.golden_error:.2g} of {verdict.error_bar:.2g} {verdict.measure}"
    return (
        f"{verdict.unit} {given}: {verdict.tests} tests passed in {verdict.backend}, latency {verdict.latency}, "
        f"interval {verdict.interval}, {'exact' if not verdict.error_bar else error}"
    )


def _text(value: object) -> str:
    return json_format.dumps(value) if isinstance(value, dict | list) else str(value)
