"""Which command goes next in one channel: FR-FCFS over the banks' queues, with refresh before them. Compiled.

The queues want one command each. `survey` finds the one that can go first, and the bank whose turn it is among equals;
between commands nothing but a request that is moved into a queue can change that. `u` is the place of a bank's unit.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y
from archsim.memory.kernel import ready, record, unit_of


def due(m: Any, u: int) -> int:
    """The first cycle in which the queue of a bank has a command to issue."""
    t = ready(m, u, m[u + y.WANT])
    if m[u + y.MIXED] == 1:
        if m[u + y.READ_AT] >= 0:
            t = min(t, ready(m, u, m[y.READ_AS]))
        if m[u + y.WRITE_AT] >= 0:
            t = min(t, ready(m, u, m[y.WRITE_AS]))
    return t


def wakes(m: Any, u: int) -> int:
    """As `due`; a command that only its bank, group and rank delay needs no look at the units between them."""
    if m[u + y.MIXED] == 1:
        return due(m, u)
    want = m[u + y.WANT] + y.READY
    t = max(m[u + want], m[m[u + y.AROUND + y.AT_GROUP] + want])
    return int(max(t, m[m[u + y.AROUND + y.AT_RANK] + want]))


def choose(m: Any, u: int, t: int) -> int:
    """The command that the first ready entry of a bank's queue needs now; NONE if none is ready."""
    want = m[u + y.WANT]
    if m[u + y.MIXED] == 0 or (want <= y.PRE and ready(m, u, want) <= t):
        return int(want)
    read, write = m[y.READ_AS], m[y.WRITE_AS]
    reads = m[u + y.READ_AT] >= 0 and ready(m, u, read) <= t
    writes = m[u + y.WRITE_AT] >= 0 and ready(m, u, write) <= t
    if reads and (not writes or m[u + y.READ_AT] < m[u + y.WRITE_AT]):
        return int(read)
    return int(write) if writes else y.NONE


def reconsider(m: Any, u: int) -> None:
    """What the queue of a bank wants, after the queue or the bank changed; nothing while it is held for a refresh.

    A row that no entry wants is closed; one that later entries still hit is closed for the first entry's sake only
    after HIT_CAP column commands.
    """
    row, n, first = m[u + y.ROW], m[u + y.LENGTH], m[u + y.ENTRIES]
    reads = writes = -1
    want, mixed = y.NONE, False
    if n > 0 and m[u + y.HELD] == 0:
        want = y.ACT
        if row >= 0:
            for i in range(((n + 7) & -8) - 1, -1, -1):
                key = (m[first + i] >> y.ENTRY_BITS) - 2 * row
                reads = i if key == 0 else reads
                writes = i if key == 1 else writes
            capped = m[y.HIT_CAP] > 0 and m[u + y.HITS] >= m[y.HIT_CAP]
            if reads != 0 and writes != 0 and (capped or (reads < 0 and writes < 0)):
                want = y.PRE
                mixed = reads >= 0 or writes >= 0
            else:
                want = m[y.READ_AS] if reads >= 0 else m[y.WRITE_AS]
                mixed = reads >= 0 and writes >= 0
    m[u + y.READ_AT], m[u + y.WRITE_AT] = reads, writes
    m[u + y.WANT] = want
    m[u + y.MIXED] = 1 if mixed else 0
    enlist(m, u, -1 if n == 0 else 1 if want == y.ACT else 0)


def enlist(m: Any, u: int, which: int) -> None:
    """Put a bank on the list of those that want to open a row (1), of the others with a queue (0), or on none (-1).

    The entry is a cycle before which the queue can issue nothing, above the number of the bank.
    """
    old = m[u + y.LIST]
    if old != which:
        if old >= 0:
            m[y.OTHERS + old] -= 1
            last = m[y.LISTS + y.MOST_BANKS * old + m[y.OTHERS + old]]
            m[y.LISTS + y.MOST_BANKS * old + m[u + y.PLACE]] = last
            m[unit_of(last & (y.MOST_BANKS - 1)) + y.PLACE] = m[u + y.PLACE]
        if which >= 0:
            m[u + y.PLACE] = m[y.OTHERS + which]
            m[y.OTHERS + which] += 1
        m[u + y.LIST] = which
    if which >= 0:
        m[y.LISTS + y.MOST_BANKS * which + m[u + y.PLACE]] = wakes(m, u) << y.BANK_BITS | m[u + y.NUMBER]


