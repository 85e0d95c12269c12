"""How much the arrays need on chip so that memory keeps up: the rule of FuseMax's Pareto sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsim.core.errors import Infeasible

if TYPE_CHECKING:
    from archsim.models.spatial.spec import SpatialDesign

TENSORS = 8
"""Tiles of head size by columns that the smallest buffer holds: Q, K, V and state, each twice."""
LIMIT = 1 << 40
"""Bytes at which doubling gives up: no SRAM is that large."""


def balanced_bytes(design: SpatialDesign) -> int:
    """Capacity in bytes for `buffer.sizing: balanced`.

    Eight tiles, doubled while the keys and values of a tile of scores take longer to arrive, shared by the resident
    tiles of queries, than the 1D array works on that tile. Sequences are taken as long.

    Raises
    ------
    Infeasible
        No capacity balances: the DRAM is too slow for the arrays.

    Notes
    -----
    FPSG-UIUC/micro24-fusemax-artifact@218ce19, workspace/src/utils/pareto.py, get_l3_sz, and Fig. 12 [stated]. There
    the doubling looks at one length; here at the limit of long sequences, which agrees at 256K tokens.
    """
    head, word = design.buffer.head, design.word // 8
    smallest = size = TENSORS * design.cols * head * word
    while not _keeps_up(design, size):
        size *= 2
        if size > LIMIT:
            raise Infeasible(
                f"no buffer from {smallest} B up lets {design.dram.bandwidth} keep up with the arrays",
                where="buffer.sizing",
                right="balanced doubles the buffer until keys and values arrive as fast as the 1D array takes them",
                try_=("more dram.bandwidth", "buffer.sizing: given"),
            )
    return size


def _keeps_up(design: SpatialDesign, size: int) -> bool:
    head, word = design.buffer.head, design.word // 8
    per_tile = 2 * design.array_2d.rows * head * word
    resident = (size - per_tile) // (design.cols * (2 * head + 2) * word)
    if resident < 1:
        return False
    # Long sequences have a power of two of query tiles, and residents divide them.
    resident = 1 << (resident.bit_length() - 1)
    # Vector work of a tile without the share of the final division, which vanishes in long sequences.
    exponential = design.array_1d.pe.cycles().get("sub_exp", 0)
    cycles = -(-design.cols // design.lanes) * (2 * head + exponential + 3)
    return per_tile * int(design.array_2d.clock) <= resident * cycles * int(design.dram.bandwidth)


def balanced_registers(design: SpatialDesign) -> tuple[int, int]:
    """Words of the register files of a PE of the 2D and of the 1D array in a balanced machine.

    FPSG-UIUC/micro24-fusemax-artifact@218ce19, workspace/src/utils/pareto.py: two and eight for each tile that is under
    way, and twice as many tiles as the head size goes into the columns [stated].
    """
    tiles = 2 * max(1, design.cols // design.buffer.head)
    return 2 * tiles, 8 * tiles
