"""Bits of weights under an error budget: precision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options as opt
from archsim.cli.talk import columns, show, show_json

if TYPE_CHECKING:
    from archsim.api.widths import Widths


def precision(
    design: Annotated[str, opt.design()],
    workload: Annotated[str, opt.workload()],
    *,
    errors: Annotated[Path, typer.Option(metavar="TABLE.csv", help="Columns op, bits, error.", show_default=False)],
    budget: Annotated[float, typer.Option(metavar="X", help="The most that errors may add up to.", show_default=False)],
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="seconds|bytes", help="What is made small; by default what units price.", show_default=False
        ),
    ] = None,
    phase: opt.Phase = None,
    batch: opt.Batch = None,
    prompt: opt.Prompt = None,
    context: opt.Context = None,
    generate: opt.Generate = None,
    settings: opt.Set = [],  # noqa: B006 (typer reads the default, nobody changes it)
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Write the workload for archsim run.", show_default=False)
    ] = None,
    json: opt.Json = False,
) -> None:
    """Choose bits for every weight matrix of a model, so that a run gets fast and the errors stay within a budget.

    The errors are yours: what each width of each op (qkv, proj, ffn_up, ...) adds to the error of the model. The costs
    are the design's own: what its units say the op takes at that width. Exit code 1: even the least errors are over.
    """
    from archsim.api.widths import choose_widths, write_widths

    counts = {"phase": phase, "batch": batch, "prompt": prompt, "context": context, "generate": generate}
    found = choose_widths(design, workload, errors, budget, metric=metric, set=settings, **counts)
    if out is not None:
        write_widths(found, out)
    if json:
        show_json(found.record())
    else:
        show("\n".join(_lines(found, workload, out)))


def _lines(widths: Widths, workload: str, out: Path | None) -> list[str]:
    from archsim.mappers.answer import line

    found, before, after = widths.found, widths.before, widths.after
    unit = {"time": "ps", "traffic": "B"}[found.metric]
    head = [
        (
            "objective",
            f"{found.objective:,.0f} {unit} of the ops below; {found.saved:,.0f} {unit} less than the widest",
        ),
        ("answer", line(found)),
        ("error", f"{found.error:.6g} of a budget of {found.budget:.6g}"),
    ]
    if before.time_ps is not None and after.time_ps is not None:
        head.append(("run", f"{_ms(before.time_ps)} before, {_ms(after.time_ps)} with these widths"))
    head.append(("moved", f"{before.moved:,} B before, {after.moved:,} B with these widths"))
    head += [("why" if not index else "", text) for index, text in enumerate(found.why)]
    rows = [("bits", "op"), *((f"{bits:>4}", op) for op, bits in found.bits.items())]
    run = f"archsim run {widths.design} {out or workload}"
    if out is None:
        run += "".join(f" --set workload.precision.{op}={dtype}" for op, dtype in widths.workload.precision.items())
    return [*columns(head), "", *columns(rows), "", *(f"note: {note}" for note in widths.notes), f"run it: {run}"]


def _ms(ps: int) -> str:
    return f"{ps / 1e9:,.6g} ms"
