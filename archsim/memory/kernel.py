"""What a command does to one channel: it is counted, and the rules make later ones wait. Compiled, see `compiled`.

Plain loops over the integers of `layout`. Times are clock cycles. The rule tables are interpreted: a command that is
issued pushes the cycle from which each later one is legal into the units around its bank, so that a command is ready at
the latest of the numbers there. `u` is the place of a bank's unit.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y


def rare(condition: bool) -> bool:
    """The condition; machine code expects it not to hold, and keeps what follows from it out of the way.

    That is worth a tenth of the time: registers are then given to the usual way alone.
    """
    return condition


def lowest(bits: int) -> int:
    """The number of the lowest bit that is set; at least one is."""
    return (bits & -bits).bit_length() - 1


def unit_of(b: int) -> int:
    """The place of a bank's unit."""
    return y.BANK_UNITS + y.SIZE * b


def ready(m: Any, u: int, command: int) -> int:
    """The first cycle in which the rules allow a command at a bank, or at the wider place around it."""
    t = max(m[u + y.READY + command], m[m[u + y.AROUND + y.AT_GROUP] + y.READY + command])
    t = max(t, m[m[u + y.AROUND + y.AT_SAME] + y.READY + command])
    t = max(t, m[m[u + y.AROUND + y.AT_HALF] + y.READY + command])
    t = max(t, m[m[u + y.AROUND + y.AT_RANK] + y.READY + command])
    return int(max(t, m[m[u + y.AROUND + y.AT_CHANNEL] + y.READY + command]))


def push(m: Any, s: Any, b: int, command: int, t: int) -> None:
    """Let the rules of a command that is issued now delay what follows it.

    `b` is any bank of the place that the command acts on.
    """
    u = unit_of(b)
    gaps = y.DENSE + y.USUAL_GAPS * command
    bank, group, rank = u + y.READY, m[u + y.AROUND + y.AT_GROUP] + y.READY, m[u + y.AROUND + y.AT_RANK] + y.READY
    # All is read before anything is written: else x86 code joins each load and store to a masked store, which is slow.
    at_bank, at_group = four_later(m, bank, gaps, t), four_later(m, group, gaps + 4, t)
    at_rank, at_rank_too = four_later(m, rank, gaps + 8, t), four_later(m, rank + 4, gaps + 12, t)
    m[bank], m[bank + 1], m[bank + 2], m[bank + 3] = at_bank
    m[group], m[group + 1], m[group + 2], m[group + 3] = at_group
    m[rank], m[rank + 1], m[rank + 2], m[rank + 3] = at_rank
    m[rank + 4], m[rank + 5], m[rank + 6], m[rank + 7] = at_rank_too
    for i in range(m[y.RULE_AT + command], m[y.RULE_AT + command + 1]):
        rule = y.RULES + 3 * i
        where = m[rule]
        if rare(where >= y.LEVELS):
            spread(m, u, where, m[rule + 1], t + m[rule + 2])
        else:
            later(m, m[u + y.AROUND + where] + y.READY + m[rule + 1], t + m[rule + 2])
    for w in range(m[y.COUNTED_IN + command]):
        count_in(m, u, y.WINDOWS + y.WINDOW_FIELDS * w, t, command)


def four_later(m: Any, place: int, gaps: int, t: int) -> tuple[int, int, int, int]:
    """From when on four commands are allowed at a place, after one at `t`; becomes one vector operation."""
    first, second = max(m[place], m[gaps] + t), max(m[place + 1], m[gaps + 1] + t)
    third, fourth = max(m[place + 2], m[gaps + 2] + t), max(m[place + 3], m[gaps + 3] + t)
    return first, second, third, fourth


def later(m: Any, place: int, t: int) -> None:
    """Nothing before `t` there."""
    m[place] = max(m[place], t)


def spread(m: Any, u: int, where: int, following: int, t: int) -> None:
    """Delay a command in several units: all ranks or all but this one, or each bank of a set across groups."""
    if where >= y.EVERY_SAME:
        step, b = m[y.PER_GROUP] if where == y.EVERY_SAME else 2, m[u + y.NUMBER]
        first = b - b % m[y.PER_RANK] + b % step
        for i in range(m[y.PER_RANK] // step):
            later(m, unit_of(first + i * step) + y.READY + following, t)
        return
    own = m[u + y.AROUND + y.AT_RANK]
    for rank in range(m[y.RANKS]):
        unit = m[y.RANK_UNITS] + y.SIZE * rank
        if where == y.EVERY_RANK or unit != own:
            later(m, unit + y.READY + following, t)


def count_in(m: Any, u: int, window: int, t: int, command: int) -> None:
    """Note a command in a window that counts it, and delay what the window keeps apart from the oldest one in it.

    In the usual window, of commands that act in one rank, a command that is not counted goes the same way, to no
    effect: a branch would often be foreseen wrongly.
    """
    counted = m[window] >> command & 1
    if rare(m[window + 7] < 0):
        if counted == 1:
            count_in_ranks(m, u, window, t, command)
        return
    rank, count = m[u + y.AROUND + y.AT_RANK], m[window + 1]
    ring = m[window + 5] + y.RING * m[rank + y.NUMBER]
    oldest, place = m[ring], ring + 1 + m[ring]
    m[place] = m[place] + counted * (t - m[place])
    oldest = oldest + counted if oldest + counted < count else 0
    m[ring] = oldest
    later(m, rank + y.READY + m[window + 7], m[ring + 1 + oldest] + m[window + 2])


def count_in_ranks(m: Any, u: int, window: int, t: int, command: int) -> None:
    """As `count_in`; a window of a rank counts a command of the channel in every rank."""
    rank = m[m[u + y.AROUND + y.AT_RANK] + y.NUMBER] if m[window + 6] == 1 else 0
    end = rank + 1
    if m[window + 6] == 1 and m[y.CHANNEL_WIDE + command] == 1:
        rank, end = 0, m[y.RANKS]
    for r in range(rank, end):
        ring = m[window + 5] + y.RING * r
        m[ring + 1 + m[ring]] = t
        m[ring] = m[ring] + 1 if m[ring] + 1 < m[window + 1] else 0
        oldest = m[ring + 1 + m[ring]]
        if oldest < 0:
            continue
        at, around = oldest + m[window + 2], unit_of(r * m[y.PER_RANK])
        for i in range(m[window + 3], m[window + 4]):
            where, following = m[y.FOLLOWING + 2 * i], m[y.FOLLOWING + 2 * i + 1]
            if where < y.LEVELS:
                later(m, m[around + y.AROUND + where] + y.READY + following, at)
            else:
                spread(m, around, where, following, at)


def record(m: Any, s: Any, b: int, command: int, t: int, row: int) -> None:
    """Count a command, log it, and apply its rules."""
    m[y.COUNTS + command] += 1
    m[y.COUNTS + y.WAITED + command] += t - m[y.LAST_COMMAND]
    m[y.LAST_COMMAND] = t
    m[y.BUS_FREE] = t + m[y.OCCUPANCY + command]
    m[y.STALE] = 1
    if rare(s[y.LOGGED] < s[y.LOG_ROOM]):
        entry = y.LOG + y.LOG_FIELDS * s[y.LOGGED]
        s[entry], s[entry + 1], s[entry + 2], s[entry + 3], s[entry + 4] = t, command, m[y.CHANNEL], b, row
        s[entry + 5] = -1
        s[y.LOGGED] += 1
    push(m, s, b, command, t)
