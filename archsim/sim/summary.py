"""From a trace to a report: the headline, its breakdowns, and the bound it is measured against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from archsim.core.gap import in_json
from archsim.ir.block import Block
from archsim.ir.closedform import ClosedForm
from archsim.ir.component import Design
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping as Program
from archsim.ir.report import OpUse, Report, Roof, UnitUse
from archsim.ir.workload import Workload
from archsim.sim.ledger import BUSY, CALLS, CAUSE, COUNT, HELD, SHARE, WAIT
from archsim.sim.roofline import Bounds
from archsim.sim.trace import REFRESH, Trace

POSTPONED = 8
"""Refreshes that DRAM standards let a controller postpone (JESD79-4, 4.24)."""
RESTLESS = 0.95
"""Part of the run from which on a busy unit is what bounds it."""
STANDBY = "standby"
"""Row of the op table for energy that time costs, not work."""


def report(
    trace: Trace | None,
    bounds: Bounds,
    graph: Graph,
    program: Program,
    design: Design,
    workload: Workload,
    *,
    name: str = "",
    fidelity: str = "",
    closed: ClosedForm | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> Report:
    """Everything a run says, from its trace; without one, the roofline: bounds in place of times.

    Parameters
    ----------
    trace
        Of a simulation, or of a closed form.
    bounds
        What no schedule can beat.
    graph, program, design, workload
        What ran.
    name, fidelity
        Of the design, for people, its kind by default; ``cycle`` or ``roofline``, by default what the trace says.
    closed
        The closed form of the mapping, whose ratios and notes join the report.
    provenance
        Versions, inputs, command.
    """
    counters, blocks = _by_unit(trace), design.blocks()
    total = trace.total_ps if trace else bounds.total
    energy, standby = _energy(counters, blocks, total) if trace else ({}, 0)
    causes = _causes(trace)
    return Report(
        design=name or design.kind,
        workload=workload.label,
        phase=workload.phase_name,
        fidelity=fidelity or ("cycle" if trace else "roofline"),
        total_ps=total,
        clock_hz=int(design.clock),
        tokens=workload.tokens,
        macs=graph.macs,
        lower_bound_ps=_lower_bound(bounds, closed),
        bound_by=_bound_by(trace, causes, total, bounds),
        energy_fj=energy,
        traffic=_traffic(counters, blocks, graph, bool(trace)),
        units={unit: _unit(trace, bounds, unit, total) for unit in blocks},
        ops=_ops(trace, bounds, graph, program, blocks, standby),
        time_by_cause=causes,
        memory={**design.ratios(counters), **_steady(closed, total)},
        counters={unit: dict(sorted(mine.items())) for unit, mine in sorted(counters.items())},
        mapping=_chosen(program),
        samples=trace.samples if trace else (),
        roof=_roof(design),
        facts=design.facts(),
        notes=_notes(trace, graph, program, blocks, closed),
        provenance=dict(provenance or {}),
    )


def _roof(design: Design) -> Roof | None:
    """The design's peak rates, where it says them."""
    roof = getattr(design, "roof", None)
    return roof if isinstance(roof, Roof) else None


def _causes(trace: Trace | None) -> dict[str, int]:
    """Cause -> ps of the critical path, the largest first."""
    found = {k[1].removeprefix("t_"): v for k, v in trace.accounts.items() if k[0] == CAUSE and v} if trace else {}
    return dict(sorted(found.items(), key=lambda kv: (-kv[1], kv[0])))


def _chosen(program: Program) -> dict[str, str | float | None]:
    """Who made the mapping, and how good it says that it is."""
    choice = program.choice
    return {
        "mapper": choice.mapper,
        "metric": choice.metric,
        "objective": choice.objective,
        "bound": choice.bound,
        "gap": in_json(choice.gap),
    }


def _notes(
    trace: Trace | None, graph: Graph, program: Program, blocks: Mapping[str, Block], closed: ClosedForm | None
) -> tuple[str, ...]:
    """What workload, mapper, closed form and simulation have to say."""
    late = _postponed(trace, blocks) if trace else ()
    return (*graph.notes, *program.notes, *(closed.notes if closed else ()), *late)


def _steady(closed: ClosedForm | None, total: int) -> dict[str, float]:
    """Ratios of the closed form, and how much longer than that the run took."""
    if closed is None or not closed.total_ps:
        return {}
    return {**closed.ratios, "over_steady_state": total / closed.total_ps}


def _lower_bound(bounds: Bounds, closed: ClosedForm | None) -> int:
    """The busiest unit at peak rates; no more than the closed form has for it, where a program computes more."""
    if closed is None:
        return bounds.total
    busy: dict[str, int] = defaultdict(int)
    for op in closed.ops:
        for unit, ps in op.busy_ps.items():
            busy[unit] += ps
    return min(bounds.total, max(busy.values(), default=bounds.total))


def _by_unit(trace: Trace | None) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = defaultdict(dict)
    for key, value in trace.accounts.items() if trace else ():
        if key[0] == COUNT:
            _, _, unit, counter = key
            out[unit][counter] = out[unit].get(counter, 0) + value
    return dict(out)


