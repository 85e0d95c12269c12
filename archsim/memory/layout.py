"""What the compiled controller works on: its constants, the arrays of its state, and where everything is in them.

Every array holds 64-bit integers. Letters in comments: C channels, R ranks and B banks of a channel, Q entries of a
command queue, S slots for requests that wait.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

MOST_BANKS, MOST_RANKS, MOST_RULES, MOST_WINDOWS, WIDEST, BUCKETS = 128, 8, 400, 2, 32, 1024
"""Sizes of the fixed parts of a channel's memory, so that their places are constants of the machine code."""

# A channel's memory: first numbers that change,
READS_WAITING, WRITES_WAITING, DRAINING, NEXT_REFRESH, REFRESHES_DUE, REFRESHES_DONE, TURN, MOVABLE = range(8)
COMMAND_AT, WAKE, IN_QUEUES, BUS_FREE, SEQUENCE, LAST_COMMAND, QUEUED_SINCE, FREE_SLOT = range(8, 16)
# then the constants of the run; REFRESH_UNITS ranks or banks are refreshed in turn, REFRESH_AT_ONCE of them every
# REFRESH_EVERY cycles,
CHANNEL, RANKS, PER_RANK, PER_GROUP, BANKS, QUEUE, READ_QUEUE, WRITE_BUFFER, DRAIN_ABOVE, HIT_CAP = range(16, 26)
READ_AS, WRITE_AS, TWO_BUSES, READ_DELAY, REFRESH_EVERY, REFRESH_AT_ONCE, REFRESH_UNITS, UNIT_BANKS = range(26, 34)
WINDOW_COUNT, COUNTS = 34, 35
# then blocks.
RULE_AT = 64  # [command] first rule of it
OCCUPANCY = RULE_AT + 10  # [command] cycles on its bus
FIELDS = OCCUPANCY + 10  # [channel, rank, group, bank, row; (position, mask)] in a line number
WINDOWS = FIELDS + 10  # [window, (count, gap)]
OPENED = WINDOWS + 2 * MOST_WINDOWS  # [rank] open banks
OPEN_SINCE = OPENED + MOST_RANKS  # [rank]
RING_AT = OPEN_SINCE + MOST_RANKS  # [rank, window]
RINGS = RING_AT + MOST_RANKS * MOST_WINDOWS  # [rank, window, place] latest activations
WHEN = RINGS + MOST_RANKS * MOST_WINDOWS * WIDEST  # [bank] cycle before which the queue issues nothing
WANT = WHEN + MOST_BANKS  # [bank] the command to issue first
MIXED = WANT + MOST_BANKS  # [bank] whether another entry may issue something else before
ROW = MIXED + MOST_BANKS  # [bank] open row, -1 closed
HITS = ROW + MOST_BANKS  # [bank] column commands since the row was opened
READ_AT = HITS + MOST_BANKS  # [bank] place of the first read of the open row in the queue, -1 none
WRITE_AT = READ_AT + MOST_BANKS  # [bank]
LENGTH = WRITE_AT + MOST_BANKS  # [bank] entries in the command queue
ENTRIES = LENGTH + MOST_BANKS  # [bank] where its command queue begins: pairs of key and slot
HEADS = ENTRIES + MOST_BANKS  # [read or write, bank] first slot that waits for this bank, -1 none
TAILS = HEADS + 2 * MOST_BANKS  # [read or write, bank]
READY = TAILS + 2 * MOST_BANKS  # [command, bank] first cycle the rules allow it
FILTER = READY + (NONE + 1) * MOST_BANKS  # [read or write, bucket] outstanding requests by hash of the line
RULES = FILTER + 2 * BUCKETS  # [rule, (scope, following, gap)]
QUEUES = RULES + 3 * MOST_RULES  # command queues, then slots

# Statistics of a channel: one count per command, the cycles spent before each command, then these.
WAITED = len(COMMANDS)
ROW_HITS, READS, WRITES, FORWARDED, MERGED, LATENCY, SLOWEST, ACTIVE, QUEUED, STATISTICS = range(
    2 * WAITED, 2 * WAITED + 10
)

