"""A study on the terminal: the front as a table, and what has no result."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from archsim.report import units as u
from archsim.report.columns import grid, sentence
from archsim.report.pareto import OBJECTIVES, Point, measured, metric_name, pareto, short_names, shown, varied
from archsim.report.study_page import count_by_status

MOST_ROWS = 20


def show_front(
    points: Sequence[Point],
    console: Console,
    *,
    objectives: Sequence[str] = OBJECTIVES,
    where: str = "",
    setting: str = "",
    caveat: str = "",
) -> None:
    """Print the Pareto front: parameters that vary, objectives, and then counts.

    `where` is the path of the page, `setting` what ran at every point, `caveat` what the objectives leave out.
    """
    front, names = pareto(points, objectives), varied(points)
    aims = measured(objectives, names)
    head = (*short_names(names), *(metric_name(aim) for aim in aims))
    if setting:
        console.print(Text(setting, style="bold"))
    rows = [
        [
            *(str(points[i]["params"].get(name, u.MISSING)) for name in names),
            *(shown(aim, points[i]["metrics"][aim]) for aim in aims),
        ]
        for i in front[:MOST_ROWS]
    ]
    if rows:
        console.print(grid(head, rows, console=console, names=range(len(names))))
    if len(front) > MOST_ROWS:
        console.print(Text(f"and {len(front) - MOST_ROWS:,} more on the front", style="dim"))
    counts = ", ".join(f"{count:,} {status}" for status, count in count_by_status(points).items())
    console.print(Text(f"{len(front):,} of {len(points):,} points on the front ({counts})"))
    if caveat:
        console.print(sentence("note: ", caveat, console))
    if where:
        console.print(Text.assemble(("report: ", "dim"), where), soft_wrap=True)
