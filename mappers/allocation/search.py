"""Search for offsets below a capacity: depth first over supported placements, section by section, lowest floor first.

A solution whose offsets have the least sum is *supported*: every buffer lies at 0, or on one that it overlaps. So the
lowest offset that a buffer can still have (`low`) is its offset, or a buffer placed below will raise it. The search
takes a section whose floor (the least `low` of its open buffers) is the lowest of all, and branches on which buffer
lies there; after these, on that none does, whereupon the `low` of all of them rises to the lowest top of a neighbour
that could carry them. Parts of time between which no open buffer lives on are searched one after the other, and what
fails in one is not tried again with another solution of its neighbour.

The idea of canonical solutions, the floors and the cuts are MiniMalloc's (google/minimalloc@5d65195, src/solver.cc);
branching on a section, raising what was refused and the bound over release times are ours.

These are plain functions on flat sequences: of ints (plain Python, small problems) or int64 (`compiled`).
"""

from __future__ import annotations

from typing import NamedTuple

from archsim.mappers.allocation.problem import Problem

FAR = 1 << 62
"""An offset that no buffer has."""
OPEN, SOLVED, INFEASIBLE, FULL = 0, 1, 2, 3
"""What `search` answers: stopped at its limit, found offsets, proved that there are none, no room for more frames."""
DEPTH, TRAIL, TRIED, PENDING, PARTS, CHOICES, STAMP, RULE, ENDED = 0, 1, 2, 3, 4, 5, 6, 7, 8
"""Places in `State.at`: open frames, undo entries, nodes so far, first part to do, parts and choices kept, a counter,
the rule that chooses sections, and the last answer."""


FEWEST, FULLEST, FOREMOST = 0, 1, 2
"""Which of the lowest sections is next: with the fewest branches, the most units open, the buffer of the best rank."""


class State(NamedTuple):
    """Where the search stands; all lists are changed in place, so that it can be continued."""

    at: list[int]
    offset: list[int]
    """-1 while a buffer is open, that is not placed yet."""
    low: list[int]
    """The lowest offset that an open buffer can still have."""
    total: list[int]
    """Units of the open buffers of a section."""
    floor: list[int]
    """The least `low` in a section."""
    cuts: list[int]
    """Open buffers that live on from a section to the next."""
    rank: list[int]
    """The order in which buffers are tried."""
    stamp: list[int]
    work: list[int]
    release: list[int]
    dirty: list[int]
    trail_place: list[int]
    """A section s as s, a buffer b as -1 - b."""
    trail_value: list[int]
    frame_left: list[int]
    frame_right: list[int]
    frame_parent: list[int]
    """The frame to return to when this one fails: that whose choice made its part."""
    frame_section: list[int]
    frame_floor: list[int]
    frame_next: list[int]
    frame_placed: list[int]
    frame_trail: list[int]
    frame_pending: list[int]
    frame_parts: list[int]
    frame_choices: list[int]
    frame_count: list[int]
    part_left: list[int]
    part_right: list[int]
    part_parent: list[int]
    part_next: list[int]
    choice: list[int]


def search(p: Problem, st: State, capacity: int, nodes: int) -> int:
    """Go on from where `st` stands for so many branches; what was answered before, unless that is OPEN, stays."""
    at = st.at
    if at[TRIED] == 0:
        at[ENDED] = begin(p, st, capacity)
    tried = 0
    while tried < nodes and at[ENDED] == OPEN:
        tried += 1
        at[TRIED] += 1
        f = at[DEPTH] - 1
        retreat(p, st, f)
        k = st.frame_next[f]
        st.frame_next[f] = k + 1
        if k > st.frame_count[f] and st.frame_parent[f] < 0:
            at[ENDED] = INFEASIBLE
        elif k > st.frame_count[f]:
            climb(p, st, st.frame_parent[f])
        elif branch(p, st, f, k, capacity):
            at[ENDED] = descend(p, st)
    return at[ENDED]


def begin(p: Problem, st: State, capacity: int) -> int:
    """The floors, the parts and the first frame."""
    st.at[TRIED] = 1
    for s in range(len(st.total)):
        if not refresh(p, st, s, capacity):
            return INFEASIBLE
    split(st, 0, len(st.total), -1)
    return descend(p, st)


def climb(p: Problem, st: State, parent: int) -> None:
    """Undo all frames above `parent`, whose next branch comes now."""
    at = st.at
    while at[DEPTH] - 1 > parent:
        at[DEPTH] -= 1
        retreat(p, st, at[DEPTH] - 1)


def branch(p: Problem, st: State, f: int, k: int, capacity: int) -> bool:
    """The k-th branch of a frame: one of its buffers on the floor, or after these none."""
    if k < st.frame_count[f]:
        fits = place(p, st, f, st.choice[st.frame_choices[f] + k], capacity)
        if fits:
            split(st, st.frame_left[f], st.frame_right[f], f)
        return fits
    fits = refuse(p, st, f, capacity)
    if fits:
        push(st, st.frame_left[f], st.frame_right[f], f)
    return fits