# Fields of a waiting request: its line, row * 2 + is write, when it was accepted, the next one of its bank, its number
# in the order of acceptance, and the reads of the same line that were merged into it.
LINE, KEY, ADDED, LINK, NUMBER, TWIN, SLOT_FIELDS = range(7)

# Numbers of the run: indices into `State.run`.
NEXT, RANDOM, OUTSTANDING, LAST_DONE, LOGGED, FREE_TWIN, RUN_NUMBERS = range(7)

# How requests are made: indices into `Setup.stream`, and the forms.
FORM, COUNT, STRIDE, CAPACITY, SHIFT, WRITES_EVERY, STREAM_NUMBERS = range(7)
GIVEN, AFFINE, UNIFORM, MIX = range(4)

TWINS = 1 << 16
"""Merged reads outstanding at most; a further one waits at the door."""
LONGEST_LATENCY = 1 << 16
"""Latencies from here on share the last bin of the histogram."""


class Setup(NamedTuple):
    """The requests."""

    stream: Any
    addresses: Any
    is_write: Any
    arrivals: Any


class State(NamedTuple):
    """Everything that changes during a run."""

    memory: Any  # [channel, place] see above
    run: Any
    twins: Any  # [twin, (added, next)]
    latencies: Any  # [cycles] reads that took that long
    log: Any  # [command, (cycle, command, channel, bank, row)]


def tables(
    protocol: Protocol, timing: Mapping[str, int], shape: Shape, used: Collection[str]
) -> tuple[Any, Any, Any, Any, bool]:
    """Rules as arrays: (first rule of each command, rules, windows, cycles on the command bus, two buses).

    Only rules between commands that are `used` are kept. Rules of the channel are its command buses; the controller
    keeps them by issuing one command at a time on each.
    """
    bounds = [b for b in bind(protocol, timing, shape) if b.preceding in used and b.following in used]
    buses = [b for b in bounds if b.scope is Scope.CHANNEL]
    two = not any(b.preceding == "ACT" and b.following in ("RD", "RDA") for b in buses)
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


def fresh(constants: Mapping[int, int], blocks: Mapping[int, Any], channels: int, log: int) -> State:
    """The state of a memory that has been idle for long; `log` commands can be recorded.

    `constants` are single places of a channel's memory, `blocks` go to a place and those after it.
    """
    banks, queue = constants[BANKS], constants[QUEUE]
    slots = constants[READ_QUEUE] + constants[WRITE_BUFFER] + banks * queue
    first = QUEUES + 2 * banks * queue
    memory = np.zeros((channels, first + slots * SLOT_FIELDS), dtype=np.int64)
    memory[:, CHANNEL] = np.arange(channels)
    for place, value in constants.items():
        memory[:, place] = value
    for place, values in blocks.items():
        memory[:, place : place + values.size] = values.ravel()
    for place in (ROW, READ_AT, WRITE_AT, HEADS, HEADS + MOST_BANKS):
        memory[:, place : place + MOST_BANKS] = -1
    memory[:, WANT : WANT + MOST_BANKS] = NONE
    memory[:, READY + NONE * MOST_BANKS : READY + (NONE + 1) * MOST_BANKS] = NEVER
    memory[:, WHEN : WHEN + MOST_BANKS] = NEVER
    memory[:, RINGS:WHEN] = -NEVER
    memory[:, ENTRIES : ENTRIES + banks] = QUEUES + 2 * queue * np.arange(banks)
    memory[:, FREE_SLOT] = first
    memory[:, first + LINK :: SLOT_FIELDS] = first + SLOT_FIELDS * np.arange(1, slots + 1)
    memory[:, [NEXT_REFRESH, COMMAND_AT, WAKE]] = constants[REFRESH_EVERY]
    twins, run = np.zeros((TWINS, 2), dtype=np.int64), np.zeros(RUN_NUMBERS, dtype=np.int64)
    twins[:, 1] = np.arange(1, TWINS + 1)
    run[RANDOM] = 12345
    return State(memory, run, twins, np.zeros(LONGEST_LATENCY, dtype=np.int64), np.zeros((log, 5), dtype=np.int64))
