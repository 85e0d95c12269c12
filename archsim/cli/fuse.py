"""Fusion of the ops of a layer: fuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options as opt
from archsim.cli.talk import columns, show, show_json

if TYPE_CHECKING:
    from archsim.mappers.fusion import Fusion

HEAD = ("moved B", "saved B", "needs B", "kind", "ops")


def fuse(
    workload: Annotated[str, opt.workload()],
    *,
    capacity: Annotated[str, typer.Option(metavar="BYTES", help="Room on chip, such as '1 MiB'.", show_default=False)],
    loop: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose body is cut; by default the layer.", show_default=False)
    ] = None,
    phase: opt.Phase = None,
    batch: opt.Batch = None,
    prompt: opt.Prompt = None,
    context: opt.Context = None,
    generate: opt.Generate = None,
    settings: opt.Set = [],  # noqa: B006 (typer reads the default, nobody changes it)
    json: opt.Json = False,
) -> None:
    """Cut the ops of a layer into groups that run as one, so that what lies between them never leaves the chip.

    Every cut in program order into stages is considered, with every set of tensors that may stay on chip from one stage
    to the next, and what moves least is taken. Stages between which something stays are a group; in the table they are
    parted by semicolons. The bound knows the room: it takes for each stage the least of any way and any tiling. Exit
    code 1: an op cannot run in so little room even alone.
    """
    from archsim.api.fusing import fuse_workload

    counts = {"phase": phase, "batch": batch, "prompt": prompt, "context": context, "generate": generate}
    found = fuse_workload(workload, capacity, where=loop, set=settings, **counts)
    if json:
        show_json(found.record())
    else:
        show("\n".join(_lines(found)))


def _lines(found: Fusion) -> list[str]:
    from archsim.mappers.answer import line

    head = [
        ("fused", f"{found.chain}, which runs {found.turns:,} times"),
        ("moved", f"{found.moved:,} B each time; {found.unfused:,} B one by one, {found.saved:,} B saved"),
        ("answer", line(found)),
        *(("why" if not index else "", text) for index, text in enumerate(found.why)),
    ]
    rows = [HEAD]
    for group in found.groups:
        numbers = (f"{group.moved:,}", f"{group.saved:,}", f"{group.need:,}")
        stages = (", ".join(op.rpartition(".")[2] for op in stage) for stage in group.stages)
        rows.append((*numbers, group.kind, "; ".join(stages)))
    widths = [max(len(row[at]) for row in rows) for at in range(3)]
    return [*columns(head), "", *columns([(*map(str.rjust, row, widths), *row[3:]) for row in rows])]
