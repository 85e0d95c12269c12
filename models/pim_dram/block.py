"""How the PIM memory behaves in time.

Kernels become command phases, one channel stands for all that get the same stream.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from archsim.core.errors import UnknownName
from archsim.ir.affine import IntArray
from archsim.ir.block import Calendar, Outcome, Step
from archsim.ir.capability import PimBanks
from archsim.memory import engine
from archsim.memory.channel import CLOSED, COUNTERS, HIT, OTHER, Channel, Result, Visit
from archsim.models.pim_dram.energy import memory_energy
from archsim.models.pim_dram.spec import PimMemory
from archsim.units import pim_layout as layout

NONE = -1
PRODUCTS = ("gemv", "scores", "values")
"""Kernels that use all banks in step; the others access single banks."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A kernel reduced to what its commands depend on."""

    kernel: str
    sizes: tuple[int, ...]


class PimBlock:
    """All channels of a PIM memory under one command stream (kernels on a single channel leave the others idle).

    State slots: the open row (absolute, -1 if closed), then the age of each command's last issue.
    """

    address_args: tuple[str, ...] = ("row",)
    address_slots: tuple[int, ...] = (0,)

    def __init__(self, spec: PimMemory, banks: PimBanks, channel: Channel) -> None:
        self._spec, self._banks, self._channel = spec, banks, channel
        on = spec.refresh != "off" and spec.timing.trfc > 0
        self.calendar: Calendar | None = Calendar(int(spec.timing.trefi), int(spec.timing.trfc)) if on else None
        self._energy = spec.energy.resolved(
            type(spec.timing.tras)(spec.timing.tras + spec.timing.trp),
            spec.timing.tras,
            spec.timing.trfc,
            spec.timing.tccd,
        )
        self._columns: Mapping[str, Callable[[Mapping[str, IntArray]], list[IntArray]]] = {
            "gemv": lambda a: [a["groups"], a["k"], a["vectors"]],
            "scores": lambda a: [_up(a["tokens"], banks.channels * banks.banks), *_heads(a), a["vectors"]],
            "values": lambda a: [_up(a["tokens"], layout.token_quantum(banks)), *_heads(a), a["vectors"]],
            "write_k": lambda a: [a["token"] // (banks.channels * banks.banks) % layout.row_columns(banks), *_heads(a)],
            "write_v": _heads,
            "fetch": lambda a: [a["elements"]],
            "store": lambda a: [_up(a["elements"], banks.channels) // banks.channels],
            "load": lambda a: [_up(a["elements"], banks.channels) // banks.channels],
        }

    @property
    def events(self) -> int:
        """Command bursts that the scheduler computed."""
        return self._channel.events

    def initial(self) -> IntArray:
        """All banks closed, nothing pending."""
        return np.array([NONE, *self._channel.fresh_timers], dtype=np.int64)

    def run(self, kernel: str, args: Mapping[str, IntArray], state: IntArray, idle: IntArray) -> Outcome:
        """One engine run per distinct shape and entry state."""
        row = args.get("row", np.full(1, NONE - 1, dtype=np.int64))
        hit = HIT if kernel in PRODUCTS else OTHER
        entry = np.where(state[:, 0] == NONE, CLOSED, np.where(state[:, 0] == row, hit, OTHER))
        timers = np.maximum(state[:, 1:] - idle[:, None], self._channel.fresh_timers[0])
        columns = [*self._shape_columns(kernel, args), entry, *timers.T]
        table = np.stack(np.broadcast_arrays(*columns))
        unique, inverse = distinct(table)
        results = [self._lookup(kernel, [int(x) for x in key]) for key in unique.T]
        return self._gather(results, inverse, row, np.where(state[:, 0] == NONE, 0, idle), self._width(kernel))

    def step(self, kernel: str, args: Mapping[str, int], state: IntArray, idle: int, until_due: int) -> Step:
        """The kernel once, every command issued one by one, refreshes as they come due."""
        arrays = {k: np.array([v], dtype=np.int64) for k, v in args.items()}
        sizes = [int(c[0]) for c in self._shape_columns(kernel, arrays)]
        row = args.get("row", NONE - 1)
        entry = CLOSED if state[0] == NONE else HIT if state[0] == row and kernel in PRODUCTS else OTHER
        timers = tuple(int(t) for t in np.maximum(state[1:] - idle, self._channel.fresh_timers[0]))
        due = [until_due, self.calendar.interval, self.calendar.duration] if self.calendar else [0, 0, 0]
        if kernel in PRODUCTS:
            result = self._channel.step_multiply(self._phases(kernel, sizes), sizes[-1], entry, timers, due)
        else:
            visits, skew = self._visits(kernel, sizes)
            result = self._channel.step_access(visits, skew, entry, timers)
        before = np.array([idle if state[0] != NONE else 0])
        counters = {k: int(v[0]) for k, v in self._counters([result], before, self._width(kernel)).items()}
        after = np.array([self._open_after(result, row), *result.timers], dtype=np.int64)
        return Step(result.done, result.free, counters, after, result.refreshes)

    def refreshed(self, count: int) -> Mapping[str, int]:
        """One all-bank refresh on every channel each."""
        return {"refab": count * self._spec.channels}

    def bound(self, kernel: str, args: Mapping[str, IntArray]) -> IntArray:
        """Columns at the peak rate; for accesses, bursts at the peak rate of the pins."""
        unique, inverse = distinct(np.stack(np.broadcast_arrays(*self._shape_columns(kernel, args))))
        times = [self._bound(kernel, [int(x) for x in key]) for key in unique.T]
        return np.array(times, dtype=np.int64)[inverse]

    def energy(self, counters: Mapping[str, int], elapsed: int) -> Mapping[str, int]:
        """See `energy.memory_energy`."""
        return memory_energy(self._spec, self._energy, counters, elapsed)

    def traffic(self, counters: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
        """`pim`: bytes between the cell arrays and the MAC units or pins; `pim.pins`: bytes over the interface."""
        burst = int(self._spec.burst)
        read, written = counters.get("rd", 0) * burst, counters.get("wr", 0) * burst
        columns = counters.get("macab", 0) * self._spec.banks * self._spec.column_bytes
        return {
            "pim": (columns + read, written),
            "pim.pins": (counters.get("rdmac", 0) * burst + read, counters.get("wrgb", 0) * burst + written),
        }

    def _shape_columns(self, kernel: str, args: Mapping[str, IntArray]) -> list[IntArray]:
        if kernel not in self._columns:
            raise UnknownName("PIM kernel", kernel, self._columns)
        return self._columns[kernel](args)

    def _width(self, kernel: str) -> int:
        """Channels that get this stream: a token's key, or one embedding row, lies in a single channel."""
        return 1 if kernel in ("write_k", "fetch") else self._spec.channels

    def _lookup(self, kernel: str, key: list[int]) -> Result:
        size = len(key) - 1 - engine.COMMAND_COUNT
        sizes, entry, timers = key[:size], key[size], tuple(key[size + 1 :])
        if kernel in PRODUCTS:
            return self._channel.multiply(self._phases(kernel, sizes), sizes[-1], entry, timers)
        visits, skew = self._visits(kernel, sizes)
        return self._channel.access(visits, skew, entry, timers)

    def _phases(self, kernel: str, sizes: list[int]) -> tuple[layout.Phase, ...]:
        b = self._banks
        if kernel == "gemv":
            return layout.weight_phases(b, sizes[0], sizes[1])
        tokens, reserve, heads, head_dim = sizes[:4]
        if kernel == "scores":
            return layout.score_phases(b, tokens // (b.channels * b.banks), reserve, heads, head_dim)
        return layout.value_phases(b, tokens, reserve, heads, head_dim)

    def _visits(self, kernel: str, sizes: list[int]) -> tuple[list[Visit], tuple[int, int]]:
        b = self._banks
        if kernel in ("load", "store"):
            command = engine.RD if kernel == "load" else engine.WR
            parts = layout.segments(sizes[0], b.row_elements)
            return [(i % b.banks, layout.bursts(b, part), command) for i, part in enumerate(parts)], (0, 0)
        if kernel == "fetch":
            return [(0, layout.bursts(b, part), engine.RD) for part in layout.segments(sizes[0], b.segment)], (0, 0)
        if kernel == "write_k":
            slot, _, heads, head_dim = sizes
            return [(0, n, engine.WR) for n in layout.key_visits(b, slot, heads, head_dim)], (0, 0)
        _, heads, head_dim = sizes
        groups = sum(layout.value_groups(b, heads, head_dim))
        return [(bank, layout.bursts(b, 1), engine.WR) for _ in range(groups) for bank in range(b.banks)], self._skew()

    def _skew(self) -> tuple[int, int]:
        """How many visits the column access and the precharge trail the activation, so that banks overlap."""
        t = self._spec.timing
        pace = max(int(t.trrd), layout.ceil_div(int(t.tfaw), 4), int(t.tck), 1)
        column = layout.ceil_div(int(t.trcd), pace)
        close = column + layout.ceil_div(int(t.tcwl) + self._spec.burst_ps + int(t.twr), pace)
        return (column, close) if close < self._spec.banks else (0, 0)

    def _bound(self, kernel: str, sizes: list[int]) -> int:
        if kernel in PRODUCTS:
            columns = sum(p[1] * p[2] for p in self._phases(kernel, sizes)) * sizes[-1]
            return columns * self._spec.mac_ps
        return sum(v[1] for v in self._visits(kernel, sizes)[0]) * self._spec.burst_ps

    def _open_after(self, result: Result, row: int) -> int:
        return NONE if result.open_row == NONE else row + result.open_row

    def _gather(self, results: list[Result], pick: IntArray, row: IntArray, held: IntArray, width: int) -> Outcome:
        def column(values: list[int]) -> IntArray:
            return np.array(values, dtype=np.int64)[pick]

        relative = column([r.open_row for r in results])
        after = np.where(relative == NONE, NONE, row + relative)
        timers = np.array([r.timers for r in results], dtype=np.int64)[pick]
        state = np.empty((len(after), 1 + timers.shape[1]), dtype=np.int64)
        state[:, 0], state[:, 1:] = after, timers
        return Outcome(
            column([r.done for r in results]),
            column([r.free for r in results]),
            self._counters(results, held, width, pick),
            state,
            column([r.last_act for r in results]),
        )

    def _counters(
        self, results: list[Result], held: IntArray, width: int, pick: IntArray | None = None
    ) -> dict[str, IntArray]:
        pick = np.arange(len(results)) if pick is None else pick
        counts = np.array([r.counts for r in results], dtype=np.int64)[pick]
        out: dict[str, IntArray] = {}
        for i, name in enumerate(COUNTERS):
            values = counts[:, i]
            if (
                name == "open_ps"
            ):  # all channels open and close together; rows left open while the unit waited count as well
                out[name] = (values + held) * self._spec.channels
            elif name == "preab":
                out[name] = values * self._spec.channels
            else:
                out[name] = values if name.startswith("t_") else values * width
        return out


def distinct(table: IntArray) -> tuple[IntArray, IntArray]:
    """Distinct columns of a table and, for each column, the index of its equal. Rows that do not vary cost nothing."""
    varies = (table != table[:, :1]).any(axis=1)
    if not varies.any():
        return table[:, :1], np.zeros(1, dtype=np.int64)
    if varies.sum() == 1:
        _, first, inverse = np.unique(table[varies][0], return_index=True, return_inverse=True)
    else:
        _, first, inverse = np.unique(table[varies], axis=1, return_index=True, return_inverse=True)
    return table[:, first], inverse.reshape(-1)


def _up(values: IntArray, quantum: int) -> IntArray:
    return -(-values // quantum) * quantum


def _heads(args: Mapping[str, IntArray]) -> list[IntArray]:
    return [args["reserve"], args["heads"], args["head_dim"]]
