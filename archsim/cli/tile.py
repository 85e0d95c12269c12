"""Tiling of matrix products: tile."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from archsim.cli import options as opt
from archsim.cli.talk import columns, show, show_json

if TYPE_CHECKING:
    from archsim.mappers.tiling import Tiling

TILES = ("level", "m", "n", "k", "loops")
LINKS = ("from", "to", "down B", "up B", "lower bound B", "gap")


def tile(
    op: Annotated[str, typer.Argument(metavar="gemm:M,N,K", help="Rows, output columns, reduction.")],
    *,
    levels: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Memories and array.", show_default="an edge accelerator")
    ] = None,
    metric: Annotated[str, typer.Option(metavar="latency|energy|edp", help="What is made small.")] = "edp",
    bits: Annotated[
        str, typer.Option(metavar="IN,W,SUM", help="Bits of inputs, weights, partial sums; also of outputs.")
    ] = "8,8,32",
    sizes: Annotated[
        str, typer.Option(metavar="auto|divisors|all", help="all: also tiles that leave a rest; slow for two memories.")
    ] = "auto",
    method: Annotated[
        str,
        typer.Option(metavar="NAME", help="auto, search, beam, program; to compare with: stationary, square, random."),
    ] = "auto",
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="Of an integer program.")] = 60.0,
    json: opt.Json = False,
) -> None:
    """Cut a matrix product into tiles for every memory of a hierarchy, and order the loops over them.

    Reloads are counted exactly. The bound is what no tiling can be below: compulsory traffic, I/O for the room there
    is, and the array's peak. "optimal" says that no other tiles and loop orders are better: all sizes were searched, or
    the bound is reached. The search leaves out no loop order, and no tile of the sizes that it looks at.
    """
    from archsim.api.tiling import tile_text

    found = tile_text(op, levels, metric=metric, sizes=sizes, method=method, bits=bits, seconds=time_limit)
    if json:
        show_json(found.record())
    else:
        show("\n".join([*columns(_headline(found)), "", *_table(_tiles(found)), "", *_table(_links(found))]))


def _headline(found: Tiling) -> list[tuple[str, str]]:
    from archsim.mappers.answer import line
    from archsim.mappers.tiling.cost import UNITS

    searched = ", the best of all tiles of these sizes and all loop orders" if found.method == "search" else ""
    proof = ", optimal" if found.proved else searched
    array = found.hierarchy.array
    return [
        (found.metric, f"{found.objective:.6g} {UNITS[found.metric]}{proof}"),
        ("answer", line(found)),
        ("cycles", f"{found.cycles:,}, at least {found.bound_cycles:,}"),
        ("energy", f"{found.energy_pj / 1e6:,.6g} uJ, at least {found.bound_pj / 1e6:,.6g} uJ"),
        (
            "array",
            f"{array.rows} x {array.cols}, spread over {' and '.join(found.unroll)}",
        ),
        ("counted", f"{found.evaluated:,} tilings"),
        *(("why" if not index else "", text) for index, text in enumerate(found.why)),
    ]


def _tiles(found: Tiling) -> list[tuple[str, ...]]:
    below = zip(found.hierarchy.levels[1:], found.tiles, found.orders, strict=True)
    whole = (found.hierarchy.levels[0].name, *(f"{size:,}" for size in found.gemm.extents), "")
    return [TILES, whole, *((level.name, *(f"{size:,}" for size in tile), order) for level, tile, order in below)]


def _links(found: Tiling) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [LINKS]
    for link in found.links:
        gap = f"{100 * (link.moved / link.floor - 1):.1f} %" if link.floor else ""
        rows.append((link.above, link.below, f"{link.down:,}", f"{link.up:,}", f"{link.floor:,}", gap))
    return rows


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Names stand to the left, numbers to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    names = {column for column in range(len(rows[0])) if rows[0][column] in ("level", "from", "to", "loops")}
    return columns(
        [
            tuple(cell if column in names else cell.rjust(widths[column]) for column, cell in enumerate(row))
            for row in rows
        ]
    )
