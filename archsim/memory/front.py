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
    form, lines, shift = p.stream[y.FORM], p.stream[y.CAPACITY] >> p.stream[y.SHIFT], p.stream[y.SHIFT]
    if form == y.GIVEN:
        found = p.addresses[i]
    elif form == y.AFFINE:
        found = i * p.stream[y.STRIDE] % p.stream[y.CAPACITY]
    elif form == y.UNIFORM:
        s.run[y.RANDOM] = s.run[y.RANDOM] * 6364136223846793005 + 1442695040888963407
        found = ((s.run[y.RANDOM] >> 33) & 0x7FFFFFFF) % lines << shift
    elif i % 3 == 2:
        found = (p.stream[y.CAPACITY] >> 1) + (i // 3 << shift)
    else:
        found = i - i // 3 << shift
    return int(found)


def writes(p: Setup, i: int) -> bool:
    """Whether request i writes."""
    if p.stream[y.FORM] == y.GIVEN:
        return bool(p.is_write[i] != 0)
    return bool(p.stream[y.FORM] == y.MIX and i % 3 == 2)


def field(m: Any, line: int, which: int) -> int:
    """A part of a line number: channel, rank, bank group, bank or row."""
    return int((line >> m[y.FIELDS + 2 * which]) & m[y.FIELDS + 2 * which + 1])


def find(m: Any, s: State, b: int, line: int, write: int) -> int:
    """The slot of an outstanding read or write of this line; -1 if there is none."""
    if m[y.FILTER + y.BUCKETS * write + digest(line)] == 0:
        return -1
    return search(m, s, b, line, write)


def search(m: Any, s: State, b: int, line: int, write: int) -> int:
    """As `find`, once the filter says that there may be one."""
    slot = m[y.HEADS + y.MOST_BANKS * write + b]
    while slot >= 0:
        if m[slot + y.LINE] == line:
            return int(slot)
        slot = m[slot + y.LINK]
    for i in range(m[y.LENGTH + b]):
        slot = m[m[y.ENTRIES + b] + 2 * i + 1]
        if m[slot + y.LINE] == line and m[slot + y.KEY] & 1 == write:
            return int(slot)
    return -1


def accept(m: Any, s: State, line: int, write: int, t: int) -> None:
    """Take a request in.

    A write is complete a cycle later, and so is a read of a line that waits to be written. A read of a line that is
    being read shares its burst, a write of a line that waits to be written replaces it.
    """
    b = field(m, line, 1) * m[y.PER_RANK] + field(m, line, 2) * m[y.PER_GROUP] + field(m, line, 3)
    pending = find(m, s, b, line, 1)
    m[y.COUNTS + y.WRITES] += write
    if write == 1:
        s.run[y.LAST_DONE] = max(s.run[y.LAST_DONE], t + 1)
    else:
        s.run[y.OUTSTANDING] += 1
    if pending >= 0:
        m[y.COUNTS + y.FORWARDED] += 1
        if write == 0:
            finish(m, s, t, t + 1)
        return
    if write == 0:
        pending = find(m, s, b, line, 0)
        if pending >= 0:
            twin = s.run[y.FREE_TWIN]
            s.run[y.FREE_TWIN] = s.twins[twin, 1]
            s.twins[twin, 0], s.twins[twin, 1] = t, m[pending + y.TWIN]
            m[pending + y.TWIN] = twin
            m[y.COUNTS + y.MERGED] += 1
            return
    slot = m[y.FREE_SLOT]
    m[y.FREE_SLOT] = m[slot + y.LINK]
    m[slot + y.LINE], m[slot + y.KEY], m[slot + y.ADDED] = line, 2 * field(m, line, 4) + write, t
    m[slot + y.LINK] = m[slot + y.TWIN] = -1
    m[slot + y.NUMBER] = m[y.SEQUENCE]
    m[y.SEQUENCE] += 1
    m[y.FILTER + y.BUCKETS * write + digest(line)] += 1
    if m[y.HEADS + y.MOST_BANKS * write + b] < 0:
        m[y.HEADS + y.MOST_BANKS * write + b] = slot
    else:
        m[m[y.TAILS + y.MOST_BANKS * write + b] + y.LINK] = slot
    m[y.TAILS + y.MOST_BANKS * write + b] = slot
    m[y.READS_WAITING + write] += 1
    if m[y.LENGTH + b] < m[y.QUEUE] or m[y.WRITES_WAITING] >= m[y.WRITE_BUFFER]:
        m[y.MOVABLE] = 1
        m[y.WAKE] = t


def eldest(m: Any, s: State, write: int) -> int:
    """The bank of the first waiting request whose command queue has room; -1 if there is none."""
    best, first = -1, y.NEVER
    for b in range(m[y.BANKS]):
        slot = m[y.HEADS + y.MOST_BANKS * write + b]
        if slot >= 0 and m[y.LENGTH + b] < m[y.QUEUE] and m[slot + y.NUMBER] < first:
            best, first = b, m[slot + y.NUMBER]
    return best


def move(m: Any, s: State, t: int) -> int:
    """Move one request into the command queue of its bank; which bank, or -1 if none could.

    Reads go first until the write buffer is full, or holds more than DRAIN_ABOVE while nothing else is to do; then as
    many writes go as there were. A write waits for an older read of its line, which ends the drain.
    """
    n = m[y.WRITES_WAITING]
    idle = m[y.IN_QUEUES] == 0
    if m[y.DRAINING] == 0 and (n >= m[y.WRITE_BUFFER] or (n > m[y.DRAIN_ABOVE] and idle)):
        m[y.DRAINING] = n
    write = 1 if m[y.DRAINING] > 0 else 0
    b = eldest(m, s, write)
    if b >= 0 and write == 1:
        if find(m, s, b, m[m[y.HEADS + y.MOST_BANKS + b] + y.LINE], 0) >= 0:
            m[y.DRAINING] = write = 0
            b = eldest(m, s, 0)
        else:
            m[y.DRAINING] -= 1
    if b < 0:
        return -1
    slot = m[y.HEADS + y.MOST_BANKS * write + b]
    m[y.HEADS + y.MOST_BANKS * write + b] = m[slot + y.LINK]
    m[y.READS_WAITING + write] -= 1
    entry = m[y.ENTRIES + b] + 2 * m[y.LENGTH + b]
    m[entry], m[entry + 1] = m[slot + y.KEY], slot
    m[y.LENGTH + b] += 1
    queued(m, s, t, 1)
    reconsider(m, s, b)
    return b


def command(m: Any, s: State, t: int) -> int:
    """One cycle of the command buses; when the next command can go.

    A refresh goes first, else the next bank in turn; on two buses a second one. That turn is lost if it falls on a bank
    whose command needs the bus that is taken.
    """
    issued = y.NONE
    if m[y.REFRESHES_DUE] > 0:
        issued = refresh(m, s, t)
    turns = 1 if issued == y.NONE else 0
    if m[y.TWO_BUSES] == 1:
        turns += 1
    while turns > 0:
        b = select(m, s, t)
        if b < 0:
            break
        chosen = choose(m, s, b, t)
        if issued == y.NONE or is_column(chosen) != is_column(issued):
            serve(m, s, b, chosen, t)
        issued = chosen
        turns -= 1
        if turns > 0 and survey(m, s) > t:
            break
    return survey(m, s)


def is_column(which: int) -> bool:
    """Whether a command goes over the column bus."""
    return y.RD <= which <= y.WRA


def tick(m: Any, s: State, t: int) -> None:
    """Everything a channel does in one cycle; sets when it wakes next."""
    if m[y.COMMAND_AT] <= t:
        while m[y.NEXT_REFRESH] <= t:
            m[y.REFRESHES_DUE] += m[y.REFRESH_AT_ONCE]
            m[y.NEXT_REFRESH] += m[y.REFRESH_EVERY]
            survey(m, s)
        at = command(m, s, t) if m[y.BUS_FREE] <= t else t
        at = max(at, t + 1, m[y.BUS_FREE])
        m[y.COMMAND_AT] = min(at, m[y.NEXT_REFRESH])
    wake = m[y.COMMAND_AT]
    if m[y.MOVABLE] == 1:
        b = move(m, s, t)
        if b < 0:
            m[y.MOVABLE] = 0
        else:
            if not blocked(m, s, b):
                m[y.WHEN + b] = due(m, s, b)
                m[y.COMMAND_AT] = min(wake, max(m[y.WHEN + b], t + 1, m[y.BUS_FREE]))
            wake = t + 1
    m[y.WAKE] = wake


def room(m: Any, s: State, write: int) -> bool:
    """Whether a channel takes another request of this direction."""
    if s.run[y.FREE_TWIN] >= y.TWINS:
        return False
    return bool(m[y.READS_WAITING + write] < m[y.READ_QUEUE + write])


def simulate(s: State, p: Setup) -> int:
    """Run all requests. In order: the first one that its channel does not take stops the others behind it.

    Returns the cycles until the last one was complete.
    """
    t, count, channels = 0, p.stream[y.COUNT], s.memory.shape[0]
    line = write = c = -1
    while True:
        while s.run[y.NEXT] < count:
            i = s.run[y.NEXT]
            if line < 0:
                line = address(s, p, i) >> p.stream[y.SHIFT]
                write = 1 if writes(p, i) else 0
                c = field(s.memory[0], line, 0)
            if (p.arrivals.shape[0] > 0 and p.arrivals[i] > t) or not room(s.memory[c], s, write):
                break
            accept(s.memory[c], s, line, write, t)
            line = -1
            s.run[y.NEXT] += 1
        after = y.NEVER
        for one in range(channels):
            m = s.memory[one]
            if m[y.WAKE] <= t:
                tick(m, s, t)
            after = min(after, m[y.WAKE])
        if s.run[y.NEXT] < count:
            if room(s.memory[c], s, write):
                arrival = p.arrivals[s.run[y.NEXT]] if p.arrivals.shape[0] > 0 else 0
                after = min(after, max(arrival, t + 1))
        elif s.run[y.OUTSTANDING] == 0 and after > s.run[y.LAST_DONE]:
            break
        t = after
    end = s.run[y.LAST_DONE] + 1
    for one in range(channels):
        m = s.memory[one]
        queued(m, s, end, 0)
        for rank in range(m[y.RANKS]):
            if m[y.OPENED + rank] > 0:
                m[y.COUNTS + y.ACTIVE] += end - m[y.OPEN_SINCE + rank]
    return int(end)


RARE = ("refresh", "refresh_at", "search")
"""Functions that stay apart in the machine code, which keeps the rest small."""


@cache
def compiled() -> Callable[[State, Setup], int]:
    """`simulate` as machine code, from the disk where another process made it before.

    The functions are compiled in a namespace of their own, so that they stay plain Python where they are defined. The
    name carries a digest of all sources, since numba looks only at the file of the outermost function.
    """
    import numba

    njit: Any = numba.njit
    sources = [Path(str(file)) for file in (layout.__file__, kernel.__file__, __file__)]
    tag = sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    space: dict[str, Any] = {"y": y}
    for name, function in {**vars(kernel), **globals()}.items():
        if isinstance(function, FunctionType) and function.__module__ in (kernel.__name__, __name__):
            copy = FunctionType(function.__code__, space, name)
            copy.__module__ = __name__
            copy.__qualname__ = f"{name}_{tag}"
            outermost = name == simulate.__name__
            inline = not outermost and name not in RARE
            # Nothing is allocated inside, so reference counts would only cost time; nothing is divided by zero either.
            options = {"forceinline": inline, "error_model": "numpy", "_nrt": False}
            space[name] = njit(copy, cache=outermost, **options)
    return space["simulate"]  # type: ignore[no-any-return]
