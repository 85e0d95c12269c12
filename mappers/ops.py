"""Whole ops on units that price them: custom components and simple baselines."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field

from archsim.core.errors import Infeasible
from archsim.ir.affine import Affine
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Item, Op, Repeat, Role, Tensor, occurrences
from archsim.ir.mapper import Mapper
from archsim.ir.mapping import After, Choice, Loop, Mapping, Node, Range, Task


class OpMapper(Mapper, kind="ops"):
    """One task per op, on the unit that the design's `place` picks by the units' own prices.

    Ops wait for the producers of what they read.
    An op in a loop gets one unit for all iterations, by the sum of its prices over them.
    """

    def accepts(self, design: Design) -> bool:
        """Every unit of the design takes whole ops, and results need no link between units."""
        return all(isinstance(unit, OpUnit) and not unit.carries for unit in design.capabilities())

    def map(self, graph: Graph, design: Design) -> Mapping:
        """The mapping; `Infeasible` where no unit executes an op, or `place` picks one that cannot."""
        units = {unit.unit: unit for unit in design.capabilities() if isinstance(unit, OpUnit)}
        work = _Lowering(graph, design, units)
        body = tuple(work.node(item) for item in graph.items)
        choice = Choice("ops", "sum of op times, ps", float(work.objective), float(work.bound))
        return Mapping(graph.name, design.kind, body, (), {}, choice, work.notes())


@dataclass
class _Lowering:
    graph: Graph
    design: Design
    units: ReadOnly[str, OpUnit]
    objective: int = 0
    bound: int = 0
    placed: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.producers: dict[str, list[str]] = {}
        self.same: dict[str, list[str]] = {}
        """Unit -> ops of several widths that it takes as if there were one."""
        for op, _ in self.graph.walk():
            for tensor in op.outputs:
                self.producers.setdefault(tensor, []).append(op.name)

    def node(self, item: Item, around: tuple[Repeat, ...] = ()) -> Node:
        """A loop for a repeat, a task for an op."""
        if isinstance(item, Repeat):
            inside = (*around, item)
            return Loop(item.var, item.count, tuple(self.node(part, inside) for part in item.body))
        args = arguments(item, self.graph)
        unit, why = self.choose(item, args, around)
        return Task(
            name=item.name,
            op=item.name,
            kernel=item.kind,
            unit=unit,
            args=args,
            tile={name: Range.of(0, size) for name, size in item.dims.items()},
            reads=item.inputs,
            writes=item.outputs,
            # The latest earlier instance of every producer: in a loop that is this iteration's or the previous one's.
            after=tuple(After(name) for name in self.awaited(item)),
            why=why,
        )

    def awaited(self, op: Op) -> tuple[str, ...]:
        """Producers of what the op reads, each once, in the order of its inputs."""
        names = (name for tensor in op.inputs for name in self.producers.get(tensor, ()) if name != op.name)
        return tuple(dict.fromkeys(names))

    def choose(self, op: Op, args: ReadOnly[str, Affine], around: tuple[Repeat, ...]) -> tuple[str, str]:
        """The unit of an op and the reason, after adding its time to the objective."""
        options = {
            name: price
            for name, unit in self.units.items()
            if (price := total_price(unit, op.kind, args, around)) is not None
        }
        if not options:
            raise nobody(self.design, self.units, op)
        unit = self.design.place(op.kind, options)
        if unit not in options:
            raise Infeasible(
                f"place() put {op.kind!r} on {unit!r}, which does not execute it",
                where=f"op {op.name!r}",
                right=f"units that do: {', '.join(options)}",
                try_="return one of the names that place() is given",
            )
        self.objective += options[unit]
        self.bound += min(
            least
            for name in options
            if (least := total_price(self.units[name], op.kind, args, around, least=True)) is not None
        )
        self.placed[op.name] = unit
        if _takes_one_width(self.units[unit], op.kind, args):
            self.same.setdefault(unit, []).append(op.name)
        prices = ", ".join(
            f"{name} {ps / 1e6:.6g} us" for name, ps in sorted(options.items(), key=lambda kv: (kv[1], kv[0]))
        )
        return unit, f"{'only unit that executes it' if len(options) == 1 else 'placed by price'}: {prices}"

    def notes(self) -> tuple[str, ...]:
        """How many ops each unit got, where there was a choice, and which of their widths make no difference."""
        found = [
            f"{unit} takes weights and cache of other widths than activations as if they had the same: {', '.join(ops)}"
            for unit, ops in self.same.items()
        ]
        if len(self.units) > 1:
            counts = {unit: sum(1 for other in self.placed.values() if other == unit) for unit in self.units}
            found.insert(0, f"ops per unit: {', '.join(f'{unit} {count}' for unit, count in counts.items())}")
        return tuple(found)


def nobody(design: Design, asked: Iterable[str], op: Op) -> Infeasible:
    """The error about an op that none of the units executes."""
    return Infeasible(
        f"no unit of {design.kind!r} executes {op.kind!r}",
        where=f"op {op.name!r}",
        right=f"asked: {', '.join(asked)}; cost() answered None",
        try_=f"let cost() of one component answer for kind {op.kind!r}",
    )


def arguments(op: Op, graph: Graph) -> dict[str, Affine]:
    """What `archsim.ir.opblock.op_call` reads: the op's extents, element widths and the mask."""
    inputs, outputs = (
        [graph.tensors[name] for name in names if name in graph.tensors] for names in (op.inputs, op.outputs)
    )
    weights, kv = _bits(inputs, Role.WEIGHT), _bits(inputs, Role.KV)
    vectors = _bits(outputs if op.kind == "embedding" else inputs)  # an embedding takes indices, not vectors
    width = max(vectors or weights or kv or [16])
    kv += _bits(outputs, Role.KV)
    found = {
        **op.dims,
        "act_bits": Affine(width),
        "weight_bits": Affine(max(weights or [width])),
        "causal": Affine(int(op.causal)),
    }
    return {**found, "kv_bits": Affine(max(kv))} if kv and max(kv) != width else found


