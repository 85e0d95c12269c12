"""Whether two placements, each possibly repeated at strides, share an address."""

from __future__ import annotations

from collections.abc import Mapping

from archsim.ir.mapping import Placement

Term = tuple[int, int, int]
"""(step, lowest, highest): step times an integer between the two."""


def overlap(a: Placement, b: Placement, counts: Mapping[str, int]) -> bool:
    """Whether any copy of one shares a byte with any copy of the other. `counts` has the iterations of each loop."""
    # Copies of a moved by x against b meet where a.start + x < b.start + b.size and b.start < a.start + x + a.size.
    low, high = b.start - a.start - a.size, b.start - a.start + b.size
    terms: list[Term] = []
    for var in sorted({*a.strides, *b.strides}):
        first, second, last = a.strides.get(var, 0), b.strides.get(var, 0), counts.get(var, 1) - 1
        if first == second:
            terms.append((first, -last, last))
        else:
            terms.extend([(first, 0, last), (-second, 0, last)])
    positive = [(s, lo, hi) if s > 0 else (-s, -hi, -lo) for s, lo, hi in terms if s and (lo or hi)]
    return _reaches(sorted(positive, reverse=True), low, high)


def _reaches(terms: list[Term], low: int, high: int) -> bool:
    """Whether some choice of the terms adds up to more than `low` and less than `high`.

    Largest step first: few choices remain.
    """
    if not terms:
        return low < 0 < high
    (step, first, last), rest = terms[0], terms[1:]
    least = sum(s * lo for s, lo, _ in rest)
    most = sum(s * hi for s, _, hi in rest)
    start = max(first, (low - most) // step)
    stop = min(last, -((least - high) // step))
    return any(_reaches(rest, low - step * x, high - step * x) for x in range(start, stop + 1))
