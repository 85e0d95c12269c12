"""PIM commands and ordinary requests on the same channels, compiled: the lane's commands go before those of the queues.

`simulate` is `front.simulate` with a lane beside each channel. Both sides keep their own account of the rules, since
the lane's commands act on banks, groups or all of a channel; each tells the other what it issued. The lane also does
the refreshes, which have to close the rows of both. Banks that the lane works on hold their queues back.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from archsim.memory import front, kernel, schedule
from archsim.memory import layout as y
from archsim.memory.pim import lane as l

BLOCKED, FIRST, SLACK = range(3)

LEAST_SLACK = 10
"""Cycles of slack below which ordinary requests wait under `slack` (NewtonSim of NeuPIMs f299af3)."""


class Lanes(NamedTuple):
    """A lane for each channel, tables in common; and the numbers that the controller knows the lane's commands by."""

    code: Any
    facts: Any
    constants: Any
    delays: Any
    first_delay: Any
    windows: Any
    numbers: Any
    waiting: Any
    held: Any
    ready: Any
    rows: Any
    rings: Any
    counts: Any
    log: Any
    known_as: Any  # [command of the lane] number in the controller
    number_of: Any  # [command of the controller] number in the lane
    rules: Any  # [policy, tRCDWR, tRP]
    slack: Any  # [channel, (slack)]


def lane_of(p: Lanes, c: int) -> Any:
    """The lane of a channel."""
    return l.Lane(
        p.code[c],
        p.facts,
        p.constants,
        p.delays,
        p.first_delay,
        p.windows,
        p.numbers[c],
        p.waiting[c],
        p.held[c],
        p.ready[c],
        p.rows[c],
        p.rings[c],
        p.counts[c],
        p.log[c],
    )


def simulate(shared: Any, everything: Any, size: int, given: Any, directions: Any, arrivals: Any, p: Lanes) -> bool:
    """Run all requests and all programs. Sets END, the cycles until the last of them was complete.

    Returns whether it paused on the way, as `front.simulate` does.
    """
    s, memory, channels = front.at(shared, 0), front.at(everything, 0), everything.shape[0] // size
    addresses, is_write = front.at(given, 0), front.at(directions, 0)
    for one in range(channels):
        l.fill(lane_of(p, one))
        hold_banks(front.at(memory, one * size), p, one)
    t, count = s[y.NOW], s[y.STREAM + y.COUNT]
    line, write = -1, 0
    m = memory
    while True:
        while s[y.NEXT] < count:
            i = s[y.NEXT]
            if line < 0:
                line = front.address(s, addresses, i) >> s[y.STREAM + y.SHIFT]
                write = front.writes(s, is_write, i)
                m = front.at(memory, front.field(memory, line, 0) * size)
            if (s[y.STREAM + y.TIMED] == 1 and arrivals[i] > t) or not room(m, s, write):
                break
            front.accept(m, s, line, write, t)
            line = -1
            s[y.NEXT] = i + 1
            if i + 1 == s[y.STOP] and front.pauses(s, memory, channels, size, t):
                s[y.NOW] = t
                return True
        after, over = tick_all(memory, channels, size, s, t, p)
        if s[y.NEXT] < count:
            if room(m, s, write):
                arrival = arrivals[s[y.NEXT]] if s[y.STREAM + y.TIMED] == 1 else 0
                after = min(after, max(arrival, t + 1))
        elif s[y.OUTSTANDING] == 0 and after > s[y.LAST_DONE] and over:
            break
        if after >= y.NEVER:
            break
        t = after
    end = s[y.LAST_DONE] + 1 if count > 0 else 0
    for one in range(channels):
        end = max(end, p.numbers[one, l.ENDED])
    s[y.END] = end
    for one in range(channels):
        front.settle(front.at(memory, one * size), end)
    return False


def room(m: Any, s: Any, write: int) -> bool:
    """Whether a channel takes another request of this direction, and all of them another merged read."""
    return front.room(m, write) and s[y.FREE_TWIN] < y.TWINS


