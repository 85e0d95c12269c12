"""Proof that a mapping is one.

Well formed, every op covered exactly once, every memory fits, producers before consumers.

Sizes and addresses are affine in loop variables. So an inequality that holds in a loop's first and last iteration
holds in between, and volumes, which are products of affine terms, agree everywhere once they agree at more points
than their degree. A loop may leave gaps in a dim that merges several (rows of all heads); other tasks fill them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import cast

from archsim.core.errors import ArchsimError, DoesNotFit, UnknownName
from archsim.ir.affine import Affine
from archsim.ir.comb import Comb
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Op, Repeat
from archsim.ir.mapping import Loop, Mapping, Node, Placement, Range, Task
from archsim.ir.overlap import overlap


class BadMapping(ArchsimError):
    """The mapping breaks a promise; the message names the task, op or tensor. The model says no."""

    exit_code = 1


def check(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Raise unless the mapping computes the graph on the design.

    Raises
    ------
    BadMapping
        Malformed, an op not covered exactly once, a consumer that does not wait for its producer, overlapping live
        tensors.
    DoesNotFit
        A placement that ends beyond its memory.
    UnknownName
        A unit, kernel, op or task that does not exist.
    """
    check_form(mapping, graph, design)
    for op, around in graph.walk():
        check_cover(mapping, op, around)
    check_capacity(mapping, graph)
    check_order(mapping, graph)


def check_form(mapping: Mapping, graph: Graph, design: Design) -> None:
    """Names exist, loop variables are bound, counts make sense."""
    units = {unit: kernels for capability in design.capabilities() for unit, kernels in capability.offers.items()}
    tasks = mapping.tasks()
    _check_loops(mapping.body, ())
    if len(tasks) != sum(1 for _ in mapping.walk()):
        names = [task.name for task, _ in mapping.walk()]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadMapping(f"two tasks are named {twice!r}", right="every task has its own name: dependences refer to it")
    for task, loops in mapping.walk():
        where = f"task {task.name}"
        if task.unit not in units:
            raise UnknownName("unit", task.unit, units, where=where)
        kernels = units[task.unit]
        if kernels is not None and task.kernel not in kernels:
            raise UnknownName(f"kernel of {task.unit}", task.kernel, kernels, where=where)
        if task.op not in graph.ops:
            raise UnknownName("op", task.op, graph.ops, where=where)
        for after in task.after:
            if after.task not in tasks:
                raise UnknownName("task", after.task, tasks, where=where)
            if after.distance < 0:
                raise BadMapping(f"waits for an instance {-after.distance} in the future", where=where)
        bound = {loop.var for loop in loops}
        for name, value in (*task.args.items(), *((d, e) for d, r in task.tile.items() for e in (r.start, r.stop))):
            if loose := value.names() - bound:
                raise BadMapping(
                    f"{name} = {value} uses {', '.join(sorted(loose))}, which no loop around it defines", where=where
                )


def _check_loops(body: tuple[Node, ...], around: tuple[str, ...]) -> None:
    for node in body:
        if isinstance(node, Loop):
            if node.count < 1:
                raise BadMapping(
                    f"loop {node.var!r} runs {node.count} times", right="a loop has at least one iteration"
                )
            if node.var in around:
                raise BadMapping(f"loop {node.var!r} is inside another loop of that name")
            if not any(True for _ in _tasks(node.body)):
                raise BadMapping(f"loop {node.var!r} has no task in it")
            _check_loops(node.body, (*around, node.var))


def _tasks(body: tuple[Node, ...]) -> Iterator[Task]:
    for node in body:
        if isinstance(node, Task):
            yield node
        else:
            yield from _tasks(node.body)


def check_cover(mapping: Mapping, op: Op, around: tuple[Repeat, ...]) -> None:
    """An op's tiles cut its iteration space into disjoint parts, in every iteration of the loops around it."""
    where = f"op {op.name}"
    boxes = []
    repeats = {r.var: r.count for r in around}
    for task, loops in mapping.walk():
        if task.op != op.name or not task.tile:
            continue
        own = {loop.var: loop.count for loop in loops}
        for var, count in repeats.items():
            if own.get(var) != count:
                raise BadMapping(
                    f"task {task.name} runs {own.get(var, 1)} times over {var!r}, the op {count} times", where=where,
                    try_=f"put it into a loop {var!r} of {count}",
                )  # fmt: skip
        extra = {var: count for var, count in own.items() if var not in repeats}
        boxes.append((task, _sweep(task, op, extra)))
    if not boxes:
        raise BadMapping("no task computes it", where=where)
    for env in _corners(around):
        _check_partition(op, env, [(task, _numbers(box, env)) for task, box in boxes])


