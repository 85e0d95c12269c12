"""Which command goes next in one channel: FR-FCFS over the banks' queues, with refresh before them. Compiled.

The queues want one command each. `survey` finds the one that can go first, and the bank whose turn it is among equals;
between commands nothing but a request that is moved into a queue can change that. `u` is the place of a bank's unit.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y
from archsim.memory.entries import digest, finish, finish_twins, queued, take
from archsim.memory.kernel import lowest, rare, ready, record, unit_of


def due(m: Any, u: int) -> int:
    """The first cycle in which the queue of a bank has a command to issue."""
    t = ready(m, u, m[u + y.WANT])
    if m[u + y.MIXED] == 1:
        if m[u + y.READ_AT] >= 0:
            t = min(t, ready(m, u, y.RD + closing(m, u)))
        if m[u + y.WRITE_AT] >= 0:
            t = min(t, ready(m, u, y.WR + closing(m, u)))
    return t


def wakes(m: Any, u: int) -> int:
    """As `due`; a command that only its bank, group and rank delay needs no look at the units between them."""
    if rare(m[u + y.MIXED] == 1):
        return due(m, u)
    want = m[u + y.WANT] + y.READY
    t = max(m[u + want], m[m[u + y.AROUND + y.AT_GROUP] + want])
    return int(max(t, m[m[u + y.AROUND + y.AT_RANK] + want]))


def choose(m: Any, u: int, t: int) -> int:
    """The command that the first ready entry of a bank's queue needs now; NONE if none is ready."""
    if rare(m[u + y.MIXED] == 1):
        return choose_mixed(m, u, t)
    return int(m[u + y.WANT])


def choose_mixed(m: Any, u: int, t: int) -> int:
    """As `choose`, where entries want different commands."""
    want = m[u + y.WANT]
    if want <= y.PRE and ready(m, u, want) <= t:
        return int(want)
    read, write = y.RD + closing(m, u), y.WR + closing(m, u)
    reads = m[u + y.READ_AT] >= 0 and ready(m, u, read) <= t
    writes = m[u + y.WRITE_AT] >= 0 and ready(m, u, write) <= t
    if reads and (not writes or m[u + y.READ_AT] < m[u + y.WRITE_AT]):
        return int(read)
    return int(write) if writes else y.NONE


def closing(m: Any, u: int) -> int:
    """What makes the next column command of a bank's row one that closes it: 2 for RDA in place of RD, else 0."""
    return 2 if m[u + y.HITS] + 1 == m[y.ROW_CAP] else 0


def reconsider(m: Any, u: int) -> None:
    """What the queue of a bank wants, after the queue or the bank changed."""
    look(m, u)
    decide(m, u)


def look(m: Any, u: int) -> None:
    """Find the first read and the first write of the open row in the queue of a bank."""
    row = m[u + y.ROW] if m[u + y.HELD] == 0 else -1
    m[u + y.READ_AT] = first_of_row(m, u, row << 1) if row >= 0 else -1
    m[u + y.WRITE_AT] = first_of_row(m, u, row << 1 | 1) if row >= 0 and rare(m[y.WRITES_HELD] > 0) else -1


def first_of_row(m: Any, u: int, key: int) -> int:
    """The first place of a key in the queue of a bank, -1 if it has none; looks at eight places at once."""
    # From the last eight places on, so that what is found first replaces the others.
    found, i = -1, (m[u + y.LENGTH] - 1) & -8
    while i >= 0:
        bits = 0
        for j in range(8):
            bits |= 1 << j if m[m[u + y.ENTRIES] + i + j] >> y.ENTRY_BITS == key else 0
        found = i + lowest(bits) if bits != 0 else found
        i -= 8
    return found


