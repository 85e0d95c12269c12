"""Exact fast-forward of streams: once the state recurs, relative to clock and stream, whole periods are leapt.

A request decides by its bank, and by whether its row or line *equals* another one. So after as many requests as move
a stream by rows only, everything continues as before if all else is the same (`picture`), with the rows moved on.
Pictures are compared in full, those after 1, 2, 4, ... such steps against what follows. What does not recur is
simulated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any, Protocol

import numpy as np

from archsim.memory import layout as y
from archsim.memory.entries import digest
from archsim.memory.picture import AHEAD, Live, Picture, ahead, live, ranks_of, take, units


@dataclass(frozen=True)
class Stream:
    """How the addresses of a stream go on, in lines; `MIX` has two sequences, the others one."""

    mixed: bool
    stride: int
    """Bytes."""
    start: int
    shift: int
    lines: int
    """Lines of the memory; line numbers of `MIX` run beyond."""
    row: int
    """Lines from one row to the next of the same bank, without a carry."""
    rows: int
    top: bool
    """No field lies above the row, so that rows only wrap around."""

    @property
    def every(self) -> int:
        """Requests after which a stream has moved on by rows only."""
        if self.mixed:
            return 3 * self.row
        unit = self.row << self.shift
        found = unit // gcd(unit, self.stride)
        if self.top or found * self.stride < unit * self.rows:
            return found
        whole = self.lines << self.shift
        return whole // gcd(whole, self.stride)

    def moved(self, count: int) -> tuple[int, int]:
        """Lines by which `count` requests, a multiple of `every`, move reads and writes on."""
        if self.mixed:
            return 2 * count // 3, count // 3
        return (count * self.stride >> self.shift,) * 2

    def longest(self, first: int) -> int:
        """Requests from `first` on that no carry takes out of the row field."""
        if self.top:
            return 1 << 62
        whole = self.row * self.rows
        if self.mixed:
            reads, writes = whole - 1 - (first - first // 3) % whole, whole - 1 - first // 3 % whole
            return min(3 * reads // 2, 3 * writes) - 3
        if self.every * self.stride % (self.lines << self.shift) == 0:
            return 1 << 62
        left = (whole << self.shift) - 1 - (self.start + first * self.stride) % (whole << self.shift)
        return left // self.stride


def stream_of(state: y.State) -> Stream | None:
    """The stream of a run; None if its requests are given or random."""
    s, fields = state.shared[y.STREAM : y.STREAM + y.STREAM_NUMBERS].tolist(), state.memory[0, y.FIELDS : y.FIELDS + 10]
    if s[y.FORM] not in (y.AFFINE, y.MIX):
        return None
    mixed, lines = s[y.FORM] == y.MIX, s[y.CAPACITY] >> s[y.SHIFT]
    position, rows = int(fields[8]), int(fields[9]) + 1
    top = (1 << position) * rows == lines
    return Stream(mixed, s[y.STRIDE], s[y.START], s[y.SHIFT], lines, 1 << position, rows, top)


class Beside(Protocol):
    """Something that is simulated beside the requests and has to recur with them."""

    def picture(self, now: int) -> Any:
        """All that decides its future, relative to now, and what it counts."""
        ...

    def periods(self, old: Any, new: Any, most: int) -> int:
        """How many periods can be leapt, `most` at most; 0 if the two states differ."""
        ...

    def leap(self, old: Any, new: Any, periods: int, time: int) -> None:
        """Move on by whole periods, which take `time` cycles together."""
        ...


SLOWEST = y.COUNTS + y.SLOWEST
"""The one statistic that is a maximum and no sum."""


@dataclass(frozen=True)
class Period:
    """What one period adds to a state."""

    requests: int
    time: int
    moving: Any
    """Rows by which the open row of each bank moves on."""
    last_commands: Any
    counts: Any
    histograms: Any
    latencies: Any

    @classmethod
    def of(cls, old: Picture, new: Picture, moving: Any) -> Period:
        """From two states that continue alike, one period apart."""
        counts = new.counts - old.counts
        counts[:, y.SLOWEST] = 0
        commands, latencies = new.last_commands - old.last_commands, new.latencies - old.latencies
        histograms = new.histograms - old.histograms
        return cls(new.next - old.next, new.now - old.now, moving, commands, counts, histograms, latencies)


def forward(step: Callable[[], bool], state: y.State, beside: Beside | None = None) -> int:
    """Run to the end; how many requests were leapt over.

    Parameters
    ----------
    step
        Simulates until the end (False) or until the state that is looked for may have come (True).
    state
        What it works on.
    beside
        What else it simulates.
    """
    stream, s = stream_of(state), state.shared
    count, leapt = int(s[y.STREAM + y.COUNT]), 0
    if stream is None or 4 * stream.every > count:
        step()
        return 0
    search = _Search(state, stream, beside)
    while step():
        leapt += search.look()
    return leapt


class _Search:
    """Pictures after 1, 2, 4, ... times the requests that move the stream by rows, and what is found with them."""

    def __init__(self, state: y.State, stream: Stream, beside: Beside | None) -> None:
        self.state, self.stream, self.every, self.beside = state, stream, stream.every, beside
        self._begin()

    def _begin(self) -> None:
        s = self.state.shared
        self.stored: list[Picture] = []
        self.kept: list[tuple[y.State, Live]] = []
        self.window, self.failed = self.every, 0
        s[y.EVERY], s[y.NOTED] = self.every, 0
        s[[y.STOP, y.PAUSE]] = s[y.NEXT] + self.every

    def look(self) -> int:
        """See whether a state has come again that was pictured before; how many requests were leapt over if so."""
        s = self.state.shared
        requests = live(self.state)
        if requests is None:
            s[y.STOP] = y.NEVER
            return 0
        found = take(self.state, requests, self.beside.picture(int(s[y.NOW])) if self.beside else None)
        if s[y.FOUND] >= 0:
            for old in reversed(self.stored):
                periods = _periods(old, found, self.stream, int(s[y.STREAM + y.COUNT]))
                if self.beside and periods:
                    periods = self.beside.periods(old.other, found.other, periods)
                if periods > 0:
                    if self.beside:
                        self.beside.leap(old.other, found.other, periods, periods * (found.now - old.now))
                    leapt = self._back(old, found, periods)
                    if leapt == 0:
                        moving = _moving(old, found, self.stream)
                        _leap(self.state, requests, found, Period.of(old, found, moving), self.stream, periods)
                        leapt = periods * (found.next - old.next)
                    self._begin()
                    return leapt
            self._distrust(int(s[y.FOUND]))
        if s[y.NEXT] >= s[y.PAUSE]:
            s[y.PAUSE] = s[y.NEXT] + self.window
            self.window *= 2
            self._note(found, requests)
        return 0

    def _back(self, old: Picture, new: Picture, periods: int) -> int:
        """Go back to a state kept inside the period and leap from there; how many requests that saves, 0 if it is none.

        A leap from `new` ends up to a period before the last request. A kept state that lies less than that after `old`
        leaps one period more and ends nearer to it.
        """
        s, length, count = self.state.shared, new.next - old.next, int(self.state.shared[y.STREAM + y.COUNT])
        latest = count - (periods + 1) * length
        inside = [i for i, one in enumerate(self.stored) if old.next < one.next <= latest]
        reaches = new.next > latest and self.stream.longest(old.next) >= count - old.next
        if self.beside or self.stream.mixed or not inside or not reaches:
            return 0
        found, (kept, requests) = self.stored[inside[-1]], self.kept[inside[-1]]
        rows = self.stream.moved(length)[0] // self.stream.row % self.stream.rows
        period = Period.of(old, new, np.where((new.visits != old.visits).any(axis=2), rows, 0))
        slowest, running = self.state.memory[:, SLOWEST].copy(), _running(self.state)
        self.state.memory[:], s[:] = kept.memory, kept.shared
        self.state.memory[:, SLOWEST] = slowest
        # The accounts of what goes on at the moment lack its cycles so far, which differ between the two states.
        period.counts[:, [y.ACTIVE, y.QUEUED]] += (running - _running(self.state)) * period.time
        _leap(self.state, requests, found, period, self.stream, periods + 1)
        return int(s[y.NEXT]) - new.next

    def _distrust(self, which: int) -> None:
        """Drop a picture that another state only resembles; if it is the newest one, look less often."""
        m, s = self.state.memory, self.state.shared
        if which + 1 < len(self.stored):
            del self.stored[which], self.kept[which]
            m[:, y.NOTES + y.NOTE * which : y.DENSE - y.NOTE] = m[:, y.NOTES + y.NOTE * (which + 1) : y.DENSE]
            s[y.NOTED] = len(self.stored)
        else:
            self.failed += 1
            s[y.STOP] = s[y.NEXT] + min(self.failed, 64) * self.every

    def _note(self, found: Picture, requests: Live) -> None:
        """Keep a picture, the numbers of it that `front.resembles` looks at, and the state itself."""
        m, place = self.state.memory, y.NOTES + y.NOTE * len(self.stored)
        times = ahead(m[:, [y.NEXT_REFRESH, y.COMMAND_AT]], found.now)
        others = m[:, [y.READS_WAITING, y.WRITES_WAITING, y.IN_QUEUES, y.TURN, y.DRAINING]]
        m[:, place : place + y.NOTE] = np.concatenate((times, others), axis=1)
        self.stored.append(found)
        self.kept.append((y.State(m.copy(), self.state.shared.copy()), requests))
        self.state.shared[y.NOTED] = len(self.stored)


def _periods(old: Picture, new: Picture, stream: Stream, count: int) -> int:
    """How many periods can be leapt; 0 if the states differ."""
    period, time = new.next - old.next, new.now - old.now
    same = len(old.fixed) == len(new.fixed) and all(map(np.array_equal, old.fixed, new.fixed))
    if not same or new.last_done - old.last_done != time or (new.added - old.added != time).any():
        return 0
    commands = new.last_commands - old.last_commands
    if ((commands != time) & (commands != 0)).any():
        return 0
    moved = np.array(stream.moved(period))
    lines = new.lines - old.lines - moved[new.writes]
    if (lines if stream.mixed else lines % stream.lines).any() or _moving(old, new, stream) is None:
        return 0
    most = min((count - new.next) // period, (stream.longest(old.next) - (new.next - old.next)) // period)
    return max(0, min(most, _apart(old, new, stream) if stream.mixed else most))


def _moving(old: Picture, new: Picture, stream: Stream) -> Any:
    """By how many rows the open row of each bank has moved on: [channel, bank]; None if one did not move with a stream.

    A bank that the stream does not ask keeps its row.
    """
    rows = (new.rows - old.rows) % stream.rows
    moves = [moved // stream.row % stream.rows for moved in stream.moved(new.next - old.next)]
    visited = (new.visits != old.visits).any(axis=2)
    fine = (new.rows < 0) | np.where(visited, (rows == moves[0]) | (rows == moves[1]), rows == 0)
    return np.where(new.rows < 0, 0, rows) if fine.all() else None


def _apart(old: Picture, new: Picture, stream: Stream) -> int:
    """Periods in which no row of the reads meets one of the writes in a bank that both of them use.

    The rows of each sequence lie behind its head, at most as far as now and the way of one period; the heads draw
    nearer, since there are two reads for each write.
    """
    visited = new.visits != old.visits
    if not (visited[:, :, 0] & visited[:, :, 1]).any():
        return 1 << 62
    moves = [moved // stream.row for moved in stream.moved(new.next - old.next)]
    heads = [head // stream.row for head in (2 * old.next // 3, stream.lines // 2 + old.next // 3)]
    open_rows = ((new.rows - old.rows) % stream.rows)[old.rows >= 0]
    behind = []
    for write in (0, 1):
        of_queues = old.lines[old.writes == write] // stream.row
        of_banks = old.rows[old.rows >= 0][open_rows == moves[write] % stream.rows]
        rows = np.concatenate((of_queues, of_banks, [heads[write]]))
        behind.append(int(((heads[write] - rows) % stream.rows).max()) + moves[write])
    apart = (heads[1] - heads[0]) % stream.rows
    if moves[0] % stream.rows == moves[1] % stream.rows or apart + 1 >= stream.rows - behind[0]:
        return 0
    return (apart - 2 - behind[1]) // (moves[0] - moves[1]) - 1


def _running(state: y.State) -> Any:
    """What adds up cycles at the moment: [channel, (ranks with an open row, requests in the command queues)]."""
    memory = state.memory
    ranks = memory[0, y.RANK_UNITS] + y.SIZE * np.arange(memory[0, y.RANKS]) + y.OPENED
    return np.stack(((memory[:, ranks] > 0).sum(axis=1), memory[:, y.IN_QUEUES]), axis=1)


def _leap(state: y.State, requests: Live, new: Picture, period: Period, stream: Stream, periods: int) -> None:
    """Move the state on by whole periods: rows and lines by what the stream moves, times and counts by what passed."""
    memory, s, view = state.memory, state.shared, units(state)
    count, time = periods * period.requests, periods * period.time
    _move_requests(state, requests, new, stream, count, time)
    own = view[:, : memory[0, y.BANKS]]
    own[:, :, y.ROW] = np.where(new.rows < 0, -1, (new.rows + periods * period.moving) % stream.rows)
    memory[:, AHEAD] += np.where(memory[:, AHEAD] < y.NEVER, time, 0)
    memory[:, y.CHOSEN] += np.where(memory[:, y.CHOSEN] >> y.BANK_BITS < y.NEVER, time << y.BANK_BITS, 0)
    memory[:, y.LAST_COMMAND] += periods * period.last_commands
    view[:, :, y.READY : y.READY + y.MOST_COMMANDS] += time
    view[:, ranks_of(state), y.OPEN_UNTIL] += time
    rings = memory[:, y.RINGS : y.RINGS_END].reshape(len(memory), -1, y.RING)
    rings[:, :, 1:] += np.where(rings[:, :, 1:] > -y.NEVER, time, 0)
    memory[:, y.COUNTS : y.COUNTS + y.STATISTICS] += periods * period.counts
    memory[:, y.HISTOGRAM : y.HISTOGRAM + y.BINS] += periods * period.histograms
    s[y.LATENCIES : y.LOG] += periods * period.latencies
    s[y.NEXT] += count
    s[[y.NOW, y.LAST_DONE]] += time


def _move_requests(state: y.State, requests: Live, new: Picture, stream: Stream, count: int, time: int) -> None:
    """As `_leap`, for the requests that wait and are queued."""
    memory, channel, slot = state.memory, requests.channel, requests.slot
    lines = new.lines + np.array(stream.moved(count))[new.writes]
    lines = lines if stream.mixed else lines % stream.lines
    keys = lines // stream.row % stream.rows * 2 + new.writes
    memory[channel, slot + y.LINE], memory[channel, slot + y.KEY] = lines, keys
    memory[channel, slot + y.ADDED] += time
    for at in requests.twins:
        state.shared[y.TWINS_AT + 2 * at[at >= 0]] += time
    queued = requests.place[:, 2] == 0
    _, bank, _, position = requests.place[queued].T
    entries = units(state)[channel[queued], bank, y.ENTRIES] + position
    memory[channel[queued], entries] = keys[queued] << y.ENTRY_BITS | slot[queued]
    memory[:, y.FILTER : y.FILTER + 2 * y.BUCKETS] = 0
    np.add.at(memory, (channel, y.FILTER + y.BUCKETS * new.writes + digest(lines)), 1)
