"""The PIM side of a channel as machine code: the compiled twin of `player.Player`, with the same choice at every step.

Plain loops over 64-bit integer arrays; compiled in `lower`. Times are clock cycles. What a command delays is a list of
places per command and bank, made from the rule tables, so that commands of any scope cost what they touch.
"""

from __future__ import annotations

from typing import Any, NamedTuple

NEVER = 1 << 60
STARVED = 64
"""Refreshes due at once, or in a row without work between them, that mean that it will never be otherwise."""

# Columns of the code: a line per node of the program. A loop ends with an END that knows where it began. A fence keeps
# `done` as COUNT, `extra` as HOLD, `rows` as RESERVE and `restarts` as PLACE.
KIND, COMMAND, PLACE, COUNT, HOLD, RESERVE, START, BASE, STEPS = range(9)
CODE_WIDTH = STEPS + 4
DO, FENCE, LOOP, END = range(4)

# Facts about a command: the state that it needs, its row buffer, the commands that open and close rows for it, its
# banks (first = place // UNIT * UNIT + place % STRIDE, then MANY of them STRIDE apart), how long its work lasts, the
# state that it leaves, the mode of the channel that it needs, and how it changes that.
NEEDS, BUFFER, OPENER, CLOSER, UNIT, STRIDE, MANY, LASTS, LEAVES, MODE, SWITCHES, FACTS = range(12)
NOTHING, OPEN, CLOSED = range(3)
OTHER_MODE, MODES = 1, 2
"""What SWITCHES says: 0 nothing, the other mode, or this much more than the mode."""

# Numbers that change: node of the program, loops entered, repeats of the node, requests in the window, cycle, latest
# completion, cycle where the last fence let go, mode; refresh: next one due at, due now, done so far; the choice: its
# cycle, age, command, bank, row; commands issued; the outermost loop and how often one of those came around;
# refreshes since the last work; cycle from which the fences so far let requests go; when the program was
# complete; the loop variables.
PC, DEPTH, REPEAT, LENGTH, NOW, DONE, OPENED, IN_MODE, NEXT_DUE, DUE, REFRESHED = range(11)
AT, AGE, WHICH, WHERE, ROW, ISSUED, OUTERMOST, TURNS, IDLE, GATE, ENDED, LOOPS = range(11, 23)
NUMBERS = LOOPS + 4

# Constants of a run.
REFRESH, EVERY, AT_ONCE, UNITS, UNIT_BANKS, BANKS, SWITCH, CLOSE_SECOND, PER_RANK, WINDOWS, YIELDS, CONSTANTS = range(
    12
)

ITEM, ITEM_ROW, BEGUN, WINDOW_WIDTH = range(4)
# Windows: how many of one command may lie in how many cycles, per rank.
WINDOW_OF, WINDOW_COUNT, WINDOW_GAP, WINDOW_FOLLOWER = range(4)


class Lane(NamedTuple):
    """One channel: its program, its tables and its state."""

    code: Any  # [node, column]
    facts: Any  # [command, fact]
    constants: Any
    delays: Any  # [delay, (place in `ready`, gap)]
    first_delay: Any  # [command * banks + bank] where its delays begin
    windows: Any  # [window, (command, count, gap, follower)]
    numbers: Any
    waiting: Any  # [age, (node, row, begun)]
    held: Any  # [command] first cycle of the next one
    ready: Any  # [command * banks + bank] first cycle that the rules allow
    rows: Any  # [buffer * banks + bank] open row, -1 closed
    rings: Any  # [window, rank, place] latest times
    counts: Any  # [command]
    log: Any  # [command, (cycle, command, bank, row)]


def fill(p: Lane) -> None:
    """Take requests into the window; drop fences at its head that hold nothing back any more."""
    n = p.numbers
    while True:
        while n[LENGTH] < p.waiting.shape[0] and n[PC] < p.code.shape[0]:
            advance(p)
        if n[LENGTH] == 0 or p.code[p.waiting[0, ITEM], KIND] != FENCE:
            return
        fence = p.code[p.waiting[0, ITEM]]
        drop(p, 0)
        if fence[COUNT] == 1:
            n[GATE] = max(n[GATE], n[NOW], max(n[DONE], n[OPENED] + fence[START]) + fence[HOLD])
            if fence[PLACE] == 1:
                n[OPENED] = n[GATE]


