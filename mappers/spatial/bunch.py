"""What weaving must know of a bunch of cells."""

from __future__ import annotations

from archsim.mappers.spatial.keys import Bunch
from archsim.mappers.spatial.tiles import Tile
from archsim.mappers.spatial.weave import Group


def wide(bunch: Bunch) -> bool:
    """Whether it begins with tiles whose number a loop changes, which go as one."""
    return bunch.cells[0].edge


def group_of(bunch: Bunch, count: int) -> Group:
    """What weaving must know of a bunch; sizes that a loop changes are those of its middle."""
    weights = (c.tiles.base + sum(k for _, k in c.tiles.terms) * (count - 1) // 2 for c in bunch.cells)
    rows = tuple(cell.row for cell in bunch.cells)
    return Group(tuple(max(1, weight) for weight in weights), before_of(bunch), rows)


def before_of(bunch: Bunch) -> tuple[int | None, ...]:
    """For every cell, the last one before it with some of its queries."""
    cells = bunch.cells
    return tuple(
        next(
            (j for j in range(i - 1, -1, -1) if cells[j].row < cells[i].row and _shared(cells[i].tile, cells[j].tile)),
            None,
        )
        for i in range(len(cells))
    )


def _shared(a: Tile | None, b: Tile | None) -> bool:
    """Whether two tiles have queries in common."""
    if a is None or b is None or a == b:
        return True
    return any(
        x.h < y.h + y.heads and y.h < x.h + x.heads and x.q < y.q + y.rows and y.q < x.q + x.rows
        for x in a.parts
        for y in b.parts
    )
