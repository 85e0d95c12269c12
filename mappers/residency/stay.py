"""When tensors are on chip, and the bytes that this moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from archsim.mappers.residency.problem import Problem, places


class Stay(NamedTuple):
    """A tensor on chip from its first to its last step, both included."""

    tensor: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """An order and what is on chip when; every stay begins with the op that writes the tensor or with a load."""

    order: tuple[int, ...]
    stays: tuple[Stay, ...]
    cost: int
    """Units moved beyond what every schedule moves: loads of a tensor after its first one, and write-backs of what
    need not be in memory at the end."""


class Gap(NamedTuple):
    """A stretch between two uses of a tensor, with at least one step of others in between."""

    tensor: int
    before: int
    """Step of the use before it."""
    after: int
    """Step of the use after it."""


def gaps(problem: Problem, order: Sequence[int]) -> list[Gap]:
    """Every stretch over which a tensor is either kept or loaded again."""
    place = places(order)
    found = []
    for tensor in range(len(problem.tensors)):
        uses = problem.uses(tensor, place)
        found += [Gap(tensor, a, b) for a, b in pairwise(uses) if b - a > 1]
    return found


def schedule(problem: Problem, order: Sequence[int], left_out: Iterable[Gap]) -> Schedule:
    """The schedule in which tensors are on chip when used, and in between except for some gaps."""
    place, out = places(order), set(left_out)
    stays, cost = [], 0
    for tensor, size in enumerate(problem.size):
        uses = problem.uses(tensor, place)
        if not uses:
            continue
        begin = uses[0]
        for a, b in pairwise(uses):
            if Gap(tensor, a, b) in out:
                stays.append(Stay(tensor, begin, a))
                begin, cost = b, cost + size
        if begin != uses[0]:
            cost += write_back(problem, tensor)
        stays.append(Stay(tensor, begin, uses[-1]))
    return Schedule(tuple(order), tuple(stays), cost)


def write_back(problem: Problem, tensor: int) -> int:
    """Units written when a tensor leaves the chip before its last use: none where memory has it or must get it."""
    return 0 if problem.writer[tensor] < 0 or problem.stored[tensor] else problem.size[tensor]


def loads(problem: Problem, order: Sequence[int], left_out: Iterable[Gap] = ()) -> list[int]:
    """Units on chip at every step."""
    out = set(left_out)
    total = [problem.working_set[op] for op in order]
    for gap in gaps(problem, order):
        if gap not in out:
            for step in range(gap.before + 1, gap.after):
                total[step] += problem.size[gap.tensor]
    return total


def peak(problem: Problem, order: Sequence[int]) -> int:
    """The most units on chip at one step when nothing leaves before its last use."""
    return max(loads(problem, order))
