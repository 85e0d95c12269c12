"""What kernels of a bank array and its controller do to arrays, helpers included.

Banks add up no more than their buffer holds, add no bias and scale nothing: `finish` and `combine` owe that. Biases and
gains are where the latest `vectors` task has put them. A `load` brings inputs, a `store` takes results to the host.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from archsim.ir.capability import PimBanks
from archsim.ir.execute.kernels import Kernels, Results, bias_columns, tile_of
from archsim.ir.execute.layout import Array, Ints, phase
from archsim.ir.execute.pim_vectors import Vectors, brings_vectors
from archsim.ir.execute.plain import Run
from archsim.ir.execute.tiles import Part, parts
from archsim.ir.graph import Role

if TYPE_CHECKING:
    from archsim.ir.execute.run import Executor

OWED = {"gemv": "finish", "values": "combine"}
"""Kernel of the banks -> the helper that completes what it leaves."""


class PimKernels(Kernels):
    """Banks and controller."""

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor)
        self.banks = next(kind for kind in executor.design.capabilities() if isinstance(kind, PimBanks))
        self.left: dict[tuple[str, int], list[list[Part]]] = {}
        """(op, number of the instance) -> segments of a reduction; the first is in memory already."""
        self.pending: dict[int, list[list[Part]]] = {}
        self.tasks = {task.name: task for task, _ in executor.mapping.walk()}
        self.delivered: dict[str, Array] = {}
        """Results of the workload as the host has them: the error of each element."""
        self.vectors = {task.name: Vectors(executor, task) for task in self.tasks.values() if brings_vectors(task)}
        self.scaled = self._scaled()

    def _scaled(self) -> dict[str, str]:
        """Scores -> the queries that come scaled: those that a product makes, whose `finish` does it."""
        makers = {out: op for op, _ in self.ex.graph.walk() for out in op.outputs}
        found = {}
        for op, _ in self.ex.graph.walk():
            if op.kind != "attention_scores":
                continue
            maker = makers.get(op.inputs[0])
            scale = next(run.frame.scale for run in self.ex.plain.runs if run.op.name == op.name)
            if maker is not None and maker.kind == "matmul":
                found[op.outputs[0]] = op.inputs[0]
                self.ex.ledger.factors[op.inputs[0]] = scale
            else:
                self.ex.ledger.factors[op.outputs[0]] = 1 / scale
        return found

    def compute(self, at: int) -> Results:
        """What an instance writes."""
        instance = self.ex.instances[at]
        task = instance.task
        if task.name in self.vectors:
            self.vectors[task.name].bring(at)
            return []
        if task.kernel in ("load", "store") and not task.tile:
            return self._moved(at)
        if task.kernel in OWED.values() and not task.tile:
            return self._completed(at)
        if not task.tile:
            return super().compute(at)
        return self._tile(at)

    def _tile(self, at: int) -> Results:
        instance = self.ex.instances[at]
        run = self.ex.run_of(instance)
        owes = OWED.get(instance.task.kernel)
        doing = super().doing(instance, run, self.banks.segment if owes else 0)
        if run.op.kind == "attention_scores":
            doing = replace(doing, scale=1.0)
        elif run.op.kind == "softmax":
            late = run.op.inputs[0] not in self.scaled and run.op.inputs[0] in self.ex.ledger.factors
            doing = replace(doing, scale=run.frame.scale if late else 1.0)
        doing = replace(doing, read=lambda name: self._read(run, name, at))
        found = parts(doing, tile_of(instance))
        if owes:
            self.left[run.op.name, self.ex.numbers[at]] = found
        return [(run, part, part.values) for part in found[0]]

    def _read(self, run: Run, name: str, at: int) -> Array:
        """A tensor as a task finds it: gains and biases in the scratchpad, others where they are placed."""
        for vectors in self.vectors.values():
            if name in vectors.names and phase(run.op) == phase(vectors.op):
                return vectors.find(name, run, self.ex.numbers[at], self.ex.instances[at])
        tensor = self.ex.graph.tensors[name]
        if tensor.role == Role.WEIGHT and len(tensor.dims) == 1:  # in the banks, where the controller cannot read
            return np.full(self.ex.plain.values[run.reads[name]].shape, np.nan)
        return self.ex.read(run, name, self.ex.instances[at].env)

    def _completed(self, at: int) -> Results:
        """The first segment, which is in memory, with the others, the bias and the scaling."""
        instance = self.ex.instances[at]
        run = self.ex.run_of(instance)
        segments = self.left.get((run.op.name, self.ex.numbers[at]))
        if segments is None:
            return []  # nothing there yet: what comes later stays without it
        out: Results = []
        queries = set(self.scaled.values())
        for i, part in enumerate(segments[0]):
            index = tuple(np.broadcast_arrays(*part.index))
            values = self.ex.read(run, part.tensor, instance.env)[index]
            for more in segments[1:]:
                values = values + more[i].values
            if run.op.bias:
                values = values + bias_columns(run, part, self._read(run, run.op.bias, at), self.ex)
            if part.tensor in queries:
                values = values * run.frame.scale
            out.append((run, part, values))
        return out

    def _moved(self, at: int) -> Results:
        """Inputs from the host into the scratchpad, or results to it: the part that this instance is of them all."""
        instance = self.ex.instances[at]
        task, run = instance.task, self.ex.run_of(instance)
        names = task.writes if task.kernel == "load" else task.reads
        total = sum(self.ex.graph.tensors[name].elements({}) for name in names)
        share = int(task.args["elements"].at(instance.env)) / total
        for name in names:
            key = (run.reads if task.kernel == "load" else run.writes)[name]
            wanted = self.ex.plain.values[key]
            length = round(wanted.size * share)
            first = self.ex.numbers[at] * length % wanted.size
            flat: Ints = np.arange(first, min(first + length, wanted.size))
            index = np.unravel_index(flat, wanted.shape)
            if task.kernel == "load":
                values = self.ex.plain.given(self.ex.graph.tensors[name], key)[index]
                slot = self.ex.memories.slot(name, instance.env)
                if slot is not None:
                    slot.write(self.ex.memories.index(name, index).ravel(), values.ravel(), at)
                continue
            found = self.ex.find(key, instance.env)[index]
            error = np.abs(found - wanted[index]) / max(float(np.abs(wanted).max()), 1e-300)
            self.delivered.setdefault(name, np.full(wanted.size, np.inf))[flat] = np.where(
                np.isnan(error), np.inf, error
            )
        return []

    def finish(self) -> None:
        """Results that never reached the host are missing; a picked token goes there by itself."""
        for run in self.ex.plain.runs:
            for name, key in run.writes.items():
                if self.ex.graph.tensors[name].role == Role.OUTPUT and run.op.kind != "argmax":
                    error = self.delivered.get(name, np.full(self.ex.plain.values[key].size, np.inf))
                    self.ex.ledger.errors[key] = np.maximum(
                        self.ex.ledger.errors[key], error.reshape(self.ex.ledger.errors[key].shape)
                    )
