"""What widths of weight matrices cost on a design: time and bytes of the ops that read them, as the units say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from archsim.ir.affine import Affine
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Op, Repeat, occurrences
from archsim.mappers.ops import nobody, total_price


@dataclass(frozen=True, slots=True)
class Price:
    """Of all instances of some ops."""

    time_ps: int | None
    """None where the design has a unit that does not price ops by themselves."""
    moved: int
    """Bytes to and from memory where the units say so, else those of the weights each time they are read."""

    def __add__(self, other: Price) -> Price:
        time = None if self.time_ps is None or other.time_ps is None else self.time_ps + other.time_ps
        return Price(time, self.moved + other.moved)


def price(graph: Graph, design: Design, bits: Mapping[str, int] | None = None) -> dict[str, Price]:
    """Op -> what all its instances cost, each on the unit where it is fastest.

    Parameters
    ----------
    graph
        The workload.
    design
        The machine.
    bits
        Weight matrix -> bits of its elements, instead of those in the graph.

    Raises
    ------
    Infeasible
        An op that no unit executes.
    """
    from archsim.mappers.placed.work import Work

    units = design.capabilities()
    work = Work(graph, design)
    if not work.units or not all(isinstance(unit, OpUnit) for unit in units):
        return {op.name: Price(None, _weights(graph, op, around, bits or {})) for op, around in graph.walk()}
    found = {}
    for op, around in graph.walk():
        args = dict(work.args[op.name])
        for name in op.inputs:
            if bits is not None and name in bits:
                args["weight_bits"] = Affine(bits[name])
        times = {
            name: time
            for name, unit in work.units.items()
            if (time := total_price(unit, op.kind, args, around)) is not None
        }
        if not times:
            raise nobody(design, work.units, op)
        fastest = min(times, key=lambda name: (times[name], name))
        found[op.name] = Price(times[fastest], _moved(work.units[fastest], op, args, around))
    return found


def readers(graph: Graph, tensors: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Tensor -> the ops that read it."""
    return {name: tuple(op.name for op, _ in graph.walk() if name in op.inputs) for name in tensors}


def _moved(unit: OpUnit, op: Op, args: Mapping[str, Affine], around: tuple[Repeat, ...]) -> int:
    assert unit.moved is not None, "units made of components say what they move"
    total, known = 0, dict[tuple[int, ...], int]()
    for env, times in occurrences(args.values(), around):
        values = {name: int(size.at(env)) for name, size in args.items()}
        key = tuple(values.values())
        if key not in known:
            known[key] = unit.moved(op.kind, values) or 0
        total += known[key] * times
    return total


def _weights(graph: Graph, op: Op, around: tuple[Repeat, ...], bits: Mapping[str, int]) -> int:
    """Bytes of the weights that an op reads, each time it runs; of a table only the rows that are looked up."""
    names = [name for name in op.inputs if name in graph.tensors and graph.tensors[name].role == "weight"]
    total = 0
    for name in names:
        tensor = graph.tensors[name]
        elements = tensor.elements({})
        if op.kind == "embedding":
            dims = op.extents({repeat.var: 0 for repeat in around})
            elements = min(elements, dims["m"] * dims["n"])
        total += -(-elements * bits.get(name, tensor.dtype.bits) // 8)
    return total * prod(repeat.count for repeat in around)
