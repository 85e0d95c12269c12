"""The flat numbers of one point: the columns of a study's table, all taken from report.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Value = int | float | str | bool | None

HEADLINE = (
    "seconds",
    "cycles",
    "tokens",
    "tokens_per_second",
    "energy_joules",
    "joules_per_token",
    "watts",
    "energy_delay",
    "macs",
    "lower_bound_seconds",
    "above_bound",
    "bound_by",
    "read_bytes",
    "written_bytes",
    "mapping_gap",
)
"""Columns that every point has. energy_delay is in J s; above_bound is seconds / lower_bound_seconds - 1."""

PREFIXES = ("energy.", "read.", "written.", "utilization.", "memory.")
"""Columns by component, memory or unit: joules, bytes, bytes, share of the time, ratio."""


def known_metric(name: str) -> bool:
    """Whether some report can have a number of this name."""
    return (name in HEADLINE and name != "bound_by") or any(name.startswith(p) and len(name) > len(p) for p in PREFIXES)


def metrics(report: Mapping[str, Any]) -> dict[str, Value]:
    """Columns of one point from its report.json; a ratio to zero is None."""
    seconds, tokens = report["seconds"], report["tokens"]
    joules, bound = report["energy_joules"]["total"], report["lower_bound_seconds"]
    traffic = report["traffic_bytes"]
    flat: dict[str, Value] = {
        "seconds": seconds,
        "cycles": report["cycles"],
        "tokens": tokens,
        "tokens_per_second": _ratio(tokens, seconds),
        "energy_joules": joules,
        "joules_per_token": _ratio(joules, tokens),
        "watts": _ratio(joules, seconds),
        "energy_delay": joules * seconds,
        "macs": report["macs"],
        "lower_bound_seconds": bound,
        "above_bound": seconds / bound - 1 if bound else None,
        "bound_by": report["bound_by"],
        "read_bytes": sum(moved["read"] for moved in traffic.values()),
        "written_bytes": sum(moved["write"] for moved in traffic.values()),
        "mapping_gap": report["mapping"].get("gap"),
    }
    flat |= {f"energy.{name}": joules for name, joules in report["energy_joules"]["by_component"].items()}
    flat |= {f"read.{name}": moved["read"] for name, moved in traffic.items()}
    flat |= {f"written.{name}": moved["write"] for name, moved in traffic.items()}
    flat |= {f"utilization.{name}": use["utilization"] for name, use in report["units"].items()}
    flat |= {f"memory.{name}": value for name, value in report["memory"].items()}
    return flat


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None
