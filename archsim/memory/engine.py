"""The command scheduler for PIM kernels: issues a kernel's commands as early as the protocol allows, in order.

The functions here are plain loops over integers that run in two ways from one source. Called as they are, on lists,
they serve the occasional kernel shape that has not been seen before; compiled by numba, on arrays, they walk every
single command when stepping. `burst` issues n equal commands as one event with a closed form (after the first of
them only their own distance can bind, since everything else lies further in the past), and `skip` jumps over rows
once the state of all timers recurs.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import FunctionType
from typing import Any

from archsim.core.copies import copied
from archsim.memory.gddr6_pim import NAMES

NEVER = -(1 << 60)
ACT, PRE, RD, WR, ACTAB, PREAB, MACAB, WRGB, RDMAC, REFAB = (
    NAMES.index(name) for name in ("ACT", "PRE", "RD", "WR", "ACTAB", "PREAB", "MACAB", "WRGB", "RDMAC", "REFAB")
)
COMMAND_COUNT = len(NAMES)

# Result slots: one counter per command, then these.
OPEN, MACS_T, ROW_T, IN_T, OUT_T, CLOCK, OPEN_ROW, OPENED_AT, LAST_ACT, FROZEN, REFRESHES, RESULTS_AT, EVENTS = range(
    COMMAND_COUNT, COMMAND_COUNT + 13
)
OUT_SLOTS = COMMAND_COUNT + 13
CLOSED = -1


def issue(last: Any, gaps: Any, command: int) -> int:
    """Issue one command at the earliest legal time at or after 0 and return that time."""
    t = earliest(last, gaps, command)
    last[command] = t
    return t


def earliest(last: Any, gaps: Any, command: int) -> int:
    """The earliest legal time for a command at or after 0."""
    t = 0
    for before in range(len(last)):
        gap = gaps[before][command]
        if gap >= 0 and last[before] + gap > t:
            t = last[before] + gap
    return t


def note(out: Any, command: int, t: int, cause: int) -> None:
    """Count a command and give the time since the previous one to its cause."""
    out[command] += 1
    out[EVENTS] += 1
    elapsed = t - out[CLOCK]
    out[cause if elapsed >= 0 else MACS_T] += elapsed
    out[CLOCK] = t


def many(last: Any, gaps: Any, out: Any, command: int, n: int, cause: int, burst: int) -> None:
    """Issue n equal commands back to back."""
    if burst and n > 1:
        first = issue(last, gaps, command)
        note(out, command, first, cause)
        own = gaps[command][command]
        last[command] = first + (n - 1) * own
        out[command] += n - 1
        out[cause] += (n - 1) * own
        out[CLOCK] = last[command]
    else:
        for _ in range(n):
            note(out, command, issue(last, gaps, command), cause)


def open_row(last: Any, gaps: Any, out: Any, row: int, due: Any) -> None:
    """Make `row` the open row of all banks; a due refresh goes first, while all banks are closed.

    A refresh suspends the channel: every timer keeps its distance, so that the schedule after it is the schedule
    without it, later by tRFC. `due` is [next due, interval, duration]; a duration of 0 switches refresh off.
    """
    if out[OPEN_ROW] == row:
        return
    close_rows(last, gaps, out)
    t = issue(last, gaps, ACTAB)
    while due[2] > 0 and due[0] <= t + out[FROZEN]:
        out[FROZEN] += due[2]
        out[REFRESHES] += 1
        due[0] += due[1]
    note(out, ACTAB, t, ROW_T)
    out[OPEN_ROW] = row
    out[OPENED_AT] = t
    out[LAST_ACT] = t


def close_rows(last: Any, gaps: Any, out: Any) -> None:
    """Precharge all banks where rows are open."""
    if out[OPEN_ROW] != CLOSED:
        t = issue(last, gaps, PREAB)
        note(out, PREAB, t, ROW_T)
        out[OPEN] += t - out[OPENED_AT]
        out[OPEN_ROW] = CLOSED


def enter(last: Any, gaps: Any, out: Any, row: int, due: Any, loads: int, burst: int) -> None:
    """Open the first row of a phase and load the global buffer, both at once.

    Input transfers go out while the banks precharge; the activation takes its slot between them as soon as it may.
    """
    early = 0
    if out[OPEN_ROW] != row and loads > 0:
        close_rows(last, gaps, out)
        first, own = earliest(last, gaps, WRGB), gaps[WRGB][WRGB]
        wait = earliest(last, gaps, ACTAB) - first
        if wait > 0:
            early = min(loads, -(-wait // own))
            many(last, gaps, out, WRGB, early, IN_T, burst)
    open_row(last, gaps, out, row, due)
    many(last, gaps, out, WRGB, loads - early, IN_T, burst)


def columns(last: Any, gaps: Any, out: Any, n: int, progress: int, per_result: int, bursts: int, burst: int) -> int:
    """MAC n columns of the open row, reading the accumulators out after every `per_result`.

    Returns columns since the last read.
    """
    cause = ROW_T if out[OPENED_AT] == out[CLOCK] else IN_T
    while n > 0:
        run = min(n, per_result - progress)
        many(last, gaps, out, MACAB, 1, cause, 0)
        many(last, gaps, out, MACAB, run - 1, MACS_T, burst)
        out[CLOCK] += gaps[MACAB][MACAB]
        out[MACS_T] += gaps[MACAB][MACAB]
        n -= run
        progress += run
        if progress == per_result:
            many(last, gaps, out, RDMAC, bursts, OUT_T, burst)
            out[RESULTS_AT] = last[RDMAC]
            progress = 0
        cause = OUT_T
    return progress


def multiply(phases: Any, shape: Any, last: Any, gaps: Any, out: Any, due: Any, snap: Any, flags: Any) -> None:
    """All-bank matrix-vector products, phase by phase, `shape[0]` times over.

    A phase is [input bursts, results per bank, columns per result, row stride, first row, first column]: with stride
    0 the results are packed along consecutive rows, else each result starts `stride` rows after the one before.
    shape = [repeats, columns per row, bursts per result]; flags = [burst, skip, horizon]: how to go, and the age in
    ps from which a command cannot delay another any more.
    """
    for _ in range(shape[0]):
        for index in range(len(phases)):
            phase(phases[index], shape, last, gaps, out, due, snap, flags)


def phase(p: Any, shape: Any, last: Any, gaps: Any, out: Any, due: Any, snap: Any, flags: Any) -> None:
    """One phase: load the global buffer, then stream its columns (see `multiply`)."""
    per_result, stride, row, column = p[2], p[3], p[4], p[5]
    total = p[1] * per_result
    period = per_result_period(per_result, shape[1]) if stride == 0 else 1
    done = progress = visits = 0
    loaded = False
    snapped = -1
    while done < total:
        n = min(shape[1] - column, total - done) if stride == 0 else per_result
        if flags[1] and loaded and column == 0 and (stride > 0 or n == shape[1]):
            if snapped < 0:
                snapped = visits
                remember(snap, last, out)
            elif visits - snapped == period:
                jump = (total - done) // (n * period)
                if jump > 0 and recurs(snap, last, out, flags[2]):
                    leap(snap, last, out, jump)
                    done += jump * period * n
                    row += jump * period * max(stride, 1)
                    out[OPEN_ROW] = row - max(stride, 1)
                    snapped = -1
                    visits = 0
                    continue
                snapped = visits
                remember(snap, last, out)
        if loaded:
            open_row(last, gaps, out, row, due)
        else:
            enter(last, gaps, out, row, due, p[0], flags[0])
            loaded = True
        progress = columns(last, gaps, out, n, progress, per_result, shape[2], flags[0])
        done += n
        visits += 1
        column = 0 if stride > 0 else (column + n) % shape[1]
        if stride > 0 or column == 0:
            row += max(stride, 1)


def per_result_period(per_result: int, row_columns: int) -> int:
    """Rows after which results and rows are aligned again."""
    a, b = per_result, row_columns
    while b:
        a, b = b, a % b
    return per_result // a


def remember(snap: Any, last: Any, out: Any) -> None:
    """Keep the timers and counters of this moment."""
    for i in range(len(last)):
        snap[i] = last[i]
    for i in range(len(out)):
        snap[len(last) + i] = out[i]


def recurs(snap: Any, last: Any, out: Any, horizon: int) -> bool:
    """Whether all timers stand as they stood at the snapshot, seen from the latest command.

    Older than `horizon` is all the same.
    """
    now = then = NEVER
    for i in range(len(last)):
        now = max(now, last[i])
        then = max(then, snap[i])
    for i in range(len(last)):
        age, before = now - last[i], then - snap[i]
        if age != before and (age < horizon or before < horizon):
            return False
    base = len(last)
    moved = now - then
    return bool(out[CLOCK] - snap[base + CLOCK] == moved and out[OPENED_AT] - snap[base + OPENED_AT] == moved)


def leap(snap: Any, last: Any, out: Any, jump: int) -> None:
    """Repeat what happened since the snapshot `jump` more times: timers move, counters grow."""
    base = len(last)
    moved = out[CLOCK] - snap[base + CLOCK]
    for i in range(base):
        if last[i] != snap[i]:
            last[i] += jump * moved
    for i in range(OPEN_ROW):
        out[i] += jump * (out[i] - snap[base + i])
    for i in (OPENED_AT, LAST_ACT, RESULTS_AT):
        out[i] += jump * moved


def access(visits: Any, skew: Any, last: Any, gaps: Any, banks: Any, window: Any, out: Any) -> None:
    """Single-bank accesses: each visit [bank, bursts, command] opens a row, moves its bursts and closes it again.

    skew = [a, b] lets the column access of a visit trail its activation by a visits and its precharge by b, so that
    banks overlap. banks = [bank gaps, per-bank last times]; window = [count, ps, times of the latest activations].
    """
    n = len(visits)
    for step in range(n + skew[1]):
        if step < n:
            t = bank_issue(last, gaps, banks, ACT, visits[step][0], window)
            note(out, ACT, t, ROW_T)
        move = step - skew[0]
        if 0 <= move < n:
            for _ in range(visits[move][1]):
                t = bank_issue(last, gaps, banks, visits[move][2], visits[move][0], window)
                note(out, visits[move][2], t, IN_T if visits[move][2] == WR else OUT_T)
                out[RESULTS_AT] = t
        close = step - skew[1]
        if 0 <= close < n:
            t = bank_issue(last, gaps, banks, PRE, visits[close][0], window)
            note(out, PRE, t, ROW_T)


def bank_issue(last: Any, gaps: Any, banks: Any, command: int, bank: int, window: Any) -> int:
    """Issue a single-bank command at the earliest legal time at or after 0 and return that time."""
    t = 0
    own, times = banks[0], banks[1][bank]
    for before in range(len(last)):
        gap = gaps[before][command]
        if gap >= 0 and last[before] + gap > t:
            t = last[before] + gap
        gap = own[before][command]
        if gap >= 0 and times[before] + gap > t:
            t = times[before] + gap
    if command == ACT and window[0] > 0:
        t = max(t, window[2][0] + window[1])
        for i in range(window[0] - 1):
            window[2][i] = window[2][i + 1]
        window[2][window[0] - 1] = t
    last[command] = t
    times[command] = t
    return t


@cache
def compiled() -> Mapping[str, Any]:
    """The same functions compiled by numba, by name; kept on disk between processes.

    Each function is copied into a namespace in which the functions it calls are the compiled ones.
    """
    import numba

    space = {k: v for k, v in globals().items() if not isinstance(v, FunctionType)}
    for name in (
        "earliest",
        "issue",
        "note",
        "many",
        "close_rows",
        "open_row",
        "enter",
        "columns",
        "per_result_period",
        "remember",
        "recurs",
        "leap",
        "phase",
        "multiply",
        "bank_issue",
        "access",
    ):
        space[name] = numba.njit(copied(globals()[name], space, __name__), cache=True)
    return space
