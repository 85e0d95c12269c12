"""FlashAttention-1 and -2 on spatial arrays: block sizes from the buffer, and what they move.

Both visit blocks of keys for blocks of queries with a running maximum m, sum l and result O. The order differs:

* flash1 (arXiv 2205.14135): keys outside, queries inside. K and V move once; for every block of keys the queries with
  their O, l and m come in and O, l and m go out again, divided each time.
* flash2 (arXiv 2307.08691): queries outside, keys inside. Q and O move once; K and V move for every block of queries.
  It divides at the end, and writes the logarithm of the sum (LSE) beside the result; taking it is not counted.

Scores stay in the PEs, a tile at a time. That is why flash1's rows of a block are not limited by the head size, which
bounds the scores in SRAM in its paper; its traffic does not depend on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flash_steady import Amounts, binding_for, interleaved
from archsim.units.spatial.problem import Plan, Problem, Steady
from archsim.units.spatial.room import no_room
from archsim.units.spatial.sparse_pattern import FULL
from archsim.units.spatial.sparse_tiles import NO_WORK, keys_streamed, tile_steps, tile_work, work_of


def resident_rows(problem: Problem, arrays: SpatialArrays, name: str) -> int:
    """Query rows whose Q, O, m and l fit beside one tile of keys and values: whole tiles, or part of one tile.

    `Infeasible` where not even one row fits.
    """
    d, words = problem.head, arrays.buffer_bytes // arrays.word_bytes
    tile = 2 * min(arrays.rows, problem.keys) * d
    held = binding_for(arrays).held(arrays, d)
    rows = (words - tile) // held
    if rows < 1:
        ranks = {"m0": min(arrays.rows, problem.keys), "p0": 1, "e": d}
        raise no_room(f"{name}: einsum QK", ranks, {"K and V": tile, "a query with its state": held}, arrays)
    rows = min(rows, -(-problem.queries // arrays.cols) * arrays.cols)
    return rows // arrays.cols * arrays.cols or rows


def chosen_rows(problem: Problem, arrays: SpatialArrays, plan: Plan) -> int:
    """The rows of a block that a plan says; `BadInput` unless they fit the buffer."""
    rows, most = plan.number("block_rows"), resident_rows(problem, arrays, plan.dataflow)
    if not 1 <= rows <= most:
        raise BadInput(f"{plan.dataflow}: blocks of {rows} query rows", right=f"1..{most}, as the buffer holds")
    return rows


@dataclass(frozen=True, slots=True)
class Flash2:
    """Queries outside, keys inside."""

    name: ClassVar[str] = "flash2"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """As many query rows as the buffer holds; `block_rows` is the largest block, the first may be shorter."""
        rows = resident_rows(problem, arrays, self.name)
        return Plan(self.name, {"block_rows": rows, "blocks": -(-problem.queries // rows)})

    def words(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> tuple[int, int]:
        """Words read and written, all instances: Q once, K and V once per block of queries; O and LSE once."""
        streamed = keys_streamed(problem, FULL, arrays.rows, chosen_rows(problem, arrays, plan))
        d, each = problem.head, problem.queries
        return problem.instances * d * (each + 2 * streamed), problem.instances * each * (d + 1)

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """Tiles interleaved as in the 1-pass binding."""
        work = tile_work(problem, FULL, arrays.rows, arrays.cols, chosen_rows(problem, arrays, plan))
        read, written = self.words(problem, arrays, plan)
        tiles = -(-problem.queries // arrays.cols)
        return interleaved(problem, arrays, Amounts(work, problem.queries, tiles, read, written))


@dataclass(frozen=True, slots=True)
class Flash1:
    """Keys outside, queries inside."""

    name: ClassVar[str] = "flash1"

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """A quarter of the buffer for a block of keys, as many for its values; rows fill tiles as far as they fit.

        Raises
        ------
        Infeasible
            The buffer does not hold one key, one value and the Q, O, l and m of one query.
        """
        d, words = problem.head, arrays.buffer_bytes // arrays.word_bytes
        one = binding_for(arrays).held(arrays, d)
        keys = min(-(-words // (4 * d)), (words - one) // (2 * d), problem.keys)
        if keys < 1:
            parts = {"a key and a value": 2 * d, "a query with its state": one}
            raise no_room(f"{self.name}: einsum QK", {"m0": 1, "p0": 1, "e": d}, parts, arrays)
        rows = min((words - 2 * d * keys) // one, arrays.cols, problem.queries)
        return Plan(self.name, {"block_keys": keys, "block_rows": rows, "blocks": -(-problem.keys // keys)})

    def words(self, problem: Problem, plan: Plan) -> tuple[int, int]:
        """Words read and written, all instances: K and V once, Q, O, l and m in and O, l and m out per key block."""
        d = problem.head
        visits = sum(rows for _, rows in _key_blocks(problem, plan.number("block_keys")))
        read = 2 * d * problem.keys + visits * (2 * d + 2)
        return problem.instances * read, problem.instances * visits * (d + 2)

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """Tiles interleaved as in the 1-pass binding; every visit of a query to a block multiplies by l and divides."""
        keys, rows = plan.number("block_keys"), plan.number("block_rows")
        need = 2 * problem.head * keys + rows * binding_for(arrays).held(arrays, problem.head)
        if (
            not 1 <= keys <= problem.keys
            or not 1 <= rows <= arrays.cols
            or need * arrays.word_bytes > arrays.buffer_bytes
        ):
            raise BadInput(
                f"{self.name}: blocks of {keys} keys and {rows} query rows",
                right=f"up to {problem.keys} keys and {arrays.cols} rows, that fill at most {arrays.buffer_bytes} B; "
                f"these need {need * arrays.word_bytes} B",
            )
        visits, tiles, work = 0, 0, NO_WORK
        for start, visiting in _key_blocks(problem, keys):
            visits, tiles = visits + visiting, tiles + -(-visiting // rows)
            steps = tile_steps(problem.queries - visiting, problem.queries, rows)
            work += work_of(problem, FULL, arrays.rows, steps, (start, min(problem.keys, start + keys)))
        read, written = self.words(problem, plan)
        return interleaved(problem, arrays, Amounts(work, visits, tiles, read, written, renormalised=True))


def _key_blocks(problem: Problem, keys: int) -> list[tuple[int, int]]:
    """(first key, query rows that see any key of the block) of every block of keys."""
    group, offset = problem.heads // problem.kv_heads, problem.keys - problem.positions
    blind = (max(0, start - offset) * group if problem.causal else 0 for start in range(0, problem.keys, keys))
    return [(start, problem.queries - rows) for start, rows in zip(range(0, problem.keys, keys), blind, strict=True)]


DATAFLOWS = (Flash1(), Flash2())
