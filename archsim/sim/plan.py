"""What can be known about a program before it runs.

Which loops repeat exactly, which vary, which dependences reach how far.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.ir.block import Block
from archsim.ir.mapping import Loop, Node, walk


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
    """Tasks whose completion tasks of the body wait for."""


class Plan:
    """Facts about all loops of a program, and how far back completions of each task are asked for."""

    def __init__(self, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> None:
        self._loops: dict[int, LoopPlan] = {}
        self.depth: dict[str, int] = {}
        for task, _ in walk(body, ()):
            for after in task.after:
                self.depth[after.task] = max(self.depth.get(after.task, 0), after.distance + 1)
        self._visit(body, blocks)

    def _visit(self, body: tuple[Node, ...], blocks: Mapping[str, Block]) -> None:
        for node in body:
            if isinstance(node, Loop):
                self._loops[id(node)] = loop_plan(node, blocks)
                self._visit(node.body, blocks)

    def of(self, loop: Loop) -> LoopPlan:
        """The facts about a loop of this program (the very object)."""
        return self._loops[id(loop)]


def loop_plan(loop: Loop, blocks: Mapping[str, Block]) -> LoopPlan:
    """Look at every task in the loop."""
    tasks = [task for task, _ in walk(loop.body, ())]
    varies = False
    strides: dict[str, int] = {}
    for task in tasks:
        addresses = blocks[task.unit].address_args
        varies |= any(value.coefficient(loop.var) for name, value in task.args.items() if name not in addresses)
        for name in addresses:
            if name in task.args:
                step = task.args[name].coefficient(loop.var)
                varies |= strides.setdefault(task.unit, step) != step
    return LoopPlan(
        varies,
        tuple(sorted({task.unit for task in tasks})),
        strides,
        frozenset(task.name for task in tasks),
        tuple(sorted({after.task for task in tasks for after in task.after})),
    )