def _bits(tensors: Iterable[Tensor], role: Role | None = None) -> list[int]:
    """Widths of the tensors of a role; by default of those that are neither weights nor cached."""
    kept = (Role.WEIGHT, Role.KV)
    return [each.dtype.bits for each in tensors if (each.role == role if role else each.role not in kept)]


def _takes_one_width(unit: OpUnit, kind: str, args: ReadOnly[str, Affine]) -> bool:
    """Whether time and bytes of an op are the same where what is stored is as wide as the activations."""
    stored = [name for name in ("weight_bits", "kv_bits") if name in args and args[name] != args["act_bits"]]
    mixed = {name: size.at(dict.fromkeys(size.names(), 0)) for name, size in args.items()}
    alike = {**mixed, **dict.fromkeys(stored, mixed["act_bits"])}
    asked = [ask for ask in (unit.price, unit.moved) if ask is not None]
    return bool(stored) and all(ask(kind, mixed) == ask(kind, alike) for ask in asked)


def total_price(
    unit: OpUnit, kind: str, args: ReadOnly[str, Affine], around: tuple[Repeat, ...], *, least: bool = False
) -> int | None:
    """Time of all instances of an op on a unit in ps; None where it cannot execute one of them.

    With `least`, the time that no way of doing them there beats.
    """
    ask = unit.least or unit.price if least else unit.price
    if unit.kinds is not None and kind not in unit.kinds:
        return None
    total, known = 0, dict[tuple[int, ...], int | None]()
    for env, times in occurrences(args.values(), around):
        values = {name: int(size.at(env)) for name, size in args.items()}
        key = tuple(values.values())
        if key not in known:
            known[key] = ask(kind, values)
        price = known[key]
        if price is None:
            return None
        total += price * times
    return total
