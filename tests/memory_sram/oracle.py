"""The banks of a scratchpad once more, as plainly as possible: lists, one cycle after the other."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsim.memory.requests import Given
from archsim.memory.sram import Sram


@dataclass
class Told:
    """What the plain scratchpad did."""

    cycles: int = 0
    latencies: list[int] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    """Requests in the order of their access."""
    accesses: list[list[int]] = field(default_factory=list)
    """Per bank the cycles of its accesses."""
    reads: list[int] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)


def told(device: Sram, stream: Given) -> Told:
    """Run a stream, every cycle of it."""
    banks = range(device.banks)
    found = Told(accesses=[[] for _ in banks], reads=[0 for _ in banks], writes=[0 for _ in banks])
    waiting: list[list[tuple[int, int, bool]]] = [[] for _ in banks]
    offered, now = list(range(len(stream))), 0
    while offered or any(waiting):
        taken = 0
        while offered and taken < device.taken and stream.arrivals[offered[0]] <= now:
            bank = device.addresses.decode(int(stream.addresses[offered[0]]))["ba"]
            if len(waiting[bank]) == device.queue:
                break
            number = offered.pop(0)
            waiting[bank].append((number, now, bool(stream.is_write[number])))
            taken += 1
        for bank in banks:
            _serve(device, found, bank, waiting[bank], now)
        now += 1
    return found


def _serve(device: Sram, found: Told, bank: int, waiting: list[tuple[int, int, bool]], now: int) -> None:
    reads = writes = 0
    while waiting:
        number, since, write = waiting[0]
        ahead = (reads, writes + 1) if write else (reads + 1, writes)
        shared = max(0, ahead[0] - device.read_ports) + max(0, ahead[1] - device.write_ports)
        if shared > device.ports:
            return
        reads, writes = ahead
        waiting.pop(0)
        found.order.append(number)
        found.accesses[bank].append(now)
        found.reads[bank] += not write
        found.writes[bank] += write
        end = now + (1 if write else device.latency)
        found.cycles = max(found.cycles, end)
        if not write:
            found.latencies.append(end - since)
