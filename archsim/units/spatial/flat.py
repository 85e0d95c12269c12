"""FLAT: the 3-pass cascade with scores, softmax and values fused by rows or by heads.

The 2D array computes the two products, the 1D array the softmax: max, exp, sum, div, each a pass over the keys of a
row. All run side by side in steady state, so the longest of DRAM, 2D and 1D array is the time. Scores of a fused pass
stay in the buffer as far as they fit; what does not fit spills to DRAM and back. Masked scores are computed too, as the
source does: the cascade knows no mask.

Sources: FLAT, arXiv 2107.06419; FPSG-UIUC/micro24-fusemax-artifact@d2ee85c0 workspace/src/accel/flat.py and
stable_softmax.py (fetch counts, spilling of the softmax) [stated]. One difference: partial sums of a result that is
not kept on chip wait in the buffer, which has room for them in the footprint; by the artifact's loop nest they would go
to DRAM and back. That happens only where an array is smaller than the head, where the artifact publishes no such run,
and FLAT's own traffic (flat_validation.csv, edge) has none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flat_search import Choice, estimate, search
from archsim.units.spatial.flat_traffic import HELD, STATIONARITIES, tiling
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady

SOFTMAX = {"max": "max", "exp": "sub_exp", "sum": "add", "div": "div"}
"""Einsum of the softmax -> operator, one for each score."""


@dataclass(frozen=True, slots=True)
class Flat:
    """The dataflow; what its search makes least is its own."""

    objective: Literal["published", "steady"] = "published"
    """``published``: time by FLAT's own model, which leaves the softmax out, and gives the published choices.
    ``steady``: time of the closed form here, then traffic."""

    @property
    def name(self) -> str:
        """What users call it."""
        return "flat"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """The best choice by exhaustive search.

        Its parts: ``granularity`` (head or row), ``rows`` of a fused pass, ``qk`` and ``av`` (what stays in the PEs),
        ``onchip`` (tensors kept in the buffer, joined by +, or none).

        Raises
        ------
        Infeasible
            No two tiles of each tensor fit the buffer.
        BadInput
            An array lacks an operator.
        """
        _require(arrays)

        def published(choice: Choice) -> tuple[Fraction, ...]:
            return (estimate(problem, arrays, choice).seconds,)

        def steady(choice: Choice) -> tuple[Fraction, ...]:
            form = _steady(problem, arrays, choice)
            return form.seconds, form.read + form.written

        best = search(problem, arrays, published if self.objective == "published" else steady)
        return as_plan(problem, best)

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
        _require(arrays)
        return _steady(problem, arrays, choice(problem, arrays, plan))


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


def _require(arrays: SpatialArrays) -> None:
    for einsum in ("QK", "AV"):
        operator_cycles(arrays, ARRAY, "mac", f"{einsum} of flat")
    for einsum, operator in SOFTMAX.items():
        operator_cycles(arrays, VECTOR, operator, f"{einsum} of flat")


def _steady(problem: Problem, arrays: SpatialArrays, choice: Choice) -> Steady:
    instances = -(-problem.instances // arrays.copies)
    einsums = {
        nest.product.name: (ARRAY, Fraction(instances * arrays.array_cycles["mac"] * nest.cycles()))
        for nest in choice.tiling.nests
    }
    sweep = instances * problem.queries * -(-problem.keys // arrays.lanes)
    softmax = {
        einsum: (VECTOR, Fraction(sweep * arrays.vector_cycles[operator])) for einsum, operator in SOFTMAX.items()
    }
    vector = sum((cycles for _, cycles in softmax.values()), Fraction(0))
    cycles = max(einsums["QK"][1] + einsums["AV"][1], vector)
    words = [_products(choice), _softmax(choice, problem)]
    read, written = (sum(part, Fraction(0)) * arrays.word_bytes for part in zip(*words, strict=True))
    full = Fraction(problem.macs() * arrays.array_cycles["mac"], arrays.rows * arrays.cols * arrays.copies)
    return Steady(
        cycles=cycles,
        seconds=max(cycles / arrays.clock, (read + written) / arrays.bandwidth),
        busy={ARRAY: full, VECTOR: vector},
        einsums={"QK": einsums["QK"], **softmax, "AV": einsums["AV"]},
        read=read,
        written=written,
        counts=_counts(problem, choice),
    )


def _products(choice: Choice) -> tuple[Fraction, Fraction]:
    """DRAM words of both products: read, written."""
    moves, spilled, onchip = choice.tiling.moves, choice.spilled, choice.onchip
    read = written = Fraction(0)
    for name in "QKV":
        move = moves[name]
        read += (1 - spilled) * move.distinct + spilled * move.edge if name in onchip else move.edge
    read += moves["A"].edge * (spilled if "QK" in onchip else 1)
    for name in ("QK", "AV"):
        move = moves[name]
        leaves = name == "AV" or "QK" not in onchip
        written += spilled * move.edge + ((1 - spilled) * move.distinct if leaves else 0)
        read += spilled * move.partial
    return read, written


def _softmax(choice: Choice, problem: Problem) -> tuple[Fraction, Fraction]:
    """DRAM words of the softmax: max, exp and div read, exp and div write; sum reads what exp leaves in registers."""
    scores = choice.tiling.moves["QK"].distinct
    if "QK" in choice.onchip:
        return choice.spilled * 3 * scores, choice.spilled * 2 * scores
    # One row of scores is in the buffer at a time, beside what is kept for the products.
    free = choice.tiling.buffer_words - sum(choice.tiling.moves[name].held for name in choice.onchip)
    spilled = 1 - min(Fraction(1), max(Fraction(0), Fraction(free, problem.keys)))
    return scores * (1 + 2 * spilled), scores * (1 + spilled)


def _counts(problem: Problem, choice: Choice) -> Mapping[str, Mapping[str, int]]:
    moves, onchip = choice.tiling.moves, choice.onchip
    kept = [moves[name] for name in "QKV" if name in onchip]
    reads, writes = sum(move.edge for move in kept), sum(move.distinct for move in kept)
    for name in ("QK", "AV"):
        reads += moves[name].partial
        writes += moves[name].edge if name in onchip else moves[name].partial
    scores, rows = moves["QK"].distinct, problem.instances * problem.queries
    fused = "QK" in onchip
    # A row's maximum and sum are written and read once each; scores from DRAM enter the buffer first.
    vector = {"buffer_read": 3 * scores + 2 * rows, "buffer_write": 2 * scores + 2 * rows}
    return {
        ARRAY: {
            "mac": problem.macs(),
            "buffer_read": reads + (moves["A"].edge if fused else 0),
            "buffer_write": writes,
        },
        VECTOR: {"max": scores, "exp": scores, "add": scores, "div": scores, **vector},
    }


DATAFLOW = Flat()
