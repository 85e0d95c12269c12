"""How much of an attention lies in the buffer at once, and what transfers wait for so that nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archsim.ir.capability import SpatialArrays
from archsim.ir.mapping import After, Loop, Node, Task


def fits_ahead(arrays: SpatialArrays, columns: int, head: int, state: int, keys: int) -> bool:
    """Whether two sets of queries and one of results fit beside the running state and some keys and values.

    Keys and values need no second set: the next keys come while the array is at the exponentials and values of a group,
    the next values while it is at the scores of the next one.

    Parameters
    ----------
    arrays
        The machine.
    columns
        Queries of a block.
    head
        Head size, in words.
    state
        Words that a query keeps beside itself while the keys pass.
    keys
        Keys that are in the buffer at once.
    """
    words = arrays.buffer_bytes // arrays.word_bytes
    return columns * (3 * head + state) + 2 * keys * head <= words


@dataclass
class Row:
    """Some rows of keys in a loop, and the tasks that use them."""

    keys: str
    """Loads the keys."""
    values: str
    """Loads the values."""
    scores_last: str = ""
    """Reads the keys last."""
    values_last: str = ""
    """Reads the values last."""


def overwriting(rows: Sequence[Row]) -> Mapping[str, tuple[After, ...]]:
    """What loads of keys and values wait for: that those before them have been read for the last time.

    Queries need not wait: the results before them leave the buffer first.
    """
    return {
        load: tuple(After(getattr(row, last)) for row in rows)
        for one in rows
        for load, last in ((one.keys, "scores_last"), (one.values, "values_last"))
    }


def with_waits(node: Node, waits: Mapping[str, tuple[After, ...]]) -> Node:
    """The program with more to wait for."""
    if isinstance(node, Loop):
        return Loop(node.var, node.count, tuple(with_waits(inner, waits) for inner in node.body))
    more: Sequence[After] = waits.get(node.name, ())
    return replace(node, after=(*node.after, *more)) if more else node


def tasks_of(nodes: Sequence[Node]) -> list[Task]:
    """All tasks of some nodes."""
    return [t for node in nodes for t in ([node] if isinstance(node, Task) else tasks_of(node.body))]
