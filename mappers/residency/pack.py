"""Addresses for what stays: a proof that it packs into the capacity, or what giving way costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archsim.mappers.allocation import Allocation, Buffer, allocate
from archsim.mappers.residency.limits import Limits
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


def pack(problem: Problem, found: Schedule, capacity: int, limits: Limits, *, nodes: int = NODES) -> Packed:
    """Addresses for a schedule, or for the nearest one that packs.

    Parameters
    ----------
    problem, found
        What stays when.
    capacity
        Units; at least the largest working set, so that there always is an answer.
    limits
        Of the model that decides residency and addresses together where the search fails, and of time: after that
        greedy rules alone look for addresses, and all that they put too high gives way at once.
    nodes
        Limit of each search for addresses.
    """
    offsets = place(problem, found.stays, capacity, limits, nodes)
    if offsets is not None:
        return Packed(found, offsets, "search")
    given = given_way(problem, found, capacity, limits, nodes)
    if limits.late or not has_cp_sat() or len(found.stays) > MODEL_STAYS:
        return given
    better = packed_order(problem, given.schedule, given.offsets, capacity, limits)
    if better is None:
        return given
    return Packed(better.schedule, better.offsets, "model of residency and addresses", better.bound)


def place(
    problem: Problem, stays: Sequence[Stay], capacity: int, limits: Limits, nodes: int = NODES
) -> tuple[int, ...] | None:
    """Offsets of stays within the capacity; None where the search found none."""
    found = _placed(problem, stays, capacity, limits, nodes)
    return found.places if found.fits else None


def given_way(problem: Problem, found: Schedule, capacity: int, limits: Limits, nodes: int = NODES) -> Packed:
    """Break stays in two, the cheapest of those in the way first, until what is left packs.

    Stays broken at every use pack always, since then each step has its own layout.
    """
    step_of = places(found.order)
    kept = _kept_gaps(problem, found, step_of)
    out = set(_all_gaps(problem, step_of)) - set(kept)
    now = found
    while not (placed := _placed(problem, now.stays, capacity, limits, nodes)).fits:
        assert kept, "what has its own layout at each step packs"
        if limits.late:
            out |= _above(problem, now, placed, capacity, kept)
        else:
            stuck = _first_stuck(problem, now, capacity, limits, nodes)
            out.add(_cheapest(problem, [gap for gap in kept if gap.before <= stuck <= gap.after] or kept))
        kept = [gap for gap in kept if gap not in out]
        now = schedule(problem, found.order, out)
    return Packed(now, placed.places, "stays broken until they pack")


def _placed(problem: Problem, stays: Sequence[Stay], capacity: int, limits: Limits, nodes: int) -> Allocation:
    buffers = [
        Buffer(str(index), stay.first, stay.last + 1, problem.size[stay.tensor]) for index, stay in enumerate(stays)
    ]
    return allocate(buffers, capacity, nodes=0 if limits.late else nodes, seconds=limits.left)


def _cheapest(problem: Problem, gaps: Sequence[Gap]) -> Gap:
    return min(gaps, key=lambda gap: (problem.size[gap.tensor], gap.before - gap.after, gap))


def _above(problem: Problem, found: Schedule, placed: Allocation, capacity: int, kept: Sequence[Gap]) -> set[Gap]:
    """For every stay that ends above the capacity a gap that gives way: its longest, or one beside it."""
    broken = set[Gap]()
    for stay, at in zip(found.stays, placed.places, strict=True):
        if at + problem.size[stay.tensor] > capacity:
            beside = [gap for gap in kept if gap.before <= stay.last and stay.first <= gap.after]
            own = [gap for gap in beside if gap.tensor == stay.tensor]
            broken |= {_cheapest(problem, own or beside)} if beside else set()
    return broken or {_cheapest(problem, kept)}


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


def _first_stuck(problem: Problem, found: Schedule, capacity: int, limits: Limits, nodes: int) -> int:
    """The first step up to which stays do not pack, of such that do not."""
    low, high = 0, len(found.order) - 1
    while low < high:
        middle = (low + high) // 2
        early = [stay._replace(last=min(stay.last, middle)) for stay in found.stays if stay.first <= middle]
        if place(problem, early, capacity, limits, nodes) is None:
            high = middle
        else:
            low = middle + 1
    return low
