"""What the compiled controller works on: its constants, the arrays of its state, and where everything is in them.

Every array holds 64-bit integers. A channel's memory `m` begins with single numbers; then come units of SIZE numbers
for the banks, bank groups, same-bank sets, halves, ranks and the channel as a whole, which all keep, at READY, from
when the rules allow each command there; then what has a size of its own. `s` is what the channels share.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from archsim.memory.protocol import Protocol

NEVER = 1 << 54
"""Later than any cycle; leaves room to count in units of 1/256 of a cycle."""
COMMANDS = ("ACT", "PRE", "RD", "WR", "RDA", "WRA", "REF", "REFPB", "REFSB")
ACT, PRE, RD, WR, RDA, WRA, REF, REFPB, REFSB = range(len(COMMANDS))
"""Numbers of the commands that the controller itself issues; those that a standard has beyond them come after."""
MOST_COMMANDS = 40
NONE = -1
"""The command of an empty queue, ready at NEVER; that number stands before those of the commands."""

MOST_BANKS, MOST_RANKS, MOST_RULES, MOST_WINDOWS, WIDEST, BUCKETS = 128, 8, 800, 6, 32, 1024
BANK_BITS = 8

# Where a rule delays the command that follows: in one unit around the bank, or in several.
AT_BANK, AT_GROUP, AT_SAME, AT_HALF, AT_RANK, AT_CHANNEL, OTHER_RANKS, EVERY_RANK, EVERY_SAME, EVERY_HALF = range(10)
LEVELS = 6
USUAL, USUAL_GAPS = {AT_BANK: range(4), AT_GROUP: range(4, 8), AT_RANK: range(8, 16)}, 16
"""Where the gaps of a command's most usual rules are: those before ACT, PRE, RD, WR, of a rank also the next four."""

# A channel's memory: first numbers that change,
READS_WAITING, WRITES_WAITING, DRAINING, NEXT_REFRESH, REFRESHES_DUE, UNIT, TURN, MOVABLE, COMMAND_AT = range(9)
WAKE, IN_QUEUES, BUS_FREE, SEQUENCE, LAST_COMMAND, FREE_SLOT = range(9, 15)
PRECHARGE_AS = 15
"""The command that closes all banks that are refreshed together, or NONE: each is closed by a PRE of its own."""
CHOSEN, STALE, READS_ELIGIBLE, WRITES_ELIGIBLE, READ_HINT, WRITE_HINT, WRITES_HELD = range(17, 24)
# then the constants of the run; REFRESH_UNITS units are refreshed in turn, REFRESH_AT_ONCE of them every REFRESH_EVERY
# cycles; a unit is UNIT_BANKS banks, UNIT_STEP apart. An idle channel recurs every IDLE_ROUND cycles (NEVER: it may
# not). A row closes with its ROW_CAP-th column command (0: does not), READ_CLOSES or WRITE_CLOSES cycles after it.
CHANNEL, RANKS, PER_RANK, PER_GROUP, BANKS, QUEUE, READ_QUEUE, WRITE_BUFFER, DRAIN_ABOVE, HIT_CAP = range(24, 34)
ROW_CAP, IDLE_ROUND, TWO_BUSES, READ_DELAY, REFRESH_EVERY, REFRESH_AT_ONCE, REFRESH_UNITS, UNIT_BANKS = range(34, 42)
UNIT_STEP, REFRESH_AS, WINDOW_COUNT, RANK_UNITS = range(42, 46)
# These change: refreshes since the last column command, while requests are queued; accepted requests that a channel
# behind in time has not taken in yet, by direction. INBOX is where they are: [n, (line, is write, cycle)].
STARVING, READS_POSTED, WRITES_POSTED, INBOX = range(46, 50)
READ_CLOSES, WRITE_CLOSES = range(50, 52)  # constants again
# Then blocks.
COUNTS = 52  # statistics, see below
NOTES, NOTE, MOST_NOTES = 142, 7, 32  # [note, number] cheap numbers of states that are looked for again, see `forward`
DENSE = (NOTES + NOTE * MOST_NOTES + 7) // 8 * 8  # [command, n] gaps as USUAL has them
RULE_AT = DENSE + USUAL_GAPS * MOST_COMMANDS  # [command] the first one of its other rules
OCCUPANCY = RULE_AT + MOST_COMMANDS + 1  # [command] cycles on its bus
COLUMN_BUS = OCCUPANCY + MOST_COMMANDS  # [command] 1 if it goes over the column bus
CHANNEL_WIDE = COLUMN_BUS + MOST_COMMANDS  # [command] 1 if it acts on the whole channel
COUNTED_IN = CHANNEL_WIDE + MOST_COMMANDS  # [command] windows that it goes through
FIELDS = COUNTED_IN + MOST_COMMANDS  # [channel, rank, group, bank, row; (position, mask)] in a line number
WINDOWS = FIELDS + 10  # [window, (preceding as bits, count, gap, first following, end, rings, per rank,
# the one command it delays, in the rank of what it counts, or -1)]
WINDOW_FIELDS = 8
FOLLOWING = WINDOWS + WINDOW_FIELDS * MOST_WINDOWS  # [n, (where, command)] what windows delay
RULES = FOLLOWING + 2 * MOST_COMMANDS * MOST_WINDOWS  # [rule, (where, following, gap)]
RINGS = RULES + 3 * MOST_RULES  # [window, rank, (oldest, times)]
RING = WIDEST + 1
RINGS_END = RINGS + MOST_WINDOWS * MOST_RANKS * RING
# [bank] the first cycle in which its queue can issue something, or an earlier one, NEVER if it wants nothing; below it
# a bit if it wants to open a row, then those of the bank
QUEUE_AT = (RINGS_END + 7) // 8 * 8
OPENS = MOST_BANKS
# [read or write, bank] the order of its first waiting request above its bits; NEVER if that cannot move into the queue
ELDEST = QUEUE_AT + MOST_BANKS
FILTER = ELDEST + 2 * MOST_BANKS  # [read or write, bucket] outstanding requests by hash of the line
HISTOGRAM = FILTER + 2 * BUCKETS  # [cycles] reads that took that long, up to BINS; longer ones are in LATENCIES
BINS = 8192
BANK_UNITS = (HISTOGRAM + BINS + 7) // 8 * 8  # units; then command queues, then slots