Teeth = tuple[tuple[int, int], ...]
"""(step, count) of every loop that leaves gaps, the inner ones first."""
Swept = dict[str, tuple[Range, Teeth]]


def _sweep(task: Task, op: Op, extra: dict[str, int]) -> Swept:
    """The part of the op's space that a task covers over loops of its own: ranges, and how they are repeated."""
    where = f"task {task.name}"
    if set(task.tile) != set(op.dims):
        raise BadMapping(f"its tile has dims {sorted(task.tile)}, the op has {sorted(op.dims)}", where=where)
    box, teeth = dict(task.tile), dict.fromkeys(task.tile, cast(Teeth, ()))
    staircase = "t" if "t" in op.dims else "n"
    edge = box[staircase] if op.causal and staircase in box else None
    # A start that moves too is a tile of a cut along the keys, not a step of the staircase.
    if edge is not None and (steps := (edge.stop.names() - edge.start.names()) & set(extra)):
        (var,) = steps if len(steps) == 1 else (None,)
        full = op.dims[staircase]
        if var is None or edge.stop.at({var: extra[var] - 1}) != full.at({}) or edge.stop.coefficient(var) != 1:
            raise BadMapping(f"{staircase} {edge} is not the causal staircase up to {full}", where=where)
        box[staircase] = Range(edge.start, full)
    for var, count in sorted(
        extra.items(), key=lambda item: max(r.start.coefficient(item[0]) for r in box.values())
    ):  # inner first
        moving = [dim for dim, r in box.items() if var in r.start.names() | r.stop.names()]
        if len(moving) != 1:
            what = (
                "no dim moves with it, so the same part is computed again"
                if not moving
                else f"{' and '.join(moving)} move together"
            )
            raise BadMapping(f"loop {var!r} of {count}: {what}", where=where)
        dim = moving[0]
        r, known = box[dim], teeth[dim]
        step, length = r.start.coefficient(var), r.stop - r.start
        span = length.base + sum(stride * (times - 1) for stride, times in known)
        if length.terms or span > step:
            raise BadMapping(
                f"loop {var!r} moves {dim} by {step}, but the tile is {length} long",
                where=where,
                right="steps and lengths agree",
            )
        first = r.start - Affine.var(var, step)
        if span == step and not known:
            box[dim] = Range(first, first + step * count)
            continue
        box[dim] = Range(first, first + length)
        if known and known[-1][0] * known[-1][1] == step:
            teeth[dim] = (*known[:-1], (known[-1][0], known[-1][1] * count))
        elif count > 1:
            teeth[dim] = (*known, (step, count))
    return {dim: (r, teeth[dim]) for dim, r in box.items()}


def _corners(around: tuple[Repeat, ...]) -> Iterator[dict[str, int]]:
    """Enough iterations to prove statements of degree 3: the first four and the last of each loop."""
    choices = [sorted({*range(min(4, r.count)), r.count - 1}) for r in around]
    names = [r.var for r in around]
    for point in product(*choices):
        yield dict(zip(names, point, strict=True))


def _numbers(box: Swept, env: dict[str, int]) -> dict[str, Comb]:
    return {dim: Comb(int(r.start.at(env)), int(r.stop.at(env)), teeth) for dim, (r, teeth) in box.items()}


def _check_partition(op: Op, env: dict[str, int], boxes: list[tuple[Task, dict[str, Comb]]]) -> None:
    sizes, at = op.extents(env), "".join(f" at {k}={v}" for k, v in env.items())
    total, covered = 1, 0
    for size in sizes.values():
        total *= size
    for task, box in boxes:
        volume = 1
        for dim, part in box.items():
            if not (0 <= part.start < part.stop and part.end <= sizes[dim]):
                raise BadMapping(
                    f"{dim} {part.start}:{part.end} is not inside 0:{sizes[dim]}{at}", where=f"task {task.name}"
                )
            volume *= part.size
        covered += volume
    # Dims in which tiles differ most tell them apart soonest.
    telling = sorted(sizes, key=lambda dim: -len({box[dim] for _, box in boxes}))
    for i, (a, first) in enumerate(boxes):
        for b, second in boxes[i + 1 :]:
            if all(first[d].meets(second[d]) for d in telling):
                raise BadMapping(f"tasks {a.name} and {b.name} compute the same part{at}", where=f"op {op.name}")
    if covered != total:
        gaps = [
            f"{task.name} moves {dim} by {part.teeth[0][0]}, but its tile is {part.stop - part.start} long"
            for task, box in boxes
            for dim, part in box.items()
            if part.teeth
        ]
        raise BadMapping(
            f"its tasks cover {covered:,} of {total:,} points{at}", where=f"op {op.name}", right="\n".join(gaps)
        )


