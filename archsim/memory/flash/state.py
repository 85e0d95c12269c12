"""The dies of one flash channel, plainly: `probe` asks whether a command is legal, `issue` does it.

The controller keeps books of its own; its log is replayed here, so that one checks the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from archsim.core.errors import BadInput
from archsim.memory.flash.commands import BY_NAME, ERASES, PROGRAMS, READS, Data, FlashCommand, Rule, times
from archsim.memory.flash.device import Flash

Page = tuple[int, int, int]
"""Plane, block in it, page in that."""

PASSES_ON = ("CACHE_READ", "CACHE_END")


@dataclass(frozen=True, slots=True)
class FlashRefusal:
    """Why a command is illegal now: the rule, and the first time (ps) at which waiting helps; -1 where it does not."""

    rule: Rule
    earliest: int = -1


@dataclass
class DieState:
    """Registers, array and blocks of one die."""

    ready: int = 0
    """Time from which the die takes commands."""
    array: int = 0
    """Time from which the array is idle."""
    named: list[Page] = field(default_factory=list)
    """What a multi-plane command has named so far."""
    waits_for: tuple[str, ...] = ()
    """The commands that may follow what is named."""
    sensed: list[Page] = field(default_factory=list)
    cached: list[Page] = field(default_factory=list)
    unread: set[Page] = field(default_factory=set)
    """Pages in the cache registers of which nothing was moved out yet."""
    programmed: dict[tuple[int, int], int] = field(default_factory=dict)
    """Plane and block -> pages programmed since the last erase."""


class FlashState:
    """One channel. All blocks are erased at first; times are in ps and never go back.

    Parameters
    ----------
    device
        The memory.
    """

    def __init__(self, device: Flash) -> None:
        self.device = device
        self.dies = [DieState() for _ in range(device.dies)]
        self.bus = 0
        """Time from which the bus is free."""
        self._times = times(device.timing.named)

    def probe(self, name: str, die: int, page: Page, time: int) -> FlashRefusal | None:
        """None if the command may begin at this time, else the first rule that forbids it."""
        return next(self._refusals(BY_NAME[name], die, page, time), None)

    def issue(self, name: str, die: int, page: Page, time: int, size: int | None = None) -> int:
        """Do a command; when it leaves the bus.

        Parameters
        ----------
        name
            The command.
        die
            Die of the channel.
        page
            Plane, block and page; CACHE_END and STATUS look at none of it.
        time
            When it begins, in ps.
        size
            Bytes of data, where it has any; a whole page unless given.

        Raises
        ------
        BadInput
            The command is illegal now; names the rule.
        """
        if (refusal := self.probe(name, die, page, time)) is not None:
            plane, block, number = page
            what = (
                f"{name} to die {die}, plane {plane}, block {block}, page {number} at {time} ps breaks: {refusal.rule}"
            )
            raise BadInput(what, right=f"legal from {refusal.earliest} ps" if refusal.earliest >= 0 else "")
        command, own, at = BY_NAME[name], self.dies[die], self._times[name]
        data = int(self.device.page) if size is None else size
        self.bus = time + at.hold + (self.device.transfer(data) if command.data is not Data.NONE else 0)
        if command.then:
            own.named.append(page)
            own.waits_for = command.then
            own.ready = self.bus + at.ready
        elif name == "DATA_OUT":
            own.unread.discard(page)
        elif command.works:
            start = max(self.bus, own.array)
            own.ready, own.array = start + at.ready, start + at.array
            self._done(name, own, [*own.named, page])
            own.named, own.waits_for = [], ()
        return self.bus

    def _done(self, name: str, die: DieState, pages: list[Page]) -> None:
        if name in PASSES_ON:
            die.cached, die.unread = die.sensed, set(die.sensed)
            die.sensed = pages if name == "CACHE_READ" else []
        elif name in READS:
            die.sensed, die.cached, die.unread = pages, [], set()
        for plane, block, page in pages:
            if name in PROGRAMS:
                die.programmed[plane, block] = page + 1
            elif name in ERASES:
                die.programmed[plane, block] = 0

    def _refusals(self, command: FlashCommand, die: int, page: Page, time: int) -> Iterator[FlashRefusal]:
        if time < self.bus:
            yield FlashRefusal(Rule.BUS, self.bus)
        if command.name == "STATUS":
            return
        d, own = self.device, self.dies[die]
        limits = (d.planes, d.blocks, d.pages)
        if not all(0 <= part < limit for part, limit in zip(page, limits, strict=True)):
            yield FlashRefusal(Rule.OUTSIDE)
        if time < own.ready:
            yield FlashRefusal(Rule.READY, own.ready)
        if command.name in ("READ", "ERASE") and time < own.array:
            yield FlashRefusal(Rule.ARRAY, own.array)
        yield from self._unnamed(command, own, page)
        if command.name == "DATA_OUT" and page not in own.cached and (page not in own.sensed or time < own.array):
            yield FlashRefusal(Rule.FILLED, own.array if page in own.sensed else -1)
        if command.name in PASSES_ON:
            if not own.sensed:
                yield FlashRefusal(Rule.SENSED)
            if own.unread:
                yield FlashRefusal(Rule.EMPTIED)
        if command.data is Data.IN:
            done = own.programmed.get(page[:2], 0)
            if page[2] != done:
                yield FlashRefusal(Rule.ERASED if page[2] < done else Rule.ORDER)

    def _unnamed(self, command: FlashCommand, own: DieState, page: Page) -> Iterator[FlashRefusal]:
        """What the planes named before have against it."""
        if not own.named:
            return
        if command.name not in own.waits_for and command.then != own.waits_for:
            yield FlashRefusal(Rule.MIXED)
            return
        if page[0] in {plane for plane, _, _ in own.named}:
            yield FlashRefusal(Rule.PLANES)
        if command.name not in ERASES and command.then != ERASES and page[2] != own.named[0][2]:
            yield FlashRefusal(Rule.SAME_PAGE)
