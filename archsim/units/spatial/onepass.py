"""FuseMax and its two predecessors: attention in one pass over the keys, whatever the buffer holds.

Loops from outside: instances, groups of resident tiles of queries, tiles of keys, resident tiles. DRAM moves Q and AV
once, K and V once for every group; Q and the running state of a group lie in the buffer beside one tile of K and V.

Tiles of scores that a causal mask hides whole are neither loaded nor computed, the others are computed whole. A tile
that is not full costs the arrays a full one, buffer and DRAM only its own words.

Source: FPSG-UIUC/micro24-fusemax-artifact@218ce19f workspace/src/accel/proposal.py [stated].
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.onepass_cascade import (
    EINSUMS,
    FUSEMAX,
    ON_FLAT,
    TILE_AFTER_TILE,
    Binding,
    per_tile,
    tile_cycles,
)
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from archsim.units.spatial.room import no_room
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.sparse_tiles import TileWork, keys_streamed, tile_work
from archsim.units.spatial.tile_counts import operation_counts


@dataclass(frozen=True, slots=True)
class OnePass:
    """The 1-pass cascade with one binding of its einsums to the arrays."""

    binding: Binding

    @property
    def name(self) -> str:
        """What users call it: the name of the binding."""
        return self.binding.name

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """The most tiles of queries that the buffer holds among those that divide all of them evenly.

        Its parts: ``resident`` tiles of queries, and the ``passes`` over keys and values that follow.

        Raises
        ------
        Infeasible
            Not even one tile of queries fits beside a tile of keys and values.
        BadInput
            No PE of the array that an einsum is bound to has its operator.
        """
        tile_cycles(self.binding, arrays, problem.head)
        most = self._most_resident(problem, arrays)
        tiles = query_tiles(problem, arrays)
        resident = next(count for count in range(min(most, tiles), 0, -1) if tiles % count == 0)
        return Plan(self.name, {"resident": resident, "passes": tiles // resident})

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """The closed form: a tile of scores takes the sum of its epochs, in each of which the slower array counts.

        `busy` and `einsums` are means over the copies of the arrays, `cycles` is the time of the copy with the most
        instances.

        Raises
        ------
        Infeasible, BadInput
            More tiles of queries than fit, fewer than one, or as `plan`.
        """
        resident, most = plan.number("resident"), self._most_resident(problem, arrays)
        if not 1 <= resident <= most:
            raise BadInput(f"{resident} resident tiles of queries", right=f"1..{most}, as the buffer holds")
        work = one_pass_work(problem, arrays, resident)
        tiles_of_queries = query_tiles(problem, arrays)
        cycles = self._cycles(problem, arrays, work)
        each = tile_cycles(self.binding, arrays, problem.head)
        einsums = {
            name: (
                role,
                Fraction(
                    problem.instances * (tiles_of_queries if EINSUMS[name].scope == "row" else work.tiles) * each[name],
                    arrays.copies,
                ),
            )
            for name, role in self.binding.roles.items()
        }
        streamed = _streamed(problem, arrays, resident)
        read = problem.instances * problem.head * (problem.queries + 2 * streamed) * arrays.word_bytes
        written = problem.instances * problem.head * problem.queries * arrays.word_bytes
        return Steady(
            cycles=cycles,
            seconds=max(cycles / arrays.clock, Fraction(read + written, arrays.bandwidth)),
            busy={
                unit: sum((spent for role, spent in einsums.values() if role == unit), Fraction(0))
                for unit in (ARRAY, VECTOR)
            },
            einsums={name: einsums[name] for name in EINSUMS},
            read=Fraction(read),
            written=Fraction(written),
            counts=operation_counts(
                self.binding, problem, work, divided=problem.queries, loaded=read // arrays.word_bytes
            ),
        )

    def _cycles(self, problem: Problem, arrays: SpatialArrays, work: TileWork) -> Fraction:
        share = Fraction(query_tiles(problem, arrays), work.tiles)
        instances = -(-problem.instances // arrays.copies)
        return instances * work.tiles * per_tile(self.binding, arrays, problem.head, share)

    def _most_resident(self, problem: Problem, arrays: SpatialArrays) -> int:
        """Tiles of queries that the buffer holds beside one tile of keys and values."""
        words = arrays.buffer_bytes // arrays.word_bytes
        keys, queries = min(arrays.rows, problem.keys), min(arrays.cols, problem.queries)
        beside, tile = 2 * keys * problem.head, queries * self.binding.held(arrays, problem.head)
        if words < beside + tile:
            ranks = {"m0": keys, "p0": queries, "e": problem.head}
            parts = {"K and V": beside, "Q with its state": tile}
            raise no_room(f"{self.name}: einsum QK", ranks, parts, arrays)
        return (words - beside) // tile


def query_tiles(problem: Problem, arrays: SpatialArrays) -> int:
    """Tiles of queries of one instance; the queries of a group of heads fill tiles together."""
    return -(-problem.queries // arrays.cols)


def one_pass_work(problem: Problem, arrays: SpatialArrays, resident: int) -> TileWork:
    """Tiles of scores of one instance, in groups of `resident` tiles of queries."""
    if problem.causal:
        return tile_work(problem, FULL, arrays.rows, arrays.cols, resident * arrays.cols)
    tiles, keys = query_tiles(problem, arrays), -(-problem.keys // arrays.rows)
    return TileWork(tiles * keys, problem.queries * keys, problem.queries * problem.keys, tiles * problem.keys)


def _streamed(problem: Problem, arrays: SpatialArrays, resident: int) -> int:
    """Keys of one instance that are loaded, over all passes."""
    if problem.causal:
        return keys_streamed(problem, FULL, arrays.rows, resident * arrays.cols)
    return problem.keys * -(-query_tiles(problem, arrays) // resident)


DATAFLOWS = (OnePass(FUSEMAX), OnePass(TILE_AFTER_TILE), OnePass(ON_FLAT))