def descend(p: Problem, st: State) -> int:
    """Open a frame for the next part, in its lowest section."""
    at = st.at
    part = at[PENDING]
    if part < 0:
        return SOLVED
    f = at[DEPTH]
    count = len(p.size)
    full = f >= len(st.frame_left) or at[TRAIL] + count + len(st.total) >= len(st.trail_place)
    if full or at[CHOICES] + count > len(st.choice) or at[PARTS] + len(st.total) > len(st.part_left):
        return FULL
    at[PENDING] = st.part_next[part]
    left, right = st.part_left[part], st.part_right[part]
    s = choose(p, st, left, right)
    st.frame_left[f] = left
    st.frame_right[f] = right
    st.frame_parent[f] = st.part_parent[part]
    st.frame_section[f] = s
    st.frame_floor[f] = st.floor[s]
    st.frame_next[f] = 0
    st.frame_placed[f] = -1
    st.frame_trail[f] = at[TRAIL]
    st.frame_pending[f] = at[PENDING]
    st.frame_parts[f] = at[PARTS]
    st.frame_choices[f] = at[CHOICES]
    collect(p, st, f, s)
    at[DEPTH] = f + 1
    return OPEN


def choose(p: Problem, st: State, left: int, right: int) -> int:
    """A section of the lowest floor: of these the best by `at[RULE]`, and among equals the fullest."""
    rule = st.at[RULE]
    lowest = FAR
    for s in range(left, right):
        lowest = min(lowest, st.floor[s])
    best, least, most = -1, FAR, -1
    for s in range(left, right):
        if st.floor[s] == lowest:
            score = 0
            if rule != FULLEST:
                branches, foremost = 0, FAR
                for k in range(p.section_at[s], p.section_at[s + 1]):
                    b = p.section_buffer[k]
                    if st.offset[b] < 0 and st.low[b] == lowest:
                        branches += 1
                        foremost = min(foremost, st.rank[b])
                score = branches if rule == FEWEST else foremost
            if score < least or (score == least and st.total[s] > most):
                best, least, most = s, score, st.total[s]
    return best


def collect(p: Problem, st: State, f: int, s: int) -> None:
    """The open buffers that can lie on the floor of a section, by rank; of equal ones the first."""
    start = st.at[CHOICES]
    end = start
    for k in range(p.section_at[s], p.section_at[s + 1]):
        b = p.section_buffer[k]
        if st.offset[b] < 0 and st.low[b] == st.floor[s]:
            j = end
            while j > start and st.rank[st.choice[j - 1]] > st.rank[b]:
                st.choice[j] = st.choice[j - 1]
                j -= 1
            st.choice[j] = b
            end += 1
    kept = start
    for k in range(start, end):
        b = st.choice[k]
        seen = False
        for j in range(start, kept):
            if p.alike[st.choice[j]] == p.alike[b]:
                seen = True
        if not seen:
            st.choice[kept] = b
            kept += 1
    st.frame_count[f] = kept - start
    st.at[CHOICES] = kept


def retreat(p: Problem, st: State, f: int) -> None:
    """Undo what the frame's last branch and all later frames did; later frames undo their placements themselves."""
    at = st.at
    while at[TRAIL] > st.frame_trail[f]:
        at[TRAIL] -= 1
        changed, value = st.trail_place[at[TRAIL]], st.trail_value[at[TRAIL]]
        if changed < 0:
            st.low[-1 - changed] = value
        else:
            st.floor[changed] = value
    at[PENDING] = st.frame_pending[f]
    at[PARTS] = st.frame_parts[f]
    at[CHOICES] = st.frame_choices[f] + st.frame_count[f]
    b = st.frame_placed[f]
    if b >= 0:
        st.frame_placed[f] = -1
        st.offset[b] = -1
        for k in range(p.buffer_at[b], p.buffer_at[b + 1]):
            st.total[p.buffer_section[k]] += p.buffer_height[k]
        for s in range(p.first[b], p.last[b]):
            st.cuts[s] += 1


def place(p: Problem, st: State, f: int, b: int, capacity: int) -> bool:
    """Put a buffer on the floor; False where the rest cannot fit any more."""
    here = st.frame_floor[f]
    st.frame_placed[f] = b
    st.offset[b] = here
    st.at[STAMP] += 1
    dirty = 0
    for k in range(p.buffer_at[b], p.buffer_at[b + 1]):
        s = p.buffer_section[k]
        st.total[s] -= p.buffer_height[k]
        st.stamp[s] = st.at[STAMP]
        st.dirty[dirty] = s
        dirty += 1
    for s in range(p.first[b], p.last[b]):
        st.cuts[s] -= 1
    for k in range(p.overlap_at[b], p.overlap_at[b + 1]):
        other = p.overlap_buffer[k]
        if st.offset[other] < 0:
            dirty = lift(p, st, other, here + p.overlap_above[k], capacity, dirty)
            if dirty < 0:
                return False
    return settle(p, st, dirty, capacity)


