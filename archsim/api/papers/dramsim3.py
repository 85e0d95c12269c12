"""DRAMsim3 29817593 as a library, requests offered in order as fast as they are accepted: cycles, commands, energy."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from archsim.api.dram import dram
from archsim.api.papers.case import Case, table

TITLE = "DRAMsim3, four devices"
FILE = "dramsim3.csv"
DEVICES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "HBM2_8Gb_x128_1ch": ("hbm2-8gb-x128", {"channels": 1}),
    "HBM2_8Gb_x128": ("hbm2-8gb-x128", {}),
    "GDDR6_8Gb_x16": ("gddr6-8gb-x16", {}),
    "DDR4_8Gb_x8_3200": ("ddr4-8gb-x8-3200", {}),
    "LPDDR4_8Gb_x16_2400": ("lpddr4-8gb-x16-2400", {}),
}
"""Configuration of the reference -> our device and what is changed."""
METRICS = {
    "total_cycles": ("total_cycles", "cycles"),
    "num_act": ("acts", "commands"),
    "num_pre": ("pres", "commands"),
    "num_ref": ("refreshes", "commands"),
    "num_read_cmds": ("reads", "commands"),
    "num_write_cmds": ("writes", "commands"),
    "avg_read_latency_cycles": ("avg_read_latency_cycles", "cycles"),
}
"""Column of the reference -> ours, unit."""
ROUNDED = 2e-4
"""The reference prints mean latencies with two digits after the point."""


@cache
def record(config: str, pattern: str, requests: int) -> Mapping[str, Any]:
    """What our device says about a pattern."""
    name, changes = DEVICES[config]
    return dram(name, pattern, requests=requests, set=dict(changes)).record()


def cases() -> tuple[Case, ...]:
    """Every count of every run, and its energy."""
    return tuple(case for row in table(FILE) for case in _of(row))


def _of(row: Mapping[str, str]) -> list[Case]:
    config, pattern, requests = row["config"], row["pattern"], int(row["n_requests"])
    source, label = f"{row['simulator']}, run as a library", f"{config} {pattern} {requests}"

    def case(metric: str, unit: str, reported: float, ours: str, tolerance: float, why: str = "") -> Case:
        def simulate() -> float:
            return float(record(config, pattern, requests)[ours])

        return Case(f"{config}, {pattern}", label, metric, unit, reported, source, simulate, tolerance, why=why)

    found = [
        case(column, unit, float(row[column]), ours, ROUNDED if "avg" in column else 0.0)
        for column, (ours, unit) in METRICS.items()
    ]
    # The reference adds up mW x cycles and calls it pJ; times the nanoseconds of a cycle it is.
    energy = float(row["total_energy_pJ"]) * float(row["tCK_ns"])
    return [*found, case("total_energy", "pJ", energy, "energy_pj", 1e-6, "reported mW x cycles, times ns per cycle")]