def tick_all(memory: Any, channels: int, size: int, s: Any, t: int, p: Lanes) -> tuple[int, bool]:
    """One cycle of every channel that is awake; when the next one wakes, and whether all programs are over."""
    after, over = y.NEVER, True
    for one in range(channels):
        channel = front.at(memory, one * size)
        if channel[y.WAKE] <= t:
            tick(channel, s, t, p, one)
        after = min(after, channel[y.WAKE])
        n = p.numbers[one]
        over = over and n[l.LENGTH] == 0
        if max(n[l.DUE], n[l.IDLE]) >= l.STARVED:
            return y.NEVER, over  # refreshes leave no time for anything else: there is no end to wait for
    return after, over


def tick(m: Any, s: Any, t: int, p: Lanes, c: int) -> None:
    """Everything a channel does in one cycle; sets when it wakes next."""
    if m[y.COMMAND_AT] <= t:
        m[y.COMMAND_AT] = max(command(m, s, t, p, c), t + 1)
    m[y.WAKE] = m[y.COMMAND_AT]
    if m[y.MOVABLE] == 1:
        moved = front.move(m, t)
        m[y.MOVABLE] = 1 if moved and (m[y.READS_ELIGIBLE] > 0 or m[y.WRITES_WAITING] > 0) else 0
        m[y.WAKE] = t + 1 if m[y.MOVABLE] == 1 else m[y.COMMAND_AT]


def command(m: Any, s: Any, t: int, p: Lanes, c: int) -> int:
    """One cycle of the command buses: refreshes and the lane's commands, then the queues; when to come again."""
    k = lane_of(p, c)
    n = k.numbers
    while n[l.NEXT_DUE] <= t:
        n[l.NEXT_DUE] += k.constants[l.EVERY]
        n[l.DUE] += k.constants[l.AT_ONCE]
    turns = (1 + m[y.TWO_BUSES]) if m[y.BUS_FREE] <= t else 0
    taken = y.NONE
    hold_banks(m, p, c)
    n[l.NOW] = max(n[l.NOW], t)
    while l.choose_request(k) <= t:
        taken = lane_command(m, s, t, p, c)
        turns -= 1
    turned_away = queues(m, s, t, p, c, turns, taken)
    hold_banks(m, p, c)
    floor = max(t + 1, m[y.BUS_FREE])
    n[l.NOW] = max(n[l.NOW], floor)
    if m[y.STALE] == 1 or m[y.CHOSEN] >> y.BANK_BITS < floor:
        schedule.survey(m, floor)
    after = min(m[y.CHOSEN] >> y.BANK_BITS, l.choose_request(k), n[l.NEXT_DUE])
    return int(t + 1 if turned_away else after)


def lane_command(m: Any, s: Any, t: int, p: Lanes, c: int) -> int:
    """Issue the choice of the lane, and tell the controller; its number there."""
    k = lane_of(p, c)
    number, bank, row = k.numbers[l.WHICH], k.numbers[l.WHERE], k.numbers[l.ROW]
    fact, known = p.facts[number], p.known_as[number]
    l.go(k, t)
    kernel.record(m, s, bank, known, t, row)
    if fact[l.BUFFER] == 0 and fact[l.LEAVES] != l.NOTHING:
        for i in range(fact[l.MANY]):
            u = kernel.unit_of(bank + i * fact[l.STRIDE])
            if fact[l.LEAVES] == l.OPEN:
                opens(m, u, row, t)
            elif m[u + y.ROW] >= 0:
                schedule.closes(m, u, t)
            schedule.reconsider(m, u)
            schedule.enlist(m, u)
    return int(known)


def opens(m: Any, u: int, row: int, t: int) -> None:
    """Open a row in a bank of the controller."""
    rank = m[u + y.AROUND + y.AT_RANK]
    m[u + y.ROW] = row
    m[rank + y.OPENED] += 1
    if m[rank + y.OPENED] == 1:
        m[y.COUNTS + y.ACTIVE] -= max(t, m[rank + y.OPEN_UNTIL])


