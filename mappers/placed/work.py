"""What there is to place: ops in runs, what they take on each unit, and what one leaves for another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from archsim.core.errors import Infeasible
from archsim.ir.affine import Affine
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Item, Op, Repeat, Role
from archsim.mappers.ops import arguments, nobody, total_price

Path = tuple[int, ...]
"""Where a run stands: the place of each repeat around it, and its own among the items of the innermost."""
ROUNDS = 2
"""Iterations of a loop after which it only repeats who reads what from whom."""


@dataclass(frozen=True, slots=True)
class Run:
    """Ops that follow each other without a repeat between."""

    path: Path
    ops: tuple[Op, ...]
    around: tuple[Repeat, ...]


@dataclass(frozen=True, slots=True)
class Flow:
    """A tensor as one op leaves it, and an op that reads this very version."""

    tensor: str
    maker: str
    user: str


@dataclass(frozen=True)
class Work:
    """A workload and the units of a design that takes whole ops."""

    graph: Graph
    design: Design

    @cached_property
    def units(self) -> Mapping[str, OpUnit]:
        """Those that execute ops, by name."""
        return {u.unit: u for u in self.design.capabilities() if isinstance(u, OpUnit) and not u.carries}

    @cached_property
    def link(self) -> OpUnit | None:
        """What carries results from unit to unit; None where they are found everywhere."""
        return next((u for u in self.design.capabilities() if isinstance(u, OpUnit) and u.carries), None)

    @cached_property
    def args(self) -> Mapping[str, Mapping[str, Affine]]:
        """Op -> arguments of its task."""
        return {op.name: arguments(op, self.graph) for op, _ in self.graph.walk()}

    @cached_property
    def prices(self) -> Mapping[str, Mapping[str, int]]:
        """Op -> unit -> time of all its instances, ps.

        Raises
        ------
        Infeasible
            An op that no unit executes.
        """
        found: dict[str, dict[str, int]] = {}
        for op, around in self.graph.walk():
            prices = {
                name: price
                for name, unit in self.units.items()
                if (price := total_price(unit, op.kind, self.args[op.name], around)) is not None
            }
            if not prices:
                raise nobody(self.design, self.units, op)
            found[op.name] = prices
        return found

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """All runs, in program order."""
        return tuple(_runs(self.graph.items, (), ()))

    @cached_property
    def home(self) -> Mapping[str, int]:
        """Op -> the number of its run."""
        return {op.name: number for number, run in enumerate(self.runs) for op in run.ops}

    @cached_property
    def walked(self) -> tuple[int, ...]:
        """Runs by number in the order in which they are executed, every loop cut to its first iterations."""
        numbers = {run.path: number for number, run in enumerate(self.runs)}
        return tuple(_walk(self.graph.items, (), numbers))

    @cached_property
    def flows(self) -> tuple[Flow, ...]:
        """Who reads what from whom, each once."""
        latest: dict[str, str] = {}
        found: dict[Flow, None] = {}
        for number in self.walked:
            for op in self.runs[number].ops:
                for tensor in dict.fromkeys(op.inputs):
                    if tensor in latest and latest[tensor] != op.name:
                        found[Flow(tensor, latest[tensor], op.name)] = None
                latest |= dict.fromkeys(op.outputs, op.name)
        return tuple(found)

    @cached_property
    def hazards(self) -> Mapping[str, tuple[str, ...]]:
        """Op -> ops of its run that read or write what it then overwrites, where no data makes it wait for them."""
        found: dict[str, tuple[str, ...]] = {}
        for run in self.runs:
            above: dict[str, set[str]] = {}
            for at, op in enumerate(run.ops):
                makers = {f.maker for f in self.flows if f.user == op.name} & above.keys()
                above[op.name] = makers.union(*(above[name] for name in makers))
                for other in reversed(run.ops[:at]):
                    if {*other.inputs, *other.outputs} & {*op.outputs} and other.name not in above[op.name]:
                        found[op.name] = (*found.get(op.name, ()), other.name)
                        above[op.name] |= {other.name, *above[other.name]}
        return found

    def copied(self, tensor: str, maker: str) -> dict[str, Affine]:
        """Arguments of the copy of what an op leaves in a tensor.

        Raises
        ------
        Infeasible
            Three of its sizes move with loops, so that no two factors say how large it is.
        """
        op, found = self.graph.ops[maker][0], self.graph.tensors[tensor]
        if op.kind == "kv_append" and found.role == Role.KV:  # what is new: half of it keys, half values
            rows, columns = op.dims["m"], Affine(op.dims["n"].base // 2)
        else:
            sizes = [size for _, size in found.dims]
            rows, columns = _product(sizes[:-1], tensor), sizes[-1]
        bits = Affine(found.dtype.bits)
        return {"m": rows, "n": columns, "act_bits": bits, "weight_bits": bits, "causal": Affine(0)}

    def copy_price(self, tensor: str, maker: str) -> int:
        """Time of all copies of what an op leaves in a tensor to one other unit, ps; 0 without a link."""
        if self.link is None:
            return 0
        price = total_price(self.link, "copy", self.copied(tensor, maker), self.graph.ops[maker][1])
        if price is None:
            raise Infeasible(
                f"{self.link.unit} carries no copy of {tensor}",
                where=f"op {maker!r}",
                right="cost() of a component that carries answers for kind 'copy' of any size",
                try_=f"let cost() of {self.link.unit} answer for kind 'copy'",
            )
        return price


def _runs(items: tuple[Item, ...], path: Path, around: tuple[Repeat, ...]) -> Iterator[Run]:
    for at, part in _parts(items):
        if isinstance(part, Repeat):
            yield from _runs(part.body, (*path, at), (*around, part))
        else:
            yield Run((*path, at), part, around)


def _walk(items: tuple[Item, ...], path: Path, numbers: Mapping[Path, int]) -> Iterator[int]:
    for at, part in _parts(items):
        if isinstance(part, Repeat):
            for _ in range(min(ROUNDS, part.count)):
                yield from _walk(part.body, (*path, at), numbers)
        else:
            yield numbers[(*path, at)]


def _parts(items: tuple[Item, ...]) -> Iterator[tuple[int, Repeat | tuple[Op, ...]]]:
    """Repeats, and between them the ops that follow each other, with the place of the first."""
    some: list[Op] = []
    for at, item in enumerate(items):
        if isinstance(item, Op):
            some.append(item)
            continue
        if some:
            yield at - len(some), tuple(some)
            some = []
        yield at, item
    if some:
        yield len(items) - len(some), tuple(some)


def _product(sizes: list[Affine], tensor: str) -> Affine:
    moving = [size for size in sizes if size.terms]
    if len(moving) > 1:
        raise Infeasible(
            f"{tensor} has several sizes that move with loops",
            where="link",
            right="one of them, beside the last",
            try_="a design without a component that carries",
        )
    out = moving[0] if moving else Affine(1)
    for size in sizes:
        if not size.terms:
            out = out * size.base
    return out
