"""The product that is tiled: its three extents and how wide its elements are."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.core.errors import BadInput

DIMS = "mnk"
"""The dims by index: rows of the output, its columns, and the reduction."""
OPERANDS = ("weights", "inputs", "outputs")
"""The operands by index, each at the index of the one dim that it does not have: weights (n, k), inputs (m, k), outputs
(m, n)."""
OTHERS = ((1, 2), (0, 2), (0, 1))
"""Dims of each operand, by index."""
MOST_BITS = 1 << 53
"""Bits of one operand that numbers of 64 bits still count exactly after every reload."""


@dataclass(frozen=True, slots=True)
class Gemm:
    """`m` rows of inputs, reduced over `k`, times `n` columns of weights.

    Parameters
    ----------
    m, n, k
        Extents, 1 or more. m is 1 where one token is decoded.
    input_bits, weight_bits
        Width of an element as it is stored and moved.
    sum_bits
        Width of a partial sum, on the way and in every memory that holds some.
    out_bits
        Width of a final output where it leaves for a memory that does not add; as wide as a partial sum unless given.

    Raises
    ------
    BadInput
        An extent or a width that is not positive, or an operand too large to count.
    """

    m: int
    n: int
    k: int
    input_bits: int = 8
    weight_bits: int = 8
    sum_bits: int = 32
    out_bits: int = 0

    def __post_init__(self) -> None:
        for name in DIMS:
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name):,}", where="gemm", right="an extent, 1 or more")
        for name in ("input_bits", "weight_bits", "sum_bits"):
            if getattr(self, name) < 1:
                raise BadInput(f"{name} is {getattr(self, name):,}", where="gemm", right="bits per element, 1 or more")
        if self.out_bits < 0:
            raise BadInput(f"out_bits is {self.out_bits:,}", where="gemm", right="bits; 0: as a partial sum")
        if (bits := max(self.operand_bits())) > MOST_BITS:
            raise BadInput(f"an operand of {bits:.3g} bits", where="gemm", right=f"at most {MOST_BITS:.3g} bits each")

    @property
    def extents(self) -> tuple[int, int, int]:
        """The extents by index of `DIMS`."""
        return self.m, self.n, self.k

    @property
    def bits(self) -> tuple[int, int, int]:
        """Width of an element of each operand, by index of `OPERANDS`; of outputs that of a partial sum."""
        return self.weight_bits, self.input_bits, self.sum_bits

    @property
    def final_bits(self) -> int:
        """Width of a final output."""
        return self.out_bits or self.sum_bits

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.n * self.k

    @property
    def compulsory_bits(self) -> int:
        """Bits that no order of work avoids: each operand once, outputs in their final width."""
        return (
            self.n * self.k * self.weight_bits + self.m * self.k * self.input_bits + self.m * self.n * self.final_bits
        )

    def operand_bits(self) -> tuple[int, int, int]:
        """Bits of each whole operand, by index of `OPERANDS`."""
        weights, inputs, sums = self.bits
        return self.n * self.k * weights, self.m * self.k * inputs, self.m * self.n * sums

    def __str__(self) -> str:
        return f"{self.m} x {self.n} x {self.k}"
