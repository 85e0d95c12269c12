"""Tiling for people: an operator's text and a file of levels in, a tiling and its table out."""

from __future__ import annotations

from pathlib import Path

from archsim.core.errors import BadInput
from archsim.core.validate import build
from archsim.core.yamlfile import load_document
from archsim.mappers.tiling import EDGE, Gemm, Hierarchy, Tiling, tile
from archsim.mappers.tiling.cost import METRICS
from archsim.mappers.tiling.solve import METHODS, SECONDS, SIZES
from archsim.workloads.single import parse

BITS = "8,8,32"
"""Bits of inputs, weights and partial sums where nothing else is said."""


def tile_text(
    op: str,
    levels: str | Path | None = None,
    *,
    metric: str = "edp",
    sizes: str = "auto",
    method: str = "auto",
    bits: str = BITS,
    seconds: float = SECONDS,
) -> Tiling:
    """Tile a product that is given as text.

    Parameters
    ----------
    op
        Such as ``gemm:128,12288,4096``: rows, output columns, reduction.
    levels
        A YAML file of a hierarchy; None for `archsim.mappers.tiling.EDGE`.
    metric, sizes, method, seconds
        As for `archsim.mappers.tile`.
    bits
        Of inputs, weights and partial sums, and of final outputs where these are narrower: ``8,8,32,8``.

    Raises
    ------
    BadInput
        The text, the file, a name or a number is not right.
    DoesNotFit
        Not even the smallest tile fits.
    """
    parsed = parse(op)
    if parsed.name != "gemm":
        raise BadInput(f"cannot tile {parsed.name!r}", right="gemm:M,N,K (rows, output columns, reduction)")
    if metric not in METRICS:
        raise BadInput(f"unknown metric {metric!r}", where="--metric", right=f"one of {', '.join(METRICS)}")
    if sizes not in SIZES:
        raise BadInput(f"unknown sizes {sizes!r}", where="--sizes", right=f"one of {', '.join(SIZES)}")
    if method not in METHODS:
        raise BadInput(f"unknown method {method!r}", where="--method", right=f"one of {', '.join(METHODS)}")
    gemm = Gemm(parsed.sizes["M"], parsed.sizes["N"], parsed.sizes["K"], *_widths(bits))
    return tile(gemm, load_hierarchy(levels), metric, sizes=sizes, method=method, seconds=seconds)


def load_hierarchy(path: str | Path | None) -> Hierarchy:
    """The hierarchy of a YAML file; without one that of an edge accelerator.

    Raises
    ------
    BadInput
        The file is not right; names the lines.
    """
    return EDGE if path is None else build(Hierarchy, load_document(Path(path).expanduser()), label="hierarchy")


def _widths(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    right = "bits of inputs, weights and partial sums, and of outputs if these are narrower, such as 8,8,32,8"
    if len(parts) not in (3, 4) or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadInput(f"{text!r} is not three or four numbers", where="--bits", right=right)
    return tuple(int(part) for part in parts)
