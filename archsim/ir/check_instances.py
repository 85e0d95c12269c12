"""Whether instances read what they should, whatever time everything takes: the same task means another one each time.

Loops are cut to a few iterations, since what happens between neighbours repeats: a wait reaches back by its distance,
and addresses and sizes that move with a loop do so by equal steps.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.check_queues import Queues
from archsim.ir.check_rows import Rows
from archsim.ir.graph import Graph, Item, Op
from archsim.ir.mapping import Mapping as Program
from archsim.ir.mapping import Placement, instances
from archsim.ir.overlap import overlap
from archsim.ir.queue import queue_of
from archsim.ir.unrolled import Instance, shortened, size, unrolled

ROUNDS = 3
"""Iterations of every loop, and more where waits reach further back: the first, one between two others, the last."""
MOST = 20_000
"""Instances that are looked at: of a larger program, loops that are cut shorter, and then its beginning."""
Made = tuple[str, tuple[int, ...]]
"""An op and the graph's loop variables around it: one execution of it."""


def check_instances(mapping: Program, graph: Graph, element_bytes: Mapping[str, int] | None = None) -> None:
    """Raise `BadMapping` where an instance may start before, or after, what it reads was there.

    `element_bytes`: memory -> bytes of an element, where they are not the tensor's own.
    """
    reach = max((wait.distance for task, _ in mapping.walk() for wait in task.after), default=0)
    rounds = max(ROUNDS, reach + 2)
    while rounds > reach + 1 and size(mapping.body, rounds) > MOST:
        rounds -= 1
    counts = shortened(mapping.body, rounds)
    rows = Rows(graph, mapping, counts, element_bytes or {})
    Checker(mapping, graph, unrolled(mapping.body, counts, most=MOST), counts, rows).check()


@dataclass
class Checker:
    """Walks the instances in program order and keeps what was written when."""

    mapping: Program
    graph: Graph
    instances: list[Instance]
    counts: Mapping[str, int]
    rows: Rows
    _writers: dict[str, list[Instance]] = field(default_factory=lambda: defaultdict(list))
    """Tensor -> the instances that write it, in program order."""

    def __post_init__(self) -> None:
        self.placed = {place.tensor for place in self.mapping.placements}

    def check(self) -> None:
        """Raise unless every instance reads what the graph says, complete and whole."""
        expected = dict(_sources(self.graph, self.counts))
        latest: dict[str, dict[str, Instance]] = defaultdict(dict)
        plain = {task.name: (_plain(task.reads), _plain(task.writes)) for task, _ in self.mapping.walk()}
        for instance in self.instances:
            for tensor in plain[instance.task.name][1]:
                self._writers[tensor].append(instance)
        reads: list[tuple[str, Instance, Instance]] = []
        queues = Queues(self.placed)
        for instance in self.instances:
            found, written = plain[instance.task.name]
            for tensor in found:
                for writer in latest[tensor].values():
                    _complete(tensor, writer, instance)
                makers = self.rows.found(tensor, instance)
                self._check_found(tensor, makers, instance, expected)
                reads.extend((tensor, maker, instance) for maker in makers)
            queues.pass_by(instance)
            for tensor in written:
                latest[tensor][instance.task.name] = instance
                self.rows.write(tensor, instance)
        if len(self.instances) == instances(self.mapping.body):
            queues.finish()
        lifetimes = _Lifetimes(self.mapping, self._writers, self.counts, self.graph.tensors, self.rows)
        lifetimes.check_operands()
        for tensor, made, used in reads:  # last, since a wait that is missing shows best where it is missing
            lifetimes.check(tensor, made, used)

    def _check_found(
        self, tensor: str, makers: Sequence[Instance], reader: Instance, expected: Mapping[tuple[Made, str], Made]
    ) -> None:
        """What lies in a tensor, or in a part of it, is what the graph has there; and something lies there."""
        of = self.rows.base(tensor)
        placed = tensor in self.placed
        if of != tensor and not placed:  # what a link brought: `check_units`
            return
        source = expected.get((self._made(reader), of))
        if source is None:
            empty = not makers and placed and tensor not in self.graph.tensors and tensor not in reader.task.writes
            if empty:
                raise _empty(tensor, reader)
            return
        for maker in makers or (None,):
            fetched = of != tensor and maker and expected.get((self._made(maker), of)) == source
            if not fetched:  # from the tensor that the same op wrote, by another one of its readers
                self._current(tensor, maker, reader, source)

    def _made(self, instance: Instance) -> Made:
        op, around = self.graph.ops[instance.task.op]
        return op.name, tuple(instance.env.get(repeat.var, 0) for repeat in around)

    def _current(self, tensor: str, found: Instance | None, reader: Instance, source: Made) -> None:
        """What a reader finds was written by the op that the graph has before it, in the same iteration."""
        if found is not None and (found.task.op == reader.task.op or self._made(found) == source):
            return
        has = f"what {found.task.name}{found.at} wrote" if found else "nothing"
        raise BadMapping(
            f"finds {has} in {tensor}{reader.at}, where {source[0]} comes before it",
            where=f"task {reader.task.name}",
            right="tasks stand in an order that the graph's ops allow",
            try_=f"{reader.task.name} behind the tasks of {source[0]}",
        )


