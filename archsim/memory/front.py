"""The front of the memory: makes or reads requests, accepts them, and runs all channels event by event. Compiled."""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y
from archsim.memory.entries import digest, eligible, finish, queued
from archsim.memory.kernel import rare, ready, unit_of
from archsim.memory.schedule import command, decide, enlist, first_of, hold, reckon

ANY = -1
"""In the place of a direction: no request is to be taken."""


def at(array: Any, place: int) -> Any:
    """An array from a place on; a bare pointer in machine code, which checks no index."""
    return array[place:]


def address(s: Any, addresses: Any, i: int) -> int:
    """The byte address of request i; called once for each, in order."""
    form, shift = s[y.STREAM + y.FORM], s[y.STREAM + y.SHIFT]
    if form == y.GIVEN:
        return int(addresses[i])
    if form == y.AFFINE:
        return int((s[y.STREAM + y.START] + i * s[y.STREAM + y.STRIDE]) & (s[y.STREAM + y.CAPACITY] - 1))
    if form == y.UNIFORM:
        s[y.RANDOM] = s[y.RANDOM] * y.FACTOR + y.INCREMENT
        # The lines are a power of two, so that the remainder of the generator's upper bits is a mask.
        lines = s[y.STREAM + y.CAPACITY] >> shift
        return int(((s[y.RANDOM] >> 33) & 0x7FFFFFFF & (lines - 1)) << shift)
    if i % 3 == 2:
        return int((s[y.STREAM + y.CAPACITY] >> 1) + (i // 3 << shift))
    return int(i - i // 3 << shift)


def writes(s: Any, is_write: Any, i: int) -> int:
    """1 if request i writes, else 0."""
    form = s[y.STREAM + y.FORM]
    if form == y.GIVEN:
        return 1 if is_write[i] != 0 else 0
    return 1 if s[y.STREAM + y.ALL_WRITE] == 1 or (form == y.MIX and i % 3 == 2) else 0


def field(m: Any, line: int, which: int) -> int:
    """A part of a line number: channel, rank, bank group, bank or row."""
    return int((line >> m[y.FIELDS + 2 * which]) & m[y.FIELDS + 2 * which + 1])


def find(m: Any, u: int, line: int, write: int) -> int:
    """The slot of an outstanding read or write of this line; -1 if there is none."""
    if rare(m[y.FILTER + y.BUCKETS * write + digest(line)] > 0):
        return search(m, u, line, write)
    return -1


def search(m: Any, u: int, line: int, write: int) -> int:
    """As `find`, once the filter says that there may be one."""
    slot = m[u + y.HEADS + write]
    while slot >= 0:
        if m[slot + y.LINE] == line:
            return int(slot)
        slot = m[slot + y.LINK]
    for i in range(m[u + y.LENGTH]):
        slot = m[m[u + y.ENTRIES] + i] & ((1 << y.ENTRY_BITS) - 1)
        if m[slot + y.LINE] == line and m[slot + y.KEY] & 1 == write:
            return int(slot)
    return -1


def accept(m: Any, s: Any, line: int, write: int, t: int) -> None:
    """Take a request in.

    A write is complete a cycle later, and so is a read of a line that waits to be written. A read of a line that is
    being read shares its burst, a write of a line that waits to be written replaces it.
    """
    u = unit_of(field(m, line, 1) * m[y.PER_RANK] + field(m, line, 2) * m[y.PER_GROUP] + field(m, line, 3))
    m[u + y.VISITS + write] += 1
    m[y.COUNTS + y.WRITES] += write
    if write == 1:
        s[y.LAST_DONE] = max(s[y.LAST_DONE], t + 1)
    else:
        s[y.OUTSTANDING] += 1
    if rare(m[y.WRITES_HELD] > 0) and find(m, u, line, 1) >= 0:
        m[y.COUNTS + y.FORWARDED] += 1
        if write == 0:
            finish(m, s, t, t + 1)
        return
    if write == 0:
        pending = find(m, u, line, 0)
        if pending >= 0:
            twin = s[y.FREE_TWIN]
            s[y.FREE_TWIN] = s[y.TWINS_AT + 2 * twin + 1]
            s[y.TWINS_AT + 2 * twin], s[y.TWINS_AT + 2 * twin + 1] = t, m[pending + y.TWIN]
            m[pending + y.TWIN] = twin
            m[y.COUNTS + y.MERGED] += 1
            return
    wait(m, u, line, write, t)


def wait(m: Any, u: int, line: int, write: int, t: int) -> None:
    """Put a request behind those that wait for its bank."""
    slot = m[y.FREE_SLOT]
    m[y.FREE_SLOT] = m[slot + y.LINK]
    m[slot + y.LINE], m[slot + y.KEY], m[slot + y.ADDED] = line, 2 * field(m, line, 4) + write, t
    m[slot + y.LINK] = m[slot + y.TWIN] = -1
    m[slot + y.ORDER] = m[y.SEQUENCE]
    m[y.SEQUENCE] += 1
    m[y.FILTER + y.BUCKETS * write + digest(line)] += 1
    m[y.WRITES_HELD] += write
    has_room = m[u + y.LENGTH] < m[y.QUEUE]
    if m[u + y.HEADS + write] < 0:
        m[u + y.HEADS + write] = slot
        if has_room:
            m[y.READS_ELIGIBLE + write] += 1
            eligible(m, u, write)
    else:
        m[m[u + y.TAILS + write] + y.LINK] = slot
    m[u + y.TAILS + write] = slot
    m[y.READS_WAITING + write] += 1
    if has_room or m[y.WRITES_WAITING] >= m[y.WRITE_BUFFER]:
        m[y.MOVABLE] = 1
        m[y.WAKE] = t


def eldest(m: Any, write: int) -> int:
    """The unit of the bank of the first waiting request whose command queue has room; -1 if there is none."""
    if m[y.READS_ELIGIBLE + write] == 0:
        return -1
    hint = m[y.READ_HINT + write]
    if m[y.READS_ELIGIBLE + write] == 1 and m[hint + y.HEADS + write] >= 0 and m[hint + y.LENGTH] < m[y.QUEUE]:
        return int(hint)
    first = y.NEVER
    i = 0
    while i < m[y.BANKS]:
        for j in range(16):
            first = min(first, m[y.ELDEST + y.MOST_BANKS * write + i + j])
        i += 16
    return unit_of(first & (y.MOST_BANKS - 1))


def which(m: Any) -> int:
    """Whether a read (0) or a write (1) goes next into a command queue, as 2 * unit of its bank + that; -1 if none can.

    Reads go first until the write buffer is full, or holds more than DRAIN_ABOVE while nothing else is to do; then as
    many writes go as there were. A write waits for an older read of its line, which ends the drain.
    """
    n = m[y.WRITES_WAITING]
    if n > 0 and m[y.DRAINING] == 0 and (n >= m[y.WRITE_BUFFER] or (n > m[y.DRAIN_ABOVE] and m[y.IN_QUEUES] == 0)):
        m[y.DRAINING] = n
    if rare(m[y.DRAINING] > 0):
        u = eldest(m, 1)
        if u < 0:
            return -1
        if find(m, u, m[m[u + y.HEADS + 1] + y.LINE], 0) < 0:
            m[y.DRAINING] -= 1
            return 2 * u + 1
        m[y.DRAINING] = 0
    u = eldest(m, 0)
    return 2 * u if u >= 0 else -1


def move(m: Any, t: int) -> bool:
    """Move one request into the command queue of its bank; whether one could."""
    found = which(m)
    if found < 0:
        return False
    u, write = found >> 1, found & 1
    slot, n = m[u + y.HEADS + write], m[u + y.LENGTH]
    place = y.ELDEST + y.MOST_BANKS * write + m[u + y.NUMBER]
    after = m[slot + y.LINK]
    m[u + y.HEADS + write] = after
    m[y.READS_WAITING + write] -= 1
    m[m[u + y.ENTRIES] + n] = m[slot + y.KEY] << y.ENTRY_BITS | slot
    m[u + y.LENGTH] = n + 1
    if n + 1 == m[y.QUEUE]:
        m[y.READS_ELIGIBLE + write] -= 1
        m[y.READS_ELIGIBLE + 1 - write] -= 1 if m[u + y.HEADS + 1 - write] >= 0 else 0
        m[y.ELDEST + m[u + y.NUMBER]] = m[y.ELDEST + y.MOST_BANKS + m[u + y.NUMBER]] = y.NEVER
    elif after < 0:
        m[y.READS_ELIGIBLE + write] -= 1
        m[place] = y.NEVER
    else:
        m[place] = m[after + y.ORDER] << y.BANK_BITS | m[u + y.NUMBER]
    queued(m, t, 1)
    hits = m[slot + y.KEY] >> 1 == m[u + y.ROW]
    if (n == 0 or hits) and m[u + y.HELD] == 0:  # another entry changes nothing
        if hits and m[u + y.READ_AT + write] < 0:
            m[u + y.READ_AT + write] = n
        decide(m, u)
        enlist(m, u)
        reckon(m, u, max(t + 1, m[y.BUS_FREE]))
    return True


def tick(m: Any, s: Any, t: int) -> None:
    """Everything a channel does in one cycle; sets when it wakes next."""
    if m[y.COMMAND_AT] <= t:
        while rare(m[y.NEXT_REFRESH] <= t):
            m[y.REFRESHES_DUE] += m[y.REFRESH_AT_ONCE]
            m[y.NEXT_REFRESH] += m[y.REFRESH_EVERY]
            hold(m)
        at = m[y.BUS_FREE] if rare(m[y.BUS_FREE] > t) else command(m, s, t)
        m[y.COMMAND_AT] = min(at, m[y.NEXT_REFRESH])
    m[y.WAKE] = m[y.COMMAND_AT]
    if m[y.MOVABLE] == 1:
        moved = move(m, t)
        # Without writes, that no further request can move is plain; with them, trying again may start a drain.
        m[y.MOVABLE] = 1 if moved and (m[y.READS_ELIGIBLE] > 0 or m[y.WRITES_WAITING] > 0) else 0
        m[y.WAKE] = t + 1 if m[y.MOVABLE] == 1 else m[y.COMMAND_AT]


def room(m: Any, write: int) -> bool:
    """Whether the queues of a channel take another request of this direction; ANY asks for no room."""
    return bool(write == ANY or m[y.READS_WAITING + write] < m[y.READ_QUEUE + write])


def advance(m: Any, s: Any, t: int, write: int) -> int:
    """Bring a channel up to a cycle, and on to the first one in which it has room; that cycle.

    It takes in what was left to it on the way, and all that it does before that cycle is done then. END becomes -1 if
    refreshes leave no time for its requests.
    """
    posted = m[y.READS_POSTED] + m[y.WRITES_POSTED]
    m[y.READS_POSTED] = m[y.WRITES_POSTED] = 0
    for i in range(posted + 1):
        place = m[y.INBOX] + 3 * i
        until, wanted = (t, write) if i == posted else (m[place + 2], ANY)
        while m[y.WAKE] < until or not room(m, wanted):
            if rare(until - m[y.WAKE] > 3 * m[y.IDLE_ROUND]):
                rest(m, until)
            now = m[y.WAKE]
            tick(m, s, now)
            if rare(m[y.STARVING] >= y.STARVED):
                s[y.END] = -1
                return t
            until = max(until, now + 1)
        if i == posted:
            break
        accept(m, s, m[place], m[place + 1], until)
    return int(until)


def rest(m: Any, until: int) -> None:
    """Leap over whole rounds of refreshes of an idle channel, up to a round before `until`.

    With every row closed and nothing to do, all refreshes go when they are due, once all that was issued before allows
    that of each unit in the round to come. The last round is not leapt: what waits for its refreshes finds them.
    """
    idle = m[y.IN_QUEUES] == 0 and m[y.MOVABLE] == 0 and m[y.REFRESHES_DUE] == 0 and m[y.BUS_FREE] <= m[y.NEXT_REFRESH]
    if not idle or m[y.COMMAND_AT] != m[y.NEXT_REFRESH] or m[y.WAKE] != m[y.NEXT_REFRESH]:
        return
    for rank in range(m[y.RANKS]):
        if m[m[y.RANK_UNITS] + y.SIZE * rank + y.OPENED] > 0:
            return
    for turn in range(m[y.REFRESH_UNITS]):
        due = m[y.NEXT_REFRESH] + turn // m[y.REFRESH_AT_ONCE] * m[y.REFRESH_EVERY]
        first = first_of(m, (m[y.UNIT] + turn) % m[y.REFRESH_UNITS])
        if ready(m, unit_of(first), m[y.REFRESH_AS]) > due:
            return
    rounds = (until - m[y.NEXT_REFRESH]) // m[y.IDLE_ROUND] - 1
    command, time = m[y.REFRESH_AS], rounds * m[y.IDLE_ROUND]
    m[y.NEXT_REFRESH] += time
    m[y.COMMAND_AT] = m[y.WAKE] = m[y.NEXT_REFRESH]
    latest = m[y.NEXT_REFRESH] - m[y.REFRESH_EVERY] + (m[y.REFRESH_AT_ONCE] - 1) * m[y.OCCUPANCY + command]
    m[y.COUNTS + command] += rounds * m[y.REFRESH_UNITS]
    m[y.COUNTS + y.WAITED + command] += latest - m[y.LAST_COMMAND]
    m[y.LAST_COMMAND] = latest


def post(m: Any, line: int, write: int, t: int) -> None:
    """Leave an accepted request to a channel that is not at cycle `t` yet."""
    place = m[y.INBOX] + 3 * (m[y.READS_POSTED] + m[y.WRITES_POSTED])
    m[place], m[place + 1], m[place + 2] = line, write, t
    m[y.READS_POSTED + write] += 1


def soonest(memory: Any, channels: int, size: int) -> int:
    """When the next channel wakes."""
    found = y.NEVER
    for one in range(channels):
        found = min(found, at(memory, one * size)[y.WAKE])
    return found


def in_step(memory: Any, channels: int, size: int, s: Any, m: Any, t: int, write: int) -> int:
    """As `advance`, for all channels cycle by cycle, until channel `m` and what all share have room."""
    if write == ANY and s[y.LOG_ROOM] == 0:
        for one in range(channels):
            advance(at(memory, one * size), s, t, ANY)
        return t
    now = -1  # first only what was left to each
    while now < t or not (write == ANY or (room(m, write) and s[y.FREE_TWIN] < y.TWINS)):
        for one in range(channels):
            advance(at(memory, one * size), s, now + 1, ANY)
        if s[y.END] < 0:
            break
        t = max(t, now + 1)
        now = soonest(memory, channels, size)
    return t


def ahead(at: int, t: int) -> int:
    """How far a cycle lies ahead; 0 if it is past, NEVER if it never comes."""
    return at if at >= y.NEVER else max(at - t, 0)


def resembles(m: Any, note: int, t: int) -> bool:
    """Whether a channel looks as it did when its cheap numbers were noted; not all of its state."""
    return bool(
        m[note] == ahead(m[y.NEXT_REFRESH], t)
        and m[note + 1] == ahead(m[y.COMMAND_AT], t)
        and m[note + 2] == m[y.READS_WAITING]
        and m[note + 3] == m[y.WRITES_WAITING]
        and m[note + 4] == m[y.IN_QUEUES]
        and m[note + 5] == m[y.TURN]
        and m[note + 6] == m[y.DRAINING]
    )


def pauses(s: Any, memory: Any, channels: int, size: int, t: int) -> bool:
    """Whether to stop here: all channels look as they did when noted as number FOUND, or PAUSE requests are in (-1)."""
    s[y.STOP] += s[y.EVERY]
    for i in range(s[y.NOTED]):
        same = True
        for one in range(channels):
            same = same and resembles(at(memory, one * size), y.NOTES + y.NOTE * i, t)
        if same:
            s[y.FOUND] = i
            return True
    s[y.FOUND] = -1
    return bool(s[y.NEXT] >= s[y.PAUSE])


def simulate(shared: Any, everything: Any, size: int, given: Any, directions: Any, arrivals: Any) -> bool:
    """Run all requests. In order: the first one that its channel does not take stops the others behind it.

    Sets END, the cycles until the last one was complete, or -1 if refreshes leave no time for requests. Returns whether
    it paused on the way, after request STOP.

    Channels have little in common, so each is left behind until a request for it comes. A log, which is in the order of
    cycles, keeps them in step, as does the pool of merged reads when it is used up.
    """
    s, memory, channels = at(shared, 0), at(everything, 0), everything.shape[0] // size
    addresses, is_write = at(given, 0), at(directions, 0)
    t, count, logged = s[y.NOW], s[y.STREAM + y.COUNT], s[y.LOG_ROOM] > 0
    most = y.TWINS - channels * memory[y.READ_QUEUE]
    while s[y.NEXT] < count:
        i = s[y.NEXT]
        line = address(s, addresses, i) >> s[y.STREAM + y.SHIFT]
        write = writes(s, is_write, i)
        m = at(memory, field(memory, line, 0) * size)
        timed = s[y.STREAM + y.TIMED] == 1
        if timed:
            t = max(t, arrivals[i])
        if logged or s[y.OUTSTANDING] >= most:
            t = in_step(memory, channels, size, s, m, t, write)
        elif m[y.READS_POSTED + write] + m[y.READS_WAITING + write] >= m[y.READ_QUEUE + write]:
            t = advance(m, s, t, write)
        if s[y.END] < 0:
            return False
        if timed:
            s[y.DOOR + write] += t - arrivals[i]
        post(m, line, write, t)
        s[y.NEXT] = i + 1
        if i + 1 == s[y.STOP]:
            in_step(memory, channels, size, s, m, t, ANY)
            if s[y.END] < 0:
                return False
            if pauses(s, memory, channels, size, t):
                s[y.NOW] = t
                return True
    drain(memory, channels, size, s, t)
    return False


def drain(memory: Any, channels: int, size: int, s: Any, t: int) -> None:
    """Go on after the last request, accepted at `t`, until all are complete, and close the accounts."""
    while True:
        in_step(memory, channels, size, s, memory, t + 1, ANY)
        if s[y.END] < 0:
            return
        t = soonest(memory, channels, size)
        if s[y.OUTSTANDING] == 0 and t > s[y.LAST_DONE]:
            break
    end = s[y.LAST_DONE] + 1
    s[y.END] = end
    for one in range(channels):
        settle(at(memory, one * size), end)


def settle(m: Any, end: int) -> None:
    """Close the accounts of a channel at the end."""
    m[y.COUNTS + y.QUEUED] += m[y.IN_QUEUES] * end
    for rank in range(m[y.RANKS]):
        unit = m[y.RANK_UNITS] + y.SIZE * rank
        m[y.COUNTS + y.ACTIVE] += end if m[unit + y.OPENED] > 0 else -max(m[unit + y.OPEN_UNTIL] - end, 0)
