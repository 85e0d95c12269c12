"""What tasks of spatial arrays do to arrays: panels that stream through, and attentions that stay on chip.

An op, or a fused attention, is a row of panels: what a `load` brings, passes over it, a `store` of what came of it. The
n-th load, the n-th group of passes and the n-th store belong together. A load takes what is in the DRAM when it runs;
passes need those before them, by what they are called; a store finds a result only where all passes are done. Tasks
named ``rest`` stand for work that does not divide evenly and move nothing of their own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from archsim.core.errors import BadInput
from archsim.ir.execute.kernels import Kernels, Results, tile_of
from archsim.ir.execute.layout import Array, same_queries
from archsim.ir.execute.onepass import OnePass
from archsim.ir.execute.panels import MUST, ONE_PASS, SOURCES, THREE_PASSES, Panel
from archsim.ir.execute.plain import Run
from archsim.ir.execute.tiles import parts
from archsim.ir.unrolled import Instance

if TYPE_CHECKING:
    from archsim.ir.execute.run import Executor


class SpatialKernels(Kernels):
    """Two arrays, a buffer and a DRAM."""

    def __init__(self, executor: Executor) -> None:
        super().__init__(executor)
        self.trio = self._trios()
        self.panel_of: dict[int, Panel] = {}
        tasks = [instance.task for instance in executor.instances]
        kept = {t.op for t in tasks if t.op in self.trio and self._what(t.op, t.name)[0] == "Q"}
        self.one_pass = {name: OnePass(executor, self._members(name)) for name in kept}
        self.fused = {name for name in self.trio if name not in kept and not self._has_phases(name)}
        self._lay_out()
        for name in (*self.one_pass, *self.fused):
            _, softmax, _ = self._members(name)
            executor.ledger.unmade.update(
                (*executor.graph.ops[name][0].outputs, *executor.graph.ops[softmax][0].outputs)
            )
            self._check_dense(name)

    def _trios(self) -> dict[str, tuple[str, str]]:
        """Scores -> softmax, values."""
        ops = [op for op, _ in self.ex.graph.walk()]
        found = {}
        for scores in (op for op in ops if op.kind == "attention_scores"):
            softmax = next((op for op in ops if op.kind == "softmax" and set(op.inputs) & set(scores.outputs)), None)
            values = next((op for op in ops if softmax and set(op.inputs) & set(softmax.outputs)), None)
            if softmax and values and values.kind == "attention_values":
                found[scores.name] = (softmax.name, values.name)
        return found

    def _has_phases(self, scores: str) -> bool:
        """Whether scores and probabilities go through the DRAM."""
        softmax = self.trio[scores][0]
        tasks = [task for task, _ in self.ex.mapping.walk() if not task.name.endswith("-rest")]
        stored = any(task.op == scores and task.kernel == "store" for task in tasks)
        return stored or any(task.op == softmax and task.kernel in ("load", "store") for task in tasks)

    def _members(self, scores: str) -> tuple[str, str, str]:
        return (scores, *self.trio[scores])

    def _what(self, op: str, name: str) -> tuple[str, str]:
        """(what a task does, where it stands) by its name: ``op.what-label``."""
        what, _, label = name.removeprefix(op + ".").rpartition("-")
        return (what, label) if what else (label, "")

    def _home(self, op: str) -> str:
        """The op whose panels an op's tasks work on."""
        return next((name for name in self.fused if op in self._members(name)), op)

    def _lay_out(self) -> None:
        """Finds the panels: loads, groups of passes and stores of an op by their number."""
        loads: dict[str, list[int]] = defaultdict(list)
        stores: dict[str, list[int]] = defaultdict(list)
        groups: dict[str, dict[tuple[str, int], list[int]]] = defaultdict(dict)
        firsts: dict[str, list[int]] = defaultdict(list)
        mine = {member for name in self.one_pass for member in self._members(name)}
        for at, instance in enumerate(self.ex.instances):
            task = instance.task
            _, label = self._what(task.op, task.name)
            if task.op in mine or label == "rest":
                continue
            home = self._home(task.op)
            if task.kernel in ("load", "store"):
                (loads if task.kernel == "load" else stores)[home].append(at)
            elif home in self.fused and task.op == home and task.tile:
                firsts[home].append(at)
            else:
                groups[home].setdefault((label, self.ex.numbers[at]), []).append(at)
        for home in {**loads, **stores}:
            op = self.ex.graph.ops[home][0]
            panels = [Panel(op) for _ in loads[home]]
            for panel, passes in zip(panels, groups[home].values(), strict=False):
                panel.passes = passes
            for panel, first in zip(panels, firsts[home], strict=False):
                panel.scores = first
            for panel, at in zip(panels, loads[home], strict=False):
                self.panel_of[at] = panel
            for panel, at in zip(panels, stores[home], strict=False):
                self.panel_of[at] = panel
            for panel in panels:
                self.panel_of.update(dict.fromkeys(panel.passes, panel))
                if panel.scores is not None:
                    self.panel_of[panel.scores] = panel

    def _check_dense(self, scores: str) -> None:
        """Attention that leaves out keys is another function than the graph's."""
        names = self._members(scores)
        sums = dict.fromkeys(names, 0)
        for instance in self.ex.instances:
            if (
                instance.task.kernel == "mac"
                and instance.task.op in (names[0], names[2])
                and "ops" in instance.task.args
            ):
                sums[instance.task.op] += int(instance.task.args["ops"].at(instance.env))
        done, wanted = sum(sums.values()), self.ex.graph.op_macs(names[0]) + self.ex.graph.op_macs(names[2])
        if done < wanted:
            raise BadInput(
                f"{scores} multiplies {done:,} times for {wanted:,} products of the graph",
                where=f"op {scores}",
                right="a dataflow that leaves out keys on purpose does not compute the plain graph",
                try_="a dense dataflow, such as --set dataflow=fusemax",
            )

    def compute(self, at: int) -> Results:
        """What an instance writes."""
        instance = self.ex.instances[at]
        task = instance.task
        what, label = self._what(task.op, task.name)
        for name, attention in self.one_pass.items():
            if task.op in self._members(name):
                return attention.compute(at)
        panel = self.panel_of.get(at)
        if panel is None or label == "rest":
            return []
        if task.kernel == "load":
            self._load(panel, instance)
        elif task.kernel == "store":
            return self._store(panel, instance)
        else:
            self._pass(panel, at, what)
        return []

    def _load(self, panel: Panel, instance: Instance) -> None:
        run = self.ex.run_of(instance)
        names = [*run.reads]
        values = self._values_run(run)
        taken = {name: self.ex.read(run, name, instance.env).copy() for name in names}
        if values is not None:
            cache = values.op.inputs[1]
            taken[cache] = self.ex.read(values, cache, instance.env).copy()
        panel.taken = taken

    def _values_run(self, run: Run) -> Run | None:
        if run.op.name not in self.fused:
            return None
        return self.ex.plain.by_name[self.trio[run.op.name][1], tuple(run.env.values())]

    def _pass(self, panel: Panel, at: int, what: str) -> None:
        if at == panel.scores:
            if panel.taken is not None:
                panel.done.add("QK")
            return
        before = [self._name(other) for other in panel.passes[: panel.passes.index(at)]]
        if panel.scores is not None:
            there = {"QK", *(self._name(other) for other in panel.passes)}
            needed = set(SOURCES[what]) & there if what in SOURCES else {"QK", *before}
            idle = not int(self.ex.instances[at].task.args["depth"].at(self.ex.instances[at].env))
            needed = set() if idle else needed
        else:
            needed = set(before)
        if panel.taken is not None and needed <= panel.done:
            panel.done.add(what)

    def _name(self, at: int) -> str:
        task = self.ex.instances[at].task
        return self._what(task.op, task.name)[0]

    def _store(self, panel: Panel, instance: Instance) -> Results:
        """What all passes together make of what was loaded; not a number where one did not run, or not in turn."""
        run = self.ex.run_of(instance)
        names = [self._name(at) for at in panel.passes]
        ready = panel.taken is not None and set(names) <= panel.done
        must = MUST.get(panel.op.kind, ())
        if panel.op.bias:
            must = (*must, f"{panel.op.name}.bias")
        short = {name.removeprefix(panel.op.name + ".") for name in must} - {
            name.removeprefix(panel.op.name + ".") for name in names
        }
        if panel.scores is not None:
            wanted = {"QK", *(ONE_PASS if "SLN" in names else THREE_PASSES)}
            return self._attended(panel, run, ready=ready and wanted <= panel.done and self._agrees(panel, run))
        covering = next((at for at in panel.passes if self.ex.instances[at].task.tile), None)
        covering = covering if covering is not None else next(a for a, p in self.panel_of.items() if p is panel)
        source = self.ex.instances[covering]
        if not source.task.tile:
            return []
        taken = panel.taken or {}
        doing = replace(self.doing(source, run), read=lambda name: self._taken(run, taken, name))
        found = self.added(run, parts(doing, tile_of(source))[0], source)
        whole = ready and not short
        return [(run, part, values if whole else np.full(values.shape, np.nan)) for run, part, values in found]

    def _agrees(self, panel: Panel, run: Run) -> bool:
        """Whether all tiles of a panel are about the same queries."""
        assert panel.scores is not None
        mine = tile_of(self.ex.instances[panel.scores])
        tiles = (tile_of(self.ex.instances[at]) for at in panel.passes if self.ex.instances[at].task.tile)
        return all(same_queries(run.frame, mine, tile) for tile in tiles)

    def _taken(self, run: Run, taken: Mapping[str, Array], name: str) -> Array:
        if name in taken:
            return taken[name]
        key = run.reads.get(name) or run.writes[name]
        return np.full(self.ex.plain.values[key].shape, np.nan)

    def _attended(self, panel: Panel, values: Run, *, ready: bool) -> Results:
        """Scores, softmax and values of a panel of queries with all their keys."""
        env = tuple(values.env.values())
        scores = self.ex.plain.by_name[panel.op.name, env]
        assert panel.scores is not None
        tile = tile_of(self.ex.instances[panel.scores])
        taken = panel.taken or {}
        source = self.ex.instances[panel.scores]
        made = parts(replace(self.doing(source, scores), read=lambda n: self._taken(scores, taken, n)), tile)
        x = made[0][0].values
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        probs = np.full(self.ex.plain.values[scores.writes[scores.op.outputs[0]]].shape, np.nan)
        probs[made[0][0].index] = e / e.sum(axis=-1, keepdims=True)
        mixed = {**taken, values.op.inputs[0]: probs}
        found = parts(replace(self.doing(source, values), read=lambda n: self._taken(values, mixed, n)), tile)[0]
        return [(values, part, part.values if ready else np.full(part.values.shape, np.nan)) for part in found]
