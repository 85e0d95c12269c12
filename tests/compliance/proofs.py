"""What a mapping promises, proved by brute force: every point, every byte, every instance in its order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from zlib import crc32

import numpy as np

from archsim.ir.block import Block
from archsim.ir.capability import OpUnit, PimBanks, SpatialArrays, VectorUnit
from archsim.ir.component import Design
from archsim.ir.graph import Graph, Op
from archsim.ir.mapping import Mapping as Program
from archsim.ir.mapping import Placement, Task, walk
from archsim.ir.queue import queue_of
from tests.sim.reference import instances, meaning
from tests.sim.synthetic import Lone, Walked

SALTS = range(3)
"""Sets of odd times under which order and lifetimes are tried."""


def covers_every_point_once(program: Program, graph: Graph) -> None:
    """Paint the iteration space of every op, in every iteration of the loops around it, tile by tile."""
    painted: dict[tuple[str, tuple[int, ...]], np.ndarray] = {}
    for task, env in instances(program.body, {}):
        if not task.tile:
            continue
        op, around = graph.ops[task.op]
        outer = {r.var: env[r.var] for r in around}
        size = op.extents(outer)
        key = (op.name, tuple(outer.values()))
        canvas = painted.setdefault(key, np.zeros(tuple(size.values()), dtype=np.int64))
        ends = {dim: (int(r.start.at(env)), int(r.stop.at(env))) for dim, r in task.tile.items()}
        assert all(0 <= a < b <= size[dim] for dim, (a, b) in ends.items()), f"{task.name}: {ends} in {size}"
        canvas[tuple(slice(*ends[dim]) for dim in size)] += 1
    for op, around in graph.walk():
        for point in product(*(range(r.count) for r in around)):
            assert (op.name, point) in painted, f"{op.name} at {point} is not computed"
            _once(painted[op.name, point], op, graph)


def _once(canvas: np.ndarray, op: Op, graph: Graph) -> None:
    assert canvas.max() == 1, f"{op.name}: a part is computed {canvas.max()} times"
    if not op.causal or canvas.min() == 1:
        assert canvas.min() == 1, f"{op.name}: a part is not computed"
        return
    names = list(op.dims)
    if op.kind == "softmax":  # rows are those of (b, h, q), or position by position
        scores = next(o for o, _ in graph.walk() if op.inputs[0] in o.outputs)
        q, rows = scores.dims["q"].base, np.arange(canvas.shape[0])
        missing = [
            ((canvas == 0) & _seen(order, q, canvas.shape[1])).any() for order in (rows % q, rows // (len(rows) // q))
        ]
        assert not all(missing), f"{op.name}: less than the causal staircase"
        return
    canvas = np.moveaxis(canvas, (names.index("q"), names.index("t")), (-2, -1))
    q, keys = canvas.shape[-2:]
    assert not ((canvas == 0) & _seen(np.arange(q), q, keys)).any(), f"{op.name}: less than the causal staircase"


def _seen(query: np.ndarray, queries: int, keys: int) -> np.ndarray:
    """Whether the n-th query of its head sees each key."""
    return np.arange(keys) < keys - queries + 1 + query[:, None]


def fits_every_memory(program: Program, design: Design) -> None:
    """Capacities are the machine's own; every copy of every placement lies inside, and lasting ones share no byte."""
    real: dict[str, int] = {}
    for unit in design.capabilities():
        if isinstance(unit, PimBanks):
            real[unit.unit] = unit.rows * unit.row_bytes
        elif isinstance(unit, VectorUnit):
            real[unit.sram] = unit.sram_bytes
        elif isinstance(unit, SpatialArrays):
            real["buffer"] = unit.buffer_bytes
        else:
            assert isinstance(unit, OpUnit)
            if unit.memory:
                real[unit.memory] = unit.memory_bytes
    assert dict(program.capacities) == {name: real[name] for name in program.capacities}
    counts = {loop.var: loop.count for _, loops in program.walk() for loop in loops}
    taken: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for place in program.placements:
        for start in copies(place, counts):
            assert 0 <= start <= start + place.size <= program.capacities[place.memory], place
            if not place.live:
                taken[place.memory].append((start, start + place.size, place.tensor))
    for ranges in taken.values():
        ranges.sort()
        for (_, end, first), (start, _, second) in pairwise(ranges):
            assert end <= start, f"{first} and {second} share bytes"


