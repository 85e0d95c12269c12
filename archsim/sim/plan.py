"""What can be known about a program before it runs.

Which loops repeat exactly, which vary, which dependences reach how far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.ir.block import Block
from archsim.ir.mapping import Loop, Node, instances, walk


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """Facts about one loop."""

    varies: bool
    """Whether sizes depend on the loop variable, or addresses in a way that is not one common stride per unit."""
    units: tuple[str, ...]
    """Units used in the body."""
    strides: Mapping[str, int]
    """Unit -> step of its addresses per iteration."""
    tasks: frozenset[str]
    """Tasks of the body."""
    needs: tuple[str, ...]
    """Tasks whose completion matters: tasks of the body wait for it, or tasks outside wait for one inside."""
    kept: frozenset[str]
    """Tasks of the body that tasks outside wait for."""
    empty: bool
    """Whether it executes nothing."""


class Plan:
    """Facts about all loops of a program, and how far back completions of each task are asked for."""

    def __init__(self, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> None:
        self._loops: dict[int, LoopPlan] = {}
        self.depth: dict[str, int] = {}
        self._waiting: dict[str, set[str]] = {}
        for task, _ in walk(body, ()):
            for after in task.after:
                self.depth[after.task] = max(self.depth.get(after.task, 0), after.distance + 1)
                self._waiting.setdefault(after.task, set()).add(task.name)
        self._visit(body, blocks)

    def _visit(self, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> None:
        for node in body:
            if isinstance(node, Loop):
                self._loops[id(node)] = self._plan(node, blocks)
                self._visit(node.body, blocks)

    def _plan(self, loop: Loop, blocks: Mapping[str, Block]) -> LoopPlan:
        tasks = [task for task, _ in walk(loop.body, ())]
        names = frozenset(task.name for task in tasks)
        kept = frozenset(name for name in names if self._waiting.get(name, set()) - names)
        varies, strides = dependence(loop, blocks)
        units = tuple(sorted({task.unit for task in tasks}))
        needs = tuple(sorted(kept | {after.task for task in tasks for after in task.after}))
        return LoopPlan(varies, units, strides, names, needs, kept, instances(loop.body) == 0)

    def of(self, loop: Loop) -> LoopPlan:
        """The facts about a loop of this program (the very object)."""
        return self._loops[id(loop)]


def dependence(loop: Loop, blocks: Mapping[str, Block]) -> tuple[bool, dict[str, int]]:
    """Whether the body varies with the loop variable (see `LoopPlan.varies`), and the address step of each unit."""
    varies = False
    strides: dict[str, int] = {}
    for task, _ in walk(loop.body, ()):
        addresses = blocks[task.unit].address_args
        varies |= any(value.coefficient(loop.var) for name, value in task.args.items() if name not in addresses)
        for name in addresses:
            if name in task.args:
                step = task.args[name].coefficient(loop.var)
                varies |= strides.setdefault(task.unit, step) != step
    return varies, strides
