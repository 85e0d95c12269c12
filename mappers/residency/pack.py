"""Addresses for what stays: a proof that it packs into the capacity, or what giving way costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archsim.mappers.allocation import Buffer, allocate
from archsim.mappers.residency.packed_order import packed_order
from archsim.mappers.residency.problem import Problem, places
from archsim.mappers.residency.stay import Gap, Schedule, Stay, schedule
from archsim.mappers.solvers import has_cp_sat

NODES = 100_000
"""Placements that the search for addresses may try before something else is done."""
MODEL_STAYS = 400
"""Stays up to which residency and addresses are decided by one model where packing fails."""


@dataclass(frozen=True, slots=True)
class Packed:
    """A schedule with an offset for each of its stays, in units."""

    schedule: Schedule
    offsets: tuple[int, ...]
    how: str
    """What found the addresses."""
    bound: int | None = None
    """What no schedule of this order with addresses costs less than, where the model proved more than residency."""


def pack(problem: Problem, found: Schedule, capacity: int, *, nodes: int = NODES, work: float = 10.0) -> Packed:
    """Addresses for a schedule, or for the nearest one that packs.

    Parameters
    ----------
    problem, found
        What stays when.
    capacity
        Units; at least the largest working set, so that there always is an answer.
    nodes
        Limit of each search for addresses.
    work
        Deterministic limit of the model that decides residency and addresses together where the search fails.
    """
    offsets = place(problem, found.stays, capacity, nodes)
    if offsets is not None:
        return Packed(found, offsets, "search")
    given = given_way(problem, found, capacity, nodes)
    if not has_cp_sat() or len(found.stays) > MODEL_STAYS:
        return given
    better = packed_order(problem, given.schedule, given.offsets, capacity, work)
    if better is None:
        return given
    return Packed(better.schedule, better.offsets, "model of residency and addresses", better.bound)


def place(problem: Problem, stays: Sequence[Stay], capacity: int, nodes: int = NODES) -> tuple[int, ...] | None:
    """Offsets of stays within the capacity; None where the search found none."""
    buffers = [
        Buffer(str(index), stay.first, stay.last + 1, problem.size[stay.tensor]) for index, stay in enumerate(stays)
    ]
    found = allocate(buffers, capacity, nodes=nodes)
    return found.places if found.fits else None


def given_way(problem: Problem, found: Schedule, capacity: int, nodes: int = NODES) -> Packed:
    """Break stays in two, the cheapest of those in the way first, until what is left packs.

    Stays broken at every use pack always, since then each step has its own layout.
    """
    step_of = places(found.order)
    kept = _kept_gaps(problem, found, step_of)
    out = set(_all_gaps(problem, step_of)) - set(kept)
    now = found
    while kept:
        stuck = _first_stuck(problem, now, capacity, nodes)
        if stuck is None:
            break
        across = [gap for gap in kept if gap.before <= stuck <= gap.after]
        victim = min(across or kept, key=lambda gap: (problem.size[gap.tensor], gap.before - gap.after, gap))
        kept.remove(victim)
        out.add(victim)
        now = schedule(problem, found.order, out)
    offsets = place(problem, now.stays, capacity, 0) or place(problem, now.stays, capacity, nodes)
    assert offsets is not None, "the last schedule was packed before"
    return Packed(now, offsets, "stays broken until they pack")


def _all_gaps(problem: Problem, step_of: Sequence[int]) -> list[Gap]:
    """Between every two uses, also those of neighbouring steps."""
    found = []
    for tensor in range(len(problem.tensors)):
        uses = problem.uses(tensor, step_of)
        found += [Gap(tensor, a, b) for a, b in pairwise(uses)]
    return found


def _kept_gaps(problem: Problem, found: Schedule, step_of: Sequence[int]) -> list[Gap]:
    inside = {(stay.tensor, step) for stay in found.stays for step in range(stay.first, stay.last)}
    return [gap for gap in _all_gaps(problem, step_of) if (gap.tensor, gap.before) in inside]


def _first_stuck(problem: Problem, found: Schedule, capacity: int, nodes: int) -> int | None:
    """The first step up to which the stays do not pack; None where all do."""
    if place(problem, found.stays, capacity, nodes) is not None:
        return None
    low, high = 0, len(found.order) - 1
    while low < high:
        middle = (low + high) // 2
        early = [stay._replace(last=min(stay.last, middle)) for stay in found.stays if stay.first <= middle]
        if place(problem, early, capacity, nodes) is None:
            high = middle
        else:
            low = middle + 1
    return low
