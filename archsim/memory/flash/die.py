"""What one die does next: groups of pages from its queue, and the commands that read, program or erase them.

A die answers its queue in order. It always has at most one offer for the bus: the next command, and when it may begin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

from archsim.core.errors import BadInput
from archsim.memory.flash.commands import BY_NAME, ERASES, PROGRAMS, READS, Rule, Times
from archsim.memory.flash.device import Flash
from archsim.memory.flash.parts import Part

NEVER = 1 << 62


class Group(NamedTuple):
    """Parts that share one operation of the array: one page number, each plane at most once."""

    command: str
    """READ, PROGRAM or ERASE."""
    parts: tuple[Part, ...]
    """Parts of one page follow each other to the bus, but its plane works once."""
    planes: tuple[tuple[int, int, int], ...]
    """Plane, block and page of each plane at work."""


class Step(NamedTuple):
    """One command still to be given."""

    command: str
    place: tuple[int, int, int]
    size: int
    """Bytes of data."""
    group: Group | None
    """The group whose parts are complete with it."""
    part: Part | None
    """The part that is complete with it."""


class Die:
    """Queue, registers and array of one die, as its controller keeps them.

    Parameters
    ----------
    device
        The memory.
    times
        Every command with its times.
    """

    def __init__(self, device: Flash, times: Mapping[str, Times]) -> None:
        self.device, self.times = device, times
        self.queue: deque[Part] = deque()
        self.steps: deque[Step] = deque()
        self.next: Group | None = None
        """The group that `steps` begin, while none of them was given."""
        self.at = 0
        """Time from which the die takes the first of `steps`."""
        self.array = 0
        """Time from which the array is idle."""
        self.sensed: Group | None = None
        """Read, and not yet on its way out."""
        self.chained = False
        """Whether `sensed` was begun by a cache read, so that it has to be passed on."""
        self.owed: deque[tuple[int, Group]] = deque()
        """Programs and erases whose status is to be asked for, and from when."""
        self.programmed: dict[tuple[int, int], int] = {}
        """Plane and block -> pages programmed since the last erase."""
        self.page_hits = 0
        """Parts that were read from a page that another part had brought."""
        self.pages_read = self.pages_programmed = 0
        """Pages that the planes sensed and wrote."""

    def offer(self) -> tuple[int, Step | None]:
        """The next command, and the first time at which the die takes it."""
        ready, step = (self.at, self.steps[0]) if self.steps else (NEVER, None)
        if self.owed and self.owed[0][0] <= ready:
            at, group = self.owed[0]
            return at, Step("STATUS", (0, 0, 0), 0, group, None)
        return ready, step

    def plan(self) -> None:
        """Choose commands anew; once the first of them is given, the others follow."""
        if self.steps and self.next is None:
            return
        group = self.next = self._group()
        self.steps.clear()
        if self.sensed is not None:
            if group is not None and group.command == "READ" and self.device.policy.cache:
                self._name("READ_PLANE", "CACHE_READ", group)
            else:
                self.next = None
                if self.chained:
                    self.steps.append(Step("CACHE_END", (0, 0, 0), 0, None, None))
                else:
                    self._out()
        elif group is not None and group.command == "PROGRAM":
            more = len(self.queue) > len(group.parts) and self.queue[len(group.parts)].write
            self._name("LOAD_PLANE", "CACHE_PROGRAM" if more and self.device.policy.cache else "PROGRAM", group)
        elif group is not None:
            self.at = max(self.at, self.array)
            self._name(f"{group.command}_PLANE", group.command, group)

    def give(self, step: Step, end: int) -> None:
        """Keep the books of a command that leaves the bus at `end`."""
        name = step.command
        if self.owed and name == "STATUS" and step.group is self.owed[0][1]:
            self.owed.popleft()
            return
        if self.next is not None:
            self._take(self.next)
        self.steps.popleft()
        ready, array, works = self.times[name].ready, self.times[name].array, BY_NAME[name].works
        start = max(end, self.array) if works else end
        self.at, self.array = start + ready, start + array if works else self.array
        if name in PROGRAMS or name in ERASES:
            assert step.group is not None
            self._written(step.group)
        elif name in READS or name == "CACHE_END":
            passed, self.sensed, self.chained = self.sensed, step.group, name == "CACHE_READ"
            if passed is not None:
                self._out(passed)
        if not self.steps:
            self.plan()

    def _take(self, group: Group) -> None:
        self.next = None
        if group.command == "READ":
            self.pages_read += len(group.planes)
        if group.command != "ERASE":
            self.page_hits += len(group.parts) - len(group.planes)
            for _ in group.parts:
                self.queue.popleft()

    def _written(self, group: Group) -> None:
        self.owed.append((self.array, group))
        self.pages_programmed += len(group.planes) if group.command == "PROGRAM" else 0
        for plane, block, page in group.planes:
            self.programmed[plane, block] = 0 if group.command == "ERASE" else page + 1

    def _name(self, prefix: str, last: str, group: Group) -> None:
        size = int(self.device.page) if group.command == "PROGRAM" else 0
        self.steps.extend(Step(prefix, place, size, None, None) for place in group.planes[:-1])
        self.steps.append(Step(last, group.planes[-1], size, group, None))

    def _out(self, group: Group | None = None) -> None:
        """Move pages out: those passed on, or else those that were sensed."""
        if group is None:
            group, self.sensed = self.sensed, None
        assert group is not None
        self.steps.append(Step("STATUS", (0, 0, 0), 0, None, None))
        self.steps.extend(Step("DATA_OUT", part.place, part.size, None, part) for part in group.parts)

    def _group(self) -> Group | None:
        """The parts at the head of the queue that one operation can serve."""
        if not self.queue:
            return None
        head = self.queue[0]
        command = self._write_needs(head) if head.write else "READ"
        taken, places = [head], {head.plane: head.place}
        for part in islice(self.queue, 1, None):
            seen = places.get(part.plane)
            again = seen == part.place and not part.write
            joins = seen is None and self.device.policy.multi_plane and part.page == head.page
            if part.write != head.write or not (again or joins):
                break
            if part.write and self._write_needs(part) != command:
                break
            taken.append(part)
            places.setdefault(part.plane, part.place)
        return Group(command, tuple(taken), tuple(places.values()))

    def _write_needs(self, part: Part) -> str:
        """PROGRAM, or ERASE where the block has to be emptied first."""
        done = self.programmed.get((part.plane, part.block), 0)
        if part.page == done:
            return "PROGRAM"
        if part.page == 0 and self.device.policy.erase:
            return "ERASE"
        where = f"channel {part.channel}, die {part.die}, plane {part.plane}, block {part.block}"
        right = f"next to be programmed there is page {done} of {self.device.pages}"
        what = f"write {part.request} to page {part.page} of {where} breaks: "
        raise BadInput(
            what + (Rule.ERASED if part.page < done else Rule.ORDER),
            right=right + (", or page 0 once the block is erased (policy.erase)" if done else ""),
            try_=("write each block from its first page on", "an address map with pa above ch, di and pl"),
        )