def decide(m: Any, u: int) -> None:
    """What the queue of a bank wants, from the first entries of its open row; nothing while it is held for a refresh.

    A row that no entry wants is closed; one that later entries still hit is closed for the first entry's sake only
    after HIT_CAP column commands.
    """
    reads, writes, mixed = m[u + y.READ_AT], m[u + y.WRITE_AT], 0
    want = y.NONE
    if m[u + y.LENGTH] > 0 and m[u + y.HELD] == 0:
        want = y.ACT
        if m[u + y.ROW] >= 0:
            capped = m[y.HIT_CAP] > 0 and m[u + y.HITS] >= m[y.HIT_CAP]
            if reads != 0 and writes != 0 and (capped or (reads < 0 and writes < 0)):
                want = y.PRE
                mixed = 1 if reads >= 0 or writes >= 0 else 0
            else:
                want = (y.RD if reads >= 0 else y.WR) + closing(m, u)
                mixed = 1 if reads >= 0 and writes >= 0 else 0
    m[u + y.WANT] = want
    m[u + y.MIXED] = mixed


def enlist(m: Any, u: int) -> None:
    """Note from when on the queue of a bank can issue what it wants."""
    m[y.QUEUE_AT + m[u + y.NUMBER]] = entry(m, u)


def entry(m: Any, u: int) -> int:
    """A bank as QUEUE_AT has it."""
    opens = y.OPENS if m[u + y.WANT] == y.ACT else 0
    return int(wakes(m, u) << y.BANK_BITS | opens | m[u + y.NUMBER])


def survey(m: Any, t: int) -> None:
    """Find the bank whose queue can issue first, at `t` or after; among equals the next one in turn.

    CHOSEN becomes its cycle, and in the lowest bits how far it is from the bank after the last one served. QUEUE_AT may
    name a cycle too early, since the commands of other banks delay a queue as well: the best entry is corrected until
    it stays the best. Banks that want to open a row wait until a rank allows it.

    Loops of sixteen become vectors. The entry of the last bank served, NEVER since then, is noted only here, after the
    others were read: a vector that holds what was just written would have to wait for it.
    """
    turn, last = m[y.TURN] + 1, m[y.BANKS] - 1
    opens = m[m[y.RANK_UNITS] + y.READY + y.ACT]
    if rare(m[y.RANKS] > 1):
        opens = opening(m)
    now, wait = t << y.BANK_BITS, max(opens - t, 0) << y.BANK_BITS
    own = entry(m, unit_of(m[y.TURN]))
    while True:
        best = max(own & (-1 << y.BANK_BITS), now) | last
        i = 0
        while i <= last:
            for j in range(16):
                best = min(best, key_of(m[y.QUEUE_AT + i + j], turn, last, now, wait))
            i += 16
        u = unit_of((best + turn) & last)
        at = wakes(m, u)
        if rare(at > best >> y.BANK_BITS):
            enlist(m, u)
        else:
            break
    m[y.QUEUE_AT + m[y.TURN]] = own
    m[y.CHOSEN] = best
    m[y.STALE] = 0


def opening(m: Any) -> int:
    """When a rank allows a row to be opened."""
    found = y.NEVER
    for rank in range(m[y.RANKS]):
        found = min(found, m[m[y.RANK_UNITS] + y.SIZE * rank + y.READY + y.ACT])
    return int(found)


def key_of(entry: int, turn: int, last: int, now: int, wait: int) -> int:
    """What the best bank has least of: its first cycle, then how far it is from the one whose turn it is."""
    far = (entry - turn) & last
    return int(max(entry & (-1 << y.BANK_BITS), now + (wait if entry & y.OPENS else 0)) | far)


def reckon(m: Any, u: int, t: int) -> None:
    """Note a bank whose queue got another entry: it may now be the one that can issue first, at `t` or after."""
    at = max(due(m, u), t)
    place = (m[u + y.NUMBER] - m[y.TURN] - 1) & (m[y.BANKS] - 1)
    if place == m[y.CHOSEN] & ((1 << y.BANK_BITS) - 1):
        m[y.STALE] = 1
    m[y.CHOSEN] = min(m[y.CHOSEN], at << y.BANK_BITS | place)
    m[y.COMMAND_AT] = min(m[y.COMMAND_AT], at)


def closes(m: Any, u: int, t: int) -> None:
    """Close a bank at `t` or later, and count how long its rank had a row open when it was the last one."""
    rank = m[u + y.AROUND + y.AT_RANK]
    m[u + y.ROW] = -1
    m[u + y.HITS] = 0
    m[rank + y.OPENED] -= 1
    m[rank + y.OPEN_UNTIL] = max(m[rank + y.OPEN_UNTIL], t)
    if m[rank + y.OPENED] == 0:
        m[y.COUNTS + y.ACTIVE] += m[rank + y.OPEN_UNTIL]


