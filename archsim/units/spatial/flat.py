"""FLAT: the 3-pass cascade with scores, softmax and values fused by rows or by heads.

The 2D array computes the two products, the 1D array the softmax: max, exp, sum, div, each a pass over the keys of a
row. All run side by side in steady state, so the longest of DRAM, 2D and 1D array is the time. Scores of a fused pass
stay in the buffer as far as they fit; what does not fit spills to DRAM and back. Masked scores are computed too, as the
source does: the cascade knows no mask.

Three objectives decide between plans (`SpatialArrays.plan`). ``published`` is FLAT's own cost model, which leaves out
the softmax and what spills within it; it gives the published choices, and may move more words with a larger buffer.
``fastest`` takes the time of the closed form here, then its traffic; ``least_traffic`` the traffic, then the time: each
plan moves no more in a larger buffer, therefore neither does the best of them.

Sources: FLAT, arXiv 2107.06419; FPSG-UIUC/micro24-fusemax-artifact@d2ee85c0 workspace/src/accel/flat.py and
stable_softmax.py (fetch counts, spilling of the softmax) [stated]. One difference: partial sums of a result that is
not kept on chip wait in the buffer, which has room for them in the footprint; by the artifact's loop nest they would go
to DRAM and back. That happens only where an array is smaller than the head, where the artifact publishes no such run,
and FLAT's own traffic (flat_validation.csv, edge) has none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial import flat_steady
from archsim.units.spatial.flat_search import Choice, Cost, estimate, search
from archsim.units.spatial.flat_traffic import HELD, STATIONARITIES, Tiling, tiling
from archsim.units.spatial.problem import Plan, Problem, Steady

KEPT_PLANS = 4096
"""Plans that are remembered: one for every step of a long generation."""


@dataclass(frozen=True, slots=True)
class Flat:
    """The dataflow."""

    @property
    def name(self) -> str:
        """What users call it."""
        return "flat"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """The best choice by exhaustive search, once for equal problems and machines.

        Its parts: ``granularity`` (head or row), ``rows`` of a fused pass, ``qk`` and ``av`` (what stays in the PEs),
        ``onchip`` (tensors kept in the buffer, joined by +, or none).

        Raises
        ------
        Infeasible
            No two tiles of each tensor fit the buffer.
        BadInput
            An array lacks an operator.
        """
        return _best(problem, arrays)

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """The closed form of a plan.

        `busy` of the 2D array counts cycles of the whole array: an einsum that fills a quarter of the PEs for 256
        cycles keeps it busy for 64. Words that cross from buffer to array are counted as if nothing had spilled, and
        those of tensors that are not kept on chip pass it by, both as the artifact does.

        Raises
        ------
        BadInput
            A choice that the dataflow does not have, or an array that lacks an operator.
        """
        flat_steady.require(arrays)
        return flat_steady.steady(problem, arrays, choice(problem, arrays, plan))


@lru_cache(maxsize=KEPT_PLANS)
def _best(problem: Problem, arrays: SpatialArrays) -> Plan:
    flat_steady.require(arrays)
    return as_plan(problem, search(problem, arrays, _objective(problem, arrays)))


def _objective(problem: Problem, arrays: SpatialArrays) -> Cost:
    """What the search makes least."""
    if arrays.plan == "published":
        return lambda choice: (estimate(problem, arrays, choice).seconds,)
    cycles: dict[int, tuple[Tiling, Fraction]] = {}  # candidates come in runs of one tiling

    def both(choice: Choice) -> tuple[Fraction, Fraction]:
        tiled = choice.tiling
        if id(tiled) not in cycles:
            cycles[id(tiled)] = tiled, flat_steady.array_cycles(problem, arrays, tiled)[2] / arrays.clock
        words = sum(flat_steady.moved_words(problem, choice), Fraction(0))
        seconds = max(cycles[id(tiled)][1], words * arrays.word_bytes / arrays.bandwidth)
        return (seconds, words) if arrays.plan == "fastest" else (words, seconds)

    return both


def as_plan(problem: Problem, choice: Choice) -> Plan:
    """A choice in words and numbers."""
    rows = choice.tiling.rows
    scores, values = choice.tiling.nests
    return Plan(
        "flat",
        {
            "granularity": "head" if rows >= problem.queries else "row",
            "rows": rows,
            "qk": scores.stationary,
            "av": values.stationary,
            "onchip": "+".join(name for name in HELD if name in choice.onchip) or "none",
        },
    )


def choice(problem: Problem, arrays: SpatialArrays, plan: Plan) -> Choice:
    """The choice that a plan names.

    Raises
    ------
    BadInput
        A part is missing or unknown, or fused passes are of no rows or of more than there are.
    """
    given = plan.choices
    missing = {"granularity", "rows", "qk", "av", "onchip"} - set(given)
    if missing:
        raise BadInput(f"a plan of flat without {', '.join(sorted(missing))}", right="what `plan` returns")
    rows = problem.queries if given["granularity"] == "head" else plan.number("rows")
    if not 1 <= rows <= problem.queries:
        raise BadInput(f"fused passes of {rows} rows", right=f"1..{problem.queries}, the query rows of an instance")
    for part in ("qk", "av"):
        if given[part] not in STATIONARITIES:
            raise BadInput(f"{part}: {given[part]!r} stationary", right=f"one of {', '.join(STATIONARITIES)}")
    onchip = frozenset(str(given["onchip"]).split("+")) - {"none"}
    if not onchip <= set(HELD):
        unknown = ", ".join(sorted(onchip - set(HELD)))
        raise BadInput(f"onchip: {unknown}", right=f"of {', '.join(HELD)}, joined by +, or none")
    return Choice(tiling(problem, arrays, rows, str(given["qk"]), str(given["av"])), onchip)


DATAFLOW = Flat()
