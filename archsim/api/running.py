"""Run one case: expand, map, check, simulate, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsim.api.cases import Case, Fidelity, prepare
from archsim.api.designs import Sets
from archsim.api.lowering import lower
from archsim.api.versions import provenance
from archsim.core.errors import BadInput
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import Mapping
from archsim.ir.report import Report
from archsim.ir.workload import Workload

if TYPE_CHECKING:
    from archsim.sim.stepper import Observer
    from archsim.sim.trace import Trace


STEPPED = "stepped through every task, since repetition could not be skipped"
"""Begins the note of a run that took long for a reason; its result is the same."""


@dataclass(frozen=True)
class Outcome:
    """A finished run with everything it went through."""

    case: Case
    graph: Graph
    mapping: Mapping
    trace: Trace | None
    """None at roofline fidelity, unless the design has a closed form."""
    report: Report
    observers: tuple[Observer, ...] = field(default=())


def run(
    design: str | Path | Design,
    workload: str | Path | Workload,
    *,
    phase: str | None = None,
    batch: int | None = None,
    prompt: int | None = None,
    context: int | None = None,
    generate: int | None = None,
    fidelity: str = "cycle",
    mapper: str | Mapper | None = None,
    set: Sets = None,
    fast_forward: bool = True,
    timeline: bool = False,
    out: str | Path | None = None,
) -> Report:
    """Simulate a workload on a design.

    Parameters
    ----------
    design
        A bundled name, a YAML file, ``file.py:Class``, or a `Design`.
    workload
        A model, a YAML file, ``file.py:Class``, an operator such as ``gemm:128,768,768``, or a `Workload`.
    phase, batch, prompt, context, generate
        What to do with a model; None leaves the workload's own.
    fidelity
        ``cycle``, exact; or ``roofline``, a closed form: the machine's steady state where it has one, else its peak
        rates, which no schedule on this machine can beat.
    mapper
        Name of a mapper, or one; by default the best that accepts the design.
    set
        Field -> value: ``array.rows`` of the design, ``workload.dtype``, ``mapper.x``.
    fast_forward
        Skip what repeats exactly; the result is the same without, later.
    timeline
        Write a timeline beside the results, which needs `out`: of the first 20,000 tasks, of all without fast_forward.
    out
        Folder for manifest, resolved inputs, mapping, report and page; None writes nothing.

    Raises
    ------
    BadInput
        Something named here does not exist or is not right.
    DoesNotFit, Infeasible
        The model says no.
    """
    case = prepare(
        design,
        workload,
        phase=phase,
        batch=batch,
        prompt=prompt,
        context=context,
        generate=generate,
        fidelity=fidelity,
        mapper=mapper,
        set=set,
    )
    return _report(case, fast_forward=fast_forward, timeline=timeline, out=out)


def _report(case: Case, *, fast_forward: bool, timeline: bool, out: str | Path | None) -> Report:
    """Execute a case, and save what came of it where a folder is given."""
    if timeline and out is None:
        raise BadInput("a timeline needs a folder", right="out=DIR", try_="out='runs/mine'")
    if out is None:
        return execute(case, fast_forward=fast_forward).report
    from archsim.api.saving import execute_and_save

    return execute_and_save(case, Path(out), fast_forward=fast_forward, timeline=timeline).report


def execute(
    case: Case,
    *,
    fast_forward: bool = True,
    observers: Sequence[Observer] = (),
    command: Sequence[str] = (),
) -> Outcome:
    """Simulate a case. `command` is what repeats it, for the record."""
    from archsim.sim import closedform, summary
    from archsim.sim.machine import elaborate
    from archsim.sim.roofline import bounds

    graph, mapping = lower(case)
    machine = elaborate(case.design)
    floor = bounds(mapping.body, machine.blocks)
    closed = case.design.closed_form(mapping, graph)
    trace = None
    if case.fidelity is Fidelity.CYCLE:
        trace = machine.run(mapping, fast_forward=fast_forward, observers=observers)
    elif closed is not None:
        trace = closedform.trace(closed, mapping.body, machine.blocks)
    elif not floor.total:
        raise BadInput(
            f"a roofline of {case.named.name!r} would take no time: none of its units says what nothing could beat",
            right="a component's floor(self, op) returns its cycles at peak rates",
            try_="--fidelity cycle",
        )
    record: dict[str, Any] = {"key": case.key, "command": list(command), **provenance()}
    if trace is not None:
        record["effort"] = {name: getattr(trace.effort, name) for name in type(trace.effort).__dataclass_fields__}
    report = summary.report(
        trace,
        floor,
        graph,
        mapping,
        case.design,
        case.workload,
        name=case.named.name,
        fidelity=case.fidelity.value,
        closed=closed,
        provenance=record,
    )
    if trace is not None and fast_forward and trace.effort.reason:
        report = replace(report, notes=(*report.notes, f"{STEPPED}: {trace.effort.reason}"))
    return Outcome(case, graph, mapping, trace, report, tuple(observers))
