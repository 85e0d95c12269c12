"""Reported and simulated side by side: reproduce."""

from __future__ import annotations

import time
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.progress import EVERY
from archsim.cli.talk import Talk, columns, show, show_json

if TYPE_CHECKING:
    from archsim.api.papers.case import Row

HEAD = ("what", "metric", "rows", "reported", "simulated", "error", "stated", "status")
FAMILIES = ("einsum_cycles", "util")
"""Metrics of many einsums that share a line."""


def reproduce(
    paper: Annotated[
        str | None,
        typer.Argument(
            metavar="[PAPER]",
            help="fusemax, pim-gpt or dramsim3; without it all of them.",
            autocompletion=complete.papers,
            show_default=False,
        ),
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Simulate what papers report and set it beside their numbers, each with its source.

    A line of the table is a group of numbers, with the one that is furthest off for the tolerance stated for it; --json
    has every number. Exit code 0: all are within, 1: some are not, and they are listed.
    """
    from archsim.api.reproduce import PAPERS, papers
    from archsim.api.reproduce import reproduce as rows_of

    watch = _Watch(Talk(quiet))
    rows: list[Row] = []
    for name in PAPERS if paper is None else (paper,):
        mine = rows_of(name, watch=watch)
        rows += mine
        if not json:
            show(
                "\n".join(
                    [*(("",) if rows != mine else ()), f"{papers()[name]} ({name})", *_table(mine), *_notes(mine)]
                )
            )
    outside = [row for row in rows if not row.within]
    if json:
        show_json([row.record() for row in rows])
    else:
        within = "all within what is stated" if not outside else f"{len(outside):,} outside of what is stated"
        show(f"\n{len(rows):,} numbers, {within}")
    if outside:
        raise typer.Exit(1)


class _Watch:
    """Says how far it is, at most every few seconds."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._next = time.monotonic() + EVERY

    def __call__(self, paper: str, done: int, count: int) -> None:
        """After each number of a paper."""
        if time.monotonic() >= self._next and done < count:
            self._next = time.monotonic() + EVERY
            self._talk.say(f"{paper}: {done:,} of {count:,} numbers")


def _table(rows: list[Row]) -> list[str]:
    lines = [HEAD]
    for (group, metric, status), found in groupby(rows_in_groups(rows), key=_key):
        mine = list(found)
        worst = max(mine, key=lambda row: (not row.within, _strain(row), abs(row.relative_error)))
        case = worst.case
        what = case.case if len(mine) == 1 else group
        tolerance = _share(case.tolerance) if case.tolerance else "equal"
        numbers = (f"{case.reported:.6g}", f"{worst.simulated:.6g}", _share(worst.relative_error, signed=True))
        lines.append((what, metric, f"{len(mine):,}", *numbers, tolerance, status))
    widths = [max(len(line[i]) for line in lines) for i in range(2, 7)]
    right = [(*line[:2], *map(str.rjust, line[2:7], widths), line[7]) for line in lines]
    return columns(right)


def rows_in_groups(rows: list[Row]) -> list[Row]:
    """Rows of a group next to each other, groups in the order in which they begin."""
    order = {key: at for at, key in reversed([*enumerate(map(_key, rows))])}
    return sorted(rows, key=lambda row: order[_key(row)])


def _key(row: Row) -> tuple[str, str, str]:
    metric = row.case.metric
    family = next((name for name in FAMILIES if metric.startswith(f"{name}_")), metric)
    return row.case.group, family, row.case.status


def _strain(row: Row) -> float:
    """The error in parts of what is stated."""
    return abs(row.relative_error) / row.case.tolerance if row.case.tolerance else 0.0


def _share(value: float, *, signed: bool = False) -> str:
    if not value:
        return "0"
    text = (
        f"{100 * value:{'+' if signed else ''}.2g}"
        if abs(value) < 1e-4
        else f"{100 * value:{'+' if signed else ''}.3g}"
    )
    return f"{text} %"


def _notes(rows: list[Row]) -> list[str]:
    """Why numbers differ, and every row that is outside of what is stated."""
    reasons: dict[str, set[str]] = {}
    for row in rows:
        if row.case.why:
            reasons.setdefault(row.case.why, set()).add(row.case.metric)
    notes = [f"{', '.join(sorted(metrics))}: {why}" for why, metrics in reasons.items()]
    notes += [
        f"outside: {row.case.case}, {row.case.metric}: {row.case.reported:.6g} reported ({row.case.source}), "
        f"{row.simulated:.6g} simulated"
        for row in rows
        if not row.within
    ]
    return ["", *notes] if notes else []
