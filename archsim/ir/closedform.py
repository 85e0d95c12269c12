"""What a machine says about a mapping without simulating it: times and counts in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class OpForm:
    """One op in closed form, summed over its repeats."""

    op: str
    ps: int
    """Its share of the run."""
    busy_ps: Mapping[str, int]
    """Unit -> how long the op keeps it busy: longer than its share where ops overlap."""
    counters: Mapping[str, Mapping[str, int]]
    """Unit -> counter -> count, the counters of the unit's block."""


@dataclass(frozen=True, slots=True)
class ClosedForm:
    """All ops of a mapping in closed form; their shares add up to the run."""

    ops: tuple[OpForm, ...]
    ratios: Mapping[str, float] = field(default_factory=dict)
    """Name -> what the closed form alone knows: utilisation by einsum, balance, distance to bounds."""
    notes: tuple[str, ...] = ()
    """What was decided, for people."""

    @property
    def total_ps(self) -> int:
        """Length of the run."""
        return sum(op.ps for op in self.ops)
