"""From a case to its checked mapping; the latest ones are kept, since studies and notebooks ask for the same again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from archsim.api.cases import Case
from archsim.core.hashing import digest
from archsim.core.spec import Spec
from archsim.ir.graph import Graph
from archsim.ir.mapping import Mapping as Program

KEPT = 64
"""Mappings that stay in memory at most; the one that was not asked for the longest goes first."""


class Lowered(NamedTuple):
    """What a case computes, and how the machine does it. Both are frozen, so that they can be shared."""

    graph: Graph
    mapping: Program


_kept: OrderedDict[tuple[object, ...], Lowered] = OrderedDict()


def lower(case: Case) -> Lowered:
    """The graph of a case and its checked mapping.

    Raises
    ------
    DoesNotFit, Infeasible
        There is no mapping, and why.
    """
    inputs = (case.design, case.workload, case.mapper)
    # Two classes of one kind, as when a notebook's cell runs again, may behave differently: the classes count too.
    key = (digest(inputs), *_classes(inputs))
    found = _kept.pop(key, None) or _lower(case)
    _kept[key] = found
    if len(_kept) > KEPT:
        _kept.popitem(last=False)
    return found


def _lower(case: Case) -> Lowered:
    from archsim.ir.check import check

    graph = case.workload.expand()
    mapping = case.mapper.map(graph, case.design)
    check(mapping, graph, case.design)
    return Lowered(graph, mapping)


def _classes(value: object) -> Iterator[type]:
    """The classes of all specs in it, in the order of their fields."""
    if isinstance(value, Spec):
        yield type(value)
        for name in type(value).model_fields:
            yield from _classes(getattr(value, name))
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _classes(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _classes(item)
