"""Packing by ejection: a buffer goes where it displaces least, and what it displaced is placed again.

All placed buffers share no bytes; the others wait. A step takes one that waits, looks at the offsets at which it
touches a neighbour, the bottom or the top, and takes the one at which the displaced cost least. A buffer that displaced
others gets dearer, so that those that are hard to place stay, and for a few steps it cannot be displaced but at a high
price. Now and then all are pushed down, or up, as far as nothing is in the way, which joins free rooms. The idea is
guided ejection search (Nagata and Braysy 2009, for vehicle routing); offsets, weights, rests and pushes are ours.

These are plain functions on flat sequences: of ints (plain Python) or int64 (`compiled`).
"""

from __future__ import annotations

from typing import NamedTuple

from archsim.mappers.allocation.problem import Ints, Problem

WAITS, STEP, RANDOM, RULE, STUCK = 0, 1, 2, 3, 4
"""Places in `Pile.at`: how many wait, steps so far, the state of the random numbers, which waiting one is next, and
whether one was found that has no offset at all."""
HEAVIEST, DEAREST = 0, 1
"""Which is next: the one with the most weight; of two at random the one that costs more to displace."""
RESTS = 4
"""A buffer that displaced others rests for fewer steps than this."""
RESTING = 1_000_000
"""How many times more it costs to displace a buffer that rests."""
PUSH = 64
"""Steps from one push to the next."""
NEVER = 1 << 60
"""The cost of displacing a fixed buffer."""


class Pile(NamedTuple):
    """What lies where and what waits; all lists are changed in place, so that it can be continued."""

    at: list[int]
    offset: list[int]
    """-1 while a buffer waits."""
    weight: Ints
    """What a buffer costs to displace in the beginning."""
    price: list[int]
    """By how much its weight is multiplied now."""
    rest: list[int]
    """The step up to which it rests."""
    waiting: list[int]
    low: list[int]
    high: list[int]
    """Between `low` and `high`, both excluded, the buffer in hand would share bytes with `other`."""
    other: list[int]
    order: list[int]
    """All buffers, nearly by offset."""


def pack(p: Problem, pile: Pile, capacity: int, steps: int) -> int:
    """Go on until nothing waits, for so many steps, or until a buffer has no offset at all; how many were taken."""
    taken = 0
    while pile.at[WAITS] > 0 and taken < steps:
        taken += 1
        if pile.at[STEP] % PUSH == PUSH - 1:
            sort(pile)
            if pile.at[STEP] // PUSH % 2 == 0:
                push_down(p, pile)
            else:
                push_up(p, pile, capacity)
        b = take(pile)
        count = forbid(p, pile, b)
        here = cheapest(p, pile, b, count, capacity)
        if here < 0:
            put_back(pile, b)
            pile.at[STUCK] = 1
            break
        lay(p, pile, b, here, count)
    return taken


def draw(pile: Pile, end: int) -> int:
    """A random number from 0 until before `end`."""
    pile.at[RANDOM] = (pile.at[RANDOM] * 1103515245 + 12345) & 0x7FFFFFFF
    return (pile.at[RANDOM] >> 8) % end


def take(pile: Pile) -> int:
    """The next of those that wait."""
    count, waiting = pile.at[WAITS], pile.waiting
    best = draw(pile, count)
    if pile.at[RULE] == HEAVIEST:
        for k in range(count):
            if pile.weight[waiting[k]] > pile.weight[waiting[best]]:
                best = k
    else:
        k = draw(pile, count)
        one, other = waiting[best], waiting[k]
        if pile.price[other] * pile.weight[other] > pile.price[one] * pile.weight[one]:
            best = k
    b = waiting[best]
    waiting[best] = waiting[count - 1]
    pile.at[WAITS] = count - 1
    pile.at[STEP] += 1
    return b


def put_back(pile: Pile, b: int) -> None:
    """Let a buffer wait."""
    pile.offset[b] = -1
    pile.waiting[pile.at[WAITS]] = b
    pile.at[WAITS] += 1


def forbid(p: Problem, pile: Pile, b: int) -> int:
    """List the offsets that placed neighbours forbid; how many neighbours these are."""
    count = 0
    for k in range(p.overlap_at[b], p.overlap_at[b + 1]):
        other = p.overlap_buffer[k]
        if pile.offset[other] >= 0:
            pile.low[count] = pile.offset[other] - p.overlap_above[k]
            pile.high[count] = pile.offset[other] + p.overlap_below[k]
            pile.other[count] = other
            count += 1
    return count


