"""From ops to tasks on a bank array and its controller."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from archsim.core.errors import Infeasible
from archsim.ir.affine import Affine, affine
from archsim.ir.capability import PimBanks, VectorUnit
from archsim.ir.graph import Graph, Item, Op, Repeat, Role
from archsim.ir.mapping import After, Loop, Node, Range, Task
from archsim.mappers import pim_attention
from archsim.mappers.pim_attention import QUERY, SEQUENCE, phase_of
from archsim.mappers.pim_memory import BankLayout
from archsim.mappers.pim_turns import Turns, is_common
from archsim.mappers.pim_vectors import Fetch, fetches
from archsim.units import pim_layout as lay

if TYPE_CHECKING:
    from archsim.mappers.pim import PimMapper

HEAD = ("norm_f", "lm_head", "pick", "pooler")
"""What runs once after all prompt tokens."""


class Lowering:
    """Tasks of one graph. Consumers wait for the last task that produced each of their inputs."""

    def __init__(
        self,
        graph: Graph,
        banks: PimBanks,
        unit: VectorUnit,
        layout: BankLayout,
        options: PimMapper,
        *,
        turns: Turns,
    ) -> None:
        self.graph, self.banks, self.unit, self.layout, self.options = graph, banks, unit, layout, options
        self.turns = turns
        """What of attention takes turns, since the scores of all do not have room at once."""
        self.ops = [op for op, _ in graph.walk()]
        self.attention = {phase_of(op): op for op in self.ops if op.kind == "attention_scores"}
        self.waiting: set[str] = set()
        """First users of biases and gains that have just been asked for."""
        self.fetches = {fetch.begins.name: fetch for fetch in fetches(graph, ahead=options.vectors_ahead)}
        """First op of a run -> what is fetched before it."""
        self.loads: dict[str, str] = {}
        """Input tensor -> the task that brings it from memory."""
        self.turn_ends: dict[str, str] = {}
        """First op of a turn of a whole sequence -> the last task of the turn, for which the next turn waits."""
        self.producers: dict[str, list[str]] = {}
        for op in self.ops:
            for name in op.outputs:
                self.producers.setdefault(name, []).append(op.name)
        self.last_task = {op.name: self._last_task(op) for op in self.ops}

    @cached_property
    def batch(self) -> int:
        """Sequences side by side."""
        return max((op.dims["b"].base for op in self.attention.values()), default=1)

    def queries(self, phase: str) -> int:
        """Queries that the graph takes side by side in this phase; the banks take them one by one."""
        op = self.attention.get(phase)
        return op.dims["q"].base if op else 1

    def body(self) -> tuple[Node, ...]:
        """The program. Ops on many queries at once become a loop over the queries."""
        out: list[Node] = []
        for each, found in groupby(self.graph.items, self._side_by_side):
            run = tuple(found)
            if each:
                phase = phase_of(_ops_of(run[0])[0])
                out.append(Loop(QUERY, self.queries(phase), self._in_turns(run, each=True)))
            elif self.turns.whole:
                out.extend(self._in_turns(run, each=False))
            else:
                out.extend(self.nodes(run, each=False))
        return tuple(out)

    def _in_turns(self, items: tuple[Item, ...], *, each: bool) -> tuple[Node, ...]:
        """The same as `nodes`; where whole sequences take turns, one after the other, once all are looked up."""
        if not self.turns.whole:
            return self.nodes(items, each=each)
        steps = [at for at, item in enumerate(items) if isinstance(item, Repeat) and item.var != "layer"]
        if steps:
            at, item = steps[0], items[steps[0]]
            assert isinstance(item, Repeat)
            step = Loop(item.var, item.count, self._in_turns(item.body, each=each))
            before, after = self._in_turns(items[:at], each=each), self._in_turns(items[at + 1 :], each=each)
            return (*before, step, *after)
        if not items:
            return ()
        common = tuple(item for item in items if isinstance(item, Op) and not self._of_turn(item))
        own = tuple(item for item in items if item not in common)
        ops = [op for item in own for op in _ops_of(item)]
        self.turn_ends[ops[0].name] = self.last_task[ops[-1].name]
        for op in common:
            if isinstance(op, Op) and op.name in self.fetches:  # another fetch may take the place at the end of a turn
                self.fetches[ops[0].name] = replace(self.fetches.pop(op.name), begins=ops[0])
        return (*self.nodes(common, each=each), Loop(SEQUENCE, self.batch, self.nodes(own, each=each)))

    def _of_turn(self, op: Op) -> bool:
        """Whether an op is done sequence by sequence, where whole sequences take turns."""
        return self.turns.whole and not is_common(self.graph, op)

    def _side_by_side(self, item: Item) -> bool:
        ops = _ops_of(item)
        heads = isinstance(item, Op) and item.name.rpartition(".")[2] in HEAD
        return self.queries(phase_of(ops[0])) > 1 and not heads

    def nodes(self, items: tuple[Item, ...], *, each: bool) -> tuple[Node, ...]:
        """Tasks and loops of a sequence of items.

        Each run of ops has its vectors fetched first. `each`: inside a loop over queries.
        """
        out: list[Node] = []
        hidden: tuple[Node, ...] = ()
        for item in items:
            if isinstance(item, Op) and item.name in self.fetches:
                out.append(self._fetch(self.fetches[item.name], each))
            if isinstance(item, Repeat):
                out.append(Loop(item.var, item.count, self.nodes(item.body, each=each)))
                continue
            out.extend(self._load(item, each))
            nodes = (*self._lower(item, each), *self._store(item, each))
            if item.kind == "kv_append" and self.options.hide_value_write:
                nodes, hidden = nodes[:1], nodes[1:]
            out.extend(nodes)
            if item.kind == "softmax":
                out.extend(hidden)
                hidden = ()
        out.extend(hidden)
        return tuple(out) if self.turns == Turns() else pim_attention.one_by_one(out)

    def _lower(self, op: Op, each: bool) -> tuple[Node, ...]:
        special: dict[str, Callable[[Op, bool], tuple[Node, ...]]] = {
            "matmul": self._matmul,
            "embedding": self._embedding,
            "kv_append": lambda op, each: pim_attention.append(self, op, each),
            "attention_scores": lambda op, each: pim_attention.scores(self, op, each),
            "attention_values": lambda op, each: pim_attention.values(self, op, each),
        }
        if op.kind in special:
            return special[op.kind](op, each)
        if op.kind == "softmax" and any(op.inputs[0] in a.outputs for a in self.attention.values()):
            return pim_attention.softmax(self, op, each)
        if op.kind not in self.unit.kernels:
            known = ", ".join(sorted(self.unit.kernels))
            raise Infeasible(f"no unit executes {op.name} ({op.kind})", right=f"the controller knows {known}")
        args = {"m": self.rows(op, each), "n": op.dims["n"]}
        return (self.task(op, op.kind, self.unit.unit, args, self.tile(op, each), more=self._vectors(op)),)

    def _vectors(self, op: Op) -> tuple[str, ...]:
        """The task that fetches an op's biases and gains, if it has to wait for it."""
        return tuple(f.task for f in self.fetches.values() if f.first.name == op.name and op.name in self.waiting)

    def task(
        self,
        op: Op,
        kernel: str,
        unit: str,
        args: dict[str, Affine],
        tile: dict[str, Range],
        why: str = "",
        more: tuple[str, ...] = (),
    ) -> Task:
        """The task that does an op's own work; it waits for the producers of its inputs and for `more`."""
        found = self._vectors_read(op) if unit == self.unit.unit else ()
        reads = (*op.inputs, *found)
        return Task(op.name, op.name, kernel, unit, args, tile, reads, op.outputs, self.after(op, *more), why)

    def helper(self, op: Op, kernel: str, args: dict[str, Affine], why: str, more: tuple[str, ...] = ()) -> Task:
        """A task of the controller that completes an op's result in place; it waits for the op and for `more`."""
        after = tuple(After(name) for name in (op.name, *more))
        reads = (*op.outputs, *self._vectors_read(op))
        return Task(f"{op.name}.{kernel}", op.name, kernel, self.unit.unit, args, {}, reads, op.outputs, after, why)

    def after(self, op: Op, *more: str) -> tuple[After, ...]:
        """Waits for the producers of an op's inputs; caches are named by the caller."""
        names = [
            self.last_task[producer]
            for tensor in op.inputs
            if self.graph.tensors[tensor].role not in (Role.WEIGHT, Role.KV)
            for producer in self.producers.get(tensor, ())
            if self.last_task[producer]
        ]
        loads = [self.loads[tensor] for tensor in op.inputs if tensor in self.loads]
        turn = [self.turn_ends[op.name]] if op.name in self.turn_ends else []
        return tuple(After(name) for name in dict.fromkeys((*names, *loads, *turn, *more)))

    def rows(self, op: Op, each: bool) -> Affine:
        """Rows a task handles: all of the op's, or one query's share."""
        m = op.dims["m"]
        turns = self.batch if self._of_turn(op) else 1
        return affine(m.base // turns // self.queries(phase_of(op))) if each else affine(m.base // turns)

    def tile(self, op: Op, each: bool) -> dict[str, Range]:
        """The whole iteration space, or one query's part of it."""
        out = {dim: Range.of(0, size) for dim, size in op.dims.items()}
        for dim in ("m", "q"):
            if each and dim in out:
                share = op.dims[dim].base // self.queries(phase_of(op))
                out[dim] = Range(Affine.var(QUERY, share), Affine.var(QUERY, share, share))
        if "m" in out and self._of_turn(op):
            rows = self.rows(op, each).base
            first = out["m"].start + Affine.var(SEQUENCE, rows)
            out["m"] = Range(first, first + rows)
        return out

    def row(self, tensor: str) -> Affine:
        """First row of a tensor that stays in the banks."""
        row = affine(self.layout.rows[tensor])
        stacked = self.graph.tensors[tensor].stacked or tensor in ("k_cache", "v_cache")
        return row + Affine.var("layer", self.layout.layer_rows) if stacked and self._in_layers else row

    @cached_property
    def _in_layers(self) -> bool:
        return any(r.var == "layer" for _, around in self.graph.walk() for r in around)

    def _last_task(self, op: Op) -> str:
        if op.kind == "matmul":
            return op.name + ".finish" if any(self._finishing(op)) else op.name
        if op.kind == "attention_values" and self.layout.reserve > self.banks.segment:
            return op.name + ".combine"
        return "" if op.kind == "kv_append" else op.name

    def _finishing(self, op: Op) -> tuple[int, int]:
        """Additions and multiplications per result that the controller still owes: partial sums, bias, scaling of q."""
        adds = lay.partial_sums(self.banks, op.dims["k"].base) - 1 + bool(op.bias)
        scaled = any(op.outputs[0] in other.inputs for other in self.attention.values())
        return adds, int(scaled)

    def _matmul(self, op: Op, each: bool) -> tuple[Node, ...]:
        weight = next((t for t in op.inputs if t in self.layout.rows), None)
        n, k, rows = op.dims["n"].base, op.dims["k"].base, self.rows(op, each)
        groups, parts = lay.weight_groups(self.banks, n), lay.partial_sums(self.banks, k)
        args = {
            "groups": affine(groups),
            "k": affine(k),
            "vectors": rows,
            "row": self.row(weight) if weight else affine(0),
        }
        why = f"{groups} output(s) per bank; reduction of {k} in {parts} segment(s) of the buffer"
        task = self.task(op, "gemv", self.banks.unit, args, self.tile(op, each), why)
        adds, muls = self._finishing(op)
        if not adds + muls:
            return (task,)
        finish = {"m": rows, "n": affine(n), "adds": affine(adds), "muls": affine(muls)}
        why = f"{parts - 1} partial sum(s), {'bias' if op.bias else 'no bias'}{', scaling' if muls else ''}"
        return task, self.helper(op, "finish", finish, why, self._vectors(op))

    def _embedding(self, op: Op, each: bool) -> tuple[Node, ...]:
        rows, tile = self.rows(op, each).base, self.tile(op, each)
        why = "one row of the table: an activation per segment, in one bank"
        args = {"elements": op.dims["n"]}
        more = self._previous(op, each)
        if rows == 1:
            return (self.task(op, "fetch", self.banks.unit, args, tile, why, more),)
        first = tile["m"].start + Affine.var(SEQUENCE)
        return (
            Loop(
                SEQUENCE,
                rows,
                (self.task(op, "fetch", self.banks.unit, args, {**tile, "m": Range(first, first + 1)}, why, more),),
            ),
        )

    def _previous(self, op: Op, each: bool) -> tuple[str, ...]:
        """The task that ends the loop over tokens around an op: until then, vectors of the token before are in use."""
        if not each and not self.graph.ops[op.name][1]:
            return ()
        mine = [other.name for other in self.ops if phase_of(other) == phase_of(op)]
        last = [name for name in mine if not each or name.rpartition(".")[2] not in HEAD][-1]
        return (self.last_task[last],)

    def _load(self, op: Op, each: bool) -> tuple[Task, ...]:
        """Bring the inputs of the whole workload from memory, before the first op that reads them."""
        fresh = [t for t in op.inputs if self.graph.tensors[t].role == Role.INPUT and t not in self.loads]
        if not fresh:
            return ()
        name = op.name + ".load"
        self.loads.update(dict.fromkeys(fresh, name))
        args = {"elements": affine(self._share(op, fresh, each))}
        why = "inputs start in memory, spread over all channels"
        return (Task(name, op.name, "load", self.banks.unit, args, {}, tuple(fresh), tuple(fresh), (), why),)

    def _store(self, op: Op, each: bool) -> tuple[Task, ...]:
        """Take the results of the whole workload to memory; a picked token goes to the host instead."""
        ready = [t for t in op.outputs if self.graph.tensors[t].role == Role.OUTPUT]
        if not ready or op.kind == "argmax":
            return ()
        args = {"elements": affine(self._share(op, ready, each))}
        waits = (After(self.last_task[op.name]),)
        why = "results end in memory, spread over all channels"
        return (Task(op.name + ".store", op.name, "store", self.banks.unit, args, {}, tuple(ready), (), waits, why),)

    def _share(self, op: Op, tensors: list[str], each: bool) -> int:
        """Elements of whole tensors, or of one query's part of them."""
        total = sum(self.graph.tensors[t].elements({}) for t in tensors)
        return total // self.queries(phase_of(op)) if each else total

    def _fetch(self, fetch: Fetch, each: bool) -> Task:
        """One read for all biases and gains of a sequence of ops."""
        elements = sum(self.graph.tensors[name].elements({}) for name in fetch.names)
        if not fetch.ahead:
            self.waiting.add(fetch.first.name)
        why = "biases and gains, over all channels at once" + (
            f"; those of {fetch.first.name} for the next time" if fetch.ahead else ""
        )
        args = {"elements": affine(elements)}
        # What was here before is used until the ops before this run are done, in a loop over tokens those of the last.
        again = self._previous(fetch.begins, each) if fetch.begins.kind == "embedding" else ()
        waits = self.after(fetch.begins, *again)
        return Task(
            fetch.task, fetch.first.name, "load", self.banks.unit, args, {}, fetch.names, fetch.writes, waits, why
        )

    def _vectors_read(self, op: Op) -> tuple[str, ...]:
        """Where an op finds its biases and gains."""
        return tuple(name for fetch in self.fetches.values() for name in fetch.reads(op))


def _ops_of(item: Item) -> list[Op]:
    return [item] if isinstance(item, Op) else [op for part in item.body for op in _ops_of(part)]
