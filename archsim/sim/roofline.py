"""What no schedule can beat: every unit at its peak rate, all units at once, nothing waiting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.block import Block
from archsim.ir.mapping import Loop, Node, Task
from archsim.sim.plan import dependence

CHUNK = 1 << 16


@dataclass(frozen=True)
class Bounds:
    """Peak-rate times of a program."""

    by_unit: Mapping[str, int]
    """ps each unit needs at least."""
    by_op: Mapping[str, int]
    by_op_unit: Mapping[tuple[str, str], int]

    @property
    def total(self) -> int:
        """The busiest unit's time: a lower bound of any schedule on these units."""
        return max(self.by_unit.values(), default=0)

    @property
    def busiest(self) -> str:
        """The unit that sets the bound."""
        return max(sorted(self.by_unit), key=lambda unit: self.by_unit[unit], default="")


def bounds(body: tuple[Node, ...], blocks: Mapping[str, Block]) -> Bounds:
    """Sum the units' own lower bounds over all task instances, in closed form over loops that do not vary."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    _visit(body, blocks, {}, 1, 1, sums)
    by_unit: dict[str, int] = dict.fromkeys(blocks, 0)
    by_op: dict[str, int] = defaultdict(int)
    for (op, unit), value in sums.items():
        by_unit[unit] += value
        by_op[op] += value
    return Bounds(by_unit, dict(by_op), dict(sums))


def _visit(
    body: tuple[Node, ...],
    blocks: Mapping[str, Block],
    env: Mapping[str, IntArray],
    width: int,
    times: int,
    sums: dict[tuple[str, str], int],
) -> None:
    for node in body:
        if isinstance(node, Task):
            args = {name: np.atleast_1d(np.asarray(value.at(env), dtype=np.int64)) for name, value in node.args.items()}
            value = blocks[node.unit].bound(node.kernel, args)
            total = int(value.sum()) if len(value) == width else int(value[0]) * width
            sums[node.op, node.unit] += total * times
        elif not _sized(node, blocks):
            _visit(node.body, blocks, {**env, node.var: np.zeros(1, dtype=np.int64)}, width, times * node.count, sums)
        elif width == 1:
            for first in range(0, node.count, CHUNK):
                lanes = np.arange(first, min(first + CHUNK, node.count), dtype=np.int64)
                _visit(node.body, blocks, {**env, node.var: lanes}, len(lanes), times, sums)
        else:
            for index in range(node.count):
                _visit(node.body, blocks, {**env, node.var: np.array([index])}, width, times, sums)


def _sized(loop: Loop, blocks: Mapping[str, Block]) -> bool:
    return dependence(loop, blocks)[0]
