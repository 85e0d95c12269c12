"""What the compiled controller works on: its constants, the arrays of its state, and where everything is in them.

Every array holds 64-bit integers. Letters in comments: C channels, R ranks and B banks of a channel, Q entries of a
command queue, S slots for requests that wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from archsim.core.errors import Broken
from archsim.memory.bounds import Bound, Shape, bind
from archsim.memory.protocol import Protocol, Scope

NEVER = 1 << 60
COMMANDS = ("ACT", "PRE", "RD", "WR", "RDA", "WRA", "REF", "REFPB")
ACT, PRE, RD, WR, RDA, WRA, REF, REFPB, NONE = range(len(COMMANDS) + 1)
"""Numbers of the commands in the kernel; NONE is ready at NEVER."""

SCOPES = (Scope.BANK, Scope.BANK_GROUP, Scope.RANK, Scope.OTHER_RANKS)
IN_BANK, IN_GROUP, IN_RANK, IN_OTHERS = range(len(SCOPES))

# Constants of a run: indices into `Setup.sizes`.
CHANNELS, RANKS, PER_RANK, PER_GROUP, BANKS, QUEUE, READ_QUEUE, WRITE_BUFFER, DRAIN_ABOVE, HIT_CAP = range(10)
READ_AS, WRITE_AS, TWO_BUSES, READ_DELAY, REFRESH_EVERY, REFRESH_AT_ONCE, REFRESH_UNITS, UNIT_BANKS = range(10, 18)
SIZES = 18
"""REFRESH_UNITS ranks or banks are refreshed in turn, REFRESH_AT_ONCE of them every REFRESH_EVERY cycles."""

# Numbers of a channel: indices into `State.channel`.
READS_WAITING, WRITES_WAITING, DRAINING, NEXT_REFRESH, REFRESHES_DUE, REFRESHES_DONE, TURN, MOVABLE = range(8)
COMMAND_AT, WAKE, IN_QUEUES, BUS_FREE, SEQUENCE, LAST_COMMAND, QUEUED_SINCE, CHANNEL_NUMBERS = range(8, 16)

# Statistics of a channel: one count per command, the cycles spent before each command, then these.
WAITED = len(COMMANDS)
ROW_HITS, READS, WRITES, FORWARDED, MERGED, LATENCY, SLOWEST, ACTIVE, QUEUED, STATISTICS = range(
    2 * WAITED, 2 * WAITED + 10
)

# Fields of a waiting request: its line, row * 2 + is write, when it was accepted, the next one of its bank, its number in
# the order of acceptance, and the reads of the same line that were merged into it.
LINE, KEY, ADDED, LINK, NUMBER, TWIN, SLOT_FIELDS = range(7)

# Numbers of the run: indices into `State.run`.
NEXT, RANDOM, OUTSTANDING, LAST_DONE, LOGGED, FREE_TWIN, RUN_NUMBERS = range(7)

# How requests are made: indices into `Setup.stream`, and the forms.
FORM, COUNT, STRIDE, CAPACITY, SHIFT, WRITES_EVERY, STREAM_NUMBERS = range(7)
GIVEN, AFFINE, UNIFORM, MIXED = range(4)

TWINS = 1 << 16
"""Merged reads outstanding at most; a further one waits at the door."""
FILTER = 1024
LONGEST_LATENCY = 1 << 16
"""Latencies from here on share the last bin of the histogram."""


class Setup(NamedTuple):
    """Everything that does not change during a run."""

    sizes: Any
    rule_at: Any  # [command] -> first rule of it in `rules`
    rules: Any  # [rule, (scope, following, gap)]
    windows: Any  # [window, (count, gap)] between activations of one rank
    occupancy: Any  # [command] cycles on its command bus
    fields: Any  # [channel, rank, group, bank, row; (position, mask)] in a line number
    stream: Any
    addresses: Any
    is_write: Any
    arrivals: Any


class State(NamedTuple):
    """Everything that does."""

    ready: Any  # [C, command, B] first cycle the rules allow it
    row: Any  # [C, B] open row, -1 closed
    hits: Any  # [C, B] column commands since the row was opened
    when: Any  # [C, B] cycle before which the queue issues nothing
    want: Any  # [C, B] the command to issue first
    mixed: Any  # [C, B] whether another entry may issue something else before
    read_at: Any  # [C, B] place of the first read of the open row in the queue, -1 none
    write_at: Any  # [C, B]
    length: Any  # [C, B] entries in the command queue
    keys: Any  # [C, B, Q]
    entries: Any  # [C, B, Q] slots
    heads: Any  # [C, read or write, B] first slot that waits for this bank, -1 none
    tails: Any  # [C, read or write, B]
    slots: Any  # [C, S, field]
    free: Any  # [C, S + 1] free slots; [0] is how many
    twins: Any  # [twin, (added, next)]
    filter: Any  # [C, read or write, FILTER] outstanding requests by hash of the line
    channel: Any  # [C, number]
    opened: Any  # [C, R, (open banks, since)]
    rings: Any  # [C, R, window, place] latest activations
    ring_at: Any  # [C, R, window]
    counts: Any  # [C, statistic]
    latencies: Any  # [cycles] reads that took that long
    log: Any  # [command, (cycle, command, channel, bank, row)]
    run: Any


def tables(protocol: Protocol, timing: Mapping[str, int], shape: Shape) -> tuple[Any, Any, Any, Any, bool]:
    """Rules as arrays: (first rule of each command, rules, windows, cycles on the command bus, two buses).

    Rules of the channel are its command buses; the controller keeps them by issuing one command at a time on each.
    """
    bounds = bind(protocol, timing, shape)
    buses = [b for b in bounds if b.scope is Scope.CHANNEL]
    two = not any(b.preceding == "ACT" and b.following == "RD" for b in buses)
    occupancy = [max((b.gap for b in buses if b.preceding == name), default=1) for name in COMMANDS]
    if two and max(occupancy) > 1:
        raise Broken(f"{protocol.name}: long commands on two buses", right="one bus, or commands of one cycle")
    windows = sorted({(b.window, b.gap) for b in bounds if b.window > 1})
    rows = [[_number(b) for b in bounds if b.preceding == name and _plain(b)] for name in COMMANDS]
    firsts = np.cumsum([0, *(len(row) for row in rows)])
    flat = [entry for row in rows for entry in row]
    return (*map(_array, (firsts, flat, windows, occupancy)), two)


def _plain(bound: Bound) -> bool:
    return bound.window == 1 and bound.scope is not Scope.CHANNEL


def _number(bound: Bound) -> tuple[int, int, int]:
    return SCOPES.index(bound.scope), COMMANDS.index(bound.following), bound.gap


def _array(values: Any) -> Any:
    return np.ascontiguousarray(values, dtype=np.int64)


def fresh(sizes: Any, windows: int, log: int) -> State:
    """The state of a memory that has been idle for long; `log` commands can be recorded."""
    c, r, b, q = (int(sizes[i]) for i in (CHANNELS, RANKS, BANKS, QUEUE))
    slots = int(sizes[READ_QUEUE] + sizes[WRITE_BUFFER]) + b * q

    def full(value: int, *shape: int) -> Any:
        return np.full(shape, value, dtype=np.int64)

    ready = full(0, c, NONE + 1, b)
    ready[:, NONE] = NEVER
    free = np.tile(np.concatenate(([slots], np.arange(slots))), (c, 1)).astype(np.int64)
    channel = full(0, c, CHANNEL_NUMBERS)
    channel[:, NEXT_REFRESH] = channel[:, COMMAND_AT] = sizes[REFRESH_EVERY]
    channel[:, WAKE] = sizes[REFRESH_EVERY]
    twins = full(0, TWINS, 2)
    twins[:, 1] = np.arange(1, TWINS + 1)
    run = full(0, RUN_NUMBERS)
    run[RANDOM] = 12345
    return State(
        ready=ready,
        row=full(-1, c, b),
        hits=full(0, c, b),
        when=full(NEVER, c, b),
        want=full(NONE, c, b),
        mixed=full(0, c, b),
        read_at=full(-1, c, b),
        write_at=full(-1, c, b),
        length=full(0, c, b),
        keys=full(0, c, b, q),
        entries=full(0, c, b, q),
        heads=full(-1, c, 2, b),
        tails=full(-1, c, 2, b),
        slots=full(0, c, slots, SLOT_FIELDS),
        free=free,
        twins=twins,
        filter=full(0, c, 2, FILTER),
        channel=channel,
        opened=full(0, c, r, 2),
        rings=full(-NEVER, c, r, max(windows, 1), 32),
        ring_at=full(0, c, r, max(windows, 1)),
        counts=full(0, c, STATISTICS),
        latencies=full(0, LONGEST_LATENCY),
        log=full(0, log, 5),
        run=run,
    )
