"""The command about mappings: map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options as opt
from archsim.cli.talk import say, show, show_json

if TYPE_CHECKING:
    from archsim.api.mapping import Mapped
    from archsim.ir.execute import Execution


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
    explain: Annotated[
        bool, typer.Option("--explain", help="Say of every task why it is there, and what limits the mapping.")
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A picture of the schedule and the memories: .png, .pdf or .svg.", show_default=False
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Execute it on arrays and compare with the plain graph (small workloads).")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the mapping as JSON.", show_default=False)
    ] = None,
    json: opt.Json = False,
) -> None:
    """Map WORKLOAD onto DESIGN without running it: the program, its tiles, where tensors live, and how good it is.

    With --verify, exit code 1 says that it computes something else than the workload.
    """
    from archsim.api.mapping import mapped, verified
    from archsim.core.files import write_atomic
    from archsim.ir.mappingfile import to_json

    options = {"phase": phase, "batch": batch, "prompt": prompt, "context": context, "generate": generate}
    made = mapped(design, workload, mapper=mapper, set=set_, **options)
    executions = verified(made) if verify else []
    if out is not None:
        from json import dumps

        write_atomic(out, dumps(to_json(made.mapping), indent=1) + "\n")
    if plot is not None:
        from archsim.api.schedule import draw_schedule

        draw_schedule(made.mapping, made.design, plot)
    if json:
        show_json(to_json(made.mapping))
        if executions:
            say("\n".join(line for one in executions for line in one.lines()))
    else:
        _show(made, executions, explain=explain)
    if not all(one.ok for one in executions):
        raise typer.Exit(1)


def _show(made: Mapped, executions: list[Execution], *, explain: bool) -> None:
    from archsim.ir.mapping_text import mapping_lines

    show("\n".join(mapping_lines(made.mapping, explain=explain)))
    if explain:
        from archsim.api.schedule import limits

        show("\n".join(["", *limits(made.mapping, made.design).lines()]))
    if executions:
        show("\n".join(["", *(line for one in executions for line in one.lines())]))
