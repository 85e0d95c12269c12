"""The flash controller: requests in, commands on the channel buses, statistics out.

Event by event: a bus that is free takes the next command of the dies that have one ready, the dies in turn. Channels
meet only where requests come in: they are taken in order, and the first one whose die has no room stops those behind.
"""

from __future__ import annotations

import time
from collections import Counter
from heapq import heappop, heappush
from typing import Any

import numpy as np

from archsim.memory.flash.commands import BY_NAME, Data, times
from archsim.memory.flash.device import Flash
from archsim.memory.flash.die import NEVER, Die, Step
from archsim.memory.flash.energy import energies
from archsim.memory.flash.parts import Part, parts
from archsim.memory.measured import Latencies, Measured
from archsim.memory.requests import Requests

Logged = tuple[int, int, int, str, tuple[int, int, int], int]
"""Start in ps, channel, die, command, (plane, block, page), bytes."""


class Channel:
    """A bus, its dies, and whose turn it is."""

    def __init__(self, device: Flash) -> None:
        at = times(device.timing.named)
        self.dies = [Die(device, at) for _ in range(device.dies)]
        self.offers: list[tuple[int, Step | None]] = [(NEVER, None)] * device.dies
        """Of each die the next command, and the first time at which the die takes it."""
        self.free = 0
        """Time from which the bus is free."""
        self.due = NEVER
        """Time of the next command."""
        self.turn = 0
        """The die that is asked first."""
        self.busy = 0
        """Picoseconds in which the bus was held."""

    def renew(self, die: int) -> None:
        """Look at a die that changed; `due` follows."""
        self.offers[die] = self.dies[die].offer()
        self.due = max(self.free, min(offer[0] for offer in self.offers))

    def choose(self, now: int) -> int:
        """The next die in turn whose command may begin now."""
        count = len(self.dies)
        return next(d % count for d in range(self.turn, self.turn + count) if self.offers[d % count][0] <= now)


class Controller:
    """One run.

    Parameters
    ----------
    device
        The memory.
    requests
        What it is asked for.
    log
        Whether every command is recorded.
    """

    def __init__(self, device: Flash, requests: Requests, *, log: bool = False) -> None:
        self.device = device
        self.times = times(device.timing.named)
        self.channels = [Channel(device) for _ in range(device.channels)]
        self.counts: Counter[str] = Counter()
        """Commands by name."""
        self.log: list[Logged] = []
        self.data_ps = {Data.OUT: 0, Data.IN: 0}
        """Time of data on the buses, by direction."""
        self.accepted = np.zeros(len(requests), dtype=np.int64)
        """When each request was taken, in ps."""
        self.done = np.zeros(len(requests), dtype=np.int64)
        """When each was complete."""
        self.is_write = np.zeros(len(requests), dtype=np.bool_)
        self._logging = log
        self._offered = parts(device, requests)
        self._next: Part | None = next(self._offered, None)
        self._last = -1
        self._events: list[tuple[int, int]] = []

    def run(self) -> None:
        """Until the last request is complete."""
        self._accept(0)
        while self._events:
            now, which = heappop(self._events)
            if which < 0:
                self._accept(now)
                continue
            channel = self.channels[which]
            if channel.due == now:
                self._command(which, channel, now)

    def _command(self, which: int, channel: Channel, now: int) -> None:
        d = channel.choose(now)
        die, step = channel.dies[d], channel.offers[d][1]
        assert step is not None
        room, data = len(die.queue), BY_NAME[step.command].data
        moved = self.device.transfer(step.size) if data is not Data.NONE else 0
        end = now + self.times[step.command].hold + moved
        channel.free, channel.turn = end, d + 1
        channel.busy += end - now
        self.counts[step.command] += 1
        if moved:
            self.data_ps[data] += moved
        if self._logging:
            self.log.append((now, which, d, step.command, step.place, step.size))
        if step.part is not None:
            self._complete(step.part, end)
        elif step.command == "STATUS" and step.group is not None and step.group.command == "PROGRAM":
            for part in step.group.parts:
                self._complete(part, end)
        die.give(step, end)
        self._renew(which, d)
        if len(die.queue) < room:
            self._accept(now)

    def _complete(self, part: Part, end: int) -> None:
        self.done[part.request] = max(self.done[part.request], end)

    def _accept(self, now: int) -> None:
        """Take requests, until one comes later or finds no room."""
        touched: set[tuple[int, int]] = set()
        limit = self.device.policy.queue
        while (part := self._next) is not None:
            queue = self.channels[part.channel].dies[part.die].queue
            if part.arrival > now or len(queue) >= limit:
                if part.arrival > now:
                    heappush(self._events, (part.arrival, -1))
                break
            if part.request != self._last:
                self._last = part.request
                self.accepted[part.request], self.is_write[part.request] = now, part.write
            queue.append(part)
            touched.add((part.channel, part.die))
            self._next = next(self._offered, None)
        for c, d in sorted(touched):
            die = self.channels[c].dies[d]
            die.plan()
            # A die that had nothing to do could not have taken a command before.
            die.at = max(die.at, now)
            self._renew(c, d)

    def _renew(self, which: int, die: int) -> None:
        channel = self.channels[which]
        channel.renew(die)
        if channel.due < NEVER:
            heappush(self._events, (channel.due, which))


def simulate(device: Flash, requests: Requests) -> Measured:
    """Answer requests, from dies that are idle and erased until the last request is complete."""
    start = time.process_time()
    controller = Controller(device, requests)
    controller.run()
    return measured(controller, time.process_time() - start)


def measured(run: Controller, spent: float) -> Measured:
    """The statistics of a finished run."""
    device, tck, counts = run.device, int(run.device.tck), run.counts
    dies = [die for channel in run.channels for die in channel.dies]
    end = int(run.done.max()) if len(run.done) else 0
    taken = -(-(run.done - run.accepted) // tck)
    sensed = counts["READ"] + counts["CACHE_READ"] + counts["READ_PLANE"]
    programmed = counts["PROGRAM"] + counts["CACHE_PROGRAM"] + counts["LOAD_PLANE"]
    erased = counts["ERASE"] + counts["ERASE_PLANE"]
    write = Latencies.of(taken[run.is_write])
    busy = [channel.busy / end if end else 0.0 for channel in run.channels]
    detail: dict[str, Any] = {
        "commands": {name: counts[name] for name in BY_NAME},
        "pages_read": sensed,
        "pages_programmed": programmed,
        "blocks_erased": erased,
        "bus_busy": sum(busy) / len(busy),
        "array_peak_gbps": device.array_peak / 1e9,
        "avg_write_latency_cycles": write.mean,
    }
    return Measured(
        device,
        -(-end // tck),
        tck,
        len(run.done),
        sensed,
        programmed,
        Latencies.of(taken[~run.is_write]),
        energies(device, (sensed, programmed, erased), run.data_ps, end),
        units={
            "channel busy ps": tuple(channel.busy for channel in run.channels),
            "die pages read": tuple(die.pages_read for die in dies),
            "die pages programmed": tuple(die.pages_programmed for die in dies),
        },
        events={"row_hits": sum(die.page_hits for die in dies)},
        detail=detail,
        cpu_seconds=spent,
    )
