"""The banks of a scratchpad, cycle by cycle, as one function that numba compiles.

In each cycle the crossbar first takes requests in their order, up to its width, each into the queue of its bank; one
that finds the queue full stops those behind it. Then every bank answers from the head of its queue while it has a port
left that can: requests of one bank stay in order. A cycle in which nothing waits is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from archsim.core.copies import copied

LONGEST = 1 << 16
"""Latencies from here on share the last bin of the histogram."""

BANKS, DEPTH, WIDTH, SHARED, READS, WRITES, LATENCY, BANK_AT, NUMBERS = range(9)
"""The constants: banks, queue entries, requests taken per cycle, ports by what they do, cycles of a read, the lowest
bit of the bank in an address."""

NOW, TAKEN, NEXT, WAITING, DONE, SUM, SLOWEST, LATE, BLOCKED, STATE = range(10)
"""What changes: the cycle, requests taken in it, the next request of the chunk, requests in queues, the last
completion, sum and maximum of the read latencies, accesses that waited in a queue, cycles that met a full queue."""

HEAD, LENGTH, READ, WRITTEN, BANK = range(5)
"""Of each bank: head and length of its queue, reads and writes it answered."""


def take(k: Any, s: Any, queues: Any, banks: Any, addresses: Any, is_write: Any, arrivals: Any) -> None:
    """Let the crossbar take requests in this cycle."""
    i, now = s[NEXT], s[NOW]
    while i < len(addresses) and s[TAKEN] < k[WIDTH] and arrivals[i] <= now:
        b = (addresses[i] >> k[BANK_AT]) & (k[BANKS] - 1)
        if banks[b, LENGTH] >= k[DEPTH]:
            s[BLOCKED] += 1
            break
        queues[b, (banks[b, HEAD] + banks[b, LENGTH]) % k[DEPTH]] = 2 * now + is_write[i]
        banks[b, LENGTH] += 1
        s[WAITING] += 1
        s[TAKEN] += 1
        i += 1
    s[NEXT] = i


def serve(k: Any, s: Any, queues: Any, banks: Any, bins: Any, b: int) -> None:
    """Let one bank answer in this cycle, until its next request finds no port."""
    now, shared, reads, writes = s[NOW], k[SHARED], k[READS], k[WRITES]
    while banks[b, LENGTH] > 0:
        entry = queues[b, banks[b, HEAD]]
        write, since = entry & 1, entry >> 1
        if write == 1 and writes > 0:
            writes -= 1
        elif write == 0 and reads > 0:
            reads -= 1
        elif shared > 0:
            shared -= 1
        else:
            break
        banks[b, HEAD] = (banks[b, HEAD] + 1) % k[DEPTH]
        banks[b, LENGTH] -= 1
        banks[b, READ + write] += 1
        s[WAITING] -= 1
        s[LATE] += 1 if now > since else 0
        end = now + 1 if write == 1 else now + k[LATENCY]
        s[DONE] = max(s[DONE], end)
        if write == 0:
            bins[min(end - since, LONGEST - 1)] += 1
            s[SUM] += end - since
            s[SLOWEST] = max(s[SLOWEST], end - since)


def run(k: Any, s: Any, queues: Any, banks: Any, bins: Any, chunk: Any, last: bool) -> None:
    """Answer the requests of a chunk; where more follow, stop in the cycle that could take the next one.

    Parameters
    ----------
    k
        Constants, by the names above.
    s
        State, by the names above.
    queues
        Per bank a ring of 2 * cycle of acceptance + 1 for a write.
    banks
        Per bank the numbers above.
    bins
        Reads by latency.
    chunk
        Addresses, 1 for a write, first cycle of each request.
    last
        Whether the queues run empty at the end.
    """
    addresses, is_write, arrivals = chunk
    s[NEXT] = 0
    while True:
        take(k, s, queues, banks, addresses, is_write, arrivals)
        if s[NEXT] == len(addresses) and not last and s[TAKEN] < k[WIDTH]:
            return
        for b in range(k[BANKS]):
            serve(k, s, queues, banks, bins, b)
        s[NOW], s[TAKEN] = s[NOW] + 1, 0
        if s[WAITING] == 0:
            if s[NEXT] == len(addresses):
                return
            s[NOW] = max(s[NOW], arrivals[s[NEXT]])


@cache
def compiled() -> Callable[..., None]:
    """`run` as machine code, from the disk where another process made it before.

    The functions are compiled in a namespace of their own, so that they stay plain Python here.
    """
    import numba

    space: dict[str, Any] = dict(globals())
    for function in (take, serve):
        space[function.__name__] = numba.njit(copied(function, space, __name__), error_model="numpy")
    machine: Callable[..., None] = numba.njit(cache=True, error_model="numpy")(copied(run, space, __name__))
    return machine