def advance(p: Lane) -> None:
    """One step through the program."""
    n = p.numbers
    line = p.code[n[PC]]
    if line[KIND] == LOOP:
        if n[DEPTH] == 0:
            n[OUTERMOST] = n[PC]
        n[LOOPS + n[DEPTH]] = 0
        n[DEPTH] += 1
        n[PC] += 1
    elif line[KIND] == END:
        n[LOOPS + n[DEPTH] - 1] += 1
        if n[LOOPS + n[DEPTH] - 1] < p.code[line[PLACE], COUNT]:
            n[PC] = line[PLACE] + 1
            n[TURNS] += n[DEPTH] == 1
        else:
            n[DEPTH] -= 1
            n[PC] += 1
    else:
        row = line[BASE]
        for d in range(n[DEPTH]):
            row += line[STEPS + d] * n[LOOPS + d]
        entry = p.waiting[n[LENGTH]]
        entry[ITEM], entry[ITEM_ROW], entry[BEGUN] = n[PC], row, 0
        n[LENGTH] += 1
        n[REPEAT] += 1
        if line[KIND] == FENCE or n[REPEAT] >= line[COUNT]:
            n[REPEAT] = 0
            n[PC] += 1


def drop(p: Lane, age: int) -> None:
    """Take a request out of the window."""
    p.numbers[LENGTH] -= 1
    for i in range(age, p.numbers[LENGTH]):
        for j in range(WINDOW_WIDTH):
            p.waiting[i, j] = p.waiting[i + 1, j]


