"""A picture of the controller's state that can be laid over a later one: all that decides what comes, and nothing else.

Times count from now, and are cut off where they no longer bind. Requests stand in the order of their queues, not by the
slots that they happen to lie in. Rows and lines are kept apart, since a stream moves them on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from archsim.memory import layout as y

EQUAL = [y.READS_WAITING, y.WRITES_WAITING, y.DRAINING, y.REFRESHES_DUE, y.UNIT, y.TURN, y.MOVABLE, y.IN_QUEUES]
"""Numbers of a channel that have to be the same."""
AHEAD = [y.NEXT_REFRESH, y.COMMAND_AT, y.WAKE, y.BUS_FREE]
"""Cycles that have to lie equally far ahead; those of the past count as now."""
BANK = [y.WANT, y.MIXED, y.READ_AT, y.WRITE_AT, y.LENGTH, y.HELD]
MOST_TWINS = 1024
"""Merged reads of one line that a picture can show."""


@dataclass(frozen=True)
class Live:
    """The requests that wait, and those in command queues, all channels together, in a canonical order."""

    channel: Any
    slot: Any
    place: Any  # [request, (channel, bank, list, position)]
    twins: list[Any]  # by depth: the merged read at that depth of each request, -1 none


@dataclass(frozen=True)
class Picture:
    """One state."""

    next: int
    now: int
    fixed: tuple[Any, ...]
    """What has to be the same in a state that continues alike."""
    lines: Any
    writes: Any
    added: Any
    rows: Any  # [channel, bank]
    visits: Any  # [channel, bank, read or write]
    last_commands: Any
    last_done: int
    counts: Any
    histograms: Any
    latencies: Any
    other: Any
    """What else is simulated beside the requests, as it pictures itself."""


def units(state: y.State) -> Any:
    """A view of the units: [channel, unit, place]."""
    memory = state.memory
    first = memory[0]
    count = 1 + (first[y.BANK_UNITS + y.AROUND + y.AT_CHANNEL] - y.BANK_UNITS) // y.SIZE
    return memory[:, y.BANK_UNITS : y.BANK_UNITS + count * y.SIZE].reshape(len(memory), count, y.SIZE)


def ranks_of(state: y.State) -> Any:
    """Where the ranks are among the units."""
    memory = state.memory
    return (memory[0, y.RANK_UNITS] - y.BANK_UNITS) // y.SIZE + np.arange(memory[0, y.RANKS])


def take(state: y.State, live: Live, other: Any = None) -> Picture:
    """A picture of the state as it is."""
    memory, shared, now = state.memory, state.shared, int(state.shared[y.NOW])
    banks, view = memory[0, y.BANKS], units(state)
    own = view[:, :banks]
    waiting = live.place[:, 2] > 0
    order = memory[live.channel[waiting], live.slot[waiting] + y.ORDER]
    cap = max(int(memory[0, y.HIT_CAP]), int(memory[0, y.ROW_CAP]), 1)
    ranks = ranks_of(state)
    keys = memory[live.channel, live.slot + y.KEY]
    twins = [np.where(at >= 0, shared[y.TWINS_AT + 2 * at] - now, 1) for at in live.twins]
    fixed = (
        memory[:, EQUAL],
        ahead(memory[:, AHEAD], now),
        ahead(view[:, :, y.READY : y.READY + y.MOST_COMMANDS], now),
        ahead(view[:, ranks, y.OPEN_UNTIL], now),
        own[:, :, BANK],
        np.minimum(own[:, :, y.HITS], cap),
        own[:, :, y.ROW] >= 0,
        live.place,
        keys & 1,
        np.lexsort((order, live.channel[waiting])),
        *_rings(state, now),
        np.array(len(twins)),
        *twins,
        shared[y.OUTSTANDING],
    )
    return Picture(
        int(shared[y.NEXT]),
        now,
        tuple(np.array(part) for part in fixed),
        memory[live.channel, live.slot + y.LINE],
        keys & 1,
        memory[live.channel, live.slot + y.ADDED],
        own[:, :, y.ROW].copy(),
        own[:, :, y.VISITS : y.VISITS + 2].copy(),
        memory[:, y.LAST_COMMAND].copy(),
        int(shared[y.LAST_DONE]),
        memory[:, y.COUNTS : y.COUNTS + y.STATISTICS].copy(),
        memory[:, y.HISTOGRAM : y.HISTOGRAM + y.BINS].copy(),
        shared[y.LATENCIES : y.LOG].copy(),
        other,
    )


def ahead(times: Any, now: int) -> Any:
    """How far cycles lie ahead; 0 for those of the past, NEVER for what never comes."""
    return np.where(times >= y.NEVER, y.NEVER, np.maximum(times - now, 0))


def _rings(state: y.State, now: int) -> list[Any]:
    """The latest commands in each window, oldest first; as old as the window's length if they are older."""
    found = []
    for w in range(state.memory[0, y.WINDOW_COUNT]):
        window = y.WINDOWS + y.WINDOW_FIELDS * w
        count, gap, first = (int(state.memory[0, window + i]) for i in (1, 2, 5))
        rings = state.memory[:, first : first + y.MOST_RANKS * y.RING].reshape(-1, y.MOST_RANKS, y.RING)
        order = (rings[:, :, :1] + np.arange(count)) % count
        found.append(np.maximum(np.take_along_axis(rings[:, :, 1:], order, axis=2) - now, -gap))
    return found


def live(state: y.State) -> Live | None:
    """The requests in a channel; None if too many reads share a line."""
    memory, own = state.memory, units(state)[:, : state.memory[0, y.BANKS]]
    longest = (int(memory[0, y.QUEUE]) + 7) // 8 * 8
    begin = int(own[0, 0, y.ENTRIES])
    entries = memory[:, begin : begin + own.shape[1] * longest].reshape(len(memory), -1, longest)
    channel, bank, position = np.nonzero(np.arange(longest) < own[:, :, y.LENGTH, None])
    slots = [entries[channel, bank, position] & ((1 << y.ENTRY_BITS) - 1)]
    places = [np.stack((channel, bank, np.zeros_like(bank), position), axis=1)]
    channel, bank, write = np.nonzero(own[:, :, y.HEADS : y.HEADS + 2] >= 0)
    slot, depth = own[channel, bank, y.HEADS + write], 0
    while slot.size:
        slots.append(slot)
        places.append(np.stack((channel, bank, 1 + write, np.full_like(bank, depth)), axis=1))
        after = memory[channel, slot + y.LINK]
        more = after >= 0
        channel, bank, write, slot, depth = channel[more], bank[more], write[more], after[more], depth + 1
    place, slot = np.concatenate(places), np.concatenate(slots)
    twins = [memory[place[:, 0], slot + y.TWIN]]
    while (twins[-1] >= 0).any():
        if len(twins) > MOST_TWINS:
            return None
        twins.append(np.where(twins[-1] >= 0, state.shared[y.TWINS_AT + 2 * twins[-1] + 1], -1))
    return Live(place[:, 0], slot, place, twins[:-1])
