"""When each bank was refreshed, by the log, and whether that is often enough."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from archsim.memory import layout as y
from archsim.memory.controller import Statistics

POSTPONED = 9
"""JEDEC lets eight refreshes be postponed: nine intervals between two of one bank at most."""


def refreshes(found: Statistics) -> dict[tuple[int, int], list[int]]:
    """Cycles of the refreshes of each bank, by channel and bank."""
    shape, seen = found.device.shape, defaultdict[tuple[int, int], list[int]](list)
    for cycle, command, channel, bank, *_ in found.log.tolist():
        if command == y.REFPB:
            banks = range(bank, bank + 1)
        elif command == y.REFSB:
            banks = range(bank, (bank // shape.per_rank + 1) * shape.per_rank, shape.banks)
        elif command == y.REF:
            banks = range(bank, bank + shape.per_rank)
        else:
            continue
        for one in banks:
            seen[channel, one].append(cycle)
    return seen


def in_time(found: Statistics) -> None:
    """Each bank has as many as are due, but for the last one, and no two lie too far apart."""
    interval, seen = found.device.cycles["tREFI"], refreshes(found)
    for channel in range(found.device.channels):
        for bank in range(found.device.shape.total):
            own = seen[channel, bank]
            due = found.cycles // interval
            # An interval that its units do not divide is rounded down, by a unit's share of it.
            most = found.cycles / (interval - found.device.shape.total) + 1
            assert due - 2 <= len(own) <= most
            gaps = [after - before for before, after in pairwise([0, *own, found.cycles])]
            assert max(gaps) <= POSTPONED * interval