# A unit. Of a bank: what its queue wants first, and whether another entry may issue something else before,
WANT, MIXED, AROUND, ROW, LENGTH, ENTRIES, NUMBER = 0, 1, 2, 8, 9, 10, 11
# the units around it by level; the open row (-1 closed); entries of its queue, and where they begin; the bank;
HITS, READ_AT, WRITE_AT, HELD, HEADS, TAILS, VISITS = 12, 13, 14, 15, 16, 18, 20
# column commands since the row was opened; places in the queue of the first read and write of that row (-1 none);
# held for a refresh; [read or write] first and last slot that waits, and requests.
READY, SIZE = 24, 64  # [command] first cycle the rules of this unit allow it
OPENED, OPEN_UNTIL = 0, 1  # of a rank: banks with an open row; when the last row that closes by itself is closed

ENTRY_BITS = 24
"""A queue's entry is the key of the request above this many bits for its slot; unused ones are -1, in eights."""

# Statistics of a channel, from COUNTS on: one count per command, the cycles spent before each command, then these.
WAITED = MOST_COMMANDS
ROW_HITS, READS, WRITES, FORWARDED, MERGED, LATENCY, SLOWEST, ACTIVE, QUEUED, STATISTICS = range(
    2 * WAITED, 2 * WAITED + 10
)

# A waiting request: its line, row * 2 + is write, when it was accepted, the next one of its bank, its number in the
# order of acceptance, and the reads of the same line that were merged into it.
LINE, KEY, ADDED, LINK, ORDER, TWIN, SLOT_FIELDS = 0, 1, 2, 3, 4, 5, 8

# What the channels share: numbers of the run, of the stream of requests, and of looking for a state that recurs;
NEXT, RANDOM, OUTSTANDING, LAST_DONE, LOGGED, FREE_TWIN, NOW, END, LOG_ROOM = range(9)
FORM, COUNT, STRIDE, CAPACITY, SHIFT, START, ALL_WRITE, TIMED, STREAM_NUMBERS = range(9)
STREAM = 16
STOP, EVERY, PAUSE, NOTED, FOUND = range(32, 37)
DOOR = 37  # [read or write] cycles from arrival to acceptance
# then blocks.
STARVED = 1 << 10
"""Refreshes without a column command between them that mean that there will never be one."""
TWINS = 1 << 16
"""Merged reads outstanding at most; a further one waits at the door."""
LONGEST_LATENCY = 1 << 16
"""Latencies from here on share the last bin of the histogram."""
TWINS_AT = 64  # [twin, (added, next)]
LATENCIES = TWINS_AT + 2 * TWINS  # [cycles] reads of all channels that took that long, from BINS on
LOG = LATENCIES + LONGEST_LATENCY  # [command, (cycle, command, channel, bank, row, line or -1)]
LOG_FIELDS = 6

SEED, FACTOR, INCREMENT = 12345, 6364136223846793005, 1442695040888963407
"""The generator of uniform addresses: Knuth's MMIX constants, upper half of 64 bits."""

GIVEN, AFFINE, UNIFORM, MIX = range(4)
"""How requests are made, `s[STREAM + FORM]`."""


