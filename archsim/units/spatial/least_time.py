"""What no schedule of attention on given arrays beats: all PEs that have an operator at work on it, all the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.io_bound import io_bound
from archsim.units.spatial.problem import Problem
from archsim.units.spatial.sparse_pattern import FULL, Pattern


def least_operations(problem: Problem, pattern: Pattern = FULL) -> dict[str, int]:
    """Operator -> how many of them any way to compute the attention takes, masked scores not counted.

    For every score `head` multiply-accumulates, a comparison, an exponential, an addition to the row's sum, and `head`
    more multiply-accumulates with its value; a division for every row (which may give a factor for all it has).
    """
    scores, rows = problem.instances * pattern.pairs(problem), problem.instances * problem.queries
    return {
        "mac": 2 * problem.head * scores,
        "max": scores - rows,
        "sub_exp": scores,
        "add": scores - rows,
        "div": rows,
    }


@dataclass(frozen=True, slots=True)
class Least:
    """A time that no schedule beats, and what sets it."""

    seconds: Fraction
    by: str
    """In words."""


def least_time(problem: Problem, arrays: SpatialArrays, pattern: Pattern = FULL) -> Least:
    """The time below which no schedule gets, on all copies of the arrays and their DRAM.

    Each array does alone what only its PEs can do, both together do everything, each operation where it is fastest; the
    DRAM moves what is compulsory. An operator that no PE has is left out: no dataflow that needs it has a plan.
    """
    operations = least_operations(problem, pattern)
    array, vector = arrays.array_cycles, arrays.vector_cycles
    best = {each: min(known[each] for known in (array, vector) if each in known) for each in {**array, **vector}}
    pes, lanes = arrays.rows * arrays.cols, arrays.lanes
    found = [Least(_seconds(operations, best, pes + lanes, arrays), "all PEs together")]
    for unit, mine, other, count in ((arrays.array, array, vector, pes), (arrays.vector, vector, array, lanes)):
        only = {each: cycles for each, cycles in mine.items() if each not in other and each in operations}
        found.append(Least(_seconds(operations, only, count, arrays), f"{unit}, alone with {', '.join(only)}"))
    words = io_bound(problem, arrays.buffer_bytes // arrays.word_bytes, pattern).compulsory
    found.append(Least(Fraction(words * arrays.word_bytes, arrays.bandwidth), f"{arrays.memory}, compulsory traffic"))
    return max(found, key=lambda least: least.seconds)


def _seconds(operations: Mapping[str, int], known: Mapping[str, int], pes: int, arrays: SpatialArrays) -> Fraction:
    """Seconds of so many PEs of every copy for the operations that they know."""
    cycles = sum(count * known[each] for each, count in operations.items() if each in known)
    return Fraction(cycles, pes * arrays.copies * arrays.clock)
