"""Whether what tasks hand on in queues is there when it is taken, and taken before it is written over."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from archsim.ir.bad_mapping import BadMapping
from archsim.ir.mapping import Task
from archsim.ir.queue import Queue, queue_of
from archsim.ir.unrolled import Instance

Kind = tuple[str, tuple[str, ...]]
"""The op of a reader and what it writes."""


@dataclass
class _Entries:
    """One queue."""

    queue: Queue
    placed: bool
    written: list[Instance] = field(default_factory=list)
    taken: dict[Kind, list[Instance]] = field(default_factory=dict)
    """Kind of reader -> who took the entries, one after the other."""


@dataclass(frozen=True)
class _Hands:
    """What the instances of a task take and put."""

    takes: tuple[tuple[_Entries, list[Instance]], ...]
    puts: tuple[_Entries, ...]


class Queues:
    """All queues of a program, while its instances pass in program order."""

    def __init__(self, placed: Collection[str]) -> None:
        self._placed = placed
        self._entries: dict[str, _Entries] = {}
        self._hands: dict[str, _Hands] = {}

    def pass_by(self, instance: Instance) -> None:
        """An instance takes what it reads, then puts what it writes; raise where a wait is missing."""
        hands = self._hands.get(instance.task.name) or self._new(instance.task)
        for entries, mine in hands.takes:
            _take(entries, mine, instance)
        for entries in hands.puts:
            entries.written.append(instance)
            if entries.placed:
                _overwrite(entries, instance)

    def finish(self) -> None:
        """The whole program has passed: raise where something was put that a kind of reader never took."""
        for name, entries in self._entries.items():
            for (op, _), readers in entries.taken.items():
                if len(readers) < len(entries.written):
                    last, put = entries.written[-1], len(entries.written)
                    raise BadMapping(
                        f"{put} entries were put into {name}, of which tasks of {op} take {len(readers)}",
                        where=f"task {last.task.name}",
                        right="who reads a queue stands behind who writes it, as often",
                        try_=f"another task of {op} that takes what {last.task.name}{last.at} puts there",
                    )

    def _new(self, task: Task) -> _Hands:
        kind = task.op, task.writes
        reads, writes = (
            [e for name in dict.fromkeys(names) if (e := self._of(name))] for names in (task.reads, task.writes)
        )
        found = _Hands(tuple((entries, entries.taken.setdefault(kind, [])) for entries in reads), tuple(writes))
        self._hands[task.name] = found
        return found

    def _of(self, name: str) -> _Entries | None:
        queue = queue_of(name)
        if queue is None:
            return None
        return self._entries.setdefault(name, _Entries(queue, queue.name in self._placed))


def _take(entries: _Entries, mine: list[Instance], reader: Instance) -> None:
    """A reader takes out the next entry of its kind."""
    number, written, name = len(mine) - entries.queue.held, entries.written, entries.queue.name
    mine.append(reader)
    if number >= len(written):
        raise BadMapping(
            f"takes entry {number + 1} out of {name}{reader.at}, into which {len(written)} were put before",
            where=f"task {reader.task.name}",
            right="who reads a queue stands behind who writes it, as often",
            try_="the task that writes it further up, or as many iterations of both",
        )
    if number >= 0 and not reader.follows(written[number]):
        writer = written[number]
        raise BadMapping(
            f"reads {name}{reader.at} but does not wait until {writer.task.name}{writer.at} has written it",
            where=f"task {reader.task.name}",
            try_=f"add After({writer.task.name!r})",
        )


def _overwrite(entries: _Entries, writer: Instance) -> None:
    """A writer takes the place of an entry that must not be needed any more."""
    over = len(entries.written) - 2
    if over < 0:
        return
    for readers in entries.taken.values():
        if over < len(readers) and not writer.follows(readers[over]):
            reader = readers[over]
            raise BadMapping(
                f"{writer.task.name}{writer.at} may write over what {reader.task.name}{reader.at} still reads",
                where=f"placement of {entries.queue.name}",
                right=f"room for {entries.queue.held + 1} of them at a time",
                try_=f"add After({reader.task.name!r}) to {writer.task.name}",
            )
