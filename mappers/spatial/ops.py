"""Ops outside attentions: products on the 2D array, everything else on the 1D array, panel by panel."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.ir.graph import Op
from archsim.ir.mapping import After, Node, Range
from archsim.mappers.spatial.chain import NOWHERE, Panel, Panels, Times
from archsim.mappers.spatial.emit import Emit
from archsim.mappers.spatial.panels import Streamed, rows
from archsim.mappers.spatial.share import Shape, Spread, works
from archsim.mappers.spatial.tiles import Run, Spot, Tile, runs
from archsim.units.spatial import gemm, vector_ops
from archsim.units.spatial.lone import as_gemm
from archsim.units.spatial.problem import Steady


def lowered(
    op: Op, extents: Mapping[str, int], closed: Steady, emit: Emit, before: tuple[After, ...]
) -> tuple[Node, ...]:
    """The program of an op: panels along the dim that has most of them.

    Raises
    ------
    BadInput
        A size that moves with a loop.
    """
    if moving := [dim for dim, size in op.dims.items() if size.terms]:
        raise BadInput(
            f"{op.kind} whose {', '.join(moving)} moves with a loop",
            where=f"op {op.name}",
            right="outside attentions, sizes are the same in every iteration",
            try_="one phase at a time: prefill, or decode at one context",
        )
    arrays = emit.arrays
    dim, size = _panel(op, extents, arrays)
    tiles = rows(extents[dim], size)
    sizes = sorted(tile.rows for tile in tiles)
    shapes = tuple(Shape(each, len(list(same))) for each, same in groupby(sizes))
    word = arrays.word_bytes
    table = {part.name: part.operator for part in vector_ops.OPS[op.kind].passes} if op.kind in vector_ops.OPS else {}
    table |= {f"{op.name}.bias": "add"}
    spread = Spread(works(closed, arrays, table), closed.read / word, closed.written / word, shapes)

    def cut(spot: Spot, tile: Tile) -> dict[str, Range]:
        whole = {name: Range.of(0, each) for name, each in extents.items()}
        return {**whole, dim: Range(spot.at("q") + tile.q, spot.at("q") + tile.q + tile.rows)}

    why = f"{op.kind} in panels of {size} along {dim}"
    return Streamed(op, spread, cut, emit, before, why).body(
        tuple(_tree(run) for run in runs((t,) for t in tiles)), NOWHERE
    )


def _panel(op: Op, extents: Mapping[str, int], arrays: SpatialArrays) -> tuple[str, int]:
    """The dim along which an op is cut, and the size of a panel: a tile of the 2D array, or its rows for vectors."""
    found = as_gemm(op, extents)
    if found is None:
        return "m", arrays.rows
    if op.kind != "matmul":
        return "b", 1
    m, n = gemm.tile_extents(found, arrays)
    return ("m", m) if -(-found.m // m) >= -(-found.n // n) else ("n", n)


def _tree(run: Run) -> Panels:
    tree: Panels = Panel(run.tiles[0])
    for _, step, count in run.loops:
        tree = Times("q", "i", step, count, tree)
    return tree