def copies(place: Placement, counts: Mapping[str, int]) -> Iterator[int]:
    """Start of every copy of a placement."""
    steps = [[i * step for i in range(counts.get(var, 1))] for var, step in place.strides.items()]
    for offsets in product(*steps):
        yield place.start + sum(offsets)


@dataclass
class Odd(Lone):
    """A unit that takes any time for any kernel, the same for the same arguments."""

    name: str = "odd"
    salt: int = 0

    def walk(self, kernel: str, args: Mapping[str, int], state: tuple[int, ...], idle: int, due: int | None) -> Walked:
        time = crc32(f"{self.salt} {kernel} {sorted(args.items())}".encode()) % 97
        return Walked(time, time, counters={"t_work": time})


@dataclass
class Run:
    """One instance as it ran."""

    task: Task
    start: int
    done: int


def timed(program: Program, salt: int) -> list[Run]:
    """All instances in program order, on units that take odd times."""
    blocks: dict[str, Block] = {unit: Odd(unit, salt + i) for i, unit in enumerate(sorted(_units(program)))}
    spans = meaning(program.body, blocks).starts
    tasks = (task for task, _ in instances(program.body, {}))
    return [Run(task, start, done) for task, (_, start, done) in zip(tasks, spans, strict=True)]


def _units(program: Program) -> set[str]:
    return {task.unit for task, _ in walk(program.body, ())}


def waits_for_its_producers(program: Program, salt: int) -> None:
    """Whatever times the units take, nothing is read before the latest task that wrote it is done.

    Of a queue, each kind of reader takes entry after entry.
    """
    latest: dict[str, dict[str, Run]] = defaultdict(dict)
    entries: dict[str, list[Run]] = defaultdict(list)
    taken = Counter[tuple[str, str, tuple[str, ...]]]()
    for run in timed(program, salt):
        for tensor in run.task.reads:
            writers = [*latest[tensor].values()]
            if (queue := queue_of(tensor)) is not None:
                kind = (tensor, run.task.op, run.task.writes)
                number = taken[kind] - queue.held
                taken[kind] += 1
                assert number < len(entries[tensor]), f"{run.task.name} finds nothing in {tensor}"
                writers = entries[tensor][number : number + 1] if number >= 0 else []
            for writer in writers:
                assert writer.done <= run.start, f"{run.task.name} reads {tensor} before {writer.task.name} is done"
        for tensor in run.task.writes:
            entries[tensor].append(run)
            if queue_of(tensor) is None:
                latest[tensor][run.task.name] = run


def keeps_what_is_still_needed(program: Program, salt: int) -> None:
    """Whatever times the units take, nothing writes over a vector while it is made or until its last use."""
    places = {p.tensor: p for p in program.placements if p.live}
    runs = timed(program, salt)
    written: dict[str, int] = {}
    for index, run in enumerate(runs):
        for tensor in run.task.reads:
            if tensor in places and tensor in written:
                made = runs[written[tensor]]
                _untouched(tensor, made, run, runs, places)
        for tensor in run.task.writes:
            written[tensor] = index


def _untouched(tensor: str, made: Run, used: Run, runs: list[Run], places: Mapping[str, Placement]) -> None:
    mine = places[tensor]
    for other in runs:
        if other is made or other.task is used.task or other.done <= made.start or other.start >= used.done:
            continue
        for name in other.task.writes:
            place = places.get(name)
            another_part = name == tensor and other.task.op == made.task.op  # of a sequence of its own
            if place is None or place.memory != mine.memory or another_part:
                continue
            apart = place.start + place.size <= mine.start or mine.start + mine.size <= place.start
            assert apart, f"{other.task.name} writes {name} over {tensor}, which {used.task.name} still reads"
