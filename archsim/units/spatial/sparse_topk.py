"""Top-k attention on spatial arrays: every tile of queries chooses the k keys it attends to.

The keys of a tile are shared, so that chosen keys fill whole tiles: a key's score for a tile is the product with the
sum of the tile's queries, which equals the sum of its scores with all of them. For one query it is plain top-k
attention. With a causal mask, only keys that every query of the tile sees are chosen from, and the tile's own positions
are always attended to.

Two phases. Choosing: queries are summed on the 1D array (POOL), the sums multiply all keys on the 2D array (SK), and
the k-th largest score is found by halving the range of its bits: a compare and a count per score and bit on the 1D
array (SEL) [assumed; exact and independent of the data]. Attending: chosen keys and values come from DRAM, packed, and
run as in the 1-pass binding. A tile with no more than k keys to choose from takes them all, unchosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.flash_steady import Amounts, finish, interleaved
from archsim.units.spatial.operators import operator_cycles
from archsim.units.spatial.problem import ARRAY, VECTOR, Plan, Problem, Steady
from archsim.units.spatial.room import no_room
from archsim.units.spatial.sparse_pattern import Chosen, row_positions
from archsim.units.spatial.sparse_tiles import NO_WORK, TileWork, query_blocks


@dataclass(frozen=True, slots=True)
class Selection:
    """One tile of queries."""

    first: int
    stop: int
    """Its query rows."""
    candidates: int
    """Keys to choose from: the first ones."""
    chosen: int
    local: int
    """Keys attended to in any case: the tile's own positions under a causal mask, right after the candidates."""

    @property
    def attended(self) -> int:
        """Keys that the tile computes."""
        return self.chosen + self.local

    @property
    def scored(self) -> int:
        """Keys whose score decides: none where all candidates are taken."""
        return self.candidates if self.chosen < self.candidates else 0


@dataclass(frozen=True, slots=True)
class TopK:
    """The k best keys of every tile of queries."""

    name: str
    k: int

    def __post_init__(self) -> None:
        if self.k < 1:
            raise BadInput(f"top-k of {self.k} keys", where="dataflow", right="at least 1", try_="topk:2048")

    @property
    def pattern(self) -> Chosen:
        """What it is measured against: attending alone, since choosing may be done with less than all keys."""
        return Chosen(self.k)

    def selections(self, problem: Problem, cols: int) -> Iterator[Selection]:
        """All tiles of `cols` query rows of one instance."""
        offset = problem.keys - problem.positions
        for first, stop in query_blocks(problem, cols):
            start, end = row_positions(problem, first, stop)
            candidates, local = (offset + start, end - start) if problem.causal else (problem.keys, 0)
            yield Selection(first, stop, candidates, min(self.k, candidates), local)

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """How many tiles choose together, so that the fewest keys are loaded: more are better except for ragged ends.

        Raises
        ------
        Infeasible
            The scores of one tile with all keys do not fit the buffer.
        """
        scored = [tile.scored for tile in self.selections(problem, arrays.cols) if tile.scored]
        counts = range(self._most_together(problem, arrays), 0, -1)
        return Plan(self.name, {"together": min(counts, key=lambda count: sum(_streamed(scored, count)))})

    def _most_together(self, problem: Problem, arrays: SpatialArrays) -> int:
        """Tiles of queries whose scores fit the buffer beside a tile of keys, one for each column at most."""
        d, words = problem.head, arrays.buffer_bytes // arrays.word_bytes
        tile = min(arrays.rows, problem.keys) * d
        together = (words - tile) // (d + problem.keys)
        if together < 1:
            parts = {"K": tile, "a summed query and its scores of all keys": d + problem.keys}
            raise no_room(f"{self.name}: einsum SK", {"m": problem.keys, "p1": 1, "e": d}, parts, arrays)
        return min(together, arrays.cols)

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """Choosing, then attending; each phase the longer of arrays and DRAM."""
        together, most = plan.number("together"), self._most_together(problem, arrays)
        if not 1 <= together <= most:
            raise BadInput(f"{self.name}: {together} tiles choose together", right=f"1..{most}, as the buffer holds")
        tiles = list(self.selections(problem, arrays.cols))
        attending = interleaved(problem, arrays, self._attending(problem, arrays, tiles))
        if not any(tile.scored for tile in tiles):
            return attending
        choosing = self._choosing(problem, arrays, tiles, together)
        return Steady(
            cycles=choosing.cycles + attending.cycles,
            seconds=choosing.seconds + attending.seconds,
            busy={role: choosing.busy[role] + attending.busy[role] for role in (ARRAY, VECTOR)},
            einsums={**choosing.einsums, **attending.einsums},
            read=choosing.read + attending.read,
            written=choosing.written + attending.written,
            counts={role: _added(choosing.counts[role], attending.counts[role]) for role in (ARRAY, VECTOR)},
        )

    def _attending(self, problem: Problem, arrays: SpatialArrays, tiles: list[Selection]) -> Amounts:
        n, d, queries = problem.instances, problem.head, problem.queries
        counts = [-(-tile.attended // arrays.rows) for tile in tiles]
        widths = [tile.stop - tile.first for tile in tiles]
        keys = sum(tile.attended for tile in tiles)
        work = TileWork(
            tiles=sum(counts),
            visits=sum(width * count for width, count in zip(widths, counts, strict=True)),
            scores=sum(width * tile.attended for width, tile in zip(widths, tiles, strict=True)),
            keys=keys,
        )
        return Amounts(work, queries, len(tiles), read=n * d * (queries + 2 * keys), written=n * d * queries)

    def _choosing(self, problem: Problem, arrays: SpatialArrays, tiles: list[Selection], together: int) -> Steady:
        n, d, bits = problem.instances, problem.head, 8 * arrays.word_bytes
        choosers = [tile for tile in tiles if tile.scored]
        streamed = _streamed([tile.scored for tile in choosers], together)
        pooled = sum(tile.stop - tile.first for tile in choosers)
        scores = sum(tile.scored for tile in choosers)
        mac = operator_cycles(arrays, ARRAY, "mac", "SK", "m,e")
        add = operator_cycles(arrays, VECTOR, "add", "POOL", "p,e")
        halving = sum(operator_cycles(arrays, VECTOR, name, "SEL", "m") for name in ("max", "add"))
        einsums = {
            "SK": (ARRAY, Fraction(n * d * mac * sum(-(-keys // arrays.rows) for keys in streamed))),
            "POOL": (VECTOR, Fraction(n * pooled * d * add, arrays.lanes)),
            "SEL": (VECTOR, Fraction(n * scores * bits * halving, arrays.lanes)),
        }
        share = Fraction(-(-n // arrays.copies), n)
        longest = max(einsums["SK"][1], einsums["POOL"][1] + einsums["SEL"][1]) * share
        amounts = Amounts(NO_WORK, 0, 0, read=n * d * (pooled + sum(streamed)), written=0)
        counts = {
            ARRAY: {
                "mac": n * d * scores,
                "buffer_read": n * d * (len(choosers) + sum(streamed)),
                "buffer_write": amounts.read,
            },
            VECTOR: {
                "add": n * (pooled * d + scores * bits),
                "max": n * scores * bits,
                "buffer_read": n * (pooled * d + scores * bits),
                "buffer_write": n * (len(choosers) * d + scores),
            },
        }
        return finish(arrays, longest, einsums, amounts, counts)


def _streamed(scored: list[int], together: int) -> list[int]:
    """Keys that are loaded for each group of tiles that choose together: those of its last one, which sees the most."""
    return scored[together - 1 :: together] + (scored[-1:] if len(scored) % together else [])


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}
