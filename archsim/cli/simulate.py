"""Commands about single runs: run, map, compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.talk import Talk, console, show, show_json

if TYPE_CHECKING:
    from archsim.api.cases import Case


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
    from archsim.api.cases import prepare
    from archsim.api.saving import execute_and_save, recover
    from archsim.api.versions import code_version

    talk = Talk(quiet, verbose)
    fast_forward = not no_fast_forward
    command = ["archsim", *sys.argv[1:]]
    if again is not None:
        opt.forbid(design, "--again repeats the folder's own design")
        case, manifest = recover(again)
        if manifest["provenance"]["code"] != code_version():
            talk.say(f"note: made with archsim {manifest['provenance']['code']}, this is {code_version()}")
        fast_forward = fast_forward and manifest["inputs"]["fast_forward"]
        timeline = timeline or manifest["inputs"]["timeline"]
        command = list(manifest["provenance"]["command"])
    else:
        case = prepare(
            opt.require(design, "DESIGN"),
            opt.require(workload, "WORKLOAD"),
            phase=phase,
            batch=batch,
            prompt=prompt,
            context=context,
            generate=generate,
            fidelity=fidelity,
            mapper=mapper,
            set=set_,
        )
    talk.detail(f"{case.title}: mapper {case.mapper.kind}, key {case.key}")
    if out is None and (no_save or (json and not timeline)):
        _show_alone(case, fast_forward=fast_forward, command=command, json=json, talk=talk)
        return
    saved = execute_and_save(case, out, fast_forward=fast_forward, timeline=timeline, command=command)
    talk.detail(f"simulation: {dict(saved.effort)}")
    if json:
        show_json(saved.report.to_json())
    else:
        _show_report(saved.report.to_json(), "" if quiet else str(saved.page))


def _show_alone(case: Case, *, fast_forward: bool, command: list[str], json: bool, talk: Talk) -> None:
    from archsim.api.running import execute

    report = execute(case, fast_forward=fast_forward, command=command).report
    talk.detail(f"simulation: {report.provenance.get('effort')}")
    if json:
        show_json(report.to_json())
    else:
        _show_report(report.to_json(), "")


def _show_report(doc: Any, where: str) -> None:
    from archsim.report import terminal

    terminal.show(doc, console(), where=where)


def map_(
    design: Annotated[str, opt.design()],
    workload: Annotated[str, opt.workload()],
    *,
    phase: opt.Phase = None,
    batch: opt.Batch = None,
    prompt: opt.Prompt = None,
    context: opt.Context = None,
    generate: opt.Generate = None,
    mapper: opt.MapperName = None,
    set_: opt.Set = [],  # noqa: B006
    explain: Annotated[bool, typer.Option("--explain", help="Say of every task why it is there.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the mapping as JSON.", show_default=False)
    ] = None,
    json: opt.Json = False,
) -> None:
    """Map WORKLOAD onto DESIGN without running it: the program, its tiles, where tensors live, and how good it is."""
    from archsim.api.mapping import map_ as map_case
    from archsim.core.files import write_atomic
    from archsim.ir.mapping_text import mapping_lines
    from archsim.ir.mappingfile import to_json

    mapping = map_case(
        design,
        workload,
        phase=phase,
        batch=batch,
        prompt=prompt,
        context=context,
        generate=generate,
        mapper=mapper,
        set=set_,
    )
    if out is not None:
        from json import dumps

        write_atomic(out, dumps(to_json(mapping), indent=1) + "\n")
    if json:
        show_json(to_json(mapping))
    else:
        show("\n".join(mapping_lines(mapping, explain=explain)))


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
