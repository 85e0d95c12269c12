"""Commands about single runs: run, map, compare."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.talk import Talk, console, show_json
from archsim.core.errors import BadInput

if TYPE_CHECKING:
    from archsim.api.cases import Case
    from archsim.ir.report import Report
    from archsim.report.document import ReportDoc


def run(
    design: Annotated[str | None, opt.design()] = None,
    workload: Annotated[str | None, opt.workload()] = None,
    *,
    phase: opt.Phase = None,
    batch: opt.Batch = None,
    prompt: opt.Prompt = None,
    context: opt.Context = None,
    generate: opt.Generate = None,
    fidelity: opt.Fidelity = "cycle",
    mapper: opt.MapperName = None,
    set_: opt.Set = [],  # noqa: B006 (typer reads it once and never changes it)
    no_fast_forward: opt.NoFastForward = False,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Also write timeline.json.gz of the first 20,000 tasks.")
    ] = False,
    out: opt.Out = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Write no run folder.")] = False,
    again: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Repeat a run folder, byte for byte.", show_default=False)
    ] = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> None:
    """Simulate WORKLOAD on DESIGN and say how long it takes, what it costs and what limits it.

    The results go to a folder in runs/ (or ARCHSIM_RUNS), with a page to open; with --json only where --out says so.
    """
    from archsim.api.running import STEPPED

    talk = Talk(quiet, verbose)
    options = {
        "phase": phase,
        "batch": batch,
        "prompt": prompt,
        "context": context,
        "generate": generate,
        "fidelity": fidelity,
        "mapper": mapper,
        "set": set_,
    }
    asked = _repeated(again, [design, workload], options, talk) if again else _asked(design, workload, options)
    asked = replace(asked, fast_forward=asked.fast_forward and not no_fast_forward, timeline=timeline or asked.timeline)
    if no_save and (out is not None or timeline):
        raise BadInput("--no-save leaves no place for --out or --timeline", right="one or the other")
    talk.detail(f"{asked.case.title}: mapper {asked.case.mapper.kind}, key {asked.case.key}")
    report, page = _simulate(asked, out, save=not no_save and not (json and out is None and not timeline))
    talk.detail(f"simulation: {report.provenance.get('effort')}")
    for note in report.notes:
        if note.startswith(STEPPED):
            talk.say(f"note: {note}")
    if json:
        show_json(report.to_json())
    else:
        from archsim.report import terminal

        terminal.show(cast("ReportDoc", report.to_json()), console(), where="" if quiet else page)


@dataclass(frozen=True)
class _Asked:
    """What to run, and how."""

    case: Case
    command: list[str]
    fast_forward: bool = True
    timeline: bool = False


def _asked(design: str | None, workload: str | None, options: dict[str, Any]) -> _Asked:
    from archsim.api.cases import prepare

    case = prepare(opt.require(design, "DESIGN"), opt.require(workload, "WORKLOAD"), **options)
    return _Asked(case, ["archsim", *sys.argv[1:]])


def _repeated(again: Path, names: list[str | None], options: dict[str, Any], talk: Talk) -> _Asked:
    """What a run folder was made from; nothing else may be asked for."""
    from archsim.api.saving import recover
    from archsim.api.versions import code_version

    more = [name for name in names if name] + [f"--{key}" for key, value in options.items() if value not in (None, [])]
    if more != ["--fidelity"] or options["fidelity"] != "cycle":
        given = next(name for name in more if name != "--fidelity" or options["fidelity"] != "cycle")
        raise BadInput(f"{given} has no place beside --again", right="--again repeats a folder as it is")
    case, manifest = recover(again)
    made_with = manifest["provenance"]["code"]
    if made_with != code_version():
        talk.say(f"note: made with archsim {made_with}, this is {code_version()}")
    inputs = manifest["inputs"]
    return _Asked(case, list(manifest["provenance"]["command"]), inputs["fast_forward"], inputs["timeline"])


def _simulate(asked: _Asked, out: Path | None, *, save: bool) -> tuple[Report, str]:
    """The report, and the page where it was saved."""
    if not save:
        from archsim.api.running import execute

        return execute(asked.case, fast_forward=asked.fast_forward, command=asked.command).report, ""
    from archsim.api.saving import execute_and_save

    saved = execute_and_save(
        asked.case, out, fast_forward=asked.fast_forward, timeline=asked.timeline, command=asked.command
    )
    return saved.report, str(saved.page)


def compare(
    items: Annotated[
        list[str],
        typer.Argument(metavar="RUN|DESIGN...", help="Run folders or designs.", autocompletion=complete.results),
    ],
    *,
    workload: Annotated[
        str | None,
        typer.Option(
            "--workload", "-w", metavar="W", help="What to run on designs.", autocompletion=complete.workloads
        ),
    ] = None,
    phase: opt.Phase = None,
    batch: opt.Batch = None,
    prompt: opt.Prompt = None,
    context: opt.Context = None,
    generate: opt.Generate = None,
    fidelity: opt.Fidelity = "cycle",
    set_: opt.Set = [],  # noqa: B006
    json: opt.Json = False,
) -> None:
    """Set runs or designs side by side, each against the first."""
    from archsim.api.comparing import documents
    from archsim.report.compare import compare as side_by_side
    from archsim.report.compare import show_comparison

    docs = documents(
        items,
        workload,
        phase=phase,
        batch=batch,
        prompt=prompt,
        context=context,
        generate=generate,
        fidelity=fidelity,
        set=set_,
    )
    if json:
        show_json(side_by_side(docs))
    else:
        show_comparison(docs, console())