def serve(m: Any, s: Any, u: int, command: int, t: int) -> None:
    """Issue the command that the queue of a bank needs."""
    b = m[u + y.NUMBER]
    m[y.QUEUE_AT + b] = y.NEVER << y.BANK_BITS | b
    first, row = m[m[u + y.ENTRIES]] >> (y.ENTRY_BITS + 1), m[u + y.ROW]
    row = first if command == y.ACT else row
    record(m, s, b, command, t, row)
    if command <= y.PRE:
        turn_row(m, u, command, row, t)
    else:
        column(m, s, u, command, t)
        reconsider(m, u)


def turn_row(m: Any, u: int, command: int, row: int, t: int) -> None:
    """Open or close a bank, and note what its queue wants then; without branches that differ between the two."""
    rank = m[u + y.AROUND + y.AT_RANK]
    opens = 1 if command == y.ACT else 0
    opened = m[rank + y.OPENED] + 2 * opens - 1
    m[rank + y.OPENED] = opened
    m[u + y.ROW] = row if opens == 1 else -1
    m[u + y.HITS] = 0
    column = y.RD + closing(m, u)
    if rare(opened == opens):
        until = max(t, m[rank + y.OPEN_UNTIL])
        m[y.COUNTS + y.ACTIVE] += until - 2 * opens * until
    if rare(m[y.WRITES_HELD] > 0):
        reconsider(m, u)
    else:  # the row is that of the first entry, a read
        m[u + y.READ_AT] = opens - 1
        m[u + y.WRITE_AT] = -1
        m[u + y.WANT] = column if opens == 1 else y.ACT
        m[u + y.MIXED] = 0


def column(m: Any, s: Any, u: int, command: int, t: int) -> None:
    """Take the request of a column command out of the queue and complete it."""
    write = 1 if command in (y.WR, y.WRA) else 0
    place = m[u + y.WRITE_AT] if write == 1 else m[u + y.READ_AT]
    slot = take(m, u, place)
    if rare(s[y.LOG_ROOM] > 0):
        note_line(m, s, u, t, m[slot + y.LINE])
    m[y.STARVING] = 0
    if m[u + y.HITS] > 0:
        m[y.COUNTS + y.ROW_HITS] += 1
    m[u + y.HITS] += 1
    if rare(command >= y.RDA):
        closes(m, u, max(t + m[y.READ_CLOSES + write], m[u + y.READY + y.PRE]))
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
        if rare(m[slot + y.TWIN] >= 0):
            finish_twins(m, s, m[slot + y.TWIN], done)
    m[slot + y.LINK] = m[y.FREE_SLOT]
    m[y.FREE_SLOT] = slot


def note_line(m: Any, s: Any, u: int, t: int, line: int) -> None:
    """Add its line to the column command that was just logged, unless the log was full."""
    entry = y.LOG + y.LOG_FIELDS * (s[y.LOGGED] - 1)
    if s[entry] == t and s[entry + 2] == m[y.CHANNEL] and s[entry + 3] == m[u + y.NUMBER]:
        s[entry + 5] = line


def refreshed_first(m: Any) -> int:
    """The first bank of the unit whose refresh is next."""
    return first_of(m, m[y.UNIT])


