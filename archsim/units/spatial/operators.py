"""What the PEs' operators cost and how they are counted."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import ARRAY

COUNTERS: Mapping[str, str] = {
    "mac": "mac",
    "mul": "mul",
    "add": "add",
    "max": "max",
    "sub_exp": "exp",
    "div": "div",
}
"""Operator -> the counter of `Steady.counts` it adds to."""


def operator_cycles(arrays: SpatialArrays, role: str, operator: str, einsum: str) -> int:
    """Cycles between two of an operator in a PE of that array; `BadInput` naming the einsum where it has none."""
    unit, known = (arrays.array, arrays.array_cycles) if role == ARRAY else (arrays.vector, arrays.vector_cycles)
    if operator not in known:
        raise BadInput(
            f"einsum {einsum} needs {operator}, which no PE of {unit} has",
            where=unit,
            right=f"its PEs have {', '.join(known) or 'no operators'}",
            try_=("a PE with that operator", "another dataflow"),
        )
    return known[operator]
