"""The DRAM controller of one channel: which command goes next, and what it does. Compiled by numba, see `front`.

Plain loops over the integer arrays of `layout`. Times are clock cycles. The rule tables are interpreted: a command that
is issued pushes the cycle from which each later command is legal into `State.ready`, so that a bank's next command is
ready at one number, and the channel sleeps until the least of them.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y
from archsim.memory.layout import State


def due(m: Any, s: State, b: int) -> int:
    """The first cycle in which the queue of a bank has a command to issue, refresh apart."""
    want = m[y.WANT + b]
    t = m[y.READY + y.MOST_BANKS * want + b]
    if m[y.MIXED + b] == 1:
        if m[y.READ_AT + b] >= 0:
            t = min(t, m[y.READY + y.MOST_BANKS * m[y.READ_AS] + b])
        if m[y.WRITE_AT + b] >= 0:
            t = min(t, m[y.READY + y.MOST_BANKS * m[y.WRITE_AS] + b])
    return int(t)


def choose(m: Any, s: State, b: int, t: int) -> int:
    """The command that the first ready entry of a bank's queue needs now; NONE if none is ready."""
    want = m[y.WANT + b]
    if want <= y.PRE and m[y.READY + y.MOST_BANKS * want + b] <= t:
        return int(want)
    read, write = m[y.READ_AS], m[y.WRITE_AS]
    reads = m[y.READ_AT + b] >= 0 and m[y.READY + y.MOST_BANKS * read + b] <= t
    writes = m[y.WRITE_AT + b] >= 0 and m[y.READY + y.MOST_BANKS * write + b] <= t
    if reads and (not writes or m[y.READ_AT + b] < m[y.WRITE_AT + b]):
        return int(read)
    return int(write) if writes else y.NONE


def reconsider(m: Any, s: State, b: int) -> None:
    """What the queue of a bank wants, after the queue or the bank changed.

    A row that no entry wants is closed; one that later entries still hit is closed for the first entry's sake only
    after HIT_CAP column commands.
    """
    n, row = m[y.LENGTH + b], m[y.ROW + b]
    m[y.READ_AT + b] = m[y.WRITE_AT + b] = -1
    m[y.MIXED + b] = 0
    if n == 0:
        m[y.WANT + b] = y.NONE
    elif row < 0:
        m[y.WANT + b] = y.ACT
    else:
        reads = writes = -1
        for i in range(n - 1, -1, -1):
            key = m[m[y.ENTRIES + b] + 2 * i]
            if key == 2 * row:
                reads = i
            elif key == 2 * row + 1:
                writes = i
        m[y.READ_AT + b], m[y.WRITE_AT + b] = reads, writes
        capped = m[y.HIT_CAP] > 0 and m[y.HITS + b] >= m[y.HIT_CAP]
        if reads != 0 and writes != 0 and (capped or (reads < 0 and writes < 0)):
            m[y.WANT + b] = y.PRE
            m[y.MIXED + b] = reads >= 0 or writes >= 0
        else:
            m[y.WANT + b] = m[y.READ_AS] if reads >= 0 else m[y.WRITE_AS]
            m[y.MIXED + b] = reads >= 0 and writes >= 0


