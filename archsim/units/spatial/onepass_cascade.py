"""The 1-pass attention cascade tile by tile: its einsums, and which of them an array computes when.

Keys are taken in tiles of as many as the 2D array has rows. Every query keeps a running maximum RM, a running sum RD
and a running result RNV; a tile corrects them by PRM = exp(old RM - new RM):

    QK = Q K        LM = max QK      RM = max(RM, LM)      PRM = exp(RM' - RM)
    SLN = exp(QK - RM)               SLD = sum SLN         SPD = RD PRM          RD = SPD + SLD
    SLNV = sum SLN V                 SPNV = RNV PRM        RNV = SPNV + SLNV     AV = RNV / RD, after the last tile

Sources: FuseMax, arXiv 2406.10491; FPSG-UIUC/micro24-fusemax-artifact@218ce19f workspace/src/accel/proposal.py and
flat_pe_proposal.py (bindings, operations, buffer accesses) [stated].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, NamedTuple

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR

Scope = Literal["score", "query", "row"]
"""What an einsum has one result of: every score of a tile, every query of a tile, every query once after all tiles."""


class Size(NamedTuple):
    """A number of operations or words that may follow the head size."""

    ones: int = 0
    heads: int = 0

    def of(self, head: int) -> int:
        """The number for a head size."""
        return self.ones + self.heads * head


ONE, HEAD, NONE = Size(1), Size(heads=1), Size()


@dataclass(frozen=True, slots=True)
class Einsum:
    """One einsum of the cascade."""

    name: str
    operator: str
    """Of `archsim.ir.capability.OPERATORS`."""
    scope: Scope
    depth: Size = ONE
    """Operations for each of what `scope` says."""
    inputs: tuple[str, ...] = ()
    """Einsums and tensors it reads; RM, RD and RNV stand for the state that the previous tile left."""
    down: bool = False
    """Whether it reduces over the keys of a tile: on the 2D array, down its columns."""
    query_read: Size = NONE
    """Words of the buffer read for each query of a tile."""
    query_written: Size = NONE
    """Words of the buffer written for each query of a tile."""
    key_read: Size = NONE
    """Words of the buffer read for each key of a tile."""


EINSUMS: Mapping[str, Einsum] = {
    einsum.name: einsum
    for einsum in (
        Einsum("QK", "mac", "score", HEAD, ("Q", "K"), query_read=HEAD, key_read=HEAD),
        Einsum("LM", "max", "score", inputs=("QK",), down=True),
        Einsum("RM", "max", "query", inputs=("RM", "LM"), query_read=ONE, query_written=ONE),
        Einsum("PRM", "sub_exp", "query", inputs=("RM",)),
        Einsum("SLN", "sub_exp", "score", inputs=("QK", "RM")),
        Einsum("SLD", "add", "score", inputs=("SLN",), down=True),
        Einsum("SPD", "mac", "query", inputs=("RD", "PRM"), query_read=ONE),
        Einsum("RD", "add", "query", inputs=("SPD", "SLD"), query_written=ONE),
        Einsum("SLNV", "mac", "score", HEAD, ("SLN", "V"), down=True, key_read=HEAD),
        Einsum("SPNV", "mac", "query", HEAD, ("RNV", "PRM"), query_read=HEAD),
        Einsum("RNV", "add", "query", HEAD, ("SPNV", "SLNV"), query_written=HEAD),
        Einsum("AV", "div", "row", HEAD, ("RNV", "RD"), query_read=Size(1, 1)),
    )
}
"""The cascade in an order in which it can be computed."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Einsums that run side by side: those of one array one after the other, the two arrays together."""

    array: tuple[str, ...] = ()
    vector: tuple[str, ...] = ()
    ripple: bool = False
    """Whether the next epoch waits until the results have run down the columns."""


