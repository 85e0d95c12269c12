"""How often a cascade must go over a rank, and why.

An einsum that needs a reduction over all of a rank, of something computed from the same fiber, cannot start before
the whole fiber has been seen: it goes over the fiber once more. A running rank needs no such wait, since each step
reads only the state so far. Each input has fibers of its own, and the count is that of the fiber that is gone over
most often: loops may be more, where one fiber waits for another (see `schedule`). The idea and the names are those of
FuseMax (Nayak et al., MICRO 2024, arXiv:2406.10491).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.core.errors import UnknownName
from archsim.ir.cascade.cascade import Cascade
from archsim.ir.cascade.einsum import Access, Einsum


@dataclass(frozen=True)
class Passes:
    """The passes of a cascade over one rank."""

    rank: str
    count: int
    """The fewest passes, whatever the mapping."""
    reasons: tuple[str, ...]
    """Why each pass after the first one is needed."""
    level: Mapping[str, int]
    """Einsum that runs over the rank or its tiles -> the pass in which it can run; inputs are there from pass 1."""
    roots: Mapping[str, frozenset[str]]
    """Einsum -> the inputs whose fibers it goes over."""


@dataclass
class _Seen:
    """What is known of a tensor, by input fiber."""

    tile: dict[str, int]
    """Pass in which its tiles are there, for the fibers that it goes over."""
    wait: dict[str, int]
    """Passes that are over before its tiles are there, also those over other fibers."""
    done: dict[str, int]
    """Passes after which all of it is there."""


def passes(cascade: Cascade, rank: str) -> Passes:
    """The fewest passes over a rank that compute the cascade, with reasons.

    A tile is taken to stay at hand while it is worked on: a reduction over the elements of one tile costs no pass.

    Raises
    ------
    UnknownName
        The cascade has no such rank.
    """
    if rank not in cascade.ranks and rank not in cascade.cuts:
        raise UnknownName("rank", rank, (*cascade.ranks, *cascade.cuts), where=f"cascade {cascade.name}")
    seen = _fixpoint(cascade, rank)
    family = cascade.leaves(rank)
    inside = [einsum for einsum in cascade.expanded if family[0] in cascade.spaces(einsum)]
    count, fiber = 0, ""
    for einsum in inside:
        if set(family) <= set(cascade.spaces(einsum)):
            for root, one in seen[einsum.name].tile.items():
                count, fiber = max((count, fiber), (one, root), key=lambda pair: pair[0])
    reasons = tuple(_reason(cascade, rank, seen, fiber, number) for number in range(2, count + 1))
    level = {einsum.name: _level(seen[einsum.name], count) for einsum in inside}
    roots = {name: frozenset(seen[name].tile) for name in level}
    return Passes(rank, count, reasons, level, roots)


def _level(seen: _Seen, count: int) -> int:
    """The pass in which an einsum can run; what waits for the last pass over another fiber shares the last one."""
    waited = min(count, max(seen.wait.values(), default=0) + 1)
    return max(waited, *seen.tile.values(), 1)


def by_tile(cascade: Cascade, access: Access, rank: str) -> bool:
    """Whether an access takes a tile of the rank at a time, and not a value that needs all of the rank.

    The leaves that it keeps must be the outer ones: then the reduced ones vary within a tile.
    """
    family = cascade.leaves(rank)
    kept = [leaf for leaf in family if leaf in cascade.tile_ranks(access)]
    return bool(kept) and kept == list(family[: len(kept)])


def _fixpoint(cascade: Cascade, rank: str) -> dict[str, _Seen]:
    """States are read before they are written, so go round until nothing changes."""
    seen: dict[str, _Seen] = {}
    for given in cascade.inputs:
        over = by_tile(cascade, given, rank)
        seen[given.tensor] = _Seen({given.tensor: 1} if over else {}, {}, {})
    seen |= {einsum.name: _Seen({}, {}, {}) for einsum in cascade.expanded}
    changed = True
    while changed:
        changed = False
        for einsum in cascade.expanded:
            now = _derive(cascade, rank, seen, einsum)
            if now != seen[einsum.name]:
                seen[einsum.name], changed = now, True
    return seen


def _derive(cascade: Cascade, rank: str, seen: Mapping[str, _Seen], einsum: Einsum) -> _Seen:
    tile: dict[str, int] = {}
    wait: dict[str, int] = {}
    done: dict[str, int] = {}
    for access in einsum.reads:
        source = seen[access.tensor]
        for root, after in source.done.items():
            done[root] = max(done.get(root, 0), after)
        if by_tile(cascade, access, rank):
            for root, first in source.tile.items():
                tile[root] = max(tile.get(root, 1), first)
        for root, after in (source.wait if by_tile(cascade, access, rank) else source.done).items():
            wait[root] = max(wait.get(root, 0), after)
    tile = {root: max(first, wait.get(root, 0) + 1) for root, first in tile.items()}
    if set(cascade.leaves(rank)) <= set(cascade.spaces(einsum)):
        done |= {root: max(done.get(root, 0), first) for root, first in tile.items()}
    return _Seen(tile, wait, done)


def _reason(cascade: Cascade, rank: str, seen: Mapping[str, _Seen], root: str, number: int) -> str:
    """The chain of einsums that makes pass `number` over the fibers of `root` necessary."""
    family = set(cascade.leaves(rank))
    by_name = {einsum.name: einsum for einsum in cascade.expanded}
    chain = _wait(cascade, rank, seen, root, number)
    while True:
        last = by_name[chain[-1]]
        over = family <= set(cascade.spaces(last)) and seen[last.name].tile.get(root) == number - 1
        before = [a.tensor for a in last.reads if seen[a.tensor].done.get(root) == number - 1]
        before = [tensor for tensor in before if tensor not in chain]
        if over or not before:
            break
        chain.append(before[0])
    needs = ", which needs ".join(chain[1:])
    return f"pass {number}: {chain[0]} needs {needs}, which is complete only after all of {rank} in pass {number - 1}"


def _wait(cascade: Cascade, rank: str, seen: Mapping[str, _Seen], root: str, number: int) -> list[str]:
    """From an einsum of pass `number`, the shortest way to a value that is complete only after the pass before."""
    by_name = {einsum.name: einsum for einsum in cascade.expanded}
    ways = [[einsum.name] for einsum in cascade.expanded if seen[einsum.name].tile.get(root) == number]
    met = {way[0] for way in ways}
    while True:  # a pass after the first one is needed because something waits, so this ends
        way = ways.pop(0)
        for access in by_name[way[-1]].reads:
            source, tiles = seen[access.tensor], by_tile(cascade, access, rank)
            if not tiles and source.done.get(root) == number - 1:
                return [*way, access.tensor]
            if tiles and source.wait.get(root) == number - 1 and access.tensor not in met:
                met.add(access.tensor)
                ways.append([*way, access.tensor])
