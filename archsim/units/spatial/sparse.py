"""Attention to some of the keys on spatial arrays: sliding window and Lambda shape; top-k is in `sparse_topk`.

Queries outside, keys inside, as flash2. Tiles that hold no needed score are neither loaded nor computed; a tile that
holds one is computed whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from archsim.core.errors import BadInput
from archsim.ir.capability import SpatialArrays
from archsim.units.spatial.dataflow import Dataflow
from archsim.units.spatial.flash import chosen_rows, resident_rows
from archsim.units.spatial.flash_steady import Amounts, interleaved
from archsim.units.spatial.problem import Plan, Problem, Steady
from archsim.units.spatial.sparse_pattern import Window
from archsim.units.spatial.sparse_tiles import keys_streamed, tile_work
from archsim.units.spatial.sparse_topk import TopK


@dataclass(frozen=True, slots=True)
class Sparse:
    """A pattern that is known before the run, tile by tile."""

    name: str
    pattern: Window

    def plan(self, problem: Problem, arrays: SpatialArrays) -> Plan:
        """The block of query rows that loads the fewest keys among those that the buffer holds.

        More rows are not always better: a block loads the keys of all its rows, rounded to tiles.
        """
        most = resident_rows(problem, arrays, self.name)
        sizes = [*range(arrays.cols, most + 1, arrays.cols)] or [most]
        rows = min(reversed(sizes), key=lambda size: keys_streamed(problem, self.pattern, arrays.rows, size))
        return Plan(self.name, {"block_rows": rows, "blocks": -(-problem.queries // rows)})

    def words(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> tuple[int, int]:
        """Words read and written, all instances: Q and O once, keys and values of the tiles that a block touches."""
        streamed = keys_streamed(problem, self.pattern, arrays.rows, chosen_rows(problem, arrays, plan))
        each = problem.instances * problem.head
        return each * (problem.queries + 2 * streamed), each * problem.queries

    def steady(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> Steady:
        """Tiles interleaved as in the 1-pass binding."""
        work = tile_work(problem, self.pattern, arrays.rows, arrays.cols, chosen_rows(problem, arrays, plan))
        read, written = self.words(problem, arrays, plan)
        tiles = -(-problem.queries // arrays.cols)
        return interleaved(problem, arrays, Amounts(work, problem.queries, tiles, read, written))

    def useful(self, problem: Problem, arrays: SpatialArrays, plan: Plan) -> tuple[int, int]:
        """Multiply-accumulates of both products, all instances: (of scores that are needed, of tiles computed)."""
        work = tile_work(problem, self.pattern, arrays.rows, arrays.cols, chosen_rows(problem, arrays, plan))
        each = 2 * problem.instances * problem.head
        return each * self.pattern.pairs(problem), each * work.scores


def window(size: int, name: str = "") -> Sparse:
    """Sliding window: a query sees the last `size` keys, its own included."""
    return Sparse(name or f"window:{size}", Window(size))


def lambda_shaped(sinks: int, size: int, name: str = "") -> Sparse:
    """The first `sinks` keys and the last `size`."""
    return Sparse(name or f"lambda:{sinks}+{size}", Window(size, sinks))


FORMS = {
    "window": (r"window:(\d+)", "window:4096, the keys a query sees"),
    "lambda": (r"lambda:(\d+)\+(\d+)", "lambda:4+4092, the first keys and the last ones"),
    "topk": (r"topk:(\d+)", "topk:2048, the keys that a tile of queries chooses"),
}
"""First word of a name -> its form, and an example with what its numbers mean."""


def parse(name: str) -> Dataflow | None:
    """The sparse dataflow of a name with sizes, ``window:4096``, ``lambda:4+4092`` or ``topk:2048``.

    None where the name is none of them; `BadInput` where it is one without proper sizes.
    """
    word, colon, _ = name.partition(":")
    if word not in FORMS or not colon:
        return None
    form, example = FORMS[word]
    match = re.fullmatch(form, name)
    if match is None:
        raise BadInput(f"{name!r} has no proper sizes", where="dataflow", right=f"like {example}")
    sizes = [int(size) for size in match.groups()]
    if word == "window":
        return window(sizes[0])
    return lambda_shaped(sizes[0], sizes[1]) if word == "lambda" else TopK(f"topk:{sizes[0]}", sizes[0])


DATAFLOWS: tuple[Dataflow, ...] = (
    window(4096, "window"),  # Mistral 7B, arXiv 2310.06825 [stated]
    lambda_shaped(4, 4092, "lambda"),  # StreamingLLM, arXiv 2309.17453: 4 sinks, cache of 4096 [stated]
    TopK("topk", 2048),  # DeepSeek-V3.2 selects 2048 keys [stated]; the selection here is another, see sparse_topk
)
"""Under their bare names with the sizes of a published model."""
