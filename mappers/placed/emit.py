"""From units and turns to the program: a task for each op, and copies where results cross between units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from archsim.ir.graph import Item, Op, Repeat
from archsim.ir.mapping import After, Loop, Node, Range, Task
from archsim.mappers.placed.work import Flow, Work

Turn = str | tuple[str, str, str]
"""An op, or a copy: tensor, the op that made it, and the unit it goes to."""


@dataclass(frozen=True)
class Plan:
    """Where and in which order.

    Parameters
    ----------
    units
        Op -> unit.
    turns
        First op of a run in the graph -> ops and copies of the run in program order; what overwrites a tensor waits
        there for those that read it. Runs that are not named stay as they are in the graph, and copies that no run
        names go right behind the op whose result they bring.
    why
        Op -> why it is there.
    """

    units: Mapping[str, str]
    turns: Mapping[str, Sequence[Turn]] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)


def emit(work: Work, plan: Plan) -> tuple[Node, ...]:
    """The program of a plan."""
    return tuple(_Emitter(work, plan).body(work.graph.items))


class _Emitter:
    def __init__(self, work: Work, plan: Plan) -> None:
        self.work, self.plan = work, plan
        self.makers: dict[str, list[str]] = {}
        for op, _ in work.graph.walk():
            for tensor in op.outputs:
                self.makers.setdefault(tensor, []).append(op.name)
        self.flows = set(work.flows)
        self.copies: dict[tuple[str, str, str], None] = {}
        for flow in work.flows:
            if work.link is not None and plan.units[flow.maker] != plan.units[flow.user]:
                self.copies[flow.tensor, flow.maker, plan.units[flow.user]] = None

    def body(self, items: tuple[Item, ...]) -> Iterator[Node]:
        """Loops for repeats, tasks for ops and copies."""
        at = 0
        while at < len(items):
            item = items[at]
            if isinstance(item, Repeat):
                yield Loop(item.var, item.count, tuple(self.body(item.body)))
                at += 1
                continue
            run = []
            while at < len(items) and isinstance(one := items[at], Op):
                run.append(one)
                at += 1
            yield from self.run({op.name: op for op in run})

    def run(self, ops: Mapping[str, Op]) -> Iterator[Task]:
        """The tasks of one run."""
        turns = list(self.plan.turns.get(next(iter(ops)), ops))
        named = {turn for turn in turns if not isinstance(turn, str)}
        for turn in turns:
            if not isinstance(turn, str):
                if turn in self.copies:
                    yield self.copy(*turn)
                continue
            yield self.op(ops[turn])
            for copy in self.copies:
                if copy[1] == turn and copy not in named:
                    yield self.copy(*copy)

    def op(self, op: Op) -> Task:
        """An op on its unit. It waits for those that make what it reads, or for the copy that comes to its unit."""
        unit = self.plan.units[op.name]
        reads: dict[str, None] = {}
        after: dict[str, None] = {}
        for tensor in op.inputs:
            here = tensor not in self.makers
            for maker in self.makers.get(tensor, ()):
                copy = (tensor, maker, unit)
                if maker == op.name:
                    here = True
                elif copy in self.copies and Flow(tensor, maker, op.name) in self.flows:
                    reads[f"{tensor}@{unit}"] = None
                    after[self.name(*copy)] = None
                else:
                    here |= self.plan.units[maker] == unit or self.work.link is None
                    after[maker] = None
            if here or f"{tensor}@{unit}" not in reads:
                reads[tensor] = None
        if self.work.runs[self.work.home[op.name]].ops[0].name in self.plan.turns:
            after |= dict.fromkeys(self.work.hazards.get(op.name, ()))
        tile = {name: Range.of(0, size) for name, size in op.dims.items()}
        waits = tuple(After(name) for name in after)
        return Task(
            op.name, op.name, op.kind, unit, self.work.args[op.name], tile, tuple(reads), op.outputs, waits,
            self.plan.why.get(op.name, ""),
        )  # fmt: skip

    def copy(self, tensor: str, maker: str, unit: str) -> Task:
        """A tensor on its way from the unit that made it to another."""
        assert self.work.link is not None, "copies are only made where there is one"
        self.work.copy_price(tensor, maker)  # says so where the link does not carry it
        home = self.plan.units[maker]
        return Task(
            self.name(tensor, maker, unit), maker, "copy", self.work.link.unit, self.work.copied(tensor, maker), {},
            (tensor,), (f"{tensor}@{unit}",), (After(maker),), f"made on {home}, needed on {unit}",
        )  # fmt: skip

    def name(self, tensor: str, maker: str, unit: str) -> str:
        """Of the task of a copy."""
        outputs = self.work.graph.ops[maker][0].outputs
        which = "" if len(outputs) == 1 else f".{tensor.rpartition('.')[2]}"
        return f"{maker}{which}.to.{unit}"
