"""The result of a run as data: the headline and its breakdowns. Pictures are derived from it, never stored in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

SCHEMA = "archsim.report/1"
PS = 1_000_000_000_000
FJ = 1_000_000_000_000_000


@dataclass(frozen=True, slots=True)
class UnitUse:
    """Where the time of one unit went. busy + all waits = the whole run."""

    busy_ps: int
    waits_ps: Mapping[str, int]
    """Reason -> ps: the unit it waited for, `refresh`, ..."""

    def to_json(self, total_ps: int) -> dict[str, Any]:
        """Seconds, and the share of a run of `total_ps`."""
        return {
            "busy_seconds": self.busy_ps / PS,
            "utilization": self.busy_ps / total_ps if total_ps else 0.0,
            "waits": {reason: ps / PS for reason, ps in self.waits_ps.items()},
        }


@dataclass(frozen=True, slots=True)
class OpUse:
    """What one op cost. `ps` is its share of the critical path, so the shares of all ops add up to the run."""

    op: str
    kind: str
    unit: str
    """The unit that does its main work."""
    ps: int
    busy_ps: int
    energy_fj: int
    macs: int
    bytes: int
    """Bytes moved from and to memories on its behalf."""
    bound_ps: int
    """What its tasks would take at peak rates."""

    def to_json(self) -> dict[str, Any]:
        """Seconds, joules and counts."""
        return {
            "op": self.op,
            "kind": self.kind,
            "unit": self.unit,
            "seconds": self.ps / PS,
            "busy_seconds": self.busy_ps / PS,
            "energy_joules": self.energy_fj / FJ,
            "macs": self.macs,
            "bytes": self.bytes,
            "bound_seconds": self.bound_ps / PS,
        }


class Ops(tuple[OpUse, ...]):
    """The ops of a run in program order; a plain tuple that also becomes a table."""

    __slots__ = ()

    def to_pandas(self) -> pandas.DataFrame:
        """One row per op, the fields of `OpUse` as columns, with seconds and joules beside the exact integers."""
        import pandas

        frame = pandas.DataFrame([asdict(op) for op in self], columns=[*OpUse.__dataclass_fields__])
        frame.insert(3, "seconds", frame["ps"] / PS)
        frame.insert(4, "energy_joules", frame["energy_fj"] / FJ)
        return frame


class _OpsField:
    """A dataclass field that is given a tuple and read as `Ops`."""

    def __get__(self, report: Report | None, owner: type[Report]) -> Ops:
        if report is None:
            raise AttributeError("ops")  # which tells dataclass that the field has no default
        ops: Ops = report.__dict__["ops"]
        return ops

    def __set__(self, report: Report, ops: tuple[OpUse, ...]) -> None:
        report.__dict__["ops"] = Ops(ops)


@dataclass(frozen=True, slots=True)
class EnergyUse:
    """Energy in joules."""

    total: float
    by_component: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Sample:
    """State at the end of one iteration of an outermost loop (one token): time, and busy time of each unit so far."""

    loop: str
    index: int
    end_ps: int
    busy_ps: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Seconds by name."""
        busy = {unit: ps / PS for unit, ps in self.busy_ps.items()}
        return {"loop": self.loop, "index": self.index, "seconds": self.end_ps / PS, "busy": busy}


@dataclass(frozen=True, slots=True)
class Roof:
    """Peak rates for the roofline picture."""

    macs_per_second: float
    bytes_per_second: Mapping[str, float]
    """Memory -> peak bandwidth where it is used (inside the banks for PIM)."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One constant or assumption of a design with its source and how far to trust it."""

    name: str
    value: str
    source: str
    confidence: str = "stated"
    """exact | stated | derived | assumed | calibrated | from memory (high/medium/low)"""


@dataclass(frozen=True)
class Report:
    """One run. `to_json` is the contract; the other fields carry what the pictures need."""

    design: str
    workload: str
    phase: str
    fidelity: str
    total_ps: int
    clock_hz: int
    tokens: int
    macs: int
    lower_bound_ps: int
    bound_by: str
    energy_fj: Mapping[str, int]
    """Component -> fJ; the total is their sum."""
    traffic: Mapping[str, tuple[int, int]]
    """Memory -> bytes (read, written)."""
    units: Mapping[str, UnitUse]
    time_by_cause: Mapping[str, int]
    """What the critical path was doing, in ps: MAC streaming, row activation, transfers, refresh, each vector op. Sums
    to the run.
    """
    memory: Mapping[str, float]
    """row_hit_rate and other ratios."""
    counters: Mapping[str, Mapping[str, int]]
    """Unit -> counter -> value."""
    mapping: Mapping[str, Any]
    ops: _OpsField = _OpsField()
    """Required, whatever it looks like: a descriptor that is given any tuple and read as `Ops`."""
    samples: tuple[Sample, ...] = ()
    roof: Roof | None = None
    facts: tuple[Fact, ...] = ()
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    """Versions, inputs, command, times: everything that may differ between two equal runs."""

    @property
    def energy(self) -> EnergyUse:
        """Energy in total and by component; the components add up to the total."""
        return EnergyUse(self.energy_joules, {name: fj / FJ for name, fj in self.energy_fj.items()})

    @property
    def seconds(self) -> float:
        """Simulated time in seconds."""
        return self.total_ps / PS

    @property
    def cycles(self) -> int:
        """The same in cycles of the clock named by `clock_hz`, rounded up."""
        return -(-self.total_ps * self.clock_hz // PS)

    @property
    def lower_bound_seconds(self) -> float:
        """What no mapping on this machine can beat."""
        return self.lower_bound_ps / PS

    @property
    def energy_joules(self) -> float:
        """Total energy in joules."""
        return sum(self.energy_fj.values()) / FJ

    def to_json(self) -> dict[str, Any]:
        """The report as one JSON document (schema archsim.report/1): numbers only, keys in a fixed order."""
        return {
            "schema": SCHEMA,
            "design": self.design,
            "workload": self.workload,
            "phase": self.phase,
            "fidelity": self.fidelity,
            "seconds": self.seconds,
            "cycles": self.cycles,
            "clock_hz": self.clock_hz,
            "tokens": self.tokens,
            "macs": self.macs,
            "lower_bound_seconds": self.lower_bound_seconds,
            "bound_by": self.bound_by,
            "energy_joules": {
                "total": self.energy_joules,
                "by_component": {name: fj / FJ for name, fj in self.energy_fj.items()},
            },
            "traffic_bytes": {name: {"read": r, "write": w} for name, (r, w) in self.traffic.items()},
            "units": {name: use.to_json(self.total_ps) for name, use in self.units.items()},
            "by_op": [op.to_json() for op in self.ops],
            "time_by_cause": {cause: ps / PS for cause, ps in self.time_by_cause.items()},
            "memory": dict(self.memory),
            "counters": {unit: dict(values) for unit, values in self.counters.items()},
            "mapping": dict(self.mapping),
            "samples": [sample.to_json() for sample in self.samples],
            "roof": None
            if self.roof is None
            else {"macs_per_second": self.roof.macs_per_second, "bytes_per_second": dict(self.roof.bytes_per_second)},
            "facts": [
                {"name": f.name, "value": f.value, "source": f.source, "confidence": f.confidence} for f in self.facts
            ],
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }
