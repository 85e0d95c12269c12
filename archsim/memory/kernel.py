"""The DRAM controller of one channel: which command goes next, and what it does. Compiled by numba, see `front`.

Plain loops over the integer arrays of `layout`. Times are clock cycles. The rule tables are interpreted: a command that
is issued pushes the cycle from which each later command is legal into `State.ready`, so that a bank's next command is
ready at one number, and the channel sleeps until the least of them.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y
from archsim.memory.layout import Setup, State


def due(s: State, p: Setup, c: int, b: int) -> int:
    """The first cycle in which the queue of a bank has a command to issue, refresh apart."""
    want = s.want[c, b]
    t = s.ready[c, want, b]
    if s.mixed[c, b] == 1:
        if s.read_at[c, b] >= 0:
            t = min(t, s.ready[c, p.sizes[y.READ_AS], b])
        if s.write_at[c, b] >= 0:
            t = min(t, s.ready[c, p.sizes[y.WRITE_AS], b])
    return t


def choose(s: State, p: Setup, c: int, b: int, t: int) -> int:
    """The command that the first ready entry of a bank's queue needs now; NONE if none is ready."""
    want = s.want[c, b]
    if want <= y.PRE and s.ready[c, want, b] <= t:
        return want
    read, write = p.sizes[y.READ_AS], p.sizes[y.WRITE_AS]
    reads = s.read_at[c, b] >= 0 and s.ready[c, read, b] <= t
    writes = s.write_at[c, b] >= 0 and s.ready[c, write, b] <= t
    if reads and (not writes or s.read_at[c, b] < s.write_at[c, b]):
        return read
    return write if writes else y.NONE


def reconsider(s: State, p: Setup, c: int, b: int) -> None:
    """What the queue of a bank wants, after the queue or the bank changed.

    A row that no entry wants is closed; one that later entries still hit is closed for the first entry's sake only after
    HIT_CAP column commands.
    """
    n, row = s.length[c, b], s.row[c, b]
    s.read_at[c, b] = s.write_at[c, b] = -1
    s.mixed[c, b] = 0
    if n == 0:
        s.want[c, b] = y.NONE
    elif row < 0:
        s.want[c, b] = y.ACT
    else:
        reads = writes = -1
        for i in range(n - 1, -1, -1):
            key = s.keys[c, b, i]
            if key == 2 * row:
                reads = i
            elif key == 2 * row + 1:
                writes = i
        s.read_at[c, b], s.write_at[c, b] = reads, writes
        capped = p.sizes[y.HIT_CAP] > 0 and s.hits[c, b] >= p.sizes[y.HIT_CAP]
        if reads != 0 and writes != 0 and (capped or (reads < 0 and writes < 0)):
            s.want[c, b] = y.PRE
            s.mixed[c, b] = reads >= 0 or writes >= 0
        else:
            s.want[c, b] = p.sizes[y.READ_AS] if reads >= 0 else p.sizes[y.WRITE_AS]
            s.mixed[c, b] = reads >= 0 and writes >= 0


def blocked(s: State, p: Setup, c: int, b: int) -> bool:
    """Whether a due refresh keeps the queue of this bank from issuing."""
    if s.channel[c, y.REFRESHES_DUE] == 0:
        return False
    unit = s.channel[c, y.REFRESHES_DONE] % p.sizes[y.REFRESH_UNITS]
    return b // p.sizes[y.UNIT_BANKS] == unit


def survey(s: State, p: Setup, c: int) -> int:
    """Note for each bank when its queue can issue next; the least of them."""
    soonest = y.NEVER
    when, want, ready, mixed = s.when[c], s.want[c], s.ready[c], s.mixed[c]
    for b in range(p.sizes[y.BANKS]):
        t = ready[want[b], b]
        if mixed[b] == 1:
            t = due(s, p, c, b)
        when[b] = t
        soonest = min(soonest, t)
    if s.channel[c, y.REFRESHES_DUE] > 0:
        soonest = y.NEVER
        for b in range(p.sizes[y.BANKS]):
            if blocked(s, p, c, b):
                when[b] = y.NEVER
            soonest = min(soonest, when[b])
        soonest = min(soonest, refresh_at(s, p, c))
    return soonest


