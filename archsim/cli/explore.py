"""Commands about studies and stored results: sweep, pareto, report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.guard import INTERRUPTED
from archsim.cli.talk import Talk, console, show, show_json

if TYPE_CHECKING:
    from archsim.api.studies import Sweep

StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="A bundled study, a YAML file, or the folder of one that ran.",
        autocompletion=complete.studies,
        show_default=False,
    ),
]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def sweep(
    study: StudyName,
    *,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", "-j", metavar="N", min=1, help="Worker processes; by default one per core."),
    ] = None,
    executor: Annotated[str, typer.Option(metavar="local", help="Where points are evaluated.")] = "local",
    limit: Annotated[int | None, typer.Option(metavar="N", help="Only the first N points.", show_default=False)] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say how many points and how long; run nothing.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget finished points first.")] = False,
    out: opt.Out = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Run every point of a study that has not run yet, and show the best.

    Finished points are kept at once: after Ctrl-C, a crash or a kill the same command goes on where it was. Ctrl-C once
    finishes what runs, twice stops at once.
    """
    from archsim.api.studies import choose_executor, estimate
    from archsim.api.studies import sweep as run_study
    from archsim.cli.progress import progress

    talk = Talk(quiet)
    workers = jobs or cores()
    place = choose_executor(executor, workers)
    if dry_run:
        found = estimate(study, limit=limit, out=out)
        if json:
            show_json({**vars(found), "seconds": found.seconds(workers)})
        else:
            show(found.sentence(workers))
        return
    result = run_study(study, executor=place, limit=limit, fresh=fresh, out=out, progress=progress(quiet=quiet))
    if json:
        show_json(result.table.records())
    else:
        _show_front(result, "" if quiet else str(result.page))
    talk.say(f"table: {result.folder / 'results.csv'}")
    if result.interrupted:
        talk.say(f"stopped with {result.done} of {result.total} points done; the same command goes on from here")
        raise typer.Exit(INTERRUPTED)


def _show_front(found: Sweep, where: str) -> None:
    from archsim.api.pictures import aims, points, setting
    from archsim.report.study_terminal import show_front

    show_front(
        points(found.table),
        console(),
        objectives=aims(found.study.objectives),
        where=where,
        setting=setting(found.study),
        caveat=found.study.caveat,
    )


def pareto(study: StudyName, json: opt.Json = False) -> None:
    """Print the points of a study that no other point beats in every objective."""
    from archsim.api.studies import stored

    found = stored(study)
    if json:
        records = found.table.records()
        show_json([records[index] for index in found.table.front])
    else:
        _show_front(found, str(found.page))


def report(
    result: Annotated[
        str,
        typer.Argument(metavar="RUN|STUDY", help="A run folder, latest, or a study.", autocompletion=complete.results),
    ] = "latest",
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Draw the page of a stored run or study again and print its path; numbers are read, never recomputed."""
    from archsim.api.studies import redraw_any

    page: Path = redraw_any(result)
    show(str(page))
    if open_:
        typer.launch(str(page))
