"""What to say where a tile does not fit the global buffer, and where an element does not fit a word."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.core.errors import BadInput, Infeasible
from archsim.ir.capability import SpatialArrays
from archsim.ir.graph import DType, Graph, Role

KIB = 1024


def no_room(tile: str, ranks: Mapping[str, int], parts: Mapping[str, int], arrays: SpatialArrays) -> Infeasible:
    """The error for a tile that does not fit.

    Parameters
    ----------
    tile
        Dataflow and einsum: ``fusemax: einsum QK``.
    ranks
        Rank -> its length in the tile.
    parts
        What must be in the buffer together -> words.
    arrays
        The machine.
    """
    need = sum(parts.values())
    kib = -(-need * arrays.word_bytes // KIB)
    sizes = ", ".join(f"{rank}={size:,}" for rank, size in ranks.items())
    return Infeasible(
        f"{tile}: a tile of {sizes} does not fit the buffer",
        where="buffer",
        right=f"needs {' and '.join(f'{words:,} words for {what}' for what, words in parts.items())}; "
        f"has {arrays.buffer_bytes // arrays.word_bytes:,}",
        try_=(f"a buffer of {kib:,} KiB", "smaller arrays"),
    )


def fit_words(graph: Graph, arrays: SpatialArrays) -> tuple[str, ...]:
    """A note where elements are narrower than the words they take.

    Raises
    ------
    BadInput
        A tensor whose elements are wider than a word: the arrays would lose digits that the workload asks for.
    """
    bits = 8 * arrays.word_bytes
    narrow = set[str]()
    for name, tensor in graph.tensors.items():
        if tensor.role is Role.OUTPUT and str(tensor.dtype).startswith("int"):
            continue  # a chosen token is a number of its own, not a word of the arrays
        if tensor.dtype.bits > bits:
            floats = str(tensor.dtype)[:2] in {"fp", "bf"}
            fitting = [dtype for dtype in DType if dtype.bits <= bits]
            # The widest that fits; of equals a float for a float.
            like = max(fitting, key=lambda d: (d.bits, (str(d)[:2] in {"fp", "bf"}) == floats), default=None)
            narrower = (f"--set workload.dtype={like}",) if like is not None else ()
            raise BadInput(
                f"{name} has {tensor.dtype} elements of {tensor.dtype.bits} bits, words of the arrays have {bits}",
                where="workload.dtype",
                right=f"elements of at most {bits} bits",
                try_=(*narrower, f"--set word={-(-tensor.dtype.bits // 8) * 8}"),
            )
        if tensor.dtype.bits < bits:
            narrow.add(str(tensor.dtype))
    return (f"{' and '.join(sorted(narrow))} elements take words of {bits} bits",) if narrow else ()
