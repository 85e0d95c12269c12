"""How far an objective lies above its bound: one meaning for mappings and for the answers of all mapper libraries."""

from __future__ import annotations

from math import inf, isinf


def gap(objective: float, bound: float) -> float:
    """Objective above the bound, as a part of the bound: infinite above a bound of 0, and 0 where both are 0."""
    if bound:
        return (objective - bound) / bound
    return inf if objective > 0 else 0.0


def in_json(found: float) -> float | None:
    """A gap as JSON has it, which knows no infinity: None."""
    return None if isinf(found) else found