@dataclass
class _Lifetimes:
    """Whether what shares bytes with a tensor keeps away while it is needed."""

    mapping: Program
    writers: Mapping[str, list[Instance]]
    counts: Mapping[str, int]
    tensors: Collection[str]
    """Names of the graph's."""
    rows: Rows

    def __post_init__(self) -> None:
        placed: dict[str, Placement] = {place.tensor: place for place in self.mapping.placements if place.live}
        self.placed = placed
        self.rivals: dict[str, list[str]] = {}
        for name, mine in placed.items():
            written = (
                other for other in placed.values() if other.memory == mine.memory and other.tensor in self.writers
            )
            self.rivals[name] = [
                other.tensor for other in written if other is mine or overlap(mine, other, self.counts)
            ]

    def check_operands(self) -> None:
        """Tensors that one task reads lie apart."""
        for task, _ in self.mapping.walk():
            for tensor in task.reads:
                shared = [name for name in self.rivals.get(tensor, ()) if name != tensor and name in task.reads]
                if shared and task.tile:
                    raise BadMapping(
                        f"reads {tensor} and {shared[0]}, which share bytes",
                        where=f"task {task.name}",
                        right="operands of one task lie apart",
                        try_=f"another start for one of them: {self._lie(tensor, shared[0])}",
                    )

    def check(self, tensor: str, made: Instance, used: Instance) -> None:
        """Nothing writes where the tensor lies from when it is made until it is used.

        What a task finds of its own last time, as a load of the next part does, it does not use.
        """
        if made.task is used.task:
            return
        for name in self.rivals.get(tensor, ()):
            for other in self.writers[name]:
                own = name == tensor and self.rows.has_rows(tensor)
                if other is made or other.task is used.task or (own and other.task.op == made.task.op):
                    continue
                if not (made.follows(other) or other.follows(used) or (own and self.rows.apart(name, other, used))):
                    raise BadMapping(
                        f"{other.task.name}{other.at} may write {name} over {tensor}, which "
                        f"{used.task.name}{used.at} still reads from {made.task.name}",
                        where=f"placement of {tensor}",
                        right=f"{name} and {tensor} lie apart, or {other.task.name} waits for {used.task.name}",
                        try_=(
                            f"add After({used.task.name!r}) to {other.task.name}",
                            f"move one: {self._lie(name, tensor)}",
                        ),
                    )

    def _lie(self, *names: str) -> str:
        """Where tensors lie, in bytes."""
        places = {name: self.placed[name] for name in names}
        return " and ".join(f"{n} {p.memory} {p.start}:{p.start + p.size}" for n, p in places.items())


def _empty(name: str, reader: Instance) -> BadMapping:
    return BadMapping(
        f"reads {name}{reader.at}, into which nothing was written before",
        where=f"task {reader.task.name}",
        right="what is no tensor of the graph is written before it is read",
        try_=f"{reader.task.name} behind the task that writes {name}",
    )


def _plain(names: Sequence[str]) -> tuple[str, ...]:
    """Those that are no queues."""
    return tuple(name for name in dict.fromkeys(names) if queue_of(name) is None)


def _complete(tensor: str, writer: Instance, reader: Instance) -> None:
    if not reader.follows(writer):
        raise BadMapping(
            f"reads {tensor}{reader.at} but does not wait until {writer.task.name}{writer.at} has written it",
            where=f"task {reader.task.name}",
            try_=f"add After({writer.task.name!r})",
        )


def _sources(graph: Graph, counts: Mapping[str, int]) -> Iterator[tuple[tuple[Made, str], Made]]:
    """(execution of an op, tensor it reads) -> the execution that wrote it last, by the order of the graph."""
    newest: dict[str, Made] = {}
    for op, values in _executions(graph.items, (), counts):
        made = (op.name, values)
        for tensor in op.inputs:
            if tensor in newest:
                yield (made, tensor), newest[tensor]
        newest.update(dict.fromkeys(op.outputs, made))


def _executions(
    items: tuple[Item, ...], values: tuple[int, ...], counts: Mapping[str, int]
) -> Iterator[tuple[Op, tuple[int, ...]]]:
    for item in items:
        if isinstance(item, Op):
            yield item, values
        else:
            for i in range(min(item.count, counts.get(item.var, item.count))):
                yield from _executions(item.body, (*values, i), counts)
