"""What an einsum may do at a point, and how it may combine points: the operators, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.core.registry import Registry

Array = NDArray[np.floating[Any]]
"""float32 or float64; operators keep the type they are given."""


@dataclass(frozen=True, slots=True)
class MapOperator:
    """A function of the values at one point of an einsum's iteration space.

    Two operators are equal if they have the same name and cost: a function cannot be compared.
    """

    name: str
    arity: int
    """Operands it takes."""
    units: tuple[str, ...]
    """Hardware operations that one application costs, such as ``("sub", "exp")``; empty for a copy."""
    apply: Callable[..., Any] = field(compare=False)
    """The same on numpy arrays that broadcast."""
    chains: bool = False
    """Whether it takes more than `arity` operands, one after the other: ``A * B * C``."""


@dataclass(frozen=True, slots=True)
class ReduceOperator:
    """An associative way to combine the points that differ only in ranks the output does not have."""

    name: str
    unit: str
    """Hardware operation per point: each is folded into an accumulator that starts at `identity`."""
    identity: float
    """Value of a reduction over no points."""
    combine: np.ufunc = field(compare=False)
    """The same on two numpy arrays."""


def subtract(a: Any, b: Any) -> Any:
    """``a - b`` where equal values give 0, infinities too.

    The maximum over no keys is -inf. A state that has seen none is then rescaled by ``exp(-inf - -inf) = 1``.
    """
    with np.errstate(invalid="ignore"):
        return np.where(np.equal(a, b), np.zeros_like(a), np.subtract(a, b))


def divide(a: Any, b: Any) -> Any:
    """``a / b`` where ``0 / 0`` is 0: the attention of a query that sees no key."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(np.equal(a, 0) & np.equal(b, 0), np.zeros_like(a), np.divide(a, b))


def _rsqrt(a: Any) -> Any:
    return np.divide(1, np.sqrt(a))


MAPS: Registry[MapOperator] = Registry("map operator")
"""Map operators by name: arithmetic is written with its sign, everything else as a function."""

for _one in (
    MapOperator("copy", 1, (), lambda a: a),
    MapOperator("mul", 2, ("mul",), np.multiply, chains=True),
    MapOperator("add", 2, ("add",), np.add, chains=True),
    MapOperator("sub", 2, ("sub",), subtract),
    MapOperator("div", 2, ("div",), divide),
    MapOperator("max", 2, ("max",), np.maximum),
    MapOperator("exp", 1, ("exp",), np.exp),
    MapOperator("subexp", 2, ("sub", "exp"), lambda a, b: np.exp(subtract(a, b))),
    MapOperator("log", 1, ("log",), np.log),
    MapOperator("sqrt", 1, ("sqrt",), np.sqrt),
    MapOperator("rsqrt", 1, ("rsqrt",), _rsqrt),
):
    MAPS.add(_one.name, _one, where="archsim")

REDUCES: Registry[ReduceOperator] = Registry("reduce operator")
"""Reduce operators by name."""

REDUCES.add("sum", ReduceOperator("sum", "add", 0.0, np.add), where="archsim")
REDUCES.add("max", ReduceOperator("max", "max", -np.inf, np.maximum), where="archsim")

SIGNS = {"*": "mul", "+": "add", "-": "sub", "/": "div"}
"""How arithmetic is written between two operands -> its operator."""


def define(name: str, apply: Callable[..., Any], *, arity: int = 1, units: tuple[str, ...] = ()) -> MapOperator:
    """Register a map operator of your own, which einsums then call by its name.

    Parameters
    ----------
    name
        As written in einsums: ``gelu(X[p,d])``.
    apply
        Takes `arity` numpy arrays that broadcast; returns one of the same element type.
    arity
        Operands it takes.
    units
        Hardware operations that one application costs; by default one operation of the operator's own name.

    Raises
    ------
    NameTaken
        There is another operator of this name.
    """
    operator = MapOperator(name, arity, units or (name,), apply)
    if name in MAPS and MAPS.get(name) == operator and MAPS.get(name).apply is apply:
        return MAPS.get(name)
    MAPS.add(name, operator, where=getattr(apply, "__module__", ""))
    return operator
