"""What tiles of the 1-pass cascade count, however the dataflow goes over them: operations, and words of the buffer."""

from __future__ import annotations

from collections.abc import Sequence

from archsim.units.spatial.onepass_cascade import EINSUMS, Binding, Einsum
from archsim.units.spatial.operators import COUNTERS
from archsim.units.spatial.problem import ARRAY, VECTOR, Problem
from archsim.units.spatial.sparse_tiles import TileWork


def operation_counts(
    binding: Binding,
    problem: Problem,
    work: TileWork,
    *,
    divided: int,
    loaded: int,
    besides: Sequence[tuple[Einsum, str]] = (),
) -> dict[str, dict[str, int]]:
    """Role -> counter -> count, of all instances.

    Scores that cross from array to array are written by one and read once by the other; results leave past the buffer.

    Parameters
    ----------
    binding
        Which array computes which einsum.
    problem
        The attention.
    work
        Tiles of one instance.
    divided
        Query rows of one instance that are divided by their sum, each time counted.
    loaded
        Words that the DRAM brings to the buffer, all instances.
    besides
        Einsums that the dataflow has besides those of the cascade, with the role of their array.
    """
    n, head = problem.instances, problem.head
    times = {"score": n * work.scores, "query": n * work.visits, "row": n * divided}
    counts: dict[str, dict[str, int]] = {ARRAY: {"buffer_write": loaded}, VECTOR: {}}
    bound = [(EINSUMS[name], role, binding.score_words(name)) for name, role in binding.roles.items()]
    for einsum, role, (crossed_in, crossed_out) in (*bound, *((extra, role, (0, 0)) for extra, role in besides)):
        mine, queries = counts[role], times["row" if einsum.scope == "row" else "query"]
        add(mine, COUNTERS[einsum.operator], times[einsum.scope] * einsum.depth.of(head))
        keys = n * work.keys * einsum.key_read.of(head)
        add(mine, "buffer_read", queries * einsum.query_read.of(head) + keys + crossed_in * times["score"])
        add(mine, "buffer_write", queries * einsum.query_written.of(head) + crossed_out * times["score"])
    return counts


def add(counts: dict[str, int], counter: str, count: int) -> None:
    """Raise a counter, which may not be there yet."""
    counts[counter] = counts.get(counter, 0) + count
