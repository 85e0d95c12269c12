"""Whether the tiles of an op cut its iteration space into parts.

Sizes and addresses are affine in loop variables. So an inequality that holds in a loop's first and last iteration
holds in between, and volumes, which are products of affine terms, agree everywhere once they agree at more points
than their degree. A loop may leave gaps in a dim that merges several (rows of all heads); other tasks fill them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import cast

import numpy as np

from archsim.ir.affine import Affine
from archsim.ir.bad_mapping import BadMapping
from archsim.ir.comb import Comb
from archsim.ir.graph import Op, Repeat
from archsim.ir.mapping import Mapping, Range, Task


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


def _near(boxes: list[tuple[Task, dict[str, Comb]]], dims: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Pairs of boxes that no dim tells apart by where they begin and end; what is in between is not looked at."""
    starts = np.array([[box[dim].start for _, box in boxes] for dim in dims], dtype=np.int64)
    ends = np.array([[box[dim].end for _, box in boxes] for dim in dims], dtype=np.int64)
    for i in range(len(boxes) - 1):
        after = slice(i + 1, None)
        near = (starts[:, after] < ends[:, i, None]) & (starts[:, i, None] < ends[:, after])
        for k in np.flatnonzero(near.all(axis=0)).tolist():
            yield i, i + 1 + k


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
    for i, k in _near(boxes, tuple(sizes)):
        (a, first), (b, second) = boxes[i], boxes[k]
        if all(first[dim].meets(second[dim]) for dim in sizes):
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
