"""How little an exact attention can move between a DRAM and a fast memory of M words.

Three numbers, all in words:

* compulsory: queries, keys and values read once, results written once (4Nd per head where all are N by d).
* asymptotic: the published order of growth without its constant, N^2 d^2 / M for M >= d^2 and N^2 d / sqrt(M) below
  (Saha and Ye, arXiv 2402.07443: tight for M >= d^2 even with fast matrix products) [stated].
* proven: a bound that holds with its constant, for attention that forms each score by d multiply-accumulates.

The proven bound [derived] cuts a run into phases of M words moved. A phase sees at most 2M words of queries and keys.
A score formed inside one phase needs all d of its products there, so there are at most (M/d)^2 such scores; a score
that spans phases has a partial sum that was in fast memory at the start (M) or at the end (M), or was moved (M). With
at most M^2/d^2 + 3M scores, the products of a phase are at most M sqrt(M^2/d^2 + 3M) (Loomis and Whitney), therefore
n scores move at least n d^2 / sqrt(M^2 + 3 M d^2) - M words. Scores computed twice or never stored change nothing.
Where M is much larger than d^2 this is the asymptotic form with the constant one.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.problem import Problem, Steady
from archsim.units.spatial.sparse_pattern import FULL, Pattern


@dataclass(frozen=True, slots=True)
class IoBound:
    """Lower bounds of one attention, in words, all instances together."""

    compulsory: int
    """Operands read once, results written once."""
    asymptotic: int
    """The published order of growth with the constant one, rounded down."""
    proven: int
    """What no schedule that forms every score by multiply-accumulates goes below, rounded down; 0 where it is void."""

    @property
    def words(self) -> int:
        """What traffic is measured against: the larger of compulsory and asymptotic, and never below the proven one."""
        return max(self.compulsory, self.asymptotic, self.proven)


def io_bound(problem: Problem, fast_words: int, pattern: Pattern = FULL) -> IoBound:
    """The bounds of an attention whose fast memory holds `fast_words` words.

    Masked scores are not counted: `Problem.causal` and `pattern` say which are needed. Keys that no query sees are not
    compulsory either. `BadInput` where there is no fast memory.
    """
    if fast_words < 1:
        raise BadInput(f"a fast memory of {fast_words} words", right="at least 1 word")
    d, m = problem.head, fast_words
    scores = problem.instances * pattern.pairs(problem)
    seen = sum(stop - start for start, stop in pattern.keys(problem, 0, problem.positions))
    squared = m if m >= d * d else d * isqrt(m - 1) + d  # d sqrt(M), rounded up so that the quotient is rounded down
    return IoBound(
        compulsory=problem.instances * d * 2 * (problem.queries + seen),
        asymptotic=scores * d * d // squared,
        proven=max(0, isqrt(scores * scores * d**4 // (m * m + 3 * m * d * d)) - m),
    )


def traffic_ratio(problem: Problem, arrays: SpatialArrays, steady: Steady, pattern: Pattern = FULL) -> Fraction:
    """Bytes that a closed form moves over the bound for the global buffer: 1 is the least that is possible.

    Fast memory is the global buffer alone. Registers of the PEs hold scores and running sums of the tile at work and
    count as part of the datapath.
    """
    bound = io_bound(problem, arrays.buffer_bytes // arrays.word_bytes, pattern)
    return (steady.read + steady.written) / (bound.words * arrays.word_bytes)