def first_bank(fact: Any, place: int) -> int:
    """The first of the banks that a command to a place acts on."""
    return int(place // fact[UNIT] * fact[UNIT] + place % fact[STRIDE])


def choose_request(p: Lane) -> int:
    """The cycle of the next command, which is left in the numbers; NEVER if none can go."""
    n = p.numbers
    n[AT] = NEVER
    if n[DUE] > 0 and (choose_refresh(p) or p.constants[YIELDS] == 0):
        return int(n[AT])
    past = False
    for age in range(n[LENGTH]):
        line = p.code[p.waiting[age, ITEM]]
        if line[KIND] == FENCE:
            past = True
            if line[RESERVE] == 0:
                break
        elif not repeated(p, age):
            consider(p, age, past)
    return int(n[AT])


def repeated(p: Lane, age: int) -> bool:
    """Whether an older request is the same."""
    w = p.waiting
    for i in range(age):
        if w[i, ITEM] == w[age, ITEM] and w[i, ITEM_ROW] == w[age, ITEM_ROW] and w[i, BEGUN] == w[age, BEGUN]:
            return True
    return False


def consider(p: Lane, age: int, past: bool) -> None:
    """What one request could do next: its command where rows are as it needs them, else what brings them there."""
    line, row = p.code[p.waiting[age, ITEM]], p.waiting[age, ITEM_ROW]
    reserve = 0 if p.waiting[age, BEGUN] == 1 else line[RESERVE]
    start = max(p.numbers[OPENED] + line[START], p.numbers[GATE])
    fact, command = p.facts[line[COMMAND]], line[COMMAND]
    first = first_bank(fact, line[PLACE])
    rows = fact[BUFFER] * p.constants[BANKS]
    fits = True
    if fact[NEEDS] != NOTHING:
        for i in range(fact[MANY]):
            there = p.rows[rows + first + i * fact[STRIDE]]
            fits = fits and not (misses(fact, there, row) or (there < 0 and fact[NEEDS] == OPEN))
    if fits:
        # What closes rows of its own accord lets those finish that came before and work on them.
        closes = fact[NEEDS] == NOTHING and fact[LEAVES] == CLOSED
        if not past and not (closes and taken(p, age, fact, first)):
            row = -1 if closes and fact[MANY] > 1 else row
            offer(p, age, command, first, row, max(start, p.held[command]), reserve)
        return
    if taken(p, age, fact, first):
        return
    opener = p.facts[fact[OPENER]]
    wrong = False
    for i in range(fact[MANY]):
        bank = first + i * fact[STRIDE]
        there = p.rows[rows + bank]
        if misses(fact, there, row):
            wrong = True
            offer_close(p, age, fact, bank, start, reserve)
        elif there < 0 and fact[NEEDS] == OPEN:
            wrong = clear(p, age, fact, first_bank(opener, bank), start, reserve) or wrong
    # What closes more banks than one opener opens would close some of those again: it goes first.
    if fact[NEEDS] != OPEN or (wrong and p.facts[fact[CLOSER], MANY] > opener[MANY]):
        return
    for i in range(fact[MANY]):
        bank = first + i * fact[STRIDE]
        if p.rows[rows + bank] < 0 and all_shut(p, fact, first_bank(opener, bank)):
            offer(p, age, fact[OPENER], first_bank(opener, bank), max(row, 0), start, reserve)


def clear(p: Lane, age: int, fact: Any, place: int, start: int, reserve: int) -> bool:
    """Offer to close what is open among the banks that one opener opens; whether there is any."""
    opener, found = p.facts[fact[OPENER]], False
    for j in range(opener[MANY]):
        bank = place + j * opener[STRIDE]
        if p.rows[fact[BUFFER] * p.constants[BANKS] + bank] >= 0:
            found = True
            offer_close(p, age, fact, bank, start, reserve)
    return found


def all_shut(p: Lane, fact: Any, place: int) -> bool:
    """Whether no bank is open among those that one opener opens."""
    opener, shut = p.facts[fact[OPENER]], True
    for j in range(opener[MANY]):
        shut = shut and p.rows[fact[BUFFER] * p.constants[BANKS] + place + j * opener[STRIDE]] < 0
    return shut


def offer_close(p: Lane, age: int, fact: Any, bank: int, start: int, reserve: int) -> None:
    """Offer the command that closes a bank for another command."""
    closer = p.facts[fact[CLOSER]]
    row = p.rows[fact[BUFFER] * p.constants[BANKS] + bank] if closer[MANY] == 1 else -1
    offer(p, age, fact[CLOSER], first_bank(closer, bank), row, start, reserve)


def misses(fact: Any, there: int, row: int) -> bool:
    """Whether an open row is in the way of a command that wants this one."""
    return bool(there >= 0 and (fact[NEEDS] == CLOSED or (row >= 0 and there != row)))


def taken(p: Lane, age: int, fact: Any, first: int) -> bool:
    """Whether an older request of the window works on rows of these banks."""
    for older in range(age):
        line = p.code[p.waiting[older, ITEM]]
        if line[KIND] == FENCE:
            continue
        other = p.facts[line[COMMAND]]
        if other[NEEDS] != NOTHING and other[BUFFER] == fact[BUFFER] and meet(fact, first, other, line[PLACE]):
            return True
    return False


def meet(fact: Any, first: int, other: Any, place: int) -> bool:
    """Whether two commands have a bank in common."""
    begin = first_bank(other, place)
    if begin > first + (fact[MANY] - 1) * fact[STRIDE] or first > begin + (other[MANY] - 1) * other[STRIDE]:
        return False
    if fact[STRIDE] == 1 and other[STRIDE] == 1:
        return True
    for i in range(fact[MANY]):
        for j in range(other[MANY]):
            if first + i * fact[STRIDE] == begin + j * other[STRIDE]:
                return True
    return False


def offer(p: Lane, age: int, command: int, bank: int, row: int, start: int, reserve: int) -> None:
    """Take this command as the choice if it can go before the one found so far; in the wrong mode, the switch."""
    n = p.numbers
    at = max(p.ready[command * p.constants[BANKS] + bank], start, n[NOW])
    if p.facts[command, MODE] >= 0 and p.facts[command, MODE] != n[IN_MODE]:
        if p.constants[SWITCH] < 0:  # an older command of the window changes the mode
            return
        command, bank, row = p.constants[SWITCH], 0, -1
        at = max(at, p.ready[command * p.constants[BANKS]])
    if at + reserve > n[NEXT_DUE]:
        return
    if at < n[AT] or (at == n[AT] and age == n[AGE] and (command, bank) < (n[WHICH], n[WHERE])):
        n[AT], n[AGE], n[WHICH], n[WHERE], n[ROW] = at, age, command, bank, row


def choose_refresh(p: Lane) -> bool:
    """The due refresh, or what closes rows in its way; whether there are none."""
    n, k = p.numbers, p.constants
    first = n[REFRESHED] % k[UNITS] * k[UNIT_BANKS]
    shut = True
    for buffer in range(2):
        close = p.facts[k[REFRESH], CLOSER] if buffer == 0 else k[CLOSE_SECOND]
        for bank in range(first, first + k[UNIT_BANKS]):
            row = p.rows[buffer * k[BANKS] + bank]
            if row >= 0:
                shut = False
                fact = p.facts[close]
                offer(p, -1, close, first_bank(fact, bank), row if fact[MANY] == 1 else -1, 0, -NEVER)
    if shut:
        offer(p, -1, k[REFRESH], first, -1, 0, -NEVER)
    return shut


def step(p: Lane) -> None:
    """One command, or a refresh that becomes due."""
    n = p.numbers
    at = choose_request(p)
    if at >= NEVER and n[NEXT_DUE] >= NEVER:
        n[IDLE] = STARVED
    elif n[NEXT_DUE] <= at:
        n[NOW] = max(n[NOW], n[NEXT_DUE])
        n[NEXT_DUE] += p.constants[EVERY]
        n[DUE] += p.constants[AT_ONCE]
    else:
        go(p, at)


def go(p: Lane, at: int) -> None:
    """Issue the choice, and retire the request if that was its command."""
    n = p.numbers
    command, bank, age = n[WHICH], n[WHERE], n[AGE]
    issue(p, command, bank, n[ROW], at)
    if age < 0:
        if command == p.constants[REFRESH]:
            n[DUE] -= 1
            n[REFRESHED] += 1
            n[IDLE] += n[LENGTH] > 0 and max(n[GATE], n[OPENED] + p.code[p.waiting[0, ITEM], START]) <= at
            for i in range(n[LENGTH]):
                p.waiting[i, BEGUN] = 0
        return
    p.waiting[age, BEGUN] = 1
    line = p.code[p.waiting[age, ITEM]]
    if command == line[COMMAND] and bank == first_bank(p.facts[command], line[PLACE]):
        if line[HOLD] > 0:
            p.held[command] = at + line[HOLD]
        n[IDLE] = 0
        drop(p, age)
        fill(p)
        if n[LENGTH] == 0:
            n[ENDED] = n[DONE]


def issue(p: Lane, command: int, bank: int, row: int, at: int) -> None:
    """Issue a command: count it, let it delay others, open or close the rows that it says."""
    n, fact, banks = p.numbers, p.facts[command], p.constants[BANKS]
    n[NOW] = at
    n[DONE] = max(n[DONE], at + fact[LASTS])
    p.counts[command] += 1
    if n[ISSUED] < p.log.shape[0]:
        entry = p.log[n[ISSUED]]
        entry[0], entry[1], entry[2], entry[3] = at, command, bank, row
    n[ISSUED] += 1
    delay(p, command, bank, at)
    if fact[SWITCHES] == OTHER_MODE:
        n[IN_MODE] = 1 - n[IN_MODE]
    elif fact[SWITCHES] >= MODES:
        n[IN_MODE] = fact[SWITCHES] - MODES
    if fact[LEAVES] != NOTHING:
        for i in range(fact[MANY]):
            p.rows[fact[BUFFER] * banks + bank + i * fact[STRIDE]] = row if fact[LEAVES] == OPEN else -1


def delay(p: Lane, command: int, bank: int, at: int) -> None:
    """Let a command delay what its rules keep apart from it."""
    place = command * p.constants[BANKS] + bank
    for i in range(p.first_delay[place], p.first_delay[place + 1]):
        p.ready[p.delays[i, 0]] = max(p.ready[p.delays[i, 0]], at + p.delays[i, 1])
    for w in range(p.constants[WINDOWS]):
        if p.windows[w, WINDOW_OF] == command:
            slide(p, w, bank // p.constants[PER_RANK], at)


def slide(p: Lane, w: int, rank: int, at: int) -> None:
    """Note a command in a window of its rank: the oldest of it delays the next follower."""
    count, ring = p.windows[w, WINDOW_COUNT], p.rings[w, rank]
    for i in range(count - 1):
        ring[i] = ring[i + 1]
    ring[count - 1] = at
    follower = p.windows[w, WINDOW_FOLLOWER]
    for bank in range(rank * p.constants[PER_RANK], (rank + 1) * p.constants[PER_RANK]):
        place = follower * p.constants[BANKS] + first_bank(p.facts[follower], bank)
        p.ready[place] = max(p.ready[place], ring[0] + p.windows[w, WINDOW_GAP])


def play(p: Lane, pauses: bool) -> bool:
    """Play on until the program is over, or, if it pauses, until an outermost loop comes around.

    With refreshes, only the first time after each of them. Returns whether it paused.
    """
    n = p.numbers
    turns, due = n[TURNS], n[NEXT_DUE]
    fill(p)
    while n[LENGTH] > 0 and n[DUE] < STARVED and n[IDLE] < STARVED:
        step(p)
        if pauses and n[TURNS] != turns and (n[NEXT_DUE] != due or p.constants[EVERY] >= NEVER):
            return True
    return False
