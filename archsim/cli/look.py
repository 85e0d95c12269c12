"""Commands that look things up: list, show, explain, schema, check, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from archsim.cli import complete
from archsim.cli import options as opt
from archsim.cli.talk import columns, say, show, show_json

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="A name from `archsim list`, or a file.", autocompletion=complete.named)
]


def list_(
    group: Annotated[
        str | None, typer.Argument(metavar="[GROUP]", help="designs, models, mappers, ...", show_default=False)
    ] = None,
    json: opt.Json = False,
) -> None:
    """List everything that has a name, by group, with a line about each."""
    from archsim.api.catalog import list_names

    groups = list_names(group)
    if json:
        show_json(groups if group is None else groups[group])
        return
    for title, names in groups.items():
        if group is None:
            show(f"{title}:")
        indent = "" if group is not None else "  "
        show("\n".join(indent + line for line in columns([*names.items()])) or f"{indent}none")


def show_(name: Name, set_: opt.Set = []) -> None:  # noqa: B006
    """Print a design, model, memory, cascade, study or kind as YAML, fields with their meaning: a file to start from.

    Below a DRAM: its organisation, timings and every rule of its standard with the number of cycles.
    Below a cascade: its passes with reasons, what it keeps, its tile loops and its operations.
    """
    from archsim.api.catalog import show as text_of

    show(text_of(name, set=set_))


def explain(name: Name, set_: opt.Set = [], json: opt.Json = False) -> None:  # noqa: B006
    """Print every constant of a design or memory with its source and confidence, and what is not modelled.

    Of a DRAM standard: what its timings and commands mean. Of a cascade: operations of its einsums, passes with
    reasons, what it keeps, and which arrays can do it; --set M=65536 gives ranks their sizes.
    """
    from archsim.api.catalog import explain as facts_of

    facts = facts_of(name, set=set_)
    if json:
        show_json([{"name": f.name, "value": f.value, "source": f.source, "confidence": f.confidence} for f in facts])
    else:
        from archsim.cli.facts import fact_lines

        show("\n".join(fact_lines(facts)))


def schema(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it to a file.", show_default=False)] = None,
) -> None:
    """Print the JSON Schema of designs, memories, cascades, workloads, model shapes and studies.

    An editor that knows YAML schemas then checks and completes while you type; begin a file with:
    # yaml-language-server: $schema=archsim.schema.json
    """
    from archsim.api.schema import schema_text

    if out is None:
        show(schema_text())
    else:
        from archsim.core.files import write_atomic

        write_atomic(out, schema_text())
        say(f"wrote {out}")


def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="YAML, a mapping in JSON, or file.py:Class.")],
    json: opt.Json = False,
) -> None:
    """Check designs, memories, cascades, workloads, studies and mappings without running them."""
    from archsim.api.files import check_files

    found = check_files(files)
    if json:
        show_json([{"file": f.file, "ok": f.error is None, "what": f.what, "error": str(f.error or "")} for f in found])
    for one in found:
        if one.error is None:
            if not json:
                show(f"ok  {one.file}: {one.what}")
        elif not json:
            say(str(one.error))
    worst = max((one.error.exit_code for one in found if one.error is not None), default=0)
    raise typer.Exit(worst)


def doctor(json: opt.Json = False) -> None:
    """Check Python, libraries, solver, RTL tools, the results folder and the terminal."""
    from archsim.api.doctor import examine

    found = examine()
    if json:
        show_json([vars(finding) for finding in found])
    else:
        show("\n".join(columns([(f.state, f.name, f.detail) for f in found])))
    raise typer.Exit(1 if any(finding.state == "missing" for finding in found) else 0)
