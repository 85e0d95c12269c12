"""Executes a mapping task by task and compares what comes out with the plain graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Literal

import numpy as np

from archsim.ir.capability import OpUnit, PimBanks, SpatialArrays, VectorUnit
from archsim.ir.check_cover import check_cover
from archsim.ir.check_form import check_form
from archsim.ir.component import Design
from archsim.ir.execute.blocks import Blocks, carries, copies
from archsim.ir.execute.kernels import Kernels, Results
from archsim.ir.execute.layout import Array, Ints, row_order, shape_of
from archsim.ir.execute.ledger import Ledger
from archsim.ir.execute.limits import check_size
from archsim.ir.execute.orders import any_order, program_order
from archsim.ir.execute.pim import PimKernels
from archsim.ir.execute.plain import Key, Plain, Run
from archsim.ir.execute.result import Execution
from archsim.ir.execute.store import NOBODY, Memories, Slot
from archsim.ir.execute.tiles import Part
from archsim.ir.graph import Graph, Role
from archsim.ir.mapping import Mapping as Program
from archsim.ir.unrolled import Instance, unrolled

Order = Literal["program", "any"]


def execute(mapping: Program, graph: Graph, design: Design, *, seed: int = 0, order: Order = "program") -> Execution:
    """Run a mapping on arrays and compare every tensor with the plain graph.

    Parameters
    ----------
    mapping, graph, design
        What `Mapping.check` takes.
    seed
        Of weights and inputs, and of the order.
    order
        `program` runs task instances one after the other; `any` runs units side by side in some order that waits and
        program order on each unit allow, and lets tasks read when they start or only when they end.

    Raises
    ------
    BadInput
        Too large to be executed, or a kernel whose meaning is not known.
    BadMapping
        Malformed, or tiles that do not cover the ops: nothing to execute.
    """
    check_size(mapping, graph)
    check_form(mapping, graph, design)
    for op, around in graph.walk():
        check_cover(mapping, op, around, graph)
    return Executor(mapping, graph, design, seed, order).result()


class Executor:
    """One execution."""

    def __init__(self, mapping: Program, graph: Graph, design: Design, seed: int, order: Order) -> None:
        self.mapping, self.graph, self.design = mapping, graph, design
        self.seed, self.order = seed, order
        self.plain = Plain(graph, seed)
        self.instances = unrolled(mapping.body)
        self.numbers = self._numbered()
        counts = _counts(mapping, graph)
        widths = {tensor.name: tensor.dtype.bits for tensor in graph.tensors.values()}
        self.memories = Memories(mapping, design, self._largest(counts), counts, widths)
        self.blocks = Blocks(self.memories.slots, graph)
        self.linked = any(isinstance(unit, OpUnit) and unit.carries for unit in design.capabilities())
        """Whether units find what others made only where a link brought it."""
        self.arrays: dict[Key, Array] = {}
        self.ledger = Ledger(self.plain)
        self.lost: dict[str, list[int]] = {}
        """What the instance that is computing found destroyed, and by whom."""
        self.rows_of = self._row_orders()
        self._start()
        self.kernels = self._kernels()

    def _kernels(self) -> Kernels:
        kinds = self.design.capabilities()
        if any(isinstance(kind, PimBanks) for kind in kinds):
            return PimKernels(self)
        if any(isinstance(kind, SpatialArrays) for kind in kinds):
            from archsim.ir.execute.spatial import SpatialKernels

            return SpatialKernels(self)
        return Kernels(self)

    def _numbered(self) -> list[int]:
        """Per instance, how many of its task come before it."""
        seen = Counter[str]()
        out = []
        for instance in self.instances:
            out.append(seen[instance.task.name])
            seen[instance.task.name] += 1
        return out

    def _largest(self, counts: Mapping[str, int]) -> dict[str, tuple[tuple[str, ...], tuple[int, ...]]]:
        out = {}
        for tensor in self.graph.tensors.values():
            names = sorted(frozenset[str]().union(*(size.names() for _, size in tensor.dims)))
            corners = [
                dict(zip(names, ends, strict=True)) for ends in product(*((0, counts.get(n, 1) - 1) for n in names))
            ]
            sizes = zip(*(shape_of(tensor.dims, env) for env in corners), strict=True)
            out[tensor.name] = tuple(dim for dim, _ in tensor.dims), tuple(max(each) for each in sizes)
        return out

    def _row_orders(self) -> dict[str, tuple[str, ...]]:
        tasks = self.mapping.tasks().values()
        out = {}
        for op, _ in self.graph.walk():
            if op.kind == "softmax":
                own = [(task, loops) for task, loops in tasks if task.op == op.name and task.tile]
                makers = [task for task, _ in tasks if set(self.graph.ops[task.op][0].outputs) & set(op.inputs)]
                frame = next(run.frame for run in self.plain.runs if run.op.name == op.name)
                out[op.name] = tuple(row_order(own, makers, frame))
        return out

    def _start(self) -> None:
        """What is there at first: weights, inputs, the cache of earlier passes."""
        fresh: dict[Key, int] = {}
        scratchpads = {unit.sram for unit in self.design.capabilities() if isinstance(unit, VectorUnit)}
        for run in self.plain.runs:
            for key in run.writes.values() if run.op.kind == "kv_append" else ():
                new = run.frame.t - run.frame.q
                fresh[key] = min(new, fresh.get(key, new))
        for run in self.plain.runs:
            for name, key in (*run.reads.items(), *run.writes.items()):
                if key[2]:
                    continue
                tensor = self.graph.tensors[name]
                values = self.plain.given(tensor, key).copy()
                if tensor.role == Role.KV and key in fresh:
                    values[:, :, fresh[key] :] = np.nan
                slot = self.memories.slot(name, self.stack(key))
                if slot is None:
                    self.arrays.setdefault(key, values)
                elif slot.place.memory not in scratchpads or tensor.role != Role.INPUT:  # inputs start with the host
                    slot.write(self.memories.whole(name, values.shape).ravel(), values.ravel(), NOBODY)

    def stack(self, key: Key) -> Mapping[str, int]:
        """Loop variables of a tensor's copy."""
        return dict(zip(self.graph.tensors[key[0]].stacked, key[1], strict=False))

    def run_of(self, instance: Instance) -> Run:
        """The execution of an op that a task instance is a part of."""
        _, around = self.graph.ops[instance.task.op]
        return self.plain.by_name[instance.task.op, tuple(instance.env.get(r.var, 0) for r in around)]

    def read(self, run: Run, name: str, env: Mapping[str, int]) -> Array:
        """A tensor as an execution of an op finds it."""
        key = run.reads.get(name) or run.writes[name]
        return self.find(key, env)

    def taken(self, run: Run, name: str, instance: Instance) -> Array:
        """A tensor as a task finds it where it says that it reads it: in memory, on chip, or in both.

        What was on chip is not fetched again by a task that reads both.
        """
        key = run.reads.get(name) or run.writes[name]
        chips = copies(instance.task.reads, name)
        if not chips:
            return self._home(key, instance)
        found, guilty = self.blocks.read(chips[0], key, self.plain.values[key].shape)
        if name in instance.task.reads:
            found = np.where(np.isnan(found) & (guilty == NOBODY), self._home(key, instance), found)
        self._miss(name, found, guilty)
        return found

    def _home(self, key: Key, instance: Instance) -> Array:
        """A tensor where it is at home; behind a link without what other units made of it."""
        found = self.find(key, instance.env)
        anywhere = self.graph.tensors[key[0]].role in (Role.WEIGHT, Role.KV) or key not in self.ledger.last
        if not self.linked or anywhere or carries(instance.task):
            return found
        makers = self.ledger.last[key].astype(int)
        foreign = [at for at in np.unique(makers) if at != NOBODY and self.unit(at) != instance.task.unit]
        return np.where(np.isin(makers, foreign), np.nan, found)

    def unit(self, at: int) -> str:
        """The unit of a task instance."""
        return self.instances[at].task.unit

    def sums(self, run: Run, name: str, instance: Instance) -> Array:
        """An output as it has grown so far."""
        key = run.writes[name]
        if key not in self.blocks.newest:
            return self.find(key, instance.env)
        found, guilty = self.blocks.read(self.blocks.newest[key], key, self.plain.values[key].shape)
        self._miss(name, found, guilty)
        return found

    def _miss(self, tensor: str, found: Array, guilty: Ints) -> None:
        """Note who destroyed what is not there."""
        if np.isnan(found).any():
            self.lost[tensor] = sorted({int(at) for at in guilty[np.isnan(found)] if at != NOBODY})

    def find(self, key: Key, env: Mapping[str, int]) -> Array:
        """A tensor as it is now; not a number where nothing is."""
        shape = self.plain.values[key].shape
        slot = self.memories.slot(key[0], {**env, **self.stack(key)})
        if slot is not None:
            return self.look(slot, self.memories.whole(key[0], shape))
        return self.arrays.setdefault(key, np.full(shape, np.nan))

    def look(self, slot: Slot, index: Ints) -> Array:
        """Elements of a slot; notes who destroyed what is not there."""
        if not slot.room:
            return np.full(index.shape, np.nan)
        found = slot.values[index % slot.room]
        self._miss(slot.place.tensor, found, slot.by[index % slot.room])
        return found

    def write(self, run: Run, part: Part, values: Array, instance: int) -> None:
        """Put a part of a tensor where the task says, and compare it with the plain graph's."""
        task = self.instances[instance].task
        key = run.writes.get(part.tensor) or run.reads[part.tensor]
        index = np.broadcast_arrays(*part.index)
        values = np.broadcast_to(values, index[0].shape)
        chips = copies(task.writes, part.tensor)
        for name in chips:
            self.blocks.write(name, key, self.plain.values[key].shape, index, values, instance)
        if part.tensor not in run.writes or carries(task):  # an operand that stays, a copy
            return
        self.ledger.compare(key, tuple(index), values, instance)
        if chips and part.tensor not in task.writes:
            self.blocks.newest[key] = chips[0]
            return
        self.blocks.newest.pop(key, None)
        slot = self.memories.slot(part.tensor, {**self.instances[instance].env, **self.stack(key)})
        if slot is not None:
            slot.write(self.memories.index(part.tensor, index).ravel(), values.ravel(), instance)
        else:
            self.arrays.setdefault(key, np.full(self.plain.values[key].shape, np.nan))[tuple(index)] = values

    def result(self) -> Execution:
        """Run everything and sum up."""
        steps = program_order if self.order == "program" else any_order
        pending: dict[int, list[tuple[Run, Part, Array]]] = {}
        with np.errstate(all="ignore"):
            for at, ends, reads in steps(self.instances, self.seed):
                if reads:
                    self.lost = {}
                    pending[at] = self.kernels.compute(at)
                    self._note(at, pending[at])
                if ends:
                    for run, part, values in pending.pop(at):
                        self.write(run, part, values, at)
                    self.kernels.done(at)
        self.kernels.finish()
        faults = self.ledger.blame(self.name)
        return Execution(self.seed, self.order, len(self.instances), self.ledger.totals(), faults, *self._addressed())

    def _addressed(self) -> tuple[int, int]:
        """How many tensors and parts on chip have an address, and how many there are."""
        placed = {place.tensor for place in self.mapping.placements}
        return len(placed), len(placed | set(self.blocks.known) | {key[0] for key in self.arrays})

    def _note(self, at: int, results: Results) -> None:
        """Say who destroyed what an instance needed."""
        if not any(np.isnan(values).any() for _, _, values in results):
            return
        for tensor, guilty in self.lost.items():
            by = next((by for by in guilty if tensor not in self.instances[by].task.writes), None)
            if by is not None:
                self.ledger.overwritten(self.name(at), tensor, self.name(by))

    def name(self, at: int) -> str:
        """A task instance in words."""
        if at == NOBODY:
            return "nobody"
        instance = self.instances[at]
        env = ", ".join(f"{var}={value}" for var, value in instance.env.items())
        return instance.task.name + (f" at {env}" if env else "")


def _counts(mapping: Program, graph: Graph) -> dict[str, int]:
    counts: dict[str, int] = {}
    for _, loops in mapping.walk():
        for loop in loops:
            counts[loop.var] = max(counts.get(loop.var, 1), loop.count)
    for _, around in graph.walk():
        for repeat in around:
            counts[repeat.var] = max(counts.get(repeat.var, 1), repeat.count)
    return counts
