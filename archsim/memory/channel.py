"""One PIM channel: kernels in, times and counts out, from and to a relative state of timers and open row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from archsim.memory import engine as e
from archsim.memory.gddr6_pim import NAMES
from archsim.memory.protocol import Gaps

Phase = tuple[int, int, int, int, int, int]
"""[input bursts, results per bank, columns per result, row stride, first row, first column], see `engine.multiply`."""
Visit = tuple[int, int, int]
"""(bank, bursts, command), see `engine.access`."""

CLOSED, OTHER, HIT = 0, 1, 2
"""How the open row stands to a kernel's first row."""


@dataclass(frozen=True, slots=True)
class Result:
    """One kernel on one channel; times in ps from its start."""

    done: int
    free: int
    counts: tuple[int, ...]
    """Per command, then open time and time by cause (mac, row, input, output), see `COUNTERS`."""
    timers: tuple[int, ...]
    """Last issue time of each command, relative to `free`; clipped at the horizon."""
    open_row: int
    """Row left open, relative to the kernel's row argument; -1 if all banks are closed."""
    last_act: int
    """When the last all-bank row was opened, or -1: the last point where a refresh could have gone."""
    refreshes: int
    events: int


COUNTERS = (*(name.lower() for name in NAMES), "open_ps", "t_mac", "t_row", "t_input", "t_output")


@dataclass(frozen=True, slots=True)
class Geometry:
    """What a kernel's commands depend on besides timing."""

    row_columns: int
    result_bursts: int
    banks: int
    burst_ps: int
    result_latency_ps: int
    write_latency_ps: int
    read_latency_ps: int
    clock_ps: int
    close_ps: int
    """tRP: after the last precharge, the banks are ready."""


@dataclass
class Channel:
    """Interprets kernels under a compiled protocol. Remembers every relative state it has computed."""

    gaps: Gaps
    geometry: Geometry
    keep_open: bool = True
    """Row policy: leave the last row open (True), or precharge at the end of each kernel."""
    known: dict[tuple[object, ...], Result] = field(default_factory=dict)
    events: int = 0
    """Scheduler events actually computed, bursts counted once."""

    @property
    def fresh_timers(self) -> tuple[int, ...]:
        """Timers of a channel that has been idle for long."""
        return (-self.gaps.horizon,) * e.COMMAND_COUNT

    def multiply(self, phases: Sequence[Phase], repeats: int, entry: int, timers: tuple[int, ...]) -> Result:
        """Matrix-vector product from an entry state; looked up where it was met before."""
        key = (tuple(phases), repeats, entry, timers)
        if key not in self.known:
            self.known[key] = self._multiply(phases, repeats, entry, timers, None)
        return self.known[key]

    def step_multiply(
        self, phases: Sequence[Phase], repeats: int, entry: int, timers: tuple[int, ...], due: list[int]
    ) -> Result:
        """The same, one command at a time, nothing remembered.

        `due` = [time of the next refresh, interval, duration] is advanced.
        """
        return self._multiply(phases, repeats, entry, timers, due)

    def access(self, visits: Sequence[Visit], skew: tuple[int, int], entry: int, timers: tuple[int, ...]) -> Result:
        """Single-bank accesses; looked up where met before."""
        key = ("access", tuple(visits), skew, entry, timers)
        if key not in self.known:
            self.known[key] = self.step_access(visits, skew, entry, timers)
        return self.known[key]

    def _multiply(
        self, phases: Sequence[Phase], repeats: int, entry: int, timers: tuple[int, ...], due: list[int] | None
    ) -> Result:
        first = phases[0][4]
        out = self._start(entry, first)
        last, shape = list(timers), [repeats, self.geometry.row_columns, self.geometry.result_bursts]
        if due is None:
            size = e.COMMAND_COUNT + e.OUT_SLOTS
            e.multiply(phases, shape, last, self.gaps.channel, out, [0, 0, 0], [0] * size, [1, 1, self.gaps.horizon])
        else:
            out, last = self._compiled_multiply(phases, shape, last, out, due)
        results_at = out[e.RESULTS_AT] + self.geometry.result_latency_ps + self.geometry.burst_ps
        return self._finish(out, last, results_at)

    def _compiled_multiply(
        self, phases: Sequence[Phase], shape: list[int], last: list[int], out: list[int], due: list[int]
    ) -> tuple[list[int], list[int]]:
        arrays = [np.array(x, dtype=np.int64) for x in (phases, shape, last, self.gaps.channel, out, due)]
        snap = np.zeros(1, dtype=np.int64)
        e.compiled()["multiply"](*arrays, snap, np.array([0, 0, self.gaps.horizon], dtype=np.int64))
        due[:] = [int(x) for x in arrays[5]]
        return [int(x) for x in arrays[4]], [int(x) for x in arrays[2]]

    def step_access(
        self, visits: Sequence[Visit], skew: tuple[int, int], entry: int, timers: tuple[int, ...]
    ) -> Result:
        """Single-bank accesses, computed. Ends with all banks precharged and ready, and the activation window empty."""
        out = self._start(entry, -2)
        last = list(timers)
        e.close_rows(last, self.gaps.channel, out)
        own = [[-self.gaps.horizon] * e.COMMAND_COUNT for _ in range(self.geometry.banks)]
        count, span = self.gaps.window
        e.access(
            visits, skew, last, self.gaps.channel, (self.gaps.bank, own), [count, span, [-span] * max(count, 1)], out
        )
        reads = visits[-1][2] == e.RD
        latency = self.geometry.read_latency_ps if reads else self.geometry.write_latency_ps
        ready = last[e.PRE] + self.geometry.close_ps
        done = out[e.RESULTS_AT] + latency + self.geometry.burst_ps if reads else ready
        return self._finish(out, last, done, max(ready, last[e.ACT] + span))

    def _start(self, entry: int, first: int) -> list[int]:
        out = [0] * e.OUT_SLOTS
        out[e.OPEN_ROW] = {CLOSED: e.CLOSED, OTHER: -2 if first != -2 else -3, HIT: first}[entry]
        out[e.LAST_ACT] = -1
        return out

    def _finish(self, out: list[int], last: list[int], done: int, settled: int = 0) -> Result:
        late = out[e.CLOCK] - done
        out[e.ROW_T if late > 0 else e.OUT_T] -= late  # closing rows after the last data is on nobody's path
        if not self.keep_open:
            self._close_quietly(out, last)
        free = max(max(last) + self.geometry.clock_ps, settled)
        if out[e.OPEN_ROW] != e.CLOSED:
            out[e.OPEN] += free - out[e.OPENED_AT]
        frozen = out[e.FROZEN]
        timers = tuple(max(t - free, -self.gaps.horizon) for t in last)
        self.events += out[e.EVENTS]
        boundary = out[e.LAST_ACT]
        return Result(
            done + frozen,
            free + frozen,
            tuple(out[: e.CLOCK]),
            timers,
            out[e.OPEN_ROW],
            boundary,
            out[e.REFRESHES],
            out[e.EVENTS],
        )

    def _close_quietly(self, out: list[int], last: list[int]) -> None:
        if out[e.OPEN_ROW] != e.CLOSED:
            t = e.issue(last, self.gaps.channel, e.PREAB)
            out[e.PREAB] += 1
            out[e.OPEN] += t - out[e.OPENED_AT]
            out[e.OPEN_ROW] = e.CLOSED
