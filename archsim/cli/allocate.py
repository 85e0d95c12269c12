"""Static allocation of buffers: allocate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options as opt
from archsim.cli.guard import INTERRUPTED
from archsim.cli.talk import Talk, columns, show, show_json

if TYPE_CHECKING:
    from archsim.mappers.allocation import Allocation, Buffer

MOST_ROWS = 24
"""Buffers in the table; more are named by --json only."""
HEAD = ("offset", "end", "size", "lower", "upper", "buffer")
STOPPED = {"nodes": "the node limit", "seconds": "the time limit", "interrupt": "Ctrl-C"}
"""What ended a search -> in words."""


def allocate(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Columns id, lower, upper, size.")],
    *,
    capacity: Annotated[
        str | None,
        typer.Option(metavar="BYTES", help="Room, such as 1048576 or '1 MiB'; without it the least height is sought."),
    ] = None,
    minimise: Annotated[bool, typer.Option("--minimise", help="Go on to the least height when it fits.")] = False,
    nodes: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Placements that the search may try, 4,000,000 without a time limit; 0: greedy rules only.",
        ),
    ] = None,
    time_limit: opt.TimeLimit = None,
    plot: opt.Picture = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Place buffers in one memory so that no two share bytes while both are needed.

    The file has a line per buffer: it lives from lower until before upper and needs size bytes; columns alignment, gaps
    and offset (fixed) may follow. Exit code 0: it fits, 1: it does not, and the lowest height found is printed.
    """
    from archsim.api.allocation import allocate_file, draw_allocation, picture_form

    if plot is not None:
        picture_form(plot)  # a wrong name is said before the search
    found = allocate_file(file, capacity, minimise=minimise, nodes=nodes, seconds=time_limit)
    if plot is not None:
        draw_allocation(found, plot, title=file.name)
    if json:
        show_json(found.record())
    else:
        show("\n".join(_lines(found)))
    if found.stopped == "interrupt":
        Talk(quiet).say("interrupted: this is the best so far")
        raise typer.Exit(INTERRUPTED)
    if not found.fits:
        raise typer.Exit(1)


def _lines(found: Allocation) -> list[str]:
    from archsim.report.allocation import sketch

    ascii_only = not (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    drawn = sketch(found, ascii_only=ascii_only)
    more = len(found.buffers) - MOST_ROWS
    rest = [f"and {more:,} more, higher up; --json has all"] if more > 0 else []
    picture = ["", *drawn] if drawn else []
    return [*columns(_headline(found)), "", *columns(_table(found)), *rest, *picture]


def _headline(found: Allocation) -> list[tuple[str, str]]:
    from archsim.mappers.answer import line

    capacity = "" if found.capacity is None else f" of {found.capacity:,} B"
    verdict = "it fits" if found.fits else "it does not fit: " + "; ".join(found.why)
    if found.proof == "infeasible":
        verdict += " (proved)"
    return [
        ("height", f"{found.height:,} B{capacity}"),
        ("load", f"{found.load:,} B are alive at one time"),
        ("answer", line(found)),
        *([("capacity", verdict)] if found.capacity is not None else []),
        ("buffers", f"{len(found.buffers):,}"),
        *([("searched", f"{found.nodes:,} nodes")] if found.nodes else []),
        *([("stopped by", STOPPED[found.stopped])] if found.stopped else []),
    ]


def _table(found: Allocation) -> list[tuple[str, ...]]:
    pairs = sorted(zip(found.places, found.buffers, strict=True), key=lambda pair: (pair[0], pair[1].lower))
    rows = [_row(at, buffer) for at, buffer in pairs[:MOST_ROWS]]
    # Names stand to the left, numbers to the right.
    widths = [max(len(row[i]) for row in [HEAD, *rows]) for i in range(len(HEAD) - 1)]
    return [(*map(str.rjust, row, widths), row[-1]) for row in [HEAD, *rows]]


def _row(at: int, buffer: Buffer) -> tuple[str, ...]:
    numbers = (at, at + buffer.size, buffer.size, buffer.lower, buffer.upper)
    return (*(f"{number:,}" for number in numbers), buffer.id)
