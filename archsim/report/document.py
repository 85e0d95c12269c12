"""The shape of `report.json`, and the few numbers that pictures derive from it.

Everything in this package reads the document, not the `Report`, so that a stored run can be drawn again at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

PHASES = ("prefill", "decode")
"""Prefixes of op names that say in which phase an op runs: `decode.qkv`."""


class EnergyDoc(TypedDict):
    """Joules, in total and by component."""

    total: float
    by_component: dict[str, float]


class TrafficDoc(TypedDict):
    """Bytes read from and written to one memory."""

    read: int
    write: int


class UnitDoc(TypedDict):
    """Busy and waiting seconds of one unit; together they are the run."""

    busy_seconds: float
    utilization: float
    waits: dict[str, float]


class OpDoc(TypedDict):
    """What one op cost; `seconds` is its share of the critical path."""

    op: str
    kind: str
    unit: str
    seconds: float
    busy_seconds: float
    energy_joules: float
    macs: int
    bytes: int
    bound_seconds: float


class SampleDoc(TypedDict):
    """End of one iteration of an outermost loop, with the busy seconds of each unit since the start of the run."""

    loop: str
    index: int
    seconds: float
    busy: dict[str, float]


class RoofDoc(TypedDict):
    """Peak rates."""

    macs_per_second: float
    bytes_per_second: dict[str, float]


class FactDoc(TypedDict):
    """One constant or assumption, where it is from and how far to trust it."""

    name: str
    value: str
    source: str
    confidence: str


class ReportDoc(TypedDict):
    """One run, schema `archsim.report/1`."""

    schema: str
    design: str
    workload: str
    phase: str
    fidelity: str
    seconds: float
    cycles: int
    clock_hz: int
    tokens: int
    macs: int
    lower_bound_seconds: float
    bound_by: str
    energy_joules: EnergyDoc
    traffic_bytes: dict[str, TrafficDoc]
    units: dict[str, UnitDoc]
    by_op: list[OpDoc]
    time_by_cause: dict[str, float]
    memory: dict[str, float]
    counters: dict[str, dict[str, int]]
    mapping: dict[str, Any]
    samples: list[SampleDoc]
    roof: RoofDoc | None
    facts: list[FactDoc]
    notes: list[str]
    provenance: dict[str, Any]


def title(doc: ReportDoc) -> str:
    """Which machine ran what: `pim-gpt x gpt2-xl`."""
    return f"{doc['design']} x {doc['workload']}"


def ratio(above: float, below: float) -> float | None:
    """`above / below`, or None where there is nothing to divide by."""
    return above / below if below else None


def tokens_per_second(doc: ReportDoc) -> float | None:
    """Throughput; None where the workload makes no tokens."""
    return ratio(doc["tokens"], doc["seconds"]) if doc["tokens"] else None


def joules_per_token(doc: ReportDoc) -> float | None:
    """Energy of one token; None where the workload makes none or energy was not counted."""
    return ratio(doc["energy_joules"]["total"], doc["tokens"]) if counts_energy(doc) else None


def counts_energy(doc: ReportDoc) -> bool:
    """Whether the run counted actions, and so energy; a roofline does only where the design has a closed form."""
    return bool(doc["energy_joules"]["by_component"])


CAUSES = {
    "mac": "MAC streaming",
    "row": "row activation",
    "input": "input transfer",
    "output": "result transfer",
    "finish": "bias and partial sums",
    "combine": "partial sums of attention",
    "recovery": "closing rows",
}


def cause_name(cause: str) -> str:
    """A cause of time in words."""
    return CAUSES.get(cause, cause)


def wait_name(why: str, unit: str) -> str:
    """What a unit waits for, in words: its own earlier results, or nothing any more.

    >>> wait_name("pim", "pim"), wait_name("end", "pim"), wait_name("refresh", "pim")
    ('own results', 'nothing left to do', 'refresh')
    """
    return "own results" if why == unit else "nothing left to do" if why == "end" else why


def above_bound(doc: ReportDoc) -> float | None:
    """How far the run is above its lower bound, as a fraction of the bound; None where the bound is zero."""
    times = ratio(doc["seconds"], doc["lower_bound_seconds"])
    return None if times is None else times - 1


def mapper_gap(doc: ReportDoc) -> float | None:
    """The mapper's own gap between its objective and its bound; None where it states none."""
    gap = doc["mapping"].get("gap")
    return float(gap) if isinstance(gap, int | float) else None


def utilization(doc: ReportDoc) -> float:
    """Utilisation of the busiest unit."""
    return max((use["utilization"] for use in doc["units"].values()), default=0.0)


def traffic_total(doc: ReportDoc) -> int:
    """Bytes moved, all memories, both directions."""
    return sum(moved["read"] + moved["write"] for moved in doc["traffic_bytes"].values())


def ranked(amounts: Mapping[str, float]) -> list[tuple[str, float]]:
    """Largest first; equal ones in alphabetical order."""
    return sorted(amounts.items(), key=lambda item: (-item[1], item[0]))


def by_time(ops: Iterable[OpDoc]) -> list[OpDoc]:
    """Ops with the largest share of the critical path first."""
    return sorted(ops, key=lambda op: (-op["seconds"], -op["busy_seconds"], op["op"]))


def merge_phases(ops: Iterable[OpDoc]) -> list[OpDoc]:
    """`prefill.qkv` and `decode.qkv` become one `qkv`; a unit that differs between the phases is shown as both."""
    merged: dict[str, OpDoc] = {}
    for op in ops:
        name = without_phase(op["op"])
        known = merged.get(name)
        merged[name] = _sum(known, op) if known else {**op, "op": name}
    return list(merged.values())


def without_phase(name: str) -> str:
    """The op's name without the phase it runs in.

    >>> without_phase("decode.qkv"), without_phase("qkv")
    ('qkv', 'qkv')
    """
    phase, dot, rest = name.partition(".")
    return rest if dot and phase in PHASES else name


def command_line(doc: ReportDoc) -> str:
    """The command that repeats this run, or nothing where the run does not know (a run from Python)."""
    command = doc["provenance"].get("command", "")
    if isinstance(command, list | tuple):
        import shlex

        return shlex.join(str(word) for word in command)
    return str(command)


def _sum(one: OpDoc, other: OpDoc) -> OpDoc:
    units = dict.fromkeys([*one["unit"].split(" + "), other["unit"]])
    return {
        "op": one["op"],
        "kind": one["kind"],
        "unit": " + ".join(units),
        "seconds": one["seconds"] + other["seconds"],
        "busy_seconds": one["busy_seconds"] + other["busy_seconds"],
        "energy_joules": one["energy_joules"] + other["energy_joules"],
        "macs": one["macs"] + other["macs"],
        "bytes": one["bytes"] + other["bytes"],
        "bound_seconds": one["bound_seconds"] + other["bound_seconds"],
    }
