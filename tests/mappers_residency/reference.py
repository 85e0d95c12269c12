"""The truth about tiny graphs by trying everything: all orders, all choices of what to keep."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, permutations, product
from random import Random

from hypothesis import strategies as st

from archsim.ir.tensorgraph import TensorGraph, TensorOp


@st.composite
def graphs(draw: st.DrawFn, most: int = 5, widest: int = 3) -> TensorGraph:
    """Graphs of a few ops: inputs, several outputs, results that are read again, ops that only come after others.

    From a random number, since values drawn one by one are mostly too small for anything to have to move.
    """
    random = Random(draw(st.integers(0, 1 << 32)))
    sizes = {"x": random.randint(1, 9), "w": random.randint(1, 5)}
    ops: list[TensorOp] = []
    results = []
    for index in range(random.randint(min(3, most), most)):
        reads = random.sample(sorted(sizes), min(len(sizes), random.randint(1, widest)))
        writes = [f"t{index}"] + ([f"u{index}"] if random.random() < 0.2 else [])
        after = [random.choice(ops).name] if ops and random.random() < 0.1 else []
        sizes |= {name: random.randint(1, 9) for name in writes}
        if random.random() < 0.2:
            results.append(writes[0])
        ops.append(TensorOp(f"op{index}", tuple(reads), tuple(writes), tuple(after)))
    return TensorGraph("tiny", tuple(ops), sizes, frozenset("w"), frozenset(results))


def orders(graph: TensorGraph) -> Iterator[tuple[str, ...]]:
    """Every legal order."""
    for order in permutations(op.name for op in graph.ops):
        place = {name: step for step, name in enumerate(order)}
        if all(place[other] < place[name] for name in order for other in graph.before[name]):
            yield order


def least_moved(graph: TensorGraph, order: tuple[str, ...], capacity: int) -> int:
    """The least non-compulsory bytes of an order: every choice of gaps to keep, replayed step by step."""
    place = {name: step for step, name in enumerate(order)}
    gaps = []
    for tensor in graph.sizes:
        uses = sorted(_uses(graph, tensor, place))
        gaps += [(tensor, a, b) for a, b in pairwise(uses) if b - a > 1]
    best = None
    for keeps in product((True, False), repeat=len(gaps)):
        room = [capacity - graph.working_set(name) for name in order]
        cost, written = 0, set()
        for (tensor, a, b), kept in zip(gaps, keeps, strict=True):
            if kept:
                for step in range(a + 1, b):
                    room[step] -= graph.sizes[tensor]
                continue
            cost += graph.sizes[tensor]
            if tensor in graph.writer and tensor not in graph.stored and tensor not in written:
                written.add(tensor)
                cost += graph.sizes[tensor]
        if min(room) >= 0 and (best is None or cost < best):
            best = cost
    assert best is not None, "keeping nothing always fits"
    return best


def least_peak(graph: TensorGraph) -> int:
    """The least bytes on chip over all orders when nothing leaves before its last use."""
    return min(_peak(graph, order) for order in orders(graph))


def _peak(graph: TensorGraph, order: tuple[str, ...]) -> int:
    place = {name: step for step, name in enumerate(order)}
    load = [0] * len(order)
    for tensor, size in graph.sizes.items():
        uses = _uses(graph, tensor, place)
        for step in range(min(uses), max(uses) + 1) if uses else ():
            load[step] += size
    return max(load)


def _uses(graph: TensorGraph, tensor: str, place: dict[str, int]) -> list[int]:
    """Steps at which a tensor must be on chip."""
    return [place[op] for op in graph.readers[tensor]] + (
        [place[graph.writer[tensor]]] if tensor in graph.writer else []
    )


def by_numbers(graph: TensorGraph, order: tuple[str, ...]) -> tuple[int, ...]:
    """An order as numbers of the graph's ops."""
    number = {op.name: index for index, op in enumerate(graph.ops)}
    return tuple(number[name] for name in order)