def blocked(m: Any, s: State, b: int) -> bool:
    """Whether a due refresh keeps the queue of this bank from issuing."""
    if m[y.REFRESHES_DUE] == 0:
        return False
    unit = m[y.REFRESHES_DONE] % m[y.REFRESH_UNITS]
    return bool(b // m[y.UNIT_BANKS] == unit)


def survey(m: Any, s: State) -> int:
    """Note for each bank when its queue can issue next; the least of them."""
    soonest = y.NEVER
    for b in range(m[y.BANKS]):
        t = due(m, s, b)
        m[y.WHEN + b] = t
        soonest = min(soonest, t)
    if m[y.REFRESHES_DUE] > 0:
        soonest = y.NEVER
        for b in range(m[y.BANKS]):
            if blocked(m, s, b):
                m[y.WHEN + b] = y.NEVER
            soonest = min(soonest, m[y.WHEN + b])
        soonest = min(soonest, refresh_at(m, s))
    return soonest


def select(m: Any, s: State, t: int) -> int:
    """The next bank in turn that can issue a command now; -1 if none. The turn moves to it.

    What `survey` noted may be too early by now, since each command delays others, but never too late.
    """
    n = m[y.BANKS]
    b = m[y.TURN]
    for _ in range(n):
        b += 1
        if b >= n:
            b = 0
        if m[y.WHEN + b] <= t and due(m, s, b) <= t:
            m[y.TURN] = b
            return int(b)
    return -1


def push(m: Any, s: State, b: int, command: int, t: int) -> None:
    """Let the rules of a command that is issued now delay what follows it."""
    rank = b // m[y.PER_RANK]
    for i in range(m[y.RULE_AT + command], m[y.RULE_AT + command + 1]):
        scope, at = m[y.RULES + 3 * i], t + m[y.RULES + 3 * i + 2]
        ready = y.READY + y.MOST_BANKS * m[y.RULES + 3 * i + 1]
        if scope == y.IN_BANK:
            m[ready + b] = max(m[ready + b], at)
            continue
        size = m[y.PER_GROUP] if scope == y.IN_GROUP else m[y.PER_RANK]
        first = b // size * size
        if scope == y.IN_OTHERS:
            delay(m, ready, ready + first, at)
            delay(m, ready + first + size, ready + m[y.BANKS], at)
        else:
            delay(m, ready + first, ready + first + size, at)
    if command == y.ACT:
        first = y.READY + y.MOST_BANKS * y.ACT + rank * m[y.PER_RANK]
        for w in range(m[y.WINDOW_COUNT]):
            count, at = m[y.WINDOWS + 2 * w], y.RING_AT + y.MOST_WINDOWS * rank + w
            ring = y.RINGS + y.WIDEST * (y.MOST_WINDOWS * rank + w)
            place = m[at] + 1 if m[at] + 1 < count else 0
            m[at] = place
            m[ring + place] = t
            oldest = m[ring + (place + 1 if place + 1 < count else 0)]
            delay(m, first, first + m[y.PER_RANK], oldest + m[y.WINDOWS + 2 * w + 1])


def delay(m: Any, first: int, end: int, at: int) -> None:
    """Nothing before `at` in these places."""
    for i in range(max(first, 0), end):
        m[i] = max(m[i], at)


def record(m: Any, s: State, b: int, command: int, t: int, row: int) -> None:
    """Count a command, log it, and apply its rules."""
    m[y.COUNTS + command] += 1
    m[y.COUNTS + y.WAITED + command] += t - m[y.LAST_COMMAND]
    m[y.LAST_COMMAND] = t
    m[y.BUS_FREE] = t + m[y.OCCUPANCY + command]
    if s.run[y.LOGGED] < s.log.shape[0]:
        entry = s.log[s.run[y.LOGGED]]
        entry[0], entry[1], entry[2], entry[3], entry[4] = t, command, m[y.CHANNEL], b, row
        s.run[y.LOGGED] += 1
    push(m, s, b, command, t)


def closes(m: Any, s: State, b: int, t: int) -> None:
    """Close a bank, and count how long its rank had a row open when it was the last one."""
    rank = b // m[y.PER_RANK]
    m[y.ROW + b] = -1
    m[y.HITS + b] = 0
    m[y.OPENED + rank] -= 1
    if m[y.OPENED + rank] == 0:
        m[y.COUNTS + y.ACTIVE] += t - m[y.OPEN_SINCE + rank]


def serve(m: Any, s: State, b: int, command: int, t: int) -> None:
    """Issue the command that the queue of a bank needs."""
    if command == y.ACT:
        rank = b // m[y.PER_RANK]
        m[y.ROW + b] = m[m[y.ENTRIES + b]] >> 1
        m[y.OPENED + rank] += 1
        if m[y.OPENED + rank] == 1:
            m[y.OPEN_SINCE + rank] = t
        record(m, s, b, command, t, m[y.ROW + b])
    elif command == y.PRE:
        record(m, s, b, command, t, m[y.ROW + b])
        closes(m, s, b, t)
    else:
        record(m, s, b, command, t, m[y.ROW + b])
        column(m, s, b, command, t)
    reconsider(m, s, b)


def column(m: Any, s: State, b: int, command: int, t: int) -> None:
    """Take the request of a column command out of the queue and complete it."""
    write = command in (y.WR, y.WRA)
    place = m[y.WRITE_AT + b] if write else m[y.READ_AT + b]
    entries = m[y.ENTRIES + b]
    slot = m[entries + 2 * place + 1]
    m[y.LENGTH + b] -= 1
    for i in range(entries + 2 * place, entries + 2 * m[y.LENGTH + b]):
        m[i] = m[i + 2]
    if m[y.HITS + b] > 0:
        m[y.COUNTS + y.ROW_HITS] += 1
    m[y.HITS + b] += 1
    if command in (y.RDA, y.WRA):
        closes(m, s, b, t)
    queued(m, s, t, -1)
    waiting = m[y.HEADS + b] >= 0 or m[y.HEADS + y.MOST_BANKS + b] >= 0
    if waiting or m[y.IN_QUEUES] == 0:
        m[y.MOVABLE] = 1
    line = m[slot + y.LINE]
    m[y.FILTER + (y.BUCKETS if write else 0) + digest(line)] -= 1
    if not write:
        done = t + m[y.READ_DELAY]
        finish(m, s, m[slot + y.ADDED], done)
        twin = m[slot + y.TWIN]
        while twin >= 0:
            finish(m, s, s.twins[twin, 0], done)
            after = s.twins[twin, 1]
            s.twins[twin, 1] = s.run[y.FREE_TWIN]
            s.run[y.FREE_TWIN] = twin
            twin = after
    m[slot + y.LINK] = m[y.FREE_SLOT]
    m[y.FREE_SLOT] = slot


def queued(m: Any, s: State, t: int, change: int) -> None:
    """Note that a request entered the command queues (+1) or left them (-1)."""
    m[y.COUNTS + y.QUEUED] += m[y.IN_QUEUES] * (t - m[y.QUEUED_SINCE])
    m[y.QUEUED_SINCE] = t
    m[y.IN_QUEUES] += change


def finish(m: Any, s: State, added: int, done: int) -> None:
    """A read is complete at `done`."""
    latency = done - added
    m[y.COUNTS + y.READS] += 1
    m[y.COUNTS + y.LATENCY] += latency
    m[y.COUNTS + y.SLOWEST] = max(m[y.COUNTS + y.SLOWEST], latency)
    s.latencies[min(latency, y.LONGEST_LATENCY - 1)] += 1
    s.run[y.OUTSTANDING] -= 1
    s.run[y.LAST_DONE] = max(s.run[y.LAST_DONE], done)


def digest(line: int) -> int:
    """A bucket of the filter for a line number."""
    return ((line * -7046029254386353131) >> 40) & (y.BUCKETS - 1)


def refresh(m: Any, s: State, t: int) -> int:
    """The command that a due refresh can issue now, issued: PRE of an open bank, or the refresh; NONE if it waits."""
    size = m[y.UNIT_BANKS]
    first = m[y.REFRESHES_DONE] % m[y.REFRESH_UNITS] * size
    command = y.REF if size == m[y.PER_RANK] else y.REFPB
    legal = True
    for b in range(first, first + size):
        if m[y.ROW + b] >= 0:
            legal = False
            if m[y.READY + y.MOST_BANKS * y.PRE + b] <= t:
                record(m, s, b, y.PRE, t, m[y.ROW + b])
                closes(m, s, b, t)
                reconsider(m, s, b)
                return y.PRE
        elif m[y.READY + y.MOST_BANKS * command + b] > t:
            legal = False
    if not legal:
        return y.NONE
    record(m, s, first, command, t, -1)
    m[y.REFRESHES_DUE] -= 1
    m[y.REFRESHES_DONE] += 1
    return command


def refresh_at(m: Any, s: State) -> int:
    """When the due refresh can issue its next command."""
    size = m[y.UNIT_BANKS]
    first = m[y.REFRESHES_DONE] % m[y.REFRESH_UNITS] * size
    command = y.REF if size == m[y.PER_RANK] else y.REFPB
    soonest, latest = y.NEVER, 0
    for b in range(first, first + size):
        if m[y.ROW + b] >= 0:
            soonest = min(soonest, m[y.READY + y.MOST_BANKS * y.PRE + b])
        latest = max(latest, m[y.READY + y.MOST_BANKS * command + b])
    return soonest if soonest < y.NEVER else latest