def select(s: State, p: Setup, c: int, t: int) -> int:
    """The next bank in turn that can issue a command now; -1 if none. The turn moves to it.

    What `survey` noted may be too early by now, since each command delays others, but never too late.
    """
    n = p.sizes[y.BANKS]
    when = s.when[c]
    b = s.channel[c, y.TURN]
    for _ in range(n):
        b += 1
        if b >= n:
            b = 0
        if when[b] <= t and due(s, p, c, b) <= t:
            s.channel[c, y.TURN] = b
            return b
    return -1


def push(s: State, p: Setup, c: int, b: int, command: int, t: int) -> None:
    """Let the rules of a command that is issued now delay what follows it."""
    rank = b // p.sizes[y.PER_RANK]
    for i in range(p.rule_at[command], p.rule_at[command + 1]):
        scope, at = p.rules[i, 0], t + p.rules[i, 2]
        ready = s.ready[c, p.rules[i, 1]]
        if scope == y.IN_BANK:
            ready[b] = max(ready[b], at)
            continue
        size = p.sizes[y.PER_GROUP] if scope == y.IN_GROUP else p.sizes[y.PER_RANK]
        first = max(b // size * size, 0)
        if scope == y.IN_OTHERS:
            delay(ready, 0, first, at)
            delay(ready, first + size, p.sizes[y.BANKS], at)
        else:
            delay(ready, first, first + size, at)
    if command == y.ACT:
        first = rank * p.sizes[y.PER_RANK]
        for w in range(p.windows.shape[0]):
            place = s.ring_at[c, rank, w] + 1
            if place == p.windows[w, 0]:
                place = 0
            s.ring_at[c, rank, w] = place
            s.rings[c, rank, w, place] = t
            after = 0 if place + 1 == p.windows[w, 0] else place + 1
            at = s.rings[c, rank, w, after] + p.windows[w, 1]
            delay(s.ready[c, y.ACT], first, first + p.sizes[y.PER_RANK], at)


def delay(ready: Any, first: int, end: int, at: int) -> None:
    """Nothing before `at` in these banks."""
    for b in range(max(first, 0), end):
        ready[b] = max(ready[b], at)


def record(s: State, p: Setup, c: int, b: int, command: int, t: int, row: int) -> None:
    """Count a command, log it, and apply its rules."""
    s.counts[c, command] += 1
    s.counts[c, y.WAITED + command] += t - s.channel[c, y.LAST_COMMAND]
    s.channel[c, y.LAST_COMMAND] = t
    s.channel[c, y.BUS_FREE] = t + p.occupancy[command]
    if s.run[y.LOGGED] < s.log.shape[0]:
        entry = s.log[s.run[y.LOGGED]]
        entry[0], entry[1], entry[2], entry[3], entry[4] = t, command, c, b, row
        s.run[y.LOGGED] += 1
    push(s, p, c, b, command, t)


def closes(s: State, p: Setup, c: int, b: int, t: int) -> None:
    """Close a bank, and count how long its rank had a row open when it was the last one."""
    rank = b // p.sizes[y.PER_RANK]
    s.row[c, b] = -1
    s.hits[c, b] = 0
    s.opened[c, rank, 0] -= 1
    if s.opened[c, rank, 0] == 0:
        s.counts[c, y.ACTIVE] += t - s.opened[c, rank, 1]


def serve(s: State, p: Setup, c: int, b: int, command: int, t: int) -> None:
    """Issue the command that the queue of a bank needs."""
    if command == y.ACT:
        rank = b // p.sizes[y.PER_RANK]
        s.row[c, b] = s.keys[c, b, 0] >> 1
        s.opened[c, rank, 0] += 1
        if s.opened[c, rank, 0] == 1:
            s.opened[c, rank, 1] = t
        record(s, p, c, b, command, t, s.row[c, b])
    elif command == y.PRE:
        record(s, p, c, b, command, t, s.row[c, b])
        closes(s, p, c, b, t)
    else:
        record(s, p, c, b, command, t, s.row[c, b])
        column(s, p, c, b, command, t)
    reconsider(s, p, c, b)


def column(s: State, p: Setup, c: int, b: int, command: int, t: int) -> None:
    """Take the request of a column command out of the queue and complete it."""
    write = command in (y.WR, y.WRA)
    place = s.write_at[c, b] if write else s.read_at[c, b]
    slot = s.entries[c, b, place]
    s.length[c, b] -= 1
    for i in range(place, s.length[c, b]):
        s.keys[c, b, i] = s.keys[c, b, i + 1]
        s.entries[c, b, i] = s.entries[c, b, i + 1]
    if s.hits[c, b] > 0:
        s.counts[c, y.ROW_HITS] += 1
    s.hits[c, b] += 1
    if command in (y.RDA, y.WRA):
        closes(s, p, c, b, t)
    queued(s, c, t, -1)
    waiting = s.heads[c, 0, b] >= 0 or s.heads[c, 1, b] >= 0
    if waiting or s.channel[c, y.IN_QUEUES] == 0:
        s.channel[c, y.MOVABLE] = 1
    line = s.slots[c, slot, y.LINE]
    s.filter[c, 1 if write else 0, digest(line)] -= 1
    if not write:
        done = t + p.sizes[y.READ_DELAY]
        finish(s, c, s.slots[c, slot, y.ADDED], done)
        twin = s.slots[c, slot, y.TWIN]
        while twin >= 0:
            finish(s, c, s.twins[twin, 0], done)
            after = s.twins[twin, 1]
            s.twins[twin, 1] = s.run[y.FREE_TWIN]
            s.run[y.FREE_TWIN] = twin
            twin = after
    s.free[c, 0] += 1
    s.free[c, s.free[c, 0]] = slot


def queued(s: State, c: int, t: int, change: int) -> None:
    """Note that a request entered the command queues (+1) or left them (-1)."""
    s.counts[c, y.QUEUED] += s.channel[c, y.IN_QUEUES] * (t - s.channel[c, y.QUEUED_SINCE])
    s.channel[c, y.QUEUED_SINCE] = t
    s.channel[c, y.IN_QUEUES] += change


def finish(s: State, c: int, added: int, done: int) -> None:
    """A read is complete at `done`."""
    latency = done - added
    s.counts[c, y.READS] += 1
    s.counts[c, y.LATENCY] += latency
    s.counts[c, y.SLOWEST] = max(s.counts[c, y.SLOWEST], latency)
    s.latencies[min(latency, y.LONGEST_LATENCY - 1)] += 1
    s.run[y.OUTSTANDING] -= 1
    s.run[y.LAST_DONE] = max(s.run[y.LAST_DONE], done)


def digest(line: int) -> int:
    """A bucket of the filter for a line number."""
    return ((line * -7046029254386353131) >> 40) & (y.FILTER - 1)


def refresh(s: State, p: Setup, c: int, t: int) -> int:
    """The command that a due refresh can issue now, issued: PRE of an open bank, or the refresh; NONE if it waits."""
    size = p.sizes[y.UNIT_BANKS]
    first = s.channel[c, y.REFRESHES_DONE] % p.sizes[y.REFRESH_UNITS] * size
    command = y.REF if size == p.sizes[y.PER_RANK] else y.REFPB
    legal = True
    for b in range(first, first + size):
        if s.row[c, b] >= 0:
            legal = False
            if s.ready[c, y.PRE, b] <= t:
                record(s, p, c, b, y.PRE, t, s.row[c, b])
                closes(s, p, c, b, t)
                reconsider(s, p, c, b)
                return y.PRE
        elif s.ready[c, command, b] > t:
            legal = False
    if not legal:
        return y.NONE
    record(s, p, c, first, command, t, -1)
    s.channel[c, y.REFRESHES_DUE] -= 1
    s.channel[c, y.REFRESHES_DONE] += 1
    return command


def refresh_at(s: State, p: Setup, c: int) -> int:
    """When the due refresh can issue its next command."""
    size = p.sizes[y.UNIT_BANKS]
    first = s.channel[c, y.REFRESHES_DONE] % p.sizes[y.REFRESH_UNITS] * size
    command = y.REF if size == p.sizes[y.PER_RANK] else y.REFPB
    soonest, latest = y.NEVER, 0
    for b in range(first, first + size):
        if s.row[c, b] >= 0:
            soonest = min(soonest, s.ready[c, y.PRE, b])
        latest = max(latest, s.ready[c, command, b])
    return soonest if soonest < y.NEVER else latest