@dataclass(frozen=True)
class Binding:
    """Einsums bound to arrays, and the epochs that a tile passes through in steady state.

    Side by side may also mean of neighbouring tiles: 2D work of one while the 1D array ends the one before.
    """

    name: str
    epochs: tuple[Epoch, ...]

    @cached_property
    def roles(self) -> Mapping[str, str]:
        """Einsum -> role of the array that computes it."""
        of_array = {name: ARRAY for epoch in self.epochs for name in epoch.array}
        return of_array | {name: VECTOR for epoch in self.epochs for name in epoch.vector}

    @cached_property
    def crossing(self) -> tuple[str, ...]:
        """Einsums with a result for every score that the other array reads: these lie in the buffer, a tile of each."""
        return tuple(dict.fromkeys(self._crossings.values()))

    def score_words(self, einsum: str) -> tuple[int, int]:
        """Buffer words (read, written) for each score: what crosses passes the buffer once."""
        crossings = self._crossings
        return int(einsum in crossings), int(einsum in crossings.values())

    @cached_property
    def _crossings(self) -> dict[str, str]:
        """First reader on the other array -> the einsum whose scores it reads."""
        found: dict[str, str] = {}
        for name, einsum in EINSUMS.items():
            if einsum.scope != "score" or einsum.down:
                continue
            readers = [r for r, other in EINSUMS.items() if name in other.inputs and self.roles[r] != self.roles[name]]
            found.update(dict.fromkeys(readers[:1], name))
        return found

    def held(self, arrays: SpatialArrays, head: int) -> int:
        """Buffer words of a resident query: Q, RNV, RM, RD, and a column of every tile that crosses."""
        return 2 * head + 2 + len(self.crossing) * arrays.rows


FUSEMAX = Binding(
    "fusemax",
    (
        Epoch(("QK", "LM"), ("RD", "RNV", "AV")),
        Epoch((), ("RM",)),
        Epoch(("SLN", "SLD"), ("PRM", "SPD")),
        Epoch(("SLNV",), ("SPNV",)),
    ),
)
"""Tiles interleaved: RD and RNV of the previous tile run beside QK and LM of this one, which hides the ripple of LM."""

TILE_AFTER_TILE = Binding(
    "fusemax-arch",
    (
        Epoch(("QK", "LM"), ("RD", "AV"), ripple=True),
        Epoch((), ("RM",)),
        Epoch(("SLN", "SLD"), ("PRM", "SPD")),
        Epoch(("SLNV",), ("SPNV", "RNV")),
    ),
)
"""One tile after the other: RM waits until LM has run down the columns."""

ON_FLAT = Binding(
    "fusemax-cascade",
    (Epoch(("QK", "SLNV"), ("LM", "RM", "PRM", "SLN", "SLD", "SPD", "RD", "SPNV", "RNV", "AV")),),
)
"""Only products on the 2D array, whose PEs can do no more; both arrays always busy with some tile."""


def tile_cycles(binding: Binding, arrays: SpatialArrays, head: int) -> dict[str, int]:
    """Einsum -> cycles of its array for one tile of scores, and AV for one tile of queries.

    The 1D array takes queries, or scores bound to it, in turns of its lanes.
    """
    turns = {"score": -(-arrays.rows * arrays.cols // arrays.lanes), "query": -(-arrays.cols // arrays.lanes)}
    found = {}
    for name, role in binding.roles.items():
        einsum = EINSUMS[name]
        cycles = operator_cycles(arrays, role, einsum.operator, name) * einsum.depth.of(head)
        if role == VECTOR:
            cycles *= turns["score" if einsum.scope == "score" else "query"]
        found[name] = cycles
    return {name: found[name] for name in EINSUMS}


def epoch_cycles(
    binding: Binding, arrays: SpatialArrays, head: int, row_share: Fraction
) -> tuple[tuple[Fraction, Fraction, int], ...]:
    """(2D cycles, 1D cycles, cycles of waiting for the ripple) of every epoch of one tile.

    `row_share` is how much of AV, which comes once for a tile of queries, falls to each of its tiles of scores.
    """
    cycles = tile_cycles(binding, arrays, head)

    def work(names: tuple[str, ...]) -> Fraction:
        shares = {name: row_share if EINSUMS[name].scope == "row" else Fraction(1) for name in names}
        return sum((cycles[name] * share for name, share in shares.items()), Fraction(0))

    return tuple(
        (work(epoch.array), work(epoch.vector), arrays.ripple if epoch.ripple else 0) for epoch in binding.epochs
    )


def per_tile(binding: Binding, arrays: SpatialArrays, head: int, row_share: Fraction) -> Fraction:
    """Cycles from one tile to the next: in every epoch the slower array counts."""
    epochs = epoch_cycles(binding, arrays, head, row_share)
    return sum((max(array, vector) + wait for array, vector, wait in epochs), Fraction(0))
