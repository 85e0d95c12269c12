"""How requests leave the queue of their bank, and are complete. Compiled.

A queue's entries lie in the order of their arrival, without gaps. `u` is the place of a bank's unit.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y
from archsim.memory.kernel import rare


def take(m: Any, u: int, place: int) -> int:
    """Take an entry out of a bank's queue, and close the gap, eight places at once; its slot."""
    entry = m[u + y.ENTRIES] + place
    slot = m[entry] & ((1 << y.ENTRY_BITS) - 1)
    if rare(m[u + y.LENGTH] == m[y.QUEUE]):
        for write in range(2):
            if m[u + y.HEADS + write] >= 0:
                m[y.READS_ELIGIBLE + write] += 1
                eligible(m, u, write)
    left, first = m[u + y.LENGTH] - 1, m[u + y.ENTRIES]
    m[u + y.LENGTH] = left
    i = place & -8
    while i <= left:
        for j in range(8):
            before, after = m[first + i + j], m[first + i + j + 1]
            after = after if i + j < left else -1
            m[first + i + j] = before if i + j < place else after
        i += 8
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
    if rare(latency >= y.BINS):
        s[y.LATENCIES + min(latency, y.LONGEST_LATENCY - 1)] += 1
    else:
        m[y.HISTOGRAM + latency] += 1
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