def refuse(p: Problem, st: State, f: int, capacity: int) -> bool:
    """No buffer lies on the floor of this section: all that could lie on another one. False where none could."""
    st.at[STAMP] += 1
    s = st.frame_section[f]
    dirty = 0
    for k in range(p.section_at[s], p.section_at[s + 1]):
        b = p.section_buffer[k]
        if st.offset[b] >= 0 or st.low[b] != st.frame_floor[f]:
            continue
        lowest = FAR
        for j in range(p.overlap_at[b], p.overlap_at[b + 1]):
            other = p.overlap_buffer[j]
            if st.offset[other] < 0:
                lowest = min(lowest, st.low[other] + p.overlap_below[j])
        if lowest == FAR:
            return False
        dirty = lift(p, st, b, max(lowest, st.low[b] + 1), capacity, dirty)
        if dirty < 0:
            return False
    return settle(p, st, dirty, capacity)


def lift(p: Problem, st: State, b: int, height: int, capacity: int, dirty: int) -> int:
    """Raise the lowest offset of an open buffer; the number of sections to look at, or -1 where it fits nowhere."""
    if st.low[b] >= height:
        return dirty
    at = st.at
    over = height % p.align[b]
    if over:
        height += p.align[b] - over
    st.trail_place[at[TRAIL]] = -1 - b
    st.trail_value[at[TRAIL]] = st.low[b]
    at[TRAIL] += 1
    st.low[b] = height
    if height + p.size[b] > capacity or 0 <= p.fixed[b] < height:
        return -1
    for k in range(p.buffer_at[b], p.buffer_at[b + 1]):
        s = p.buffer_section[k]
        if st.stamp[s] != at[STAMP]:
            st.stamp[s] = at[STAMP]
            st.dirty[dirty] = s
            dirty += 1
    return dirty


def settle(p: Problem, st: State, dirty: int, capacity: int) -> bool:
    """Whether every section that changed still has room."""
    k = 0
    while k < dirty and refresh(p, st, st.dirty[k], capacity):
        k += 1
    return k == dirty


def refresh(p: Problem, st: State, s: int, capacity: int) -> bool:
    """The floor of a section anew, and whether its open buffers fit above their lowest offsets.

    For each of these offsets, what begins there or higher must fit between it and the capacity.
    """
    at = st.at
    lowest, highest = FAR, -1
    for k in range(p.section_at[s], p.section_at[s + 1]):
        b = p.section_buffer[k]
        if st.offset[b] < 0:
            lowest = min(lowest, st.low[b])
            highest = max(highest, st.low[b] + p.section_low[k])
    if st.floor[s] != lowest:
        st.trail_place[at[TRAIL]] = s
        st.trail_value[at[TRAIL]] = st.floor[s]
        at[TRAIL] += 1
        st.floor[s] = lowest
    if highest + st.total[s] <= capacity:
        return True
    count = 0
    for k in range(p.section_at[s], p.section_at[s + 1]):
        b = p.section_buffer[k]
        if st.offset[b] < 0:
            begin = st.low[b] + p.section_low[k]
            j = count
            while j > 0 and st.release[j - 1] < begin:
                st.release[j] = st.release[j - 1]
                st.work[j] = st.work[j - 1]
                j -= 1
            st.release[j] = begin
            st.work[j] = p.section_high[k] - p.section_low[k]
            count += 1
    above = 0
    for j in range(count):
        above += st.work[j]
        if st.release[j] + above > capacity:
            return False
    return True


def split(st: State, left: int, right: int, parent: int) -> None:
    """Parts of these sections between which nothing open lives on, the shortest to be done first."""
    begin = left
    for s in range(left, right):
        if s + 1 == right or st.cuts[s] == 0:
            busy = False
            for one in range(begin, s + 1):
                if st.total[one] > 0:
                    busy = True
            if busy:
                push(st, begin, s + 1, parent)
            begin = s + 1


def push(st: State, left: int, right: int, parent: int) -> None:
    """Add a part to what is to be done, before the longer ones of the same parent."""
    at = st.at
    part = at[PARTS]
    at[PARTS] += 1
    st.part_left[part] = left
    st.part_right[part] = right
    st.part_parent[part] = parent
    before, after = -1, at[PENDING]
    while after >= 0 and st.part_parent[after] == parent and st.part_right[after] - st.part_left[after] < right - left:
        before, after = after, st.part_next[after]
    st.part_next[part] = after
    if before < 0:
        at[PENDING] = part
    else:
        st.part_next[before] = part


ENTRY = search
"""Where machine code is entered."""
COMPILING = 12.0
"""CPU seconds that compiling takes."""
FUNCTIONS = (
    *(search, begin, climb, branch, descend, choose, collect, retreat),
    *(place, refuse, lift, settle, refresh, split, push),
)
"""What is compiled together."""
