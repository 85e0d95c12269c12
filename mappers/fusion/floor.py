"""Bytes that no cut of a chain is below, whatever stays on chip: the search without what makes it hard."""

from __future__ import annotations

from itertools import product

from archsim.mappers.fusion.chain import Chain
from archsim.mappers.fusion.cut import Cut, subsets
from archsim.mappers.fusion.group import can_run, untiled
from archsim.mappers.fusion.tiled import product_of
from archsim.mappers.tiling.hierarchy import ENOUGH


def bound(chain: Chain, room: int = ENOUGH) -> int:
    """Bytes that no cut of a chain into stages moves less than with so many bits of room.

    The shortest path over all places to cut, where a stage from one place to another costs its `stage_floor`. Every
    answer of the search is such a path and each of its stages moves at least the floor, so together they move at least
    what the shortest path does.
    """
    count = len(chain.nodes)
    best = [0] + [ENOUGH] * count
    for start in range(count):
        for stop in range(start + 1, count + 1):
            if (bits := stage_floor(chain, start, stop, room)) is not None:
                best[stop] = min(best[stop], best[start] + bits)
    return -(-best[-1] // 8)


def stage_floor(chain: Chain, start: int, stop: int, room: int) -> int | None:
    """Bits that some ops move at least if they run as one stage; None where they cannot.

    The least over all sets of tensors that the stage may find on chip, and leave there for later ops, of what it then
    moves, in tiles the `floor_bits` of the product. Left out is what stages ask of each other: that a tensor found on
    chip was left there, that it is written if it is needed again and does not stay, and room for tensors that stay
    while others run. What the chain finds in memory is read by the first op that uses it, as in every answer.
    """
    if not can_run(Cut(chain, start, stop)):
        return None
    nodes, lives = chain.nodes[start:stop], chain.lives
    used = {v for node in nodes for v in (*node.reads, *node.stored) if v in lives}
    found = [v for v in used if (lives[v].made if lives[v].made >= 0 else lives[v].reads[0]) < start]
    left = [v for node in nodes for v in node.writes if lives[v].last >= stop]
    moved = []
    for before, after in product(subsets(found), subsets(left)):
        cut = Cut(chain, start, stop, before, after)
        moved += [way.moved_bits for way in untiled(cut, room) if way.need_bits <= room]
        tiled = product_of(cut)
        if tiled is not None and (bits := tiled.floor_bits(room)) is not None:
            moved.append(bits)
    return min(moved, default=None)
