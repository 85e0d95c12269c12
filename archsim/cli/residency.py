"""Order, residency and addresses of tensors in a scratchpad: plan."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from archsim.cli import options as opt
from archsim.cli.talk import Talk, columns, show, show_json

if TYPE_CHECKING:
    from archsim.mappers.residency import Moment, Plan

MOST_STEPS = 40
"""Steps in the table; more are named by --json only."""
STOPPED = {"work": "the work limit", "seconds": "the time limit"}


def plan(
    graph: Annotated[
        str,
        typer.Argument(
            metavar="GRAPH", help="GRAPH.yaml, decoder:G2F2L1, network:resnet50, or a workload.", show_default=False
        ),
    ],
    *,
    capacity: Annotated[
        str, typer.Option(metavar="BYTES", help="Room: '1 MiB', least (the largest working set), peak (nothing moves).")
    ] = "least",
    method: Annotated[
        str, typer.Option(metavar="NAME", help="auto, orders, branch, window, joint, cosma, belady or lru.")
    ] = "auto",
    phase: opt.Phase = None,
    batch: opt.Batch = None,
    prompt: opt.Prompt = None,
    context: opt.Context = None,
    generate: opt.Generate = None,
    settings: opt.Set = [],  # noqa: B006 (typer reads the default, nobody changes it)
    weights: Annotated[bool, typer.Option("--weights", help="Weights take room too.")] = False,
    work: Annotated[
        float | None, typer.Option(metavar="N", help="Work per distinct part, about seconds; same result everywhere.")
    ] = None,
    time_limit: opt.TimeLimit = None,
    solver: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of integer programs: highs, cbc or gurobi.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the solvers' random choices.")] = 0,
    compare: Annotated[
        bool, typer.Option("--compare", help="LRU, Belady and TensorFlow Lite's arena beside it.")
    ] = False,
    plot: opt.Picture = None,
    json: opt.Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Plan which tensors are on chip when and where, so that little moves to memory and back.

    Whole ops on whole tensors, one op per step. Bytes that move whatever the capacity are not counted: inputs once in,
    results once out. Exit code 1: the operands of an op do not fit, and the message says by how much.
    """
    from archsim.api.allocation import picture_form
    from archsim.api.residency import capacity_of, draw_plan, load_graph
    from archsim.mappers.residency.solve import WORK
    from archsim.mappers.residency.solve import plan as make_plan

    if plot is not None:
        picture_form(plot)  # a wrong name is said before the search
    counts = {"phase": phase, "batch": batch, "prompt": prompt, "context": context, "generate": generate}
    loaded = load_graph(graph, weights=weights, sets=settings, **counts)
    given: dict[str, Any] = {"method": method, "work": WORK if work is None else work, "seconds": time_limit}
    found = make_plan(
        loaded, capacity_of(loaded, capacity), **given, seed=seed, solver=solver, watch=_told(Talk(quiet or json))
    )
    found.check()
    others = _others(found) if compare else {}
    if plot is not None:
        draw_plan(found, plot)
    if json:
        show_json(found.record() | ({"baselines": others} if compare else {}))
    else:
        show("\n".join(_lines(found, others)))


def _told(talk: Talk) -> Callable[[Moment], None]:
    return lambda now: talk.say(f"{now.seconds:.2f} s: {now.objective:,} B, bound {now.bound:,} B, by {now.by}")


def _others(found: Plan) -> dict[str, int]:
    from archsim.mappers.residency.baselines import baselines

    return {name: each.bytes for name, each in baselines(found.graph, found.capacity).items()}


def _lines(found: Plan, others: dict[str, int]) -> list[str]:
    from archsim.report.residency import sketch

    ascii_only = not (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")
    rows: list[tuple[str, ...]] = [("step", "op", "arrives", "leaves")]
    rows += [_step(found, step) for step in range(min(MOST_STEPS, len(found.order)))]
    more = len(found.order) - MOST_STEPS
    rest = [f"and {more:,} steps more; --json has all"] if more > 0 else []
    return [*columns(_headline(found, others)), "", *columns(rows), *rest, "", *sketch(found, ascii_only=ascii_only)]


def _headline(found: Plan, others: dict[str, int]) -> list[tuple[str, str]]:
    from archsim.mappers.answer import line

    graph = found.graph
    spilled, loaded = sum(found.spilled.values()), sum(found.reloaded.values())
    return [
        ("graph", f"{graph.name}: {len(graph.ops):,} ops, {len(graph.sizes):,} tensors"),
        ("capacity", f"{found.capacity:,} B; the largest working set is {graph.least_capacity:,} B"),
        ("moved", f"{found.objective:,} B beyond the compulsory {graph.compulsory_bytes:,} B"),
        ("answer", line(found)),
        ("of these", f"{spilled:,} B written back, {loaded:,} B loaded again"),
        ("on chip", f"at most {found.load:,} B; addresses up to {found.height:,} B, cost of packing "
                    f"{found.fragmentation:,} B"),
        *([("solver", found.solver)] if found.solver else []),
        ("orders", ", ".join(f"{name} {cost:,} B" for name, cost in found.candidates.items()) or "program"),
        *([("others", ", ".join(f"{name}: {cost:,} B" for name, cost in others.items()))] if others else []),
        *([("stopped by", STOPPED[found.stopped])] if found.stopped else []),
    ]  # fmt: skip


def _step(found: Plan, step: int) -> tuple[str, ...]:
    came = [f"{s.tensor}{' (loaded)' if s.loaded else ''} at {s.offset:,}" for s in found.segments if s.first == step]
    left = [s.tensor for s in found.segments if s.last == step]
    return str(step), found.order[step], ", ".join(came) or "-", ", ".join(left) or "-"
