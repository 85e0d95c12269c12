"""Einsums by tile loop: what runs once per tile, what runs outside, and what waits for what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from archsim.core.errors import UnknownName
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Access, BadCascade, Einsum


@dataclass(frozen=True, slots=True)
class Stage:
    """Einsums that run together: once per step of `rank`, or once where that is empty."""

    rank: str
    einsums: tuple[str, ...]
    """In an order in which they can run within one step."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """One einsum reads what another one produces."""

    producer: str
    consumer: str
    distance: int | None
    """0: in the same step; 1: in the step before; None: all of the producer's steps come first."""


@dataclass(frozen=True, slots=True)
class TileSchedule:
    """A cascade as loops over the tiles of one rank: what a mapper binds to arrays and overlaps."""

    rank: str
    stages: tuple[Stage, ...]
    """One after the other."""
    dependences: tuple[Dependence, ...]

    @property
    def inside(self) -> tuple[str, ...]:
        """Einsums in a loop over the rank."""
        return tuple(name for stage in self.stages if stage.rank == self.rank for name in stage.einsums)

    @property
    def outside(self) -> tuple[str, ...]:
        """Einsums that no loop over the rank holds."""
        return tuple(name for stage in self.stages if stage.rank != self.rank for name in stage.einsums)


def tile_schedule(cascade: Cascade, rank: str) -> TileSchedule:
    """Loops over a rank that compute the cascade, each with as many einsums as may share it.

    No order has fewer loops over elements. Where one input has elements along the rank, there are as many loops as
    passes. Fibers of several inputs may need more: each counts its own passes, but one fiber may wait for another.

    Parameters
    ----------
    cascade
        Any cascade.
    rank
        A rank that is not cut any further, such as the tile counter m1.

    Raises
    ------
    UnknownName
        The cascade has no such rank, or it is cut.
    """
    if rank not in cascade.ranks:
        raise UnknownName("rank", rank, cascade.ranks, where=f"cascade {cascade.name}")
    found = stages(cascade, rank)
    home = {name: number for number, stage in enumerate(found) for name in stage.einsums}
    edges: list[Dependence] = []
    for einsum in cascade.expanded:
        for access in einsum.reads:
            if access.tensor not in home:
                continue
            together = home[access.tensor] == home[einsum.name]
            distance = _distance(cascade, access, rank) if together else None
            edges.append(Dependence(access.tensor, einsum.name, distance))
    return TileSchedule(rank, found, tuple(dict.fromkeys(edges)))


def stages(cascade: Cascade, *ranks: str) -> tuple[Stage, ...]:
    """The einsums in stages: loops over `ranks` and over every running rank, and what is outside of them.

    Raises
    ------
    BadCascade
        A state that needs its own last value: no order of steps can compute it.
    """
    loops = tuple(dict.fromkeys((*ranks, *cascade.states.values())))
    left, ready = list(cascade.expanded), {access.tensor for access in cascade.inputs}
    out: list[Stage] = []
    while left:
        for rank in ("", *loops):
            members = _next_loop(cascade, left, ready, rank, loops)
            if members:
                out.append(Stage(rank, tuple(einsum.name for einsum in members)))
                left = [einsum for einsum in left if einsum not in members]
                ready |= {einsum.name for einsum in members}
                break
        else:
            stuck = left[0]
            what = f"needs {' and '.join(a.tensor for a in stuck.reads if a.tensor not in ready)} of later steps"
            number = [einsum.name for einsum in cascade.einsums].index(stuck.name)
            right = "a state depends on values of its own last step"
            raise BadCascade(what, where=f"einsum {stuck.name}", key=("einsums", number), right=right)
    return tuple(out)


def _next_loop(
    cascade: Cascade, left: Sequence[Einsum], ready: set[str], rank: str, loops: tuple[str, ...]
) -> list[Einsum]:
    """The einsums of the next loop over `rank`; none where other stages must come first.

    A loop over elements waits as long as anything else, such as the correction of tile maxima and what follows from
    it, would let more einsums over elements share it. So no such loop is spent on less than it can hold, and there are
    as few of them as can be. What need not come first shares the loop.
    """
    members = _members(cascade, left, ready, rank, loops)
    full = [einsum for einsum in members if _over_elements(cascade, einsum, rank)]
    if not full:
        return members
    # Two loops must not wait for each other: one waits for elements of later ranks only.
    sooner = loops[: loops.index(rank) + 1]
    elsewhere = [e for e in left if not any(_over_elements(cascade, e, one) for one in sooner)]
    early = _reach(cascade, elsewhere, ready, loops)
    after = _members(cascade, [e for e in left if e.name not in early], ready | early, rank, loops)
    if len([einsum for einsum in after if _over_elements(cascade, einsum, rank)]) == len(full):
        return members
    return _members(cascade, [e for e in left if not _over_elements(cascade, e, rank)], ready, rank, loops)


def _reach(cascade: Cascade, left: Sequence[Einsum], ready: set[str], loops: tuple[str, ...]) -> set[str]:
    """Those of these einsums that can be computed from what is ready, in as many stages as it takes."""
    found: set[str] = set()
    before = -1
    while before != len(found):
        before = len(found)
        for rank in ("", *loops):
            rest = [einsum for einsum in left if einsum.name not in found]
            found |= {einsum.name for einsum in _members(cascade, rest, ready | found, rank, loops)}
    return found


def _over_elements(cascade: Cascade, einsum: Einsum, rank: str) -> bool:
    """Whether an einsum runs over the elements of the rank that a loop's rank is a part of, not over tiles alone."""
    whole = rank
    while above := next((cut.rank for cut in cascade.partitions if whole in (cut.outer, cut.inner)), ""):
        whole = above
    return bool(rank) and set(cascade.leaves(whole)) <= set(cascade.spaces(einsum))


def _members(
    cascade: Cascade, left: Sequence[Einsum], ready: set[str], rank: str, loops: tuple[str, ...]
) -> list[Einsum]:
    """The einsums that can run next in one loop over `rank`, or outside of all loops."""
    banned: set[str] = set()
    while True:
        names: set[str] = set()
        before = -1
        while before != len(names):
            before = len(names)
            for einsum in left:
                fits = _loop_of(cascade, einsum, loops) == rank and einsum.name not in banned
                if fits and all(_available(cascade, a, ready, names, left, rank) for a in einsum.reads):
                    names.add(einsum.name)
        # A value of the step before was taken on trust: its einsum must be in the same loop.
        broken = {e.name for e in left if e.name in names and any(a.tensor not in names | ready for a in e.reads)}
        if not broken:
            return [einsum for einsum in left if einsum.name in names]
        banned |= broken


def _loop_of(cascade: Cascade, einsum: Einsum, loops: Iterable[str]) -> str:
    space = cascade.spaces(einsum)
    return next((rank for rank in loops if rank in space), "")


def _available(
    cascade: Cascade, access: Access, ready: set[str], names: set[str], left: Sequence[Einsum], rank: str
) -> bool:
    if access.tensor in ready:
        return True
    if not rank:
        return access.tensor in names
    if rank not in cascade.tile_ranks(access):
        return False
    run = cascade.states.get(access.tensor)
    earlier = any(index.rank == run and not index.step and not index.final for index in access.indices)
    return access.tensor in names or (earlier and any(einsum.name == access.tensor for einsum in left))


def _distance(cascade: Cascade, access: Access, rank: str) -> int:
    earlier = cascade.states.get(access.tensor) == rank
    return int(earlier and any(index.rank == rank and not index.step for index in access.indices))
