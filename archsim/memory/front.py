"""The front of the memory: makes or reads requests, accepts them, and runs all channels event by event.

`compiled` makes the machine code of all of it, kept on disk between processes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import FunctionType
from typing import Any

from archsim.memory import kernel, layout
from archsim.memory import layout as y
from archsim.memory.kernel import (
    blocked,
    choose,
    digest,
    due,
    finish,
    queued,
    reconsider,
    refresh,
    select,
    serve,
    survey,
)
from archsim.memory.layout import Setup, State


def address(s: State, p: Setup, i: int) -> int:
    """The byte address of request i; called once for each, in order."""
    form = p.stream[y.FORM]
    if form == y.GIVEN:
        return p.addresses[i]
    if form == y.AFFINE:
        return i * p.stream[y.STRIDE] % p.stream[y.CAPACITY]
    if form == y.UNIFORM:
        s.run[y.RANDOM] = s.run[y.RANDOM] * 6364136223846793005 + 1442695040888963407
        lines = p.stream[y.CAPACITY] >> p.stream[y.SHIFT]
        return ((s.run[y.RANDOM] >> 33) & 0x7FFFFFFF) % lines << p.stream[y.SHIFT]
    if i % 3 == 2:
        return (p.stream[y.CAPACITY] >> 1) + (i // 3 << p.stream[y.SHIFT])
    return i - i // 3 << p.stream[y.SHIFT]


def writes(p: Setup, i: int) -> bool:
    """Whether request i writes."""
    if p.stream[y.FORM] == y.GIVEN:
        return p.is_write[i] != 0
    return p.stream[y.FORM] == y.MIXED and i % 3 == 2


def field(p: Setup, line: int, which: int) -> int:
    """A part of a line number: channel, rank, bank group, bank or row."""
    return (line >> p.fields[which, 0]) & p.fields[which, 1]


def find(s: State, c: int, b: int, line: int, write: int) -> int:
    """The slot of an outstanding read or write of this line; -1 if there is none."""
    if s.filter[c, write, digest(line)] == 0:
        return -1
    slot = s.heads[c, write, b]
    while slot >= 0:
        if s.slots[c, slot, y.LINE] == line:
            return slot
        slot = s.slots[c, slot, y.LINK]
    for i in range(s.length[c, b]):
        slot = s.entries[c, b, i]
        if s.slots[c, slot, y.LINE] == line and s.keys[c, b, i] & 1 == write:
            return slot
    return -1


def accept(s: State, p: Setup, c: int, line: int, write: int, t: int) -> None:
    """Take a request in.

    A write is complete a cycle later, and so is a read of a line that waits to be written. A read of a line that is
    being read shares its burst, a write of a line that waits to be written replaces it.
    """
    b = field(p, line, 1) * p.sizes[y.PER_RANK] + field(p, line, 2) * p.sizes[y.PER_GROUP] + field(p, line, 3)
    pending = find(s, c, b, line, 1)
    s.counts[c, y.WRITES] += write
    if write == 1:
        s.run[y.LAST_DONE] = max(s.run[y.LAST_DONE], t + 1)
    else:
        s.run[y.OUTSTANDING] += 1
    if pending >= 0:
        s.counts[c, y.FORWARDED] += 1
        if write == 0:
            finish(s, c, t, t + 1)
        return
    if write == 0:
        pending = find(s, c, b, line, 0)
        if pending >= 0:
            twin = s.run[y.FREE_TWIN]
            s.run[y.FREE_TWIN] = s.twins[twin, 1]
            s.twins[twin, 0], s.twins[twin, 1] = t, s.slots[c, pending, y.TWIN]
            s.slots[c, pending, y.TWIN] = twin
            s.counts[c, y.MERGED] += 1
            return
    slot = s.free[c, s.free[c, 0]]
    s.free[c, 0] -= 1
    entry = s.slots[c, slot]
    entry[y.LINE], entry[y.KEY], entry[y.ADDED] = line, 2 * field(p, line, 4) + write, t
    entry[y.LINK] = entry[y.TWIN] = -1
    entry[y.NUMBER] = s.channel[c, y.SEQUENCE]
    s.channel[c, y.SEQUENCE] += 1
    s.filter[c, write, digest(line)] += 1
    if s.heads[c, write, b] < 0:
        s.heads[c, write, b] = slot
    else:
        s.slots[c, s.tails[c, write, b], y.LINK] = slot
    s.tails[c, write, b] = slot
    s.channel[c, y.READS_WAITING + write] += 1
    if s.length[c, b] < p.sizes[y.QUEUE] or s.channel[c, y.WRITES_WAITING] >= p.sizes[y.WRITE_BUFFER]:
        s.channel[c, y.MOVABLE] = 1
        s.channel[c, y.WAKE] = t


def eldest(s: State, p: Setup, c: int, write: int) -> int:
    """The bank of the first waiting request whose command queue has room; -1 if there is none."""
    best, first = -1, y.NEVER
    for b in range(p.sizes[y.BANKS]):
        slot = s.heads[c, write, b]
        if slot >= 0 and s.length[c, b] < p.sizes[y.QUEUE] and s.slots[c, slot, y.NUMBER] < first:
            best, first = b, s.slots[c, slot, y.NUMBER]
    return best


def move(s: State, p: Setup, c: int, t: int) -> int:
    """Move one request into the command queue of its bank; which bank, or -1 if none could.

    Reads go first until the write buffer is full, or holds more than DRAIN_ABOVE while nothing else is to do; then as
    many writes go as there were. A write waits for an older read of its line, which ends the drain.
    """
    n = s.channel[c, y.WRITES_WAITING]
    idle = s.channel[c, y.IN_QUEUES] == 0
    if s.channel[c, y.DRAINING] == 0 and (n >= p.sizes[y.WRITE_BUFFER] or (n > p.sizes[y.DRAIN_ABOVE] and idle)):
        s.channel[c, y.DRAINING] = n
    write = 1 if s.channel[c, y.DRAINING] > 0 else 0
    b = eldest(s, p, c, write)
    if b >= 0 and write == 1:
        if find(s, c, b, s.slots[c, s.heads[c, 1, b], y.LINE], 0) >= 0:
            s.channel[c, y.DRAINING] = write = 0
            b = eldest(s, p, c, 0)
        else:
            s.channel[c, y.DRAINING] -= 1
    if b < 0:
        return -1
    slot = s.heads[c, write, b]
    s.heads[c, write, b] = s.slots[c, slot, y.LINK]
    s.channel[c, y.READS_WAITING + write] -= 1
    s.keys[c, b, s.length[c, b]] = s.slots[c, slot, y.KEY]
    s.entries[c, b, s.length[c, b]] = slot
    s.length[c, b] += 1
    queued(s, c, t, 1)
    reconsider(s, p, c, b)
    return b


def command(s: State, p: Setup, c: int, t: int) -> None:
    """One cycle of the command buses: a refresh first, else the next bank in turn; on two buses a second one.

    The second turn is lost if it falls on a bank whose command needs the bus that is taken.
    """
    issued = y.NONE
    if s.channel[c, y.REFRESHES_DUE] > 0:
        issued = refresh(s, p, c, t)
    if issued == y.NONE:
        b = select(s, p, c, t)
        if b >= 0:
            issued = choose(s, p, c, b, t)
            serve(s, p, c, b, issued, t)
    if issued != y.NONE and p.sizes[y.TWO_BUSES] == 1:
        b = select(s, p, c, t)
        if b >= 0:
            second = choose(s, p, c, b, t)
            if is_column(second) != is_column(issued):
                serve(s, p, c, b, second, t)


def is_column(which: int) -> bool:
    """Whether a command goes over the column bus."""
    return y.RD <= which <= y.WRA


def tick(s: State, p: Setup, c: int, t: int) -> None:
    """Everything a channel does in one cycle; sets when it wakes next."""
    numbers = s.channel[c]
    if numbers[y.COMMAND_AT] <= t:
        while numbers[y.NEXT_REFRESH] <= t:
            numbers[y.REFRESHES_DUE] += p.sizes[y.REFRESH_AT_ONCE]
            numbers[y.NEXT_REFRESH] += p.sizes[y.REFRESH_EVERY]
            survey(s, p, c)
        if numbers[y.BUS_FREE] <= t:
            command(s, p, c, t)
        at = max(survey(s, p, c), t + 1, numbers[y.BUS_FREE])
        numbers[y.COMMAND_AT] = min(at, numbers[y.NEXT_REFRESH])
    wake = numbers[y.COMMAND_AT]
    if numbers[y.MOVABLE] == 1:
        b = move(s, p, c, t)
        if b < 0:
            numbers[y.MOVABLE] = 0
        else:
            if not blocked(s, p, c, b):
                s.when[c, b] = due(s, p, c, b)
                numbers[y.COMMAND_AT] = min(wake, max(s.when[c, b], t + 1, numbers[y.BUS_FREE]))
            wake = t + 1
    numbers[y.WAKE] = wake


def room(s: State, p: Setup, c: int, write: int) -> bool:
    """Whether a channel takes another request of this direction."""
    if s.run[y.FREE_TWIN] >= y.TWINS:
        return False
    return s.channel[c, y.READS_WAITING + write] < p.sizes[y.READ_QUEUE + write]


def simulate(s: State, p: Setup) -> int:
    """Run all requests. In order: the first one that its channel does not take stops the others behind it.

    Returns the cycles until the last one was complete.
    """
    t, count, channels = 0, p.stream[y.COUNT], p.sizes[y.CHANNELS]
    line = write = c = -1
    while True:
        while s.run[y.NEXT] < count:
            i = s.run[y.NEXT]
            if line < 0:
                line = address(s, p, i) >> p.stream[y.SHIFT]
                write = 1 if writes(p, i) else 0
                c = field(p, line, 0)
            if (p.arrivals.shape[0] > 0 and p.arrivals[i] > t) or not room(s, p, c, write):
                break
            accept(s, p, c, line, write, t)
            line = -1
            s.run[y.NEXT] += 1
        after = y.NEVER
        for one in range(channels):
            if s.channel[one, y.WAKE] <= t:
                tick(s, p, one, t)
            after = min(after, s.channel[one, y.WAKE])
        if s.run[y.NEXT] < count:
            if room(s, p, c, write):
                arrival = p.arrivals[s.run[y.NEXT]] if p.arrivals.shape[0] > 0 else 0
                after = min(after, max(arrival, t + 1))
        elif s.run[y.OUTSTANDING] == 0 and after > s.run[y.LAST_DONE]:
            break
        t = after
    end = s.run[y.LAST_DONE] + 1
    for one in range(channels):
        queued(s, one, end, 0)
        for rank in range(p.sizes[y.RANKS]):
            if s.opened[one, rank, 0] > 0:
                s.counts[one, y.ACTIVE] += end - s.opened[one, rank, 1]
    return end


@cache
def compiled() -> Callable[[State, Setup], int]:
    """`simulate` as machine code, from the disk where another process made it before.

    The functions are compiled in a namespace of their own, so that they stay plain Python where they are defined. The
    name carries a digest of all sources, since numba looks only at the file of the outermost function.
    """
    import numba

    sources = [Path(str(file)) for file in (layout.__file__, kernel.__file__, __file__)]
    tag = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    space: dict[str, Any] = {"y": y}
    for name, function in {**vars(kernel), **globals()}.items():
        if isinstance(function, FunctionType) and function.__module__ in (kernel.__name__, __name__):
            copy = FunctionType(function.__code__, space, name)
            copy.__module__ = __name__
            copy.__qualname__ = f"{name}_{tag}"
            outermost = name == simulate.__name__
            # No memory is allocated inside, so reference counts would only cost time.
            space[name] = numba.njit(copy, cache=outermost, forceinline=not outermost, _nrt=False)
    return space["simulate"]  # type: ignore[no-any-return]