def check_capacity(mapping: Mapping, graph: Graph) -> None:
    """Every placement ends inside its memory, and no two tensors that live at the same time share bytes."""
    counts: dict[str, int] = {}
    for _, loops in mapping.walk():
        for loop in loops:
            counts[loop.var] = max(counts.get(loop.var, 1), loop.count)
    order = {name: index for index, name in enumerate(graph.ops)}
    for p in mapping.placements:
        if p.memory not in mapping.capacities:
            raise UnknownName("memory", p.memory, mapping.capacities, where=f"placement of {p.tensor}")
        end = p.start + p.size + sum(step * (counts.get(var, 1) - 1) for var, step in p.strides.items())
        if p.start < 0 or end > mapping.capacities[p.memory]:
            raise DoesNotFit(
                f"{p.tensor} ends beyond {p.memory}",
                where=f"placement of {p.tensor}",
                need=end,
                have=mapping.capacities[p.memory],
                terms={p.tensor: p.size},
                try_="a larger memory or a smaller tile",
            )
    for i, a in enumerate(mapping.placements):
        for b in mapping.placements[i + 1 :]:
            if a.memory == b.memory and _alive_together(a, b, order) and overlap(a, b, counts):
                raise BadMapping(
                    f"{a.tensor} and {b.tensor} live at the same time and share bytes of {a.memory}",
                    where=f"placement of {b.tensor}",
                )


def _alive_together(a: Placement, b: Placement, order: dict[str, int]) -> bool:
    """Whether two lifetimes meet. Where one ends with the op that the other starts with, that op works in place."""
    if not a.live or not b.live:
        return True
    for p in (a, b):
        for op in p.live:
            if op not in order:
                raise UnknownName("op", op, order, where=f"lifetime of {p.tensor}")
    (a0, a1), (b0, b1) = ([order[op] for op in p.live] for p in (a, b))
    return a0 < b1 and b0 < a1 if a1 == b0 or b1 == a0 else a0 <= b1 and b0 <= a1


def check_order(mapping: Mapping, graph: Graph) -> None:
    """Every task of an op waits, directly or through others, for all tasks that produce what the op reads."""
    tasks = mapping.tasks()
    before: dict[str, set[str]] = {}
    last_on: dict[str, str] = {}
    for task, _ in mapping.walk():
        before[task.name] = {a.task for a in task.after}
        if task.unit in last_on:
            before[task.name].add(last_on[task.unit])
        last_on[task.unit] = task.name
    makers: dict[str, list[tuple[Task, tuple[Loop, ...]]]] = {}
    for task, loops in tasks.values():
        for tensor in graph.ops[task.op][0].outputs:
            makers.setdefault(tensor, []).append((task, loops))
    position = {name: index for index, name in enumerate(tasks)}
    reach = _closure(before, position)
    for task, around in tasks.values():
        op = graph.ops[task.op][0]
        if not task.tile:
            continue
        reached, inside = reach[task.name], {id(loop) for loop in around}
        for tensor in op.inputs:
            for maker, loops in makers.get(tensor, ()):
                at = position[maker.name]
                if maker.op == task.op or reached >> at & 1 or not _needed(maker, task):
                    continue
                if at < position[task.name] or any(id(loop) in inside for loop in loops):
                    raise BadMapping(
                        f"reads {tensor} but does not wait for {maker.name}, which produces it",
                        where=f"task {task.name}",
                        try_=f"add After({maker.name!r})",
                    )


def _needed(maker: Task, reader: Task) -> bool:
    """Tasks that write another tensor of the same op are no producers of this one."""
    return not maker.writes or not reader.reads or bool(set(maker.writes) & set(reader.reads))


def _closure(before: dict[str, set[str]], position: dict[str, int]) -> dict[str, int]:
    """Task -> what it waits for, directly or through others, as a bit for each position."""
    reach = {name: sum(1 << position[other] for other in others) for name, others in before.items()}
    changed = True
    while changed:  # programs wait for earlier tasks but for some at a loop's end, so a few rounds suffice
        changed = False
        for name, others in before.items():
            found = reach[name]
            for other in others:
                found |= reach[other]
            changed |= found != reach[name]
            reach[name] = found
    return reach