def survey(m: Any, t: int) -> None:
    """Find the bank whose queue can issue first, at `t` or after; among equals the next one in turn.

    CHOSEN becomes its cycle, and in the lowest bits how far it is from the bank after the last one served. The lists
    may name a cycle too early, since the commands of other banks delay a queue as well: the best entry is corrected
    until it stays the best. Banks that want to open a row need no look while their ranks forbid it.
    """
    turn, last, cycles = m[y.TURN] + 1, m[y.BANKS] - 1, -1 << y.BANK_BITS
    opens = m[m[y.RANK_UNITS] + y.READY + y.ACT]
    for rank in range(1, m[y.RANKS]):
        opens = min(opens, m[m[y.RANK_UNITS] + y.SIZE * rank + y.READY + y.ACT])
    now, opens = t << y.BANK_BITS, max(opens, t) << y.BANK_BITS
    while True:
        best = y.NEVER << y.BANK_BITS
        for i in range(m[y.OTHERS]):
            entry = m[y.LISTS + i]
            best = min(best, max(entry & cycles, now) | ((entry - turn) & last))
        if opens <= best:
            for i in range(m[y.OPENERS]):
                entry = m[y.LISTS + y.MOST_BANKS + i]
                best = min(best, max(entry & cycles, opens) | ((entry - turn) & last))
        if best >= y.NEVER << y.BANK_BITS:
            break
        u = unit_of((best + turn) & last)
        at = wakes(m, u)
        if at <= best >> y.BANK_BITS:
            break
        m[y.LISTS + y.MOST_BANKS * m[u + y.LIST] + m[u + y.PLACE]] = at << y.BANK_BITS | m[u + y.NUMBER]
    m[y.CHOSEN] = best
    m[y.STALE] = 0


def reckon(m: Any, u: int, t: int) -> None:
    """Note a bank whose queue got another entry: it may now be the one that can issue first, at `t` or after."""
    at = max(due(m, u), t)
    place = (m[u + y.NUMBER] - m[y.TURN] - 1) & (m[y.BANKS] - 1)
    if place == m[y.CHOSEN] & ((1 << y.BANK_BITS) - 1):
        m[y.STALE] = 1
    m[y.CHOSEN] = min(m[y.CHOSEN], at << y.BANK_BITS | place)
    m[y.COMMAND_AT] = min(m[y.COMMAND_AT], at)


def closes(m: Any, u: int, t: int) -> None:
    """Close a bank, and count how long its rank had a row open when it was the last one."""
    rank = m[u + y.AROUND + y.AT_RANK]
    m[u + y.ROW] = -1
    m[u + y.HITS] = 0
    m[rank + y.OPENED] -= 1
    if m[rank + y.OPENED] == 0:
        m[y.COUNTS + y.ACTIVE] += t


def serve(m: Any, s: Any, u: int, command: int, t: int) -> None:
    """Issue the command that the queue of a bank needs."""
    if command == y.ACT:
        rank = m[u + y.AROUND + y.AT_RANK]
        m[u + y.ROW] = m[m[u + y.ENTRIES]] >> (y.ENTRY_BITS + 1)
        m[rank + y.OPENED] += 1
        if m[rank + y.OPENED] == 1:
            m[y.COUNTS + y.ACTIVE] -= t
    record(m, s, m[u + y.NUMBER], command, t, m[u + y.ROW])
    if command == y.PRE:
        closes(m, u, t)
    elif command != y.ACT:
        column(m, s, u, command, t)
    reconsider(m, u)