class State(NamedTuple):
    """Everything that changes during a run."""

    memory: Any  # [channel, place]
    shared: Any


def names(protocol: Protocol) -> tuple[str, ...]:
    """The commands by their numbers: those of the controller, then what the standard has beyond them."""
    extra = dict.fromkeys(command.name for command in protocol.commands if command.name not in COMMANDS)
    return COMMANDS + tuple(extra)


def computes(protocol: Protocol) -> bool:
    """Whether a standard has commands beyond those of memories that only store."""
    return len(names(protocol)) > len(COMMANDS)


def fresh(constants: Mapping[int, int], blocks: Mapping[int, Any], channels: int, log: int) -> State:
    """The state of a memory that has been idle for long; `log` commands can be recorded.

    `constants` are single places of a channel's memory, `blocks` go to a place and those after it.
    """
    banks, queue, ranks = constants[BANKS], constants[QUEUE], constants[RANKS]
    units = banks + banks // constants[PER_GROUP] + ranks * (constants[PER_GROUP] + 3) + 1
    queues = BANK_UNITS + units * SIZE
    first = queues + banks * ((queue + 7) // 8 * 8)
    slots = constants[READ_QUEUE] + constants[WRITE_BUFFER] + banks * queue
    inbox = first + slots * SLOT_FIELDS
    most_posted = constants[READ_QUEUE] + constants[WRITE_BUFFER]
    memory = _aligned(channels, (inbox + 3 * most_posted + 7) // 8 * 8)
    memory[:, INBOX] = inbox
    memory[:, CHANNEL] = np.arange(channels)
    for place, value in constants.items():
        memory[:, place] = value
    for place, values in blocks.items():
        memory[:, place : place + values.size] = values.ravel()
    _units(memory, constants, queues)
    memory[:, RINGS:RINGS_END] = -NEVER
    memory[:, RINGS:RINGS_END:RING] = 0
    memory[:, QUEUE_AT : QUEUE_AT + MOST_BANKS] = NEVER << BANK_BITS | np.arange(MOST_BANKS)
    memory[:, queues:first] = -1
    memory[:, ELDEST : ELDEST + 2 * MOST_BANKS] = NEVER
    memory[:, FREE_SLOT] = first
    memory[:, first + LINK : first + slots * SLOT_FIELDS : SLOT_FIELDS] = first + SLOT_FIELDS * np.arange(1, slots + 1)
    memory[:, [NEXT_REFRESH, COMMAND_AT, WAKE]] = constants[REFRESH_EVERY]
    memory[:, CHOSEN] = NEVER << BANK_BITS
    shared = np.zeros(LOG + LOG_FIELDS * log, dtype=np.int64)
    shared[TWINS_AT + 1 : LATENCIES : 2] = np.arange(1, TWINS + 1)
    shared[[RANDOM, LOG_ROOM, STOP]] = SEED, log, NEVER
    return State(memory, shared)


def _aligned(rows: int, size: int) -> Any:
    """Zeros whose rows begin at cache lines, if `size` is a multiple of eight."""
    room = np.zeros(rows * size + 8, dtype=np.int64)
    first = -room.ctypes.data % 64 // 8
    return room[first : first + rows * size].reshape(rows, size)


def _units(memory: Any, constants: Mapping[int, int], queues: int) -> None:
    """Fill in the units of the banks, and where the units around them are."""
    banks, queue = constants[BANKS], constants[QUEUE]
    per_rank, per_group, ranks = constants[PER_RANK], constants[PER_GROUP], constants[RANKS]
    b = np.arange(banks)
    groups = banks + b // per_group
    same = banks + banks // per_group + b // per_rank * per_group + b % per_group
    first_half = banks + banks // per_group + ranks * per_group
    halves = first_half + b // per_rank * 2 + b % 2
    rank_units = first_half + 2 * ranks
    around = (b, groups, same, halves, rank_units + b // per_rank, np.full(banks, rank_units + ranks))
    values = {
        **{WANT: NONE, ROW: -1, READ_AT: -1, WRITE_AT: -1, NUMBER: b},
        **dict.fromkeys((HEADS, HEADS + 1), -1),
        ENTRIES: queues + (queue + 7) // 8 * 8 * b,
        **{AROUND + level: BANK_UNITS + SIZE * unit for level, unit in enumerate(around)},
        READY + NONE: NEVER,
    }
    for place, value in values.items():
        memory[:, BANK_UNITS + place : BANK_UNITS + banks * SIZE : SIZE] = value
    memory[:, RANK_UNITS] = BANK_UNITS + SIZE * rank_units
    memory[:, BANK_UNITS + SIZE * (rank_units + np.arange(ranks)) + NUMBER] = np.arange(ranks)
