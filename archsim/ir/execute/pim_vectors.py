"""Biases and gains on their way from the banks into the controller's scratchpad."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from archsim.ir.execute.layout import Array, Ints
from archsim.ir.execute.plain import Run
from archsim.ir.execute.store import Slot
from archsim.ir.mapping import Task
from archsim.ir.queue import queue_of
from archsim.ir.unrolled import Instance

if TYPE_CHECKING:
    from archsim.ir.execute.run import Executor


def brings_vectors(task: Task) -> bool:
    """Whether a task fetches biases and gains: what it writes has another name than what it reads."""
    return task.kernel == "load" and not task.tile and not set(task.writes) & set(task.reads)


class Vectors:
    """Biases and gains that one task brings for a run of ops.

    Those of the run's first op may come one round ahead: it then finds, in one of two places in turn, what the round
    before has brought. What its very first round finds is taken to be there.
    """

    def __init__(self, executor: Executor, task: Task) -> None:
        self.ex, self.task = executor, task
        self.op = executor.graph.ops[task.op][0]
        self.names = task.reads
        queues = {name: queue_of(name) for name in task.writes}
        self.ahead = any(queues.values())
        self.early = [name for name in self.names if name in (*self.op.inputs, self.op.bias)] if self.ahead else []
        self.numbers = [at for at, instance in enumerate(executor.instances) if instance.task.name == task.name]
        tensors = executor.graph.tensors
        places = {queue.name if queue else name: bool(queue) for name, queue in queues.items()}
        slots = {ahead: executor.memories.slot(place, {}) for place, ahead in places.items()}
        self.slot, self.slot_ahead = slots.get(False), slots.get(True)
        """Where they lie, and where those of the first op do that come a round ahead."""
        self.offsets: dict[str, int] = {}
        at = {False: 0, True: 0}
        for name in self.names:
            early = name in self.early
            self.offsets[name] = at[early]
            at[early] += tensors[name].elements({}) * (2 if early else 1)
        self.kept: dict[tuple[bool, int], float] = {}

    def _slot(self, name: str) -> Slot | None:
        return self.slot_ahead if name in self.early else self.slot

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

    def _put(self, name: str, turn: int, values: Array, by: int) -> None:
        index = self._index(name, turn)
        slot = self._slot(name)
        if slot is not None:
            slot.write(index, values, by)
        else:
            found = zip(index.tolist(), values.tolist(), strict=True)
            self.kept.update({(name in self.early, at): value for at, value in found})

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
        return np.array([self.kept.get((name in self.early, at), np.nan) for at in index.tolist()])