def column(m: Any, s: Any, u: int, command: int, t: int) -> None:
    """Take the request of a column command out of the queue and complete it."""
    write = 1 if command in (y.WR, y.WRA) else 0
    place = m[u + y.WRITE_AT] if write == 1 else m[u + y.READ_AT]
    slot = take(m, u, place)
    m[y.STARVING] = 0
    if m[u + y.HITS] > 0:
        m[y.COUNTS + y.ROW_HITS] += 1
    m[u + y.HITS] += 1
    if command >= y.RDA:
        closes(m, u, t)
    queued(m, t, -1)
    waiting = m[u + y.HEADS] >= 0 or m[u + y.HEADS + 1] >= 0
    if waiting or m[y.IN_QUEUES] == 0:
        m[y.MOVABLE] = 1
    m[y.FILTER + y.BUCKETS * write + digest(m[slot + y.LINE])] -= 1
    if write == 1:
        m[y.WRITES_HELD] -= 1
    else:
        done = t + m[y.READ_DELAY]
        finish(m, s, m[slot + y.ADDED], done)
        if m[slot + y.TWIN] >= 0:
            finish_twins(m, s, m[slot + y.TWIN], done)
    m[slot + y.LINK] = m[y.FREE_SLOT]
    m[y.FREE_SLOT] = slot


def take(m: Any, u: int, place: int) -> int:
    """Take an entry out of a bank's queue; its slot."""
    entry = m[u + y.ENTRIES] + place
    slot = m[entry] & ((1 << y.ENTRY_BITS) - 1)
    if m[u + y.LENGTH] == m[y.QUEUE]:
        for write in range(2):
            if m[u + y.HEADS + write] >= 0:
                m[y.READS_ELIGIBLE + write] += 1
                eligible(m, u, write)
    left = m[u + y.LENGTH] - 1
    m[u + y.LENGTH] = left
    last = m[u + y.ENTRIES] + left
    for i in range(entry, last):
        m[i] = m[i + 1]
    m[last] = -1
    return int(slot)


def eligible(m: Any, u: int, write: int) -> None:
    """Note a bank whose first waiting request of a direction can move into its queue from now on."""
    order, b = m[m[u + y.HEADS + write] + y.ORDER], m[u + y.NUMBER]
    m[y.ELDEST + y.MOST_BANKS * write + b] = order << y.BANK_BITS | b
    m[y.READ_HINT + write] = u


def queued(m: Any, t: int, change: int) -> None:
    """Note that a request entered the command queues (+1) or left them (-1); adds up how long they were in."""
    m[y.COUNTS + y.QUEUED] -= change * t
    m[y.IN_QUEUES] += change


def finish(m: Any, s: Any, added: int, done: int) -> None:
    """A read is complete at `done`."""
    latency = done - added
    m[y.COUNTS + y.READS] += 1
    m[y.COUNTS + y.LATENCY] += latency
    m[y.COUNTS + y.SLOWEST] = max(m[y.COUNTS + y.SLOWEST], latency)
    s[y.LATENCIES + min(latency, y.LONGEST_LATENCY - 1)] += 1
    s[y.OUTSTANDING] -= 1
    s[y.LAST_DONE] = max(s[y.LAST_DONE], done)


def finish_twins(m: Any, s: Any, twin: int, done: int) -> None:
    """Reads that were merged into another one are complete with it."""
    while twin >= 0:
        finish(m, s, s[y.TWINS_AT + 2 * twin], done)
        after = s[y.TWINS_AT + 2 * twin + 1]
        s[y.TWINS_AT + 2 * twin + 1] = s[y.FREE_TWIN]
        s[y.FREE_TWIN] = twin
        twin = after


def digest(line: int) -> int:
    """A bucket of the filter for a line number."""
    return ((line * -7046029254386353131) >> 40) & (y.BUCKETS - 1)


