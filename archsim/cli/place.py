"""Placement of tensors, caches, experts and ops: place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options as opt
from archsim.cli.talk import columns, show, show_json

if TYPE_CHECKING:
    from archsim.api.placing import Placed

MOST_ROWS = 40
"""Items in the table; more are named by --json only."""


def place(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.yaml", help="What goes where: kind kv, experts, tensors or ops.")
    ],
    *,
    method: Annotated[str, typer.Option(metavar="NAME", help="auto, lpt (a heuristic) or program.")] = "auto",
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="Of an integer program.")] = 10.0,
    plot: opt.Picture = None,
    json: opt.Json = False,
) -> None:
    """Place items so that the busiest unit has least to do, or ops so that the last one ends soonest.

    `kind: kv` puts keys and values on channels, `experts` experts on devices, `tensors` items with sizes and loads in
    bins with room and speed, `ops` ops that wait for each other on units that differ. Exit code 1: nothing fits, and
    the message says by how much.
    """
    from archsim.api.allocation import picture_form
    from archsim.api.placing import draw_placement, place_file

    if plot is not None:
        picture_form(plot)  # a wrong name is said before the search
    placed = place_file(file, method=method, seconds=time_limit)
    if plot is not None:
        draw_placement(placed, plot, title=file.name)
    if json:
        show_json(placed.found.record())
    else:
        show("\n".join(_lines(placed)))


def _lines(placed: Placed) -> list[str]:
    from archsim.mappers.answer import line

    found, unit = placed.found, f" {placed.asked.unit}".rstrip()
    filled = getattr(found, "filled", {})
    head = [
        ("objective", f"{found.objective:,}{unit}"),
        ("answer", line(found)),
        ("items", f"{len(found.places):,} on {len(found.loads):,} units"),
        *(("why" if not index else "", text) for index, text in enumerate(found.why)),
    ]
    units = [("load", "bytes", "items", "unit")]
    for name, load in found.loads.items():
        count = sum(place == name for place in found.places.values())
        units.append((f"{load:,}", f"{filled[name]:,}" if name in filled else "", f"{count:,}", name))
    items = [("unit", "item"), *((unit, name) for name, unit in list(found.places.items())[:MOST_ROWS])]
    more = len(found.places) - MOST_ROWS
    rest = [f"and {more:,} more; --json has all"] if more > 0 else []
    widths = [max(len(row[at]) for row in units) for at in range(3)]
    return [
        *columns(head), "",
        *columns([(*map(str.rjust, row, widths), row[-1]) for row in units]), "",
        *columns(items), *rest,
    ]  # fmt: skip
