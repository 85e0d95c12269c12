"""Steady states added up, and shared out to ops and units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil

from archsim.ir.capability import SpatialArrays
from archsim.ir.closedform import OpForm
from archsim.units.spatial.problem import ARRAY, MEMORY, VECTOR, Steady
from archsim.units.spatial.trio import Trio

PS = 10**12
SCORES, VALUES = ("QK",), ("SLNV", "SPNV", "RNV", "AV")
"""Einsums of the first and of the last op of an attention; the others are the softmax."""


@dataclass
class Sum:
    """Steady states one after the other."""

    word_bytes: int
    """The DRAM moves whole words: a part of one that spills takes one, for every steady state anew."""
    seconds: Fraction = Fraction(0)
    busy: dict[str, Fraction] = field(default_factory=dict)
    einsums: dict[str, tuple[str, Fraction]] = field(default_factory=dict)
    moved: Fraction = Fraction(0)
    """Bytes by the formula, which the DRAM's time is of."""
    read: int = 0
    written: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def add(self, steady: Steady, times: int) -> None:
        """`times` more of these."""
        self.seconds += times * steady.seconds
        self.moved += times * (steady.read + steady.written)
        self.read += times * self._whole(steady.read)
        self.written += times * self._whole(steady.written)
        for role, cycles in steady.busy.items():
            self.busy[role] = self.busy.get(role, Fraction(0)) + times * cycles
        for name, (role, cycles) in steady.einsums.items():
            self.einsums[name] = (role, self.einsums.get(name, (role, Fraction(0)))[1] + times * cycles)
        for role, counts in steady.counts.items():
            mine = self.counts.setdefault(role, {})
            for name, count in counts.items():
                mine[name] = mine.get(name, 0) + times * count

    @property
    def ps(self) -> int:
        """Whole picoseconds, rounded up once."""
        return ceil(self.seconds * PS)

    def _whole(self, moved: Fraction) -> int:
        """Bytes of the words that these bytes are part of."""
        return ceil(moved / self.word_bytes) * self.word_bytes


def alone(name: str, total: Sum, arrays: SpatialArrays) -> OpForm:
    """An op that runs alone."""
    busy = {unit: ceil(cycles * PS / arrays.clock) for unit, cycles in _by_unit(total, arrays).items()}
    busy[arrays.memory] = ceil(total.moved * PS / arrays.bandwidth)
    counters = {_unit(role, arrays): counts for role, counts in total.counts.items()}
    counters[arrays.memory] = {"bytes_read": total.read, "bytes_written": total.written}
    return OpForm(name, total.ps, busy, counters)


def shared(trio: Trio, total: Sum, arrays: SpatialArrays) -> Iterator[OpForm]:
    """The three ops of an attention: time by their cycles, products by halves, other operations to the softmax."""
    whole = alone("", total, arrays)
    cycles = {name: {ARRAY: Fraction(0), VECTOR: Fraction(0)} for name in trio.ops}
    for einsum, (role, count) in total.einsums.items():
        cycles[_owner(einsum, trio)][role] += count
    of_role = {role: sum((parts[role] for parts in cycles.values()), Fraction(0)) for role in (ARRAY, VECTOR)}
    everything = sum(of_role.values(), Fraction(0))
    left, used = whole.ps, {arrays.array: 0, arrays.vector: 0}
    for name, parts in cycles.items():
        last = name == trio.ops[-1]
        ps = left if last or not everything else int(whole.ps * sum(parts.values()) / everything)
        left -= ps
        busy = {}
        for role, unit in ((ARRAY, arrays.array), (VECTOR, arrays.vector)):
            share = parts[role] / of_role[role] if of_role[role] else Fraction(0)
            busy[unit] = whole.busy_ps.get(unit, 0) - used[unit] if last else int(whole.busy_ps.get(unit, 0) * share)
            used[unit] += busy[unit]
        counters = {unit: _part(counts, trio.ops.index(name)) for unit, counts in whole.counters.items()}
        busy[arrays.memory] = _third(whole.busy_ps[arrays.memory], trio.ops.index(name))
        yield OpForm(name, ps, busy, counters)


def _owner(einsum: str, trio: Trio) -> str:
    return trio.ops[0] if einsum in SCORES else trio.ops[2] if einsum in VALUES else trio.ops[1]


def _part(counts: Mapping[str, int], index: int) -> dict[str, int]:
    """What one of the three ops counts: the first and the last multiply, load and store, the middle does the rest."""
    outer = {"mac", "bytes_read", "buffer_read", "buffer_write"}
    out = {}
    for name, count in counts.items():
        half = count // 2
        if name == "bytes_written":
            part = (0, 0, count)[index]
        elif name in outer:
            part = (half, 0, count - half)[index]
        else:
            part = (0, count, 0)[index]
        out[name] = part
    return out


def _third(busy: int, index: int) -> int:
    """The DRAM's time goes with the bytes: to the first and the last."""
    return (busy // 2, 0, busy - busy // 2)[index]


def _by_unit(total: Sum, arrays: SpatialArrays) -> dict[str, Fraction]:
    return {_unit(role, arrays): cycles for role, cycles in total.busy.items() if role != MEMORY}


def _unit(role: str, arrays: SpatialArrays) -> str:
    return {ARRAY: arrays.array, VECTOR: arrays.vector, MEMORY: arrays.memory}[role]
