"""How much of an attention lies in the buffer at once, and what transfers wait for so that nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from archsim.ir.capability import SpatialArrays
from archsim.ir.mapping import After, Loop, Node


class Ahead(Enum):
    """What two sets of fit the buffer."""

    ALL = "queries and results"
    QUERIES = "queries"
    NOTHING = "nothing"


def fits_ahead(arrays: SpatialArrays, columns: int, head: int, state: int, keys: int) -> Ahead:
    """What two sets of fit beside the running state and some keys and values.

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
    words = arrays.buffer_bytes // arrays.word_bytes - 2 * keys * head
    if columns * (3 * head + state) <= words:
        return Ahead.ALL
    return Ahead.QUERIES if columns * (2 * head + state) <= words else Ahead.NOTHING


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
    groups: list[tuple[str, str]] = field(default_factory=list)
    """Of every group of tiles, the first task and the one that the next group's first task waits for."""


def in_turn(blocks: Sequence[Sequence[Row]]) -> Mapping[str, tuple[After, ...]]:
    """What loads of keys and values wait for, so that nothing is overwritten too early, and groups for those before.

    Loads wait until the rows before them have been read for the last time. Which rows, or group, came before depends on
    the loops around: the one that stands before, or the last one of a loop's body. All of these are waited for, since
    the latest one has waited for the others. Queries need not wait: the results before them leave the buffer first.
    """
    out: dict[str, tuple[After, ...]] = {}
    rows = [row for block in blocks for row in block]
    groups = [group for row in rows for group in row.groups]
    row_at = group_at = 0
    for block in blocks:
        for row in block:
            before = _once(rows[max(0, row_at - 1)], row, block[-1], rows[-1])
            out[row.keys] = tuple(After(other.scores_last) for other in before)
            out[row.values] = tuple(After(other.values_last) for other in before)
            row_at += 1
            for group in row.groups:
                ends = (groups[max(0, group_at - 1)], group, row.groups[-1], block[-1].groups[-1], groups[-1])
                out[group[0]] = tuple(After(end) for end in dict.fromkeys(end for _, end in ends))
                group_at += 1
    return out


def _once(*rows: Row) -> list[Row]:
    return list({row.keys: row for row in rows}.values())


def with_waits(node: Node, waits: Mapping[str, tuple[After, ...]]) -> Node:
    """The program with more to wait for."""
    if isinstance(node, Loop):
        return Loop(node.var, node.count, tuple(with_waits(inner, waits) for inner in node.body))
    more: Sequence[After] = waits.get(node.name, ())
    return replace(node, after=(*node.after, *more)) if more else node
