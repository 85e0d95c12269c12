"""What a command does to one channel: it is counted, and the rules make later ones wait. Compiled, see `compiled`.

Plain loops over the integers of `layout`. Times are clock cycles. The rule tables are interpreted: a command that is
issued pushes the cycle from which each later one is legal into the units around its bank, so that a command is ready at
the latest of the numbers there. `u` is the place of a bank's unit.
"""

from __future__ import annotations

from typing import Any

from archsim.memory import layout as y


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
    gaps = y.DENSE + 12 * command
    all_later(m, u + y.READY, gaps, t)
    all_later(m, m[u + y.AROUND + y.AT_GROUP] + y.READY, gaps + 4, t)
    all_later(m, m[u + y.AROUND + y.AT_RANK] + y.READY, gaps + 8, t)
    for i in range(m[y.RULE_AT + command], m[y.RULE_AT + command + 1]):
        rule = y.RULES + 3 * i
        where = m[rule]
        if where < y.LEVELS:
            later(m, m[u + y.AROUND + where] + y.READY + m[rule + 1], t + m[rule + 2])
        else:
            spread(m, u, where, m[rule + 1], t + m[rule + 2])
    for w in range(m[y.WINDOW_COUNT]):
        window = y.WINDOWS + y.WINDOW_FIELDS * w
        if (m[window] >> command) & 1 == 1:
            count_in(m, u, window, t, command)


def all_later(m: Any, place: int, gaps: int, t: int) -> None:
    """Delay ACT, PRE, RD and WR in one unit; written so that it becomes one vector operation."""
    act, pre = max(m[place], m[gaps] + t), max(m[place + 1], m[gaps + 1] + t)
    read, write = max(m[place + 2], m[gaps + 2] + t), max(m[place + 3], m[gaps + 3] + t)
    m[place] = act
    m[place + 1] = pre
    m[place + 2] = read
    m[place + 3] = write


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
    """Note a command in a window, and delay what the window keeps apart from the oldest one in it.

    A window of a rank counts a command of the channel in every rank.
    """
    rank = m[u + y.NUMBER] // m[y.PER_RANK] if m[window + 6] == 1 else 0
    end = rank + 1
    if m[window + 6] == 1 and m[y.CHANNEL_WIDE + command] == 1:
        rank, end = 0, m[y.RANKS]
    for r in range(rank, end):
        ring = m[window + 5] + y.RING * r
        place = m[ring] + 1 if m[ring] + 1 < m[window + 1] else 0
        m[ring] = place
        m[ring + 1 + place] = t
        oldest = m[ring + 1 + (place + 1 if place + 1 < m[window + 1] else 0)]
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
    if s[y.LOGGED] < s[y.LOG_ROOM]:
        entry = y.LOG + 5 * s[y.LOGGED]
        s[entry], s[entry + 1], s[entry + 2], s[entry + 3], s[entry + 4] = t, command, m[y.CHANNEL], b, row
        s[y.LOGGED] += 1
    push(m, s, b, command, t)