def refreshed_first(m: Any) -> int:
    """The first bank of the unit whose refresh is next."""
    size = m[y.UNIT_BANKS]
    if m[y.UNIT_STEP] == 1:
        return int(m[y.UNIT] * size)
    return int(m[y.UNIT] // m[y.UNIT_STEP] * m[y.PER_RANK] + m[y.UNIT] % m[y.UNIT_STEP])


def hold(m: Any) -> None:
    """Keep the queues of the unit that is refreshed next from issuing, and let all others go on.

    A refresh of part of a rank that is late stops the whole rank, since activations elsewhere in it keep it off.
    """
    first = refreshed_first(m)
    rank, late = first // m[y.PER_RANK], m[y.REFRESHES_DUE] > m[y.REFRESH_LATE]
    for b in range(m[y.BANKS]):
        inside = (b - first) % m[y.UNIT_STEP] == 0 and 0 <= b - first < m[y.UNIT_BANKS] * m[y.UNIT_STEP]
        concerned = b // m[y.PER_RANK] == rank and (late or inside)
        held = 1 if m[y.REFRESHES_DUE] > 0 and concerned else 0
        u = unit_of(b)
        if m[u + y.HELD] != held:
            m[u + y.HELD] = held
            reconsider(m, u)
    m[y.STALE] = 1


def refresh(m: Any, s: Any, t: int) -> int:
    """The command that a due refresh can issue now, issued: PRE of an open bank, or the refresh; NONE if it waits."""
    first, any_open = refreshed_first(m), False
    for i in range(m[y.UNIT_BANKS]):
        u = unit_of(first + i * m[y.UNIT_STEP])
        if m[u + y.ROW] >= 0:
            any_open = True
            if ready(m, u, y.PRE) <= t:
                record(m, s, m[u + y.NUMBER], y.PRE, t, m[u + y.ROW])
                closes(m, u, t)
                return y.PRE
    if any_open or ready(m, unit_of(first), m[y.REFRESH_AS]) > t:
        return y.NONE
    record(m, s, first, m[y.REFRESH_AS], t, -1)
    return int(m[y.REFRESH_AS])


def refreshed(m: Any) -> None:
    """After a refresh: its banks go on, and those of the next one are held if it is due as well."""
    m[y.REFRESHES_DUE] -= 1
    m[y.STARVING] = m[y.STARVING] + 1 if m[y.IN_QUEUES] > 0 else 0
    m[y.UNIT] = m[y.UNIT] + 1 if m[y.UNIT] + 1 < m[y.REFRESH_UNITS] else 0
    hold(m)


def refresh_at(m: Any) -> int:
    """When the due refresh can issue its next command."""
    first, soonest = refreshed_first(m), y.NEVER
    for i in range(m[y.UNIT_BANKS]):
        u = unit_of(first + i * m[y.UNIT_STEP])
        if m[u + y.ROW] >= 0:
            soonest = min(soonest, ready(m, u, y.PRE))
    return soonest if soonest < y.NEVER else ready(m, unit_of(first), m[y.REFRESH_AS])


def command(m: Any, s: Any, t: int) -> int:
    """One cycle of the command buses; when the next command can go.

    A refresh goes first, else the next bank in turn; on two buses a second one. That turn is lost if it falls on a bank
    whose command needs the bus that is taken.
    """
    issued = refresh(m, s, t) if m[y.REFRESHES_DUE] > 0 else y.NONE
    refreshes = issued >= y.REF and issued != y.NONE
    turns = m[y.TWO_BUSES] + (1 if issued == y.NONE else 0)
    while True:
        if turns == 0 and refreshes:
            refreshed(m)  # only now: the second turn of this cycle still finds the same banks held
            refreshes = False
        floor = t if turns > 0 else max(t + 1, m[y.BUS_FREE])
        if m[y.STALE] == 1 or m[y.CHOSEN] >> y.BANK_BITS < floor:
            survey(m, floor)
        if turns == 0:
            break
        if m[y.CHOSEN] >> y.BANK_BITS > t:
            turns = 0
            continue
        m[y.TURN] = (m[y.CHOSEN] + m[y.TURN] + 1) & (m[y.BANKS] - 1)
        m[y.STALE] = 1
        u = unit_of(m[y.TURN])
        chosen = choose(m, u, t)
        if issued == y.NONE or m[y.COLUMN_BUS + chosen] != m[y.COLUMN_BUS + issued]:
            serve(m, s, u, chosen, t)
        issued = chosen
        turns -= 1
    at = m[y.CHOSEN] >> y.BANK_BITS
    return int(min(at, refresh_at(m)) if m[y.REFRESHES_DUE] > 0 else at)
