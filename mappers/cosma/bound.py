"""What no mapping of the family costs less than."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from archsim.ir.graph import Role
from archsim.mappers.cosma.cut import cuts
from archsim.mappers.cosma.group import Group, activations
from archsim.mappers.cosma.price import RefusedError
from archsim.mappers.cosma.search import Options
from archsim.mappers.cosma.use import Use, Where


def bound(options: Options, groups: Iterable[Group], metric: int) -> int:
    """Every op in the blocks that suit it best, all its activations on chip, the whole scratchpad for its tiles.

    Weights, keys and values come once. `metric` is the row of `Costs`.
    """
    least: dict[str, int] = {}
    seen = set[tuple[object, ...]]()
    for group in groups:
        for cut in cuts(options.graph, group):
            for use in options.plan(group, cut, {}).uses:
                key = use.op.name, use.rows, use.wide, use.columns, use.part, use.heads
                if key not in seen:
                    seen.add(key)
                    with suppress(RefusedError):
                        cost = options.pieces.exactly(_on_chip(options, use), metric)
                        least[use.op.name] = min(cost, least.get(use.op.name, cost))
    return sum(least.values())


def _on_chip(options: Options, use: Use) -> Use:
    """The same with everything on chip that can be, and what is stored fetched once."""
    table, amounts = options.graph.tensors, options.pieces.amounts

    def can(name: str, roles: tuple[Role, ...]) -> bool:
        if not use.rows and not use.heads:
            return name in amounts
        fixed = use.heads or not any(size.names() for _, size in table[name].dims)
        return table[name].role in roles and bool(fixed)

    found = (Role.ACTIVATION, Role.INPUT, Role.OUTPUT)  # a block that one op has read is there for the next
    inputs = tuple((name, Where.CHIP) for name in dict.fromkeys(activations(use.op)) if can(name, found))
    outputs = tuple((name, Where.CHIP) for name in use.op.outputs if can(name, (Role.ACTIVATION,)))
    return replace(use, inputs=inputs, outputs=outputs, stored=Where.ONCE, split=True, ends=(False, False))
