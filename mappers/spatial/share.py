"""Totals of a closed form, spread over panels so that their sum stays exact."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from archsim.ir.capability import SpatialArrays
from archsim.mappers.spatial.emit import Pass
from archsim.units.spatial.onepass_cascade import EINSUMS
from archsim.units.spatial.operators import COUNTERS
from archsim.units.spatial.problem import ARRAY, VECTOR, Steady

SOFTMAX = {"max": "max", "exp": "sub_exp", "sum": "add", "div": "div"}
OPERATOR = {**{name: einsum.operator for name, einsum in EINSUMS.items()}, **SOFTMAX}
"""Einsum of the 1D array -> its operator; products on the 2D array are `mac`."""
WORDS = ("buffer_read", "buffer_write")


@dataclass(frozen=True, slots=True)
class Work:
    """All that an einsum does."""

    name: str
    operator: str
    role: str
    depth: Fraction
    """Operations of every PE in sequence."""
    ops: int = 0
    read: int = 0
    written: int = 0


def works(steady: Steady, arrays: SpatialArrays, operators: Mapping[str, str] = OPERATOR) -> tuple[Work, ...]:
    """The einsums of a closed form, in its order.

    Closed forms count by array: operations go to the einsums of that operator, words of the buffer to all of the array,
    each in proportion to cycles. What no einsum does is moved at no time of its own.
    """
    found: dict[str, Work] = {}
    spare: list[Work] = []
    for role, known in ((ARRAY, arrays.array_cycles), (VECTOR, arrays.vector_cycles)):
        mine = {name: cycles for name, (where, cycles) in steady.einsums.items() if where == role}
        chosen = {name: _operator(name, role, operators, known) for name in mine}
        counts = steady.counts.get(role, {})
        read, written = (_shares(counts.get(name, 0), list(mine.values())) for name in WORDS)
        for index, (name, cycles) in enumerate(mine.items()):
            peers = [other for other in mine if chosen[other] == chosen[name]]
            ops = _shares(counts.get(COUNTERS[chosen[name]], 0), [mine[other] for other in peers])[peers.index(name)]
            depth = cycles / known[chosen[name]]
            found[name] = Work(name, chosen[name], role, depth, ops, read[index], written[index])
        for operator, counter in COUNTERS.items():
            if counts.get(counter, 0) and operator in known and operator not in chosen.values():
                spare.append(Work(f"{role}-{counter}", operator, role, Fraction(0), counts[counter]))
        if not mine and any(counts.get(name, 0) for name in WORDS):
            words = [counts.get(name, 0) for name in WORDS]
            spare.append(Work(f"{role}-moved", next(iter(known)), role, Fraction(0), 0, *words))
    return (*(found[name] for name in steady.einsums), *spare)


def _operator(name: str, role: str, operators: Mapping[str, str], known: Mapping[str, int]) -> str:
    """The operator of an einsum that the array has."""
    wanted = operators.get(name, "mac")
    if role == ARRAY and name == "AV":
        wanted = "mac"
    return wanted if wanted in known else next(iter(known))


def _shares(total: int, weights: Sequence[Fraction]) -> list[int]:
    """A total in parts in proportion to weights; the last takes what is left."""
    whole = sum(weights, Fraction(0))
    parts = [int(total * weight / whole) if whole else 0 for weight in weights]
    return [*parts[:-1], total - sum(parts[:-1])] if parts else []


@dataclass(frozen=True, slots=True)
class Shape:
    """Panels of one shape."""

    size: int
    """Rows or queries of each: its share of words and operations. In time, all panels are alike."""
    times: int


@dataclass(frozen=True)
class Spread:
    """Work and DRAM words over panels."""

    works: tuple[Work, ...]
    read: Fraction
    """Words from the DRAM."""
    written: Fraction
    shapes: tuple[Shape, ...]

    def amounts(self, size: int) -> Iterator[tuple[Work, tuple[int, int, int, int]]]:
        """Every einsum's depth, operations, words read and written for one panel."""
        for work in self.works:
            ops, read, written = (int(total * self._share(size)) for total in (work.ops, work.read, work.written))
            yield work, (int(work.depth * self._alike()), ops, read, written)

    def passes(self, size: int) -> tuple[tuple[Work, Pass], ...]:
        """Every einsum for one panel."""
        return tuple((work, _pass(work, *amounts)) for work, amounts in self.amounts(size))

    def moved(self, size: int) -> tuple[int, int]:
        """DRAM words read and written for one panel."""
        return int(self.read * self._share(size)), int(self.written * self._share(size))

    def left(self) -> tuple[tuple[int, int], tuple[tuple[Work, Pass], ...]]:
        """DRAM words, and passes, that do not divide evenly over the panels."""
        moved = [sum(self.moved(s.size)[i] * s.times for s in self.shapes) for i in (0, 1)]
        rest = -int(-(self.read - moved[0]) // 1), -int(-(self.written - moved[1]) // 1)
        out = []
        for index, work in enumerate(self.works):
            taken = [(s.times, tuple(self.amounts(s.size))[index][1]) for s in self.shapes]
            depth = work.depth - sum(times * amounts[0] for times, amounts in taken)
            ops, read, written = (
                total - sum(times * amounts[i] for times, amounts in taken)
                for i, total in enumerate((work.ops, work.read, work.written), 1)
            )
            if depth or ops or read or written:
                out.append((work, _pass(work, -int(-depth // 1), ops, read, written)))
        return rest, tuple(out)

    def _alike(self) -> Fraction:
        return Fraction(1, sum(shape.times for shape in self.shapes))

    def _share(self, size: int) -> Fraction:
        return Fraction(size, sum(shape.size * shape.times for shape in self.shapes))


def _pass(work: Work, depth: int, ops: int, read: int, written: int) -> Pass:
    return Pass(work.operator, work.role, depth, ops, read=read, written=written)
