"""The closed form of a choice of FLAT: cycles of the arrays, words of the DRAM and of the buffer."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flat_search import Choice
from archsim.units.spatial.flat_traffic import Tiling
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem, Steady

PRODUCTS = {"QK": "m,p,e", "AV": "f,p,m"}
"""Einsum of the 2D array -> its ranks."""
SOFTMAX = {"max": "max", "exp": "sub_exp", "sum": "add", "div": "div"}
"""Einsum of the softmax -> operator, one for each score."""


def require(arrays: SpatialArrays) -> None:
    """`BadInput`, naming einsum and ranks, where an array lacks an operator."""
    for einsum, ranks in PRODUCTS.items():
        operator_cycles(arrays, ARRAY, "mac", f"{einsum} of flat", ranks)
    for einsum, operator in SOFTMAX.items():
        operator_cycles(arrays, VECTOR, operator, f"{einsum} of flat", "m,p")


def steady(problem: Problem, arrays: SpatialArrays, choice: Choice) -> Steady:
    """The closed form: scores that spill go out and come back, all units work side by side."""
    einsums, vector, cycles = array_cycles(problem, arrays, choice.tiling)
    read, written = (words * arrays.word_bytes for words in moved_words(problem, choice))
    full = Fraction(problem.macs() * arrays.array_cycles["mac"], arrays.rows * arrays.cols * arrays.copies)
    return Steady(
        cycles=cycles,
        seconds=max(cycles / arrays.clock, (read + written) / arrays.bandwidth),
        busy={ARRAY: full, VECTOR: vector},
        einsums=einsums,
        read=read,
        written=written,
        counts=_counts(problem, choice),
    )


def array_cycles(
    problem: Problem, arrays: SpatialArrays, tiling: Tiling
) -> tuple[dict[str, tuple[str, Fraction]], Fraction, Fraction]:
    """Einsum -> role and cycles; cycles of the softmax; cycles in all, which what is kept on chip does not change."""
    instances = -(-problem.instances // arrays.copies)
    products = {
        nest.product.name: (ARRAY, Fraction(instances * arrays.array_cycles["mac"] * nest.cycles()))
        for nest in tiling.nests
    }
    sweep = instances * problem.queries * -(-problem.keys // arrays.lanes)
    softmax = {name: (VECTOR, Fraction(sweep * arrays.vector_cycles[operator])) for name, operator in SOFTMAX.items()}
    vector = sum((cycles for _, cycles in softmax.values()), Fraction(0))
    einsums = {"QK": products["QK"], **softmax, "AV": products["AV"]}
    return einsums, vector, max(products["QK"][1] + products["AV"][1], vector)


def moved_words(problem: Problem, choice: Choice) -> tuple[Fraction, Fraction]:
    """DRAM words read and written."""
    (read, written), (more, out) = _products(choice), _softmax(choice, problem)
    return read + more, written + out


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
