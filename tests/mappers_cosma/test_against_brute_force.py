"""Is the choice of groups, blocks and stays the best of all? Every combination of tiny programs, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Literal

import pytest

from archsim.api.designs import load_design
from archsim.ir.affine import affine
from archsim.ir.capability import OpUnit
from archsim.ir.component import Design
from archsim.ir.graph import DType, Graph, Op, Role, Tensor
from archsim.mappers.cosma import CosmaMapper
from archsim.mappers.cosma.cut import cuts
from archsim.mappers.cosma.group import Group, Groups
from archsim.mappers.cosma.lives import lives
from archsim.mappers.cosma.pieces import Pieces
from archsim.mappers.cosma.plan import Plan, Planner
from archsim.mappers.cosma.price import Prices
from archsim.mappers.cosma.stays import Stay, stays
from archsim.workloads.load import load_workload


def tensor(name: str, rows: int, columns: int, role: Role = Role.ACTIVATION) -> Tensor:
    return Tensor(name, (("m", affine(rows)), ("n", affine(columns))), DType.INT8, role)


def feed_forward(rows: int, wide: int, hidden: int) -> Graph:
    """x -> up -> gelu -> down, and x added to that."""
    shapes = {"h": hidden, "a": hidden, "d": wide}
    table = [tensor(name, rows, columns) for name, columns in shapes.items()]
    table += [tensor("x", rows, wide, Role.INPUT), tensor("y", rows, wide, Role.OUTPUT)]
    table += [tensor("w1", hidden, wide, Role.WEIGHT), tensor("w2", wide, hidden, Role.WEIGHT)]
    sizes = {"m": rows, "n": hidden, "k": wide}
    ops = (
        op("up", "matmul", ("x", "w1"), "h", sizes),
        op("act", "gelu", ("h",), "a", {"m": rows, "n": hidden}),
        op("down", "matmul", ("a", "w2"), "d", {"m": rows, "n": wide, "k": hidden}),
        op("sum", "add", ("d", "x"), "y", {"m": rows, "n": wide}),
    )
    return Graph(f"feed-forward {rows} {wide} {hidden}", ops, {each.name: each for each in table})


def op(name: str, kind: str, inputs: tuple[str, ...], output: str, sizes: dict[str, int]) -> Op:
    return Op(name, kind, {dim: affine(size) for dim, size in sizes.items()}, inputs, (output,))


def partitions(groups: list[Group], place: int, end: int) -> Iterator[list[Group]]:
    """All sequences of groups over the program."""
    if place == end:
        yield []
    for group in groups:
        if group.first == place:
            for rest in partitions(groups, group.stop, end):
                yield [group, *rest]


def statuses(chosen: list[Stay], group: Group) -> dict[str, str]:
    """What is on chip as a whole during a group."""
    found = {}
    for stay in chosen:
        if stay.first < group.first <= stay.last:
            found[stay.tensor] = "in"
        elif group.first <= stay.first < group.stop <= stay.last:
            found[stay.tensor] = "only" if stay.only else "copy"
    return {name: how for name, how in found.items() if name in group.made | group.entering}


def cheapest(metric: int, plans: list[Plan], pieces: Pieces, left: int) -> tuple[int, int] | None:
    """The least cost of a group in the bytes that are left."""
    found = []
    for plan in plans:
        costs = [pieces.costs(use) for use in plan.uses]
        for number, room in enumerate(pieces.prices.rooms):
            if plan.need + room <= left:
                both = [sum(int(cost[row, number]) for cost in costs) for row in (metric, 1 - metric)]
                found.append((both[0], both[1]))
    return min(found, default=None)


def brute_force(graph: Graph, design: Design, metric: int) -> tuple[int, int]:
    """The cheapest of all groups, cuts, rooms and stays whose bytes fit at every step."""
    (unit,) = (each for each in design.capabilities() if isinstance(each, OpUnit))
    pieces = Pieces(graph, Prices(unit), {life.tensor: life.amount for life in lives(graph)})
    planner, every = Planner(graph), list(Groups(graph).all())
    table = stays(graph, unit.memory_bytes)
    best: tuple[int, int] | None = None
    for parts in partitions(every, 0, len(graph.ops)):
        for taken in product((False, True), repeat=len(table)):
            chosen = [stay for stay, use in zip(table, taken, strict=True) if use]
            crossing = [s for s in chosen if any(g.first <= s.first < g.stop <= s.last for g in parts)]
            if len(crossing) < len(chosen) or len({stay.tensor for stay in chosen}) < len(chosen):
                continue
            total = (0, 0)
            for group in parts:
                alive = sum(s.size for s in chosen if s.first < group.stop and group.first <= s.last)
                status = statuses(chosen, group)
                plans = [planner.plan(group, cut, status) for cut in cuts(graph, group)]
                cost = cheapest(metric, plans, pieces, unit.memory_bytes - alive)
                if cost is None:
                    break
                total = (total[0] + cost[0], total[1] + cost[1])
            else:
                best = total if best is None else min(best, total)
    assert best is not None
    return best


GRAPHS = (feed_forward(8, 4, 16), feed_forward(6, 8, 12), load_workload("attention:1,2,1,4,8,4").expand())


@pytest.mark.parametrize("minimise", ["time", "bytes"])
@pytest.mark.parametrize("buffer", [64, 128, 200, 400, 4096])
@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name)
def test_no_combination_of_groups_blocks_and_stays_is_better(
    graph: Graph, buffer: int, minimise: Literal["time", "bytes"]
) -> None:
    size = {"array.rows": 2, "array.cols": 2, "array.buffer": f"{buffer} B", "array.bandwidth": "2 GB/s"}
    design = load_design("systolic", set=size)
    mapping = CosmaMapper(minimise=minimise).map(graph, design)
    metric = ("time", "bytes").index(minimise)
    ps, moved = mapping.choice.options["time_ps"], mapping.choice.options["bytes"]
    found = brute_force(graph, design, metric)
    assert ((ps, moved) if metric == 0 else (moved, ps)) == found
    assert mapping.choice.bound <= found[0]