def queues(m: Any, s: Any, t: int, p: Lanes, c: int, turns: int, taken: int) -> bool:
    """The bank queues take the turns that are left; whether one that could go was turned away for the lane's sake."""
    turned_away = False
    for _ in range(m[y.BANKS] + 1):
        if turns <= 0:
            break
        if m[y.STALE] == 1 or m[y.CHOSEN] >> y.BANK_BITS < t:
            schedule.survey(m, t)
        if m[y.CHOSEN] >> y.BANK_BITS > t:
            break
        m[y.TURN] = (m[y.CHOSEN] + m[y.TURN] + 1) & (m[y.BANKS] - 1)
        m[y.STALE] = 1
        u = kernel.unit_of(m[y.TURN])
        chosen = schedule.choose(m, u, t)
        if p.rules[0] == SLACK and not may_go(p, c, chosen, t):
            turned_away = True
            continue
        if taken == y.NONE or m[y.COLUMN_BUS + chosen] != m[y.COLUMN_BUS + taken]:
            schedule.serve(m, s, u, chosen, t)
            tell_lane(p, c, m[y.TURN], chosen, t, m[u + y.ROW])
        taken = chosen
        turns -= 1
    return turned_away


def tell_lane(p: Lanes, c: int, bank: int, known: int, t: int, row: int) -> None:
    """Let a command of the queues delay the lane's, and move its rows."""
    k = lane_of(p, c)
    number = p.number_of[known]
    l.delay(k, number, bank, t)
    k.rows[bank] = row


def may_go(p: Lanes, c: int, chosen: int, t: int) -> bool:
    """Whether the next refresh leaves room for an ordinary command beside a PIM program that waits; it pays for it.

    Reads and writes go while there is any slack to speak of, or none at all, when PIM waits for the refresh. An
    activation has to leave room for its write, a precharge for the activation as well.
    """
    k = lane_of(p, c)
    n = k.numbers
    if n[l.LENGTH] == 0:
        return True
    line = p.code[c, k.waiting[0, l.ITEM]]
    if line[l.KIND] == l.DO and k.waiting[0, l.BEGUN] == 0 and line[l.RESERVE] > 0:
        p.slack[c] = n[l.NEXT_DUE] - t - line[l.RESERVE]
    if p.slack[c] <= 0:
        return True
    if p.slack[c] < LEAST_SLACK:
        return False
    if chosen == y.ACT:
        if p.slack[c] <= p.rules[1]:
            return False
        p.slack[c] -= p.rules[1]
    elif chosen == y.PRE:
        if p.slack[c] <= p.rules[1] + p.rules[2]:
            return False
        p.slack[c] -= p.rules[2]
    return True


def hold_banks(m: Any, p: Lanes, c: int) -> None:
    """Hold back the queues of banks that a due refresh or the lane needs, and let the others go on."""
    k = lane_of(p, c)
    n, constants = k.numbers, p.constants
    first = end = 0
    if n[l.DUE] > 0:
        first = n[l.REFRESHED] % constants[l.UNITS] * constants[l.UNIT_BANKS]
        end = first + constants[l.UNIT_BANKS]
    blocked = p.rules[0] == BLOCKED and n[l.LENGTH] > 0
    for bank in range(m[y.BANKS]):
        u = kernel.unit_of(bank)
        held = 1 if blocked or first <= bank < end or works_on(k, bank) else 0
        if m[u + y.HELD] != held:
            m[u + y.HELD] = held
            schedule.reconsider(m, u)
            schedule.enlist(m, u)
            m[y.STALE] = 1


def works_on(k: Any, bank: int) -> bool:
    """Whether a request of the lane's window, up to the first fence, needs or closes the ordinary row of a bank."""
    for age in range(k.numbers[l.LENGTH]):
        line = k.code[k.waiting[age, l.ITEM]]
        if line[l.KIND] == l.FENCE:
            return False
        fact = k.facts[line[l.COMMAND]]
        if (fact[l.NEEDS] != l.NOTHING or fact[l.LEAVES] != l.NOTHING) and fact[l.BUFFER] == 0:
            first = l.first_bank(fact, line[l.PLACE])
            if first <= bank < first + fact[l.MANY] * fact[l.STRIDE] and (bank - first) % fact[l.STRIDE] == 0:
                return True
    return False
