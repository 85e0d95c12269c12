"""How many operations of which kind a cascade takes, in closed form, and what hardware must be able to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from archsim.core.errors import some
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import BadCascade, Einsum
from archsim.ir.cascade.masks import visible_points
from archsim.ir.cascade.operators import MAPS, REDUCES
from archsim.ir.cascade.sizes import Poly, total
from archsim.ir.cascade.sizing import resolve

MAC = "mac"
"""A product that is added to a sum."""


def operations(einsum: Einsum) -> dict[str, int]:
    """Hardware operation -> how many of them one point of the iteration space takes.

    A reduction folds every point into an accumulator, so it takes one operation per point.
    """
    operator = MAPS.get(einsum.map)
    times = max(len(einsum.operands) - operator.arity + 1, 1)
    found = {unit: operator.units.count(unit) * times for unit in operator.units}
    if einsum.reduce:
        unit = REDUCES.get(einsum.reduce).unit
        if unit == "add" and einsum.map == "mul":
            found = {MAC: 1, "mul": found["mul"] - 1}
        else:
            found[unit] = found.get(unit, 0) + 1
    return {unit: count for unit, count in found.items() if count}


def counts(cascade: Cascade) -> dict[str, dict[str, Poly]]:
    """Einsum -> hardware operation -> how many, as if no mask took points out.

    >>> from archsim.ir.cascade.file import load_cascade
    >>> for name, operations in counts(load_cascade("attention-1-pass")).items():
    ...     if "exp" in operations:
    ...         print(name, operations["exp"])
    PRM B*H*M1*P
    SLN B*H*M*P
    """
    out: dict[str, dict[str, Poly]] = {}
    for einsum in cascade.expanded:
        points = cascade.points(cascade.spaces(einsum))
        out[einsum.name] = {unit: points * times for unit, times in operations(einsum).items()}
    return out


def total_counts(cascade: Cascade) -> dict[str, Poly]:
    """Hardware operation -> how many in the whole cascade, as if no mask took points out."""
    by_einsum = counts(cascade).values()
    units = sorted({unit for one in by_einsum for unit in one})
    return {unit: total(one[unit] for one in by_einsum if unit in one) for unit in units}


def counts_at(cascade: Cascade, sizes: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """As `counts`, in numbers, and without the points that masks take out.

    An einsum over whole keys and queries has the visible pairs only. One over tiles has every tile: whether an array
    skips tiles that hold no visible pair is up to its mapping.

    Raises
    ------
    BadCascade
        A size that is not known.
    """
    known = resolve(cascade, sizes)
    out: dict[str, dict[str, int]] = {}
    for einsum in cascade.expanded:
        space = set(cascade.spaces(einsum))
        masks = tuple(m for m in cascade.masks if {*cascade.leaves(m.key), *cascade.leaves(m.query)} <= space)
        points = cascade.points(cascade.spaces(einsum)).at(known)
        for key, query in dict.fromkeys((mask.key, mask.query) for mask in masks):
            same = tuple(mask for mask in masks if (mask.key, mask.query) == (key, query))
            widths = tuple(known[m.width] if isinstance(m.width, str) else m.width for m in same)
            keys, queries = known[key.upper()], known[query.upper()]
            points = points * visible_points(same, keys, queries, widths) // (keys * queries)
        out[einsum.name] = {unit: points * times for unit, times in operations(einsum).items()}
    return out


def needs(cascade: Cascade) -> dict[str, frozenset[str]]:
    """Einsum -> the hardware operations that whatever array it is bound to must support."""
    return {einsum.name: frozenset(operations(einsum)) for einsum in cascade.expanded}


def refuse_unsupported(cascade: Cascade, arrays: Mapping[str, Collection[str]]) -> None:
    """Raise where no array can do all operations of an einsum.

    Parameters
    ----------
    cascade
        What is to be computed.
    arrays
        Array -> the hardware operations that it supports.

    Raises
    ------
    BadCascade
        Names the einsum, its ranks and the operations that are missing.
    """
    for number, (name, units) in enumerate(needs(cascade).items()):
        missing = {array: units - set(supported) for array, supported in arrays.items()}
        if all(missing.values()) or not missing:
            space = ",".join(cascade.spaces(cascade.expanded[number]))
            lack = "; ".join(f"{array} lacks {some(sorted(units))}" for array, units in missing.items())
            what = f"no array supports {some(sorted(units))} over the ranks {space}"
            raise BadCascade(what, where=f"einsum {name}", key=("einsums", number), right=lack)
