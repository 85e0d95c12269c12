"""Sizes of ranks from those that are given: tiles, ranks that must agree, groups of heads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archsim.core.errors import did_you_mean, nearest, some
from archsim.core.yamlfile import KeyPath
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import BadCascade
from archsim.ir.cascade.sizes import ceil_div


@dataclass(frozen=True, slots=True)
class _Relation:
    """``target = ceil(source / over)``; where `over` is 1 it holds both ways."""

    source: str
    over: int | str
    target: str
    where: str
    key: KeyPath


def symbols(cascade: Cascade) -> tuple[str, ...]:
    """Every size that a cascade depends on, in order of appearance, those that follow from others left out."""
    cut = {part.outer.upper() for part in cascade.partitions}
    found = [rank.upper() for access in cascade.inputs for rank in access.ranks]
    found += [r.upper() for part in cascade.partitions for r in (part.rank, part.inner)]
    found += [rank.upper() for rank in cascade.ranks]
    found += [r.over for r in _relations(cascade) if isinstance(r.over, str)]
    found += [mask.width for mask in cascade.masks if isinstance(mask.width, str)]
    return tuple(dict.fromkeys(symbol for symbol in found if symbol not in cut))


def check_sizes(cascade: Cascade) -> None:
    """Raise where the known sizes contradict each other.

    Raises
    ------
    BadCascade
        An unknown symbol, a size below 1, or a rank with two sizes.
    """
    known = symbols(cascade)
    outer = {part.outer.upper(): part for part in cascade.partitions}
    for symbol, size in cascade.sizes:
        where, key = f"size {symbol}", ("sizes", symbol)
        if symbol in outer:
            cut = outer[symbol]
            right = f"it is {cut.rank.upper()} over {cut.inner.upper()}, rounded up: give those"
            raise BadCascade("cannot be given", where=where, key=key, right=right)
        if symbol not in known:
            near = did_you_mean(nearest(symbol, known))
            raise BadCascade(f"is the size of no rank{near}", where=where, key=key, right=f"sizes: {some(known)}")
        if size < 1:
            raise BadCascade(f"{size} is too small", where=where, key=key, right="a rank has at least one element")
    propagate(cascade, {})


def propagate(cascade: Cascade, sizes: Mapping[str, int]) -> dict[str, int]:
    """These sizes, those of the cascade, and all that follow from them.

    Raises
    ------
    BadCascade
        A rank with two sizes.
    """
    known = dict(cascade.sizes)
    for symbol, size in sizes.items():
        _set(known, symbol, size, f"size {symbol}", ("sizes", symbol))
    relations = [*_relations(cascade)]
    before = -1
    while before != len(known):
        before = len(known)
        for one in relations:
            over = known.get(one.over) if isinstance(one.over, str) else one.over
            if over is None:
                continue
            if one.source in known:
                _set(known, one.target, ceil_div(known[one.source], over), one.where, one.key)
            elif over == 1 and one.over == 1 and one.target in known:
                _set(known, one.source, known[one.target], one.where, one.key)
    return known


def resolve(cascade: Cascade, sizes: Mapping[str, int]) -> dict[str, int]:
    """As `propagate`, and every size must then be known.

    Raises
    ------
    BadCascade
        A size that is neither given nor follows, or a rank with two sizes.
    """
    known = propagate(cascade, sizes)
    missing = [symbol for symbol in symbols(cascade) if symbol not in known]
    if missing:
        where = f"cascade {cascade.name}"
        raise BadCascade(f"unknown sizes: {some(missing)}", where=where, right="give each a positive whole number")
    return known


def _relations(cascade: Cascade) -> Iterator[_Relation]:
    for part in cascade.partitions:
        key = ("partitions", part.rank)
        yield _Relation(part.rank.upper(), part.inner.upper(), part.outer.upper(), f"partition of {part.rank}", key)
    for number, einsum in enumerate(cascade.expanded):
        for access in einsum.reads:
            for index, axis in zip(access.indices, cascade.axes[access.tensor], strict=True):
                if index.rank != axis.rank or index.over != 1:
                    where = f"einsum {einsum.name}, {access}"
                    yield _Relation(index.rank.upper(), index.over, axis.rank.upper(), where, ("einsums", number))


def _set(known: dict[str, int], symbol: str, size: int, where: str, key: KeyPath) -> None:
    if known.setdefault(symbol, size) != size:
        rank = symbol.lower()
        raise BadCascade(f"rank {rank} has two sizes, {known[symbol]} and {size}", where=where, key=key)