def first_of(m: Any, unit: int) -> int:
    """The first bank of a unit that is refreshed as a whole; the ranks take turns."""
    return int(unit % m[y.RANKS] * m[y.PER_RANK] + unit // m[y.RANKS])


def hold(m: Any) -> None:
    """Keep the queues of the unit that is refreshed next from issuing, and let all others go on.

    A refresh of part of a rank waits for activations elsewhere in it. When another one is due the whole rank is held,
    so that none is put off for longer.
    """
    first = refreshed_first(m)
    rank, late = first // m[y.PER_RANK], m[y.REFRESHES_DUE] > m[y.REFRESH_AT_ONCE]
    for b in range(m[y.BANKS]):
        inside = (b - first) % m[y.UNIT_STEP] == 0 and 0 <= b - first < m[y.UNIT_BANKS] * m[y.UNIT_STEP]
        concerned = b // m[y.PER_RANK] == rank and (late or inside)
        held = 1 if m[y.REFRESHES_DUE] > 0 and concerned else 0
        u = unit_of(b)
        if m[u + y.HELD] != held:
            m[u + y.HELD] = held
            reconsider(m, u)
            enlist(m, u)
    m[y.STALE] = 1


def refresh(m: Any, s: Any, t: int) -> int:
    """The command that a due refresh can issue now, issued: one that closes banks, or the refresh; NONE if it waits."""
    first, any_open = refreshed_first(m), False
    for i in range(m[y.UNIT_BANKS]):
        u = unit_of(first + i * m[y.UNIT_STEP])
        if m[u + y.ROW] >= 0:
            any_open = True
            if m[y.PRECHARGE_AS] == y.NONE and ready(m, u, y.PRE) <= t:
                record(m, s, m[u + y.NUMBER], y.PRE, t, m[u + y.ROW])
                closes(m, u, t)
                return y.PRE
    if any_open:
        return close_all(m, s, first, t) if m[y.PRECHARGE_AS] != y.NONE else y.NONE
    if ready(m, unit_of(first), m[y.REFRESH_AS]) > t:
        return y.NONE
    record(m, s, first, m[y.REFRESH_AS], t, -1)
    return int(m[y.REFRESH_AS])


def close_all(m: Any, s: Any, first: int, t: int) -> int:
    """Close the banks that are refreshed next by one command; NONE if one of them is not ready for it."""
    command = m[y.PRECHARGE_AS]
    if ready(m, unit_of(first), command) > t:
        return y.NONE
    record(m, s, first, command, t, -1)
    for i in range(m[y.UNIT_BANKS]):
        u = unit_of(first + i * m[y.UNIT_STEP])
        if m[u + y.ROW] >= 0:
            closes(m, u, t)
    return int(command)


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
            closed = ready(m, u, y.PRE) if m[y.PRECHARGE_AS] == y.NONE else ready(m, unit_of(first), m[y.PRECHARGE_AS])
            soonest = min(soonest, closed)
    return soonest if soonest < y.NEVER else ready(m, unit_of(first), m[y.REFRESH_AS])


def command(m: Any, s: Any, t: int) -> int:
    """One cycle of the command buses; when the next command can go.

    A refresh goes first, else the next bank in turn; on two buses a second one. That turn is lost if it falls on a bank
    whose command needs the bus that is taken.
    """
    issued = y.NONE
    if rare(m[y.REFRESHES_DUE] > 0):
        issued = refresh(m, s, t)
    refreshes = issued == m[y.REFRESH_AS]
    turns = m[y.TWO_BUSES] + (1 if issued == y.NONE else 0)
    if rare(m[y.STALE] == 1 or m[y.CHOSEN] >> y.BANK_BITS < t):
        survey(m, t)
    while turns > 0 and m[y.CHOSEN] >> y.BANK_BITS <= t:
        m[y.TURN] = (m[y.CHOSEN] + m[y.TURN] + 1) & (m[y.BANKS] - 1)
        u = unit_of(m[y.TURN])
        chosen = choose(m, u, t)
        if issued == y.NONE or m[y.COLUMN_BUS + chosen] != m[y.COLUMN_BUS + issued]:
            serve(m, s, u, chosen, t)
        issued = chosen
        turns -= 1
        survey(m, t if turns > 0 else max(t + 1, m[y.BUS_FREE]))
    if rare(refreshes):
        refreshed(m)  # only now: the second turn of this cycle still finds the same banks held
    floor = max(t + 1, m[y.BUS_FREE])
    if rare(m[y.STALE] == 1 or m[y.CHOSEN] >> y.BANK_BITS < floor):
        survey(m, floor)
    at = m[y.CHOSEN] >> y.BANK_BITS
    if rare(m[y.REFRESHES_DUE] > 0):
        at = max(min(at, refresh_at(m)), floor)
    return int(at)
