"""Biases and gains on their way from the banks into the controller's scratchpad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archsim.ir.execute.layout import Array, Ints, phase
from archsim.ir.execute.plain import Run
from archsim.ir.execute.store import Slot
from archsim.ir.mapping import Task
from archsim.ir.unrolled import Instance

if TYPE_CHECKING:
    from archsim.ir.execute.run import Executor


def brings_vectors(task: Task) -> bool:
    """Whether a task fetches biases and gains."""
    return task.kernel == "load" and not task.tile and not task.writes


class Vectors:
    """Biases and gains that one task brings for a run of ops.

    Those of the run's first op may come one round ahead: it then finds, in one of two places in turn, what the round
    before has brought. What its very first round finds is taken to be there.
    """

    def __init__(self, executor: Executor, task: Task) -> None:
        self.ex, self.task = executor, task
        self.op = executor.graph.ops[task.op][0]
        self.names = task.reads
        awaited = {after.task for other, _ in executor.mapping.walk() if other.op == task.op for after in other.after}
        self.ahead = task.name not in awaited
        self.early = [name for name in self.names if name in (*self.op.inputs, self.op.bias)] if self.ahead else []
        self.numbers = [at for at, instance in enumerate(executor.instances) if instance.task.name == task.name]
        tensors = executor.graph.tensors
        suffix = "vectors" if tensors[self.names[0]].stacked else "vectors_f"
        place = f"{phase(self.op)}.{suffix}"
        self.slot = executor.memories.slot(place, {})
        self.slot_ahead = executor.memories.slot(f"{place}.ahead", {})
        """Where those of the first op lie, if not with the others."""
        self.offsets: dict[str, int] = {}
        at = {False: 0, True: 0}
        for name in self.names:
            apart = self._apart(name)
            self.offsets[name] = at[apart]
            at[apart] += tensors[name].elements({}) * (2 if name in self.early else 1)
        self.kept: dict[int, float] = {}

    def _apart(self, name: str) -> bool:
        return self.slot_ahead is not None and name in self.early

    def _slot(self, name: str) -> Slot | None:
        return self.slot_ahead if self._apart(name) else self.slot

    def bring(self, at: int) -> None:
        """From the banks into the scratchpad."""
        number = self.ex.numbers[at]
        for name in self.names:
            early = name in self.early
            source = number + 1 if early else number
            if source >= len(self.numbers):
                continue
            env = self.ex.instances[self.numbers[source]].env
            tensor = self.ex.graph.tensors[name]
            key = (name, tuple(env.get(var, 0) for var in tensor.stacked), 0)
            self._put(name, source if early else 0, self.ex.find(key, env), at)

    def _put(self, name: str, turn: int, values: Array, at: int) -> None:
        index = self._index(name, turn)
        slot = self._slot(name)
        if slot is not None:
            slot.write(index, values, at)
        else:
            self.kept.update(zip(index.tolist(), values.tolist(), strict=True))

    def _index(self, name: str, turn: int) -> Ints:
        size = self.ex.graph.tensors[name].elements({})
        return self.offsets[name] + (turn % 2) * size * (name in self.early) + np.arange(size)

    def find(self, name: str, run: Run, number: int, instance: Instance) -> Array:
        """A bias or gain as an instance of an op finds it."""
        if name in self.early and not number and instance.task.op == self.op.name:
            return self.ex.plain.values[run.reads[name]]
        index = self._index(name, number)
        slot = self._slot(name)
        if slot is not None:
            return self.ex.look(slot, index)
        return np.array([self.kept.get(at, np.nan) for at in index.tolist()])