def cheapest(p: Problem, pile: Pile, b: int, count: int, capacity: int) -> int:
    """The offset at which the displaced cost least; among equals the snuggest, then any; -1 where there is none."""
    top = capacity - p.size[b]
    top -= top % p.align[b]
    best, least, room, equals = -1, NEVER, 0, 1
    for c in range(2 * count + 2):
        if c < count:
            here = pile.high[c] + p.align[b] - 1
        elif c < 2 * count:
            here = pile.low[c - count]
        else:
            here = 0 if c == 2 * count else top
        here -= here % p.align[b]
        if here < 0 or here > top:
            continue
        cost = displaced(p, pile, here, count, least)
        if cost > least or cost >= NEVER:
            continue
        around = spare(pile, here, count, top)
        if best < 0 or cost < least or around < room:
            best, least, room, equals = here, cost, around, 1
        elif around == room:
            equals += 1
            if draw(pile, equals) == 0:
                best = here
    return best


def displaced(p: Problem, pile: Pile, here: int, count: int, least: int) -> int:
    """What it costs to lie here; more than `least` where it is known to be more."""
    cost = 0
    for k in range(count):
        if pile.low[k] < here < pile.high[k]:
            other = pile.other[k]
            own = pile.price[other] * pile.weight[other]
            if p.fixed[other] >= 0:
                own = NEVER
            elif pile.rest[other] > pile.at[STEP]:
                own *= RESTING
            cost += own
            if cost > least:
                return cost
    return cost


def spare(pile: Pile, here: int, count: int, top: int) -> int:
    """The free room below and above; four times the smaller one, since large rooms are worth keeping whole."""
    below, above = here, top - here
    for k in range(count):
        if pile.high[k] <= here:
            below = min(below, here - pile.high[k])
        if pile.low[k] >= here:
            above = min(above, pile.low[k] - here)
    return 4 * min(below, above) + max(below, above)


def lay(p: Problem, pile: Pile, b: int, here: int, count: int) -> None:
    """Put a buffer here and let those that it displaces wait."""
    before = pile.at[WAITS]
    for k in range(count):
        if pile.low[k] < here < pile.high[k]:
            put_back(pile, pile.other[k])
    pile.offset[b] = here
    if pile.at[WAITS] > before:
        pile.price[b] += 1
        pile.rest[b] = pile.at[STEP] + draw(pile, RESTS)


def sort(pile: Pile) -> None:
    """Bring `order` up to date."""
    for k in range(len(pile.order)):
        b = pile.order[k]
        j = k
        while j > 0 and pile.offset[pile.order[j - 1]] > pile.offset[b]:
            pile.order[j] = pile.order[j - 1]
            j -= 1
        pile.order[j] = b


def push_down(p: Problem, pile: Pile) -> None:
    """Every placed buffer as low as those below it allow, the lowest first."""
    for b in pile.order:
        before, here = pile.offset[b], 0
        if before >= 0 and p.fixed[b] < 0:
            for k in range(p.overlap_at[b], p.overlap_at[b + 1]):
                there = pile.offset[p.overlap_buffer[k]]
                if there >= 0 and there + p.overlap_below[k] <= before:
                    here = max(here, there + p.overlap_below[k])
            over = here % p.align[b]
            pile.offset[b] = here + p.align[b] - over if over else here


def push_up(p: Problem, pile: Pile, capacity: int) -> None:
    """Every placed buffer as high as those above it and the capacity allow, the highest first."""
    for place in range(len(pile.order) - 1, -1, -1):
        b = pile.order[place]
        before, here = pile.offset[b], capacity - p.size[b]
        if before >= 0 and p.fixed[b] < 0:
            for k in range(p.overlap_at[b], p.overlap_at[b + 1]):
                there = pile.offset[p.overlap_buffer[k]]
                if there >= 0 and before <= there - p.overlap_above[k]:
                    here = min(here, there - p.overlap_above[k])
            pile.offset[b] = here - here % p.align[b]


ENTRY = pack
"""Where machine code is entered."""
COMPILING = 4.0
"""CPU seconds that compiling takes."""
FUNCTIONS = (draw, put_back, take, forbid, displaced, spare, cheapest, lay, sort, push_down, push_up, pack)
"""What is compiled together."""