def _energy(
    counters: Mapping[str, Mapping[str, int]], blocks: Mapping[str, Block], total: int
) -> tuple[dict[str, int], int]:
    """FJ by component, and the part that standing by costs."""
    out: Counter[str] = Counter()
    active = 0
    for unit, block in blocks.items():
        mine = counters.get(unit, {})
        for part, energy in block.energy(mine, total).items():
            out[part] += energy  # several units may use one component: arrays their buffer
        active += sum(block.energy(mine, 0).values())
    return dict(out), sum(out.values()) - active


def _traffic(
    counters: Mapping[str, Mapping[str, int]], blocks: Mapping[str, Block], graph: Graph, traced: bool
) -> dict[str, tuple[int, int]]:
    if not traced:
        return {"compulsory": (graph.compulsory_bytes, 0)}
    out: dict[str, tuple[int, int]] = {}
    for unit, block in blocks.items():
        for memory, (read, written) in block.traffic(counters.get(unit, {})).items():
            before = out.get(memory, (0, 0))
            out[memory] = (before[0] + read, before[1] + written)
    return out


def _unit(trace: Trace | None, bounds: Bounds, unit: str, total: int) -> UnitUse:
    if trace is None:
        busy = bounds.by_unit[unit]
        return UnitUse(busy, {"end": total - busy} if total > busy else {})
    waits = {k[2]: v for k, v in trace.accounts.items() if k[:2] == (WAIT, unit) and v}
    return UnitUse(trace.accounts.get((BUSY, unit), 0), waits)


def _ops(
    trace: Trace | None, bounds: Bounds, graph: Graph, program: Program, blocks: Mapping[str, Block], standby: int
) -> tuple[OpUse, ...]:
    main: dict[str, str] = {}
    for task, _ in program.walk():
        if task.tile or task.op not in main:
            main[task.op] = task.unit
    by_op: dict[str, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for key, value in trace.accounts.items() if trace else ():
        if key[0] == COUNT:
            by_op[key[1]][key[2]][key[3]] = value
    rows = []
    for name, unit in main.items():
        energy = sum(sum(blocks[u].energy(c, 0).values()) for u, c in by_op[name].items())
        # A unit without a memory of its own has others move its data.
        movers = by_op[name].keys() & {unit} if blocks[unit].traffic({}) else by_op[name].keys()
        moved = sum(r + w for u in movers for r, w in blocks[u].traffic(by_op[name][u]).values())
        op = graph.ops[name][0]
        bound = bounds.by_op.get(name, 0)
        share = trace.accounts.get((SHARE, name), 0) if trace else bound
        held = trace.accounts.get((HELD, name), 0) if trace else bound
        rows.append(OpUse(name, op.kind, unit, share, held, energy, graph.op_macs(name), moved, bound))
    if trace:
        for busy, count in trace.refreshes.items():
            energy = sum(blocks[busy].energy(by_op[REFRESH][busy], 0).values()) if count else 0
            rows.append(OpUse(REFRESH, REFRESH, busy, trace.accounts.get((SHARE, REFRESH), 0), 0, energy, 0, 0, 0))
        if standby:
            rows.append(OpUse(STANDBY, STANDBY, "", 0, 0, standby, 0, 0, 0))
    return tuple(rows)


def _postponed(trace: Trace, blocks: Mapping[str, Block]) -> Iterator[str]:
    """A warning where a unit computes for so long that the refreshing memory would have to break in."""
    spans = [(b.calendar.interval * POSTPONED, name) for name, b in blocks.items() if b.calendar is not None]
    if not spans:
        return
    longest, memory = min(spans)
    calls = {key[1]: value for key, value in trace.accounts.items() if key[0] == CALLS}
    late = [key[1] for key, held in trace.accounts.items() if key[0] == HELD and held > longest * calls[key[1]]]
    if late:
        yield (
            f"{', '.join(late[:4])}{' and others' if len(late) > 4 else ''} last longer than the {POSTPONED} refreshes "
            f"that {memory} may postpone; it is charged for all of them afterwards, though it could refresh meanwhile"
        )


def _bound_by(trace: Trace | None, causes: Mapping[str, int], total: int, bounds: Bounds) -> str:
    """The largest part of the critical path in words.

    Without causes, or where none is half of the run and a unit hardly ever rests, the unit that was busiest.
    """
    if trace is None:
        return f"{bounds.busiest} at peak rate" if bounds.total else ""
    if not total:
        return ""
    busy = {key[1]: value for key, value in trace.accounts.items() if key[0] == BUSY}
    unit, most = max(busy.items(), key=lambda kv: (kv[1], kv[0]), default=("", 0))
    cause, value = max(causes.items(), key=lambda kv: (kv[1], kv[0]), default=("", 0))
    if not causes or (value < total / 2 and most >= RESTLESS * total):
        return f"{unit}, busy {100 * most / total:.0f} % of the time" if unit else ""
    return f"{WORDS.get(cause, cause)} ({100 * value / total:.0f} % of the time)"


WORDS = {
    "mac": "MAC streaming in the banks",
    "row": "row activation",
    "input": "input transfer",
    "output": "result transfer",
    REFRESH: "refresh",
}
