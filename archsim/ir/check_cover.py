"""Whether the tiles of an op cut its iteration space into parts.

Sizes and addresses are affine in loop variables. So an inequality that holds in a loop's first and last iteration
holds in between, and volumes, which are products of affine terms, agree everywhere once they agree at more points
than their degree. A loop may leave gaps in a dim that merges several (rows of all heads); other tasks fill them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import cast

import numpy as np

from archsim.ir.affine import Affine
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.check_mask import Mask, unmasked
from archsim.ir.comb import Comb
from archsim.ir.graph import Graph, Op, Repeat
from archsim.ir.mapping import Mapping as Program
from archsim.ir.mapping import Range, Task


def check_cover(mapping: Program, op: Op, around: tuple[Repeat, ...], graph: Graph | None = None) -> None:
    """An op's tiles cut its iteration space into disjoint parts, in every iteration of the loops around it.

    A causal softmax finds its queries in the `graph`.
    """
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
        boxes.append((task, _sweep(task, op, own, extra, graph)))
    if not boxes:
        raise BadMapping("no task computes it", where=where)
    for env in _corners(around):
        _check_partition(op, env, [(task, _numbers(box, env)) for task, box in boxes], Mask.of(op, graph, env))


Teeth = tuple[tuple[int, int], ...]
"""(step, count) of every loop that leaves gaps, the inner ones first."""
Swept = dict[str, tuple[Range, Teeth]]
Boxes = Sequence[tuple[Task, Mapping[str, Comb]]]
"""Tasks with what they cover in one iteration of the loops around the op."""


def _sweep(task: Task, op: Op, counts: dict[str, int], extra: dict[str, int], graph: Graph | None) -> Swept:
    """The part of the op's space that a task covers over loops of its own: ranges, and how they are repeated."""
    where = f"task {task.name}"
    if set(task.tile) != set(op.dims):
        raise BadMapping(f"its tile has dims {sorted(task.tile)}, the op has {sorted(op.dims)}", where=where)
    box = unmasked(task, op, counts, extra, graph)
    teeth = dict.fromkeys(task.tile, cast(Teeth, ()))
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


def _within_turn(boxes: Boxes, dims: tuple[str, ...]) -> Boxes:
    """The same without repetitions that all boxes share and none reaches beyond: whether two meet shows in one turn."""
    for dim in dims:
        parts = [box[dim] for _, box in boxes]
        while (step := _common_step(parts)) and max(p.end for p in _once(parts)) - min(p.start for p in parts) <= step:
            parts = _once(parts)
        boxes = [(task, {**box, dim: part}) for (task, box), part in zip(boxes, parts, strict=True)]
    return boxes


def _common_step(parts: Sequence[Comb]) -> int:
    """The widest step where all combs have it, as often; else 0."""
    widest = {part.teeth[-1:] for part in parts}
    return widest.pop()[0][0] if len(widest) == 1 and parts[0].teeth else 0


def _once(parts: Sequence[Comb]) -> list[Comb]:
    return [Comb(part.start, part.stop, part.teeth[:-1]) for part in parts]


def _near(boxes: Boxes, dims: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Pairs of boxes that no dim tells apart by where they begin and end; what is in between is not looked at."""
    starts = np.array([[box[dim].start for _, box in boxes] for dim in dims], dtype=np.int64)
    ends = np.array([[box[dim].end for _, box in boxes] for dim in dims], dtype=np.int64)
    for i in range(len(boxes) - 1):
        after = slice(i + 1, None)
        near = (starts[:, after] < ends[:, i, None]) & (starts[:, i, None] < ends[:, after])
        for k in np.flatnonzero(near.all(axis=0)).tolist():
            yield i, i + 1 + k


def _check_partition(op: Op, env: dict[str, int], boxes: Boxes, mask: Mask | None) -> None:
    sizes, at = op.extents(env), "".join(f" at {k}={v}" for k, v in env.items())
    for task, box in boxes:
        for dim, part in box.items():
            if not (0 <= part.start < part.stop and part.end <= sizes[dim]):
                raise BadMapping(
                    f"{dim} {part.start}:{part.end} is not inside 0:{sizes[dim]}{at}",
                    where=f"task {task.name}",
                    right=f"tiles of {op.name} lie inside {_extents(sizes)}",
                    try_="other bounds of the tile, or another count of a loop around the task",
                )
    apart = _within_turn(boxes, tuple(sizes))
    for i, k in _near(apart, tuple(sizes)):
        (a, first), (b, second) = apart[i], apart[k]
        if all(first[dim].meets(second[dim]) for dim in sizes) and (mask is None or mask.shared(first, second)):
            raise BadMapping(
                f"tasks {a.name} and {b.name} compute the same part{at}: {_box(first)} and {_box(second)}",
                where=f"op {op.name}",
                right="every part of an op is computed once",
                try_=f"leave out {b.name}, or let its tile begin where that of {a.name} ends",
            )
    covered, total = sum(_volume(box) for _, box in boxes), prod(sizes.values())
    if covered != total and mask is not None:
        covered = sum(mask.visible(box) for _, box in boxes)
        total = mask.visible({dim: Comb(0, size) for dim, size in sizes.items()})
    if covered != total:
        raise BadMapping(
            f"its tasks cover {covered:,} of {total:,} points{at}",
            where=f"op {op.name}",
            right="\n".join(_gaps(boxes)) or f"tiles of {_names(boxes)} that fill {_extents(sizes)}",
            try_="another task for the rest, longer tiles, or more iterations of a loop around the tasks",
        )


def _gaps(boxes: Boxes) -> list[str]:
    """Loops whose tiles do not touch."""
    return [
        f"{task.name} moves {dim} by {part.teeth[0][0]}, but its tile is {part.stop - part.start} long"
        for task, box in boxes
        for dim, part in box.items()
        if part.teeth
    ]


def _volume(box: Mapping[str, Comb]) -> int:
    return prod(part.size for part in box.values())


def _names(boxes: Boxes) -> str:
    """The first few tasks."""
    names = [task.name for task, _ in boxes]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _box(box: Mapping[str, Comb]) -> str:
    return ", ".join(f"{dim} {part.start}:{part.end}" for dim, part in box.items())


def _extents(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{dim} 0:{size}" for dim, size in sizes.items())
