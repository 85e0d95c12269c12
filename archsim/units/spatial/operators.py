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
CASCADE = "attention-1-pass"
"""The cascade whose einsums have their ranks from it."""


def operator_cycles(arrays: SpatialArrays, role: str, operator: str, einsum: str, ranks: str = "") -> int:
    """Cycles between two of an operator in a PE of that array.

    Parameters
    ----------
    arrays
        The machine.
    role
        ARRAY or VECTOR.
    operator
        Of `archsim.ir.capability.OPERATORS`.
    einsum
        What needs it.
    ranks
        The ranks it needs it over, joined by commas; by default those of the einsum in the 1-pass cascade.

    Raises
    ------
    BadInput
        No PE of that array has it; names the einsum and the ranks.
    """
    unit, known = (arrays.array, arrays.array_cycles) if role == ARRAY else (arrays.vector, arrays.vector_cycles)
    if operator not in known:
        over = ranks or _ranks(einsum)
        raise BadInput(
            f"einsum {einsum} needs {operator}{f' over ranks {over}' if over else ''}, which no PE of {unit} has",
            where=unit,
            right=f"its PEs have {', '.join(known) or 'no operators'}",
            try_=("a PE with that operator", "another dataflow"),
        )
    return known[operator]


def _ranks(einsum: str) -> str:
    """Ranks of an einsum of the 1-pass cascade within a head; none of others."""
    from archsim.ir.cascade.file import load_cascade

    cascade = load_cascade(CASCADE)
    spaces = {each.name: cascade.spaces(each) for each in cascade.expanded}
    return ",".join(rank for rank in spaces.get(einsum, ()) if rank not in {"b", "h", "kv"})
