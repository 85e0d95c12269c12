"""What tasks do to arrays: by their tile, where they have one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from archsim.core.errors import BadInput
from archsim.ir.execute.blocks import Watched, carries, copies
from archsim.ir.execute.layout import BY_HEAD, Array, Tile
from archsim.ir.execute.plain import Run
from archsim.ir.execute.tiles import Doing, Part, parts
from archsim.ir.mapping import Task
from archsim.ir.unrolled import Instance

if TYPE_CHECKING:
    from archsim.ir.execute.run import Executor

Results = list[tuple[Run, Part, Array]]
"""Parts of tensors with their values, as they will lie in memory."""


class Kernels:
    """Units that take ops, or tiles of them: a task computes its tile, a helper has no meaning here."""

    def __init__(self, executor: Executor) -> None:
        self.ex = executor
        self.counted: dict[tuple[str, tuple[int, ...], int], Array] = {}
        """Of outputs whose reduction is cut, how much of it each element has."""
        self.watched: dict[str, Watched] = {}
        """Operands of the instance at work that stay on chip behind it."""

    def compute(self, at: int) -> Results:
        """What an instance writes, from what it finds now."""
        instance = self.ex.instances[at]
        if carries(instance.task):
            return self._carried(instance)
        if not instance.task.tile:
            raise BadInput(
                f"{instance.task.kernel} has no meaning on arrays where it computes no tile of its op",
                where=f"task {instance.task.name}",
                right="tasks with a tile, and the helpers of the shipped mappers",
                try_="give the task the tile that it computes",
            )
        run = self.ex.run_of(instance)
        self.watched = {name: Watched(self.ex.taken(run, name, instance)) for name in _kept(instance.task, run)}
        found = self.added(run, parts(self.doing(instance, run), tile_of(instance))[0], instance)
        operands = [
            (run, Part(name, np.nonzero(each.taken), each.values[each.taken]), each.values[each.taken])
            for name, each in self.watched.items()
        ]
        return [*operands, *found]

    def _carried(self, instance: Instance) -> Results:
        """What a helper brings to another unit: all there is of a tensor."""
        run, out = self.ex.run_of(instance), []
        for name in instance.task.reads:
            values = self.ex.taken(run, name, instance)
            there = ~np.isnan(values)
            out.append((run, Part(name, np.nonzero(there), values[there]), values[there]))
        return out

    def done(self, at: int) -> None:
        """An instance has ended."""

    def finish(self) -> None:
        """Everything has ended."""

    def doing(self, instance: Instance, run: Run, cut: int = 0) -> Doing:
        """An op as an instance does it."""
        scale = {"attention_scores": run.frame.scale}.get(run.op.kind, 1.0)
        order = self.ex.rows_of.get(run.op.name, BY_HEAD)

        def read(name: str) -> Any:
            return self.watched[name] if name in self.watched else self.ex.taken(run, name, instance)

        return Doing(run, read, order, scale, cut)

    def added(self, run: Run, found: list[Part], instance: Instance) -> Results:
        """Parts of a reduction that comes in several tasks are added to what is there; biases come with the last."""
        out: Results = []
        for part in found:
            values = part.values
            if part.share < part.total:
                key = run.writes[part.tensor]
                known = self.counted.setdefault(key, np.zeros(self.ex.plain.values[key].shape))
                index = tuple(np.broadcast_arrays(*part.index))
                before = known[index]
                values = np.where(before > 0, self.ex.sums(run, part.tensor, instance)[index] + values, values)
                known[index] += part.share
                complete = known[index] >= part.total
            else:
                complete = np.ones(values.shape, dtype=bool)
            if run.op.bias:
                bias = self.bias(run, part, instance)
                values = np.where(complete, values + bias, values)
            out.append((run, part, values))
        return out

    def bias(self, run: Run, part: Part, instance: Instance) -> Array:
        """The bias of a part's columns."""
        return bias_columns(run, part, self.ex.read(run, run.op.bias, instance.env), self.ex)


def _kept(task: Task, run: Run) -> list[str]:
    """Operands that a task leaves on chip for others."""
    return [name for name in run.op.inputs if copies(task.writes, name)]


def bias_columns(run: Run, part: Part, bias: Array, executor: Executor) -> Array:
    """A bias over the outputs of a product, which stand side by side: that of a part's columns."""
    before = run.op.outputs[: run.op.outputs.index(part.tensor)]
    first = sum(executor.plain.values[run.writes[name]].shape[-1] for name in before)
    return np.asarray(bias[first + part.index[1]])


def tile_of(instance: Instance) -> Tile:
    """The tile of an instance in numbers."""
    env = instance.env
    return {dim: (int(r.start.at(env)), int(r.stop.at(env))) for dim, r in instance.task.tile.items()}
