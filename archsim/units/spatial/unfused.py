"""Attention without fusion: scores, softmax and values one after the other, with scores and probabilities in DRAM.

Each phase takes the longer of its DRAM traffic and its array.

* QK is output-stationary: a tile of scores stays in the PEs for the whole head.
* The softmax runs on the 1D array, max, exp, sum and div each a pass over the keys of a row. A row enters the buffer
  once; what does not fit is read and written again by every pass.
* AV keeps a tile of probabilities in the PEs, which comes from DRAM past the buffer; sums of results run down the
  columns and wait in the buffer for the next tile of keys.

A phase keeps a block of queries (or of their results) in the buffer while the keys (values) pass by, or all of these
where they fit. Masked scores are computed too: the cascade knows no mask.

Sources: FPSG-UIUC/micro24-fusemax-artifact@218ce19f workspace/src/accel/unfused.py, @d2ee85c0
workspace/src/accel/stable_softmax.py [stated]; which einsum passes the buffer is read off its published energies, which
follow within 5e-5 [derived]. From 256K tokens on, those hold one more read of every exponential from the buffer, which
no loop of the artifact makes and which is not counted here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from archsim.units.spatial.room import no_room
from archsim.units.spatial.vector_ops import moved_words, operation_counts, pass_cycles, vector_op


@dataclass(frozen=True, slots=True)
class Unfused:
    """Three phases."""

    name: ClassVar[str] = "unfused"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """Blocks of queries as large as the buffer allows: ``passes`` over keys, and as many over values.

        Raises
        ------
        Infeasible
            Not even one tile of queries fits beside a tile of keys.
        BadInput
            An array lacks an operator.
        """
        _einsums(problem, arrays)
        return Plan(self.name, {"passes": self._passes(problem, arrays)})

    def _passes(self, problem: Problem, arrays: SpatialArrays) -> int:
        """How often keys are read, and values."""
        words, head = arrays.buffer_bytes // arrays.word_bytes, problem.head
        keys, queries = min(arrays.rows, problem.keys), min(arrays.cols, problem.queries)
        if words < (keys + queries) * head:
            ranks = {"m0": keys, "p0": queries, "e": head}
            raise no_room(f"{self.name}: einsum QK", ranks, {"K": keys * head, "Q": queries * head}, arrays)
        if words >= (problem.keys + queries) * head:
            return 1
        blocks = -(-problem.queries // arrays.cols)
        return -(-blocks // ((words // head - keys) // queries))

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """The sum of the three phases.

        Raises
        ------
        Infeasible, BadInput
            Fewer passes than the buffer needs, or as `plan`.
        """
        einsums = _einsums(problem, arrays)
        passes, least = plan.number("passes"), self._passes(problem, arrays)
        if passes < least:
            raise BadInput(f"{passes} pass over the keys", right=f"at least {least}, as the buffer holds")
        n, head = problem.instances, problem.head
        rows = n * problem.queries
        scores, own, streamed = rows * problem.keys, rows * head, n * problem.keys * head * passes
        moved = {
            "QK": (Fraction(own + streamed), Fraction(scores)),
            "softmax": moved_words("softmax", rows, problem.keys, arrays),
            "AV": (Fraction(scores + streamed), Fraction(own)),
        }
        products = {name: cycles for name, (role, cycles) in einsums.items() if role == ARRAY}
        softmax = sum((cycles for role, cycles in einsums.values() if role == VECTOR), Fraction(0))
        spent = {**products, "softmax": softmax}
        seconds = (
            max(spent[phase] / arrays.clock, (read + written) * arrays.word_bytes / arrays.bandwidth)
            for phase, (read, written) in moved.items()
        )
        return Steady(
            cycles=sum(spent.values(), Fraction(0)),
            seconds=sum(seconds, Fraction(0)),
            busy={ARRAY: sum(products.values(), Fraction(0)), VECTOR: softmax},
            einsums=einsums,
            read=sum((read for read, _ in moved.values()), Fraction(0)) * arrays.word_bytes,
            written=sum((written for _, written in moved.values()), Fraction(0)) * arrays.word_bytes,
            counts=_counts(problem, arrays, own + 2 * streamed),
        )


def _einsums(problem: Problem, arrays: SpatialArrays) -> dict[str, tuple[str, Fraction]]:
    """Einsum -> role and cycles, the instances shared evenly by the copies of the arrays."""
    instances = -(-problem.instances // arrays.copies)
    tiles = instances * -(-problem.queries // arrays.cols) * -(-problem.keys // arrays.rows)

    def product(name: str) -> tuple[str, Fraction]:
        return ARRAY, Fraction(tiles * problem.head * operator_cycles(arrays, ARRAY, "mac", name))

    rows = instances * problem.queries
    softmax = {
        part.name: (VECTOR, Fraction(pass_cycles("softmax", part, rows, problem.keys, arrays)))
        for part in vector_op("softmax").passes
    }
    return {"QK": product("QK"), **softmax, "AV": product("AV")}


def _counts(problem: Problem, arrays: SpatialArrays, loaded: int) -> Mapping[str, Mapping[str, int]]:
    """Operations and buffer words; `loaded` words of queries, keys and values enter the buffer from DRAM."""
    n, head = problem.instances, problem.head
    rows = n * problem.queries
    across, down = -(-problem.queries // arrays.cols), -(-problem.keys // arrays.rows)
    per_tile_of_keys, per_tile_of_queries = rows * head * down, n * problem.keys * head * across
    return {
        ARRAY: {
            "mac": problem.macs(),
            # Queries and keys for every tile of scores, values too; sums come back except the first time.
            "buffer_read": 2 * per_tile_of_keys + 2 * per_tile_of_queries - rows * head,
            "buffer_write": loaded + per_tile_of_keys,
        },
        VECTOR: operation_counts("softmax", rows, problem.keys),
    }


DATAFLOW = Unfused()
