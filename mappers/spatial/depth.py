"""How many tiles must be in flight so that no array waits for a ripple."""

from __future__ import annotations

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.onepass_cascade import Binding, tile_cycles


def tiles_in_flight(binding: Binding, arrays: SpatialArrays, head: int) -> int:
    """The least group of tiles that hides both ripples; 1 where nothing ripples or tiles come one after the other.

    Behind the first tile's LM come the other tiles' scores; behind the last one's, their exponentials and values; and
    behind the first tile's SLNV, the 1D array's preparation of all tiles.
    """
    roles, cycles = binding.roles, tile_cycles(binding, arrays, head)
    if any(epoch.ripple for epoch in binding.epochs) or roles["LM"] != roles["QK"]:
        return 1
    maximum = arrays.ripple + cycles["RM"]
    scores, values = cycles["QK"] + cycles["LM"], cycles["SLN"] + cycles["SLD"] + cycles["SLNV"]
    prepared = cycles["RM"] + cycles["PRM"] + cycles["SPD"] + cycles["SPNV"]
    first = 1 + -(-maximum // scores)
    last = 1 + -(-maximum // values)
    results = -(-(cycles["RM"] + values + arrays.ripple) // prepared)
    return max(first, last, results)


def results_before_next(binding: Binding, arrays: SpatialArrays, head: int, group: int) -> int:
    """Tiles of a group whose results are complete before the next group's scores start.

    As many as leave the next maxima time to run down while the 1D array completes the others, and as do not keep the
    2D array waiting for its last sums to run down. That keeps the arrays in step: neither runs ahead of the other.
    """
    cycles = tile_cycles(binding, arrays, head)
    scores, values = cycles["QK"] + cycles["LM"], cycles["SLN"] + cycles["SLD"] + cycles["SLNV"]
    result = cycles["RD"] + cycles["RNV"]
    by_maxima = group - -(-(scores + arrays.ripple) // result)
    by_sums = group - -(-(result + arrays.ripple) // values)
    return max(0, min(by_maxima, by_sums))
