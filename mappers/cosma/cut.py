"""In which blocks a group can go over its ops."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsim.ir.graph import Graph
from archsim.mappers.cosma.group import LOCAL, Group, activations, by_rows

ROW_PARTS = (1, 2, 4, 8, 32)
"""Into how many blocks rows are cut."""
COLUMN_PARTS = (2, 8, 32)
"""Into how many blocks columns are cut; the size is rounded up to a power of two, which arrays like."""
WIDE_PARTS = (2, 4, 8, 16)
"""The same for the output columns of a product by itself."""
DEEP_PARTS = (4, 32)
"""The same for its reduction."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How a group goes over its ops. Sizes of 0 mean all at once.

    Parameters
    ----------
    rows
        Rows of a block; of attention, queries.
    columns
        Columns that the ops from `start` to before `stop` make and sum up together, a block after the other.
    start, stop
        Places in the order of the graph's ops.
    stays
        Whether weights, or keys and values, stay for all blocks of rows.
    heads
        Of attention, how many query heads a block has; 0 where the group is none.
    wide
        Of a product by itself, output columns of a block.
    """

    rows: int = 0
    columns: int = 0
    start: int = 0
    stop: int = 0
    stays: bool = False
    heads: int = 0
    wide: int = 0

    def sums(self, place: int) -> bool:
        """Whether the op there sums up what the ops before make."""
        return bool(self.columns) and place == self.stop - 1

    def inside(self, place: int) -> bool:
        """Whether the op there runs once for every block of columns."""
        return bool(self.columns) and self.start <= place < self.stop


def cuts(graph: Graph, group: Group) -> Iterator[Cut]:
    """All that are tried, the coarsest first."""
    if group.kind == "heads":
        yield from _heads(group)
    elif group.kind == "rows":
        yield from _rows(graph, group)
    else:
        yield Cut()
        if group.ops[0].kind == "matmul" and by_rows(graph, group.ops[0]):
            yield from _product(group)


def _heads(group: Group) -> Iterator[Cut]:
    frame = group.frame
    assert frame is not None
    heads, kv, queries = (int(frame.dims[dim].at({})) for dim in ("h", "kv", "q"))
    for shared in dict.fromkeys((heads // kv, 1)):
        yield Cut(heads=shared)
    for rows in _parts(queries, ROW_PARTS[1:]):
        for stays in (False, True):
            yield Cut(rows=rows, stays=stays, heads=1)


def _rows(graph: Graph, group: Group) -> Iterator[Cut]:
    total = int(group.ops[0].dims["m"].at({}))
    has_weights = any(op.kind == "matmul" for op in group.ops)
    summed = list(_summed(group))
    for rows in _parts(total, ROW_PARTS):
        for stays in (False, True) if has_weights and rows < total else (False,):
            if rows < total:
                yield Cut(rows=rows, stays=stays)
            for start, stop in summed:
                width = int(group.ops[stop - 1 - group.first].dims["k"].at({}))
                for columns in _columns(width):
                    yield Cut(rows, columns, start, stop, stays)


def _product(group: Group) -> Iterator[Cut]:
    """Blocks of rows; or blocks of outputs, summed up on chip over blocks of the reduction."""
    (op,), place = group.ops, group.first
    rows, wide, deep = (int(op.dims[dim].at({})) for dim in "mnk")
    for block in _parts(rows, ROW_PARTS[1:]):
        yield Cut(block)
        yield Cut(block, stays=True)
    for block in _parts(rows, ROW_PARTS[:3]):
        for outputs in (0, *_columns(wide, WIDE_PARTS)):
            for columns in _columns(deep, DEEP_PARTS):
                yield Cut(block, columns, place, place + 1, wide=outputs)


def _parts(total: int, parts: tuple[int, ...]) -> list[int]:
    return list(dict.fromkeys(-(-total // part) for part in parts if part <= total))


def _columns(width: int, parts: tuple[int, ...] = COLUMN_PARTS) -> list[int]:
    found = (1 << (-(-width // part) - 1).bit_length() for part in parts if part <= width)
    return [size for size in dict.fromkeys(found) if size < width]


def _summed(group: Group) -> Iterator[tuple[int, int]]:
    """The longest runs of ops that make columns which the last of them, a product, is the only one to need."""
    for stop in range(group.first + 2, group.stop + 1):
        starts = [start for start in range(group.first, stop - 1) if _is_summed(group, start, stop)]
        if starts:
            yield starts[0], stop


def _is_summed(group: Group, start: int, stop: int) -> bool:
    ops = group.ops[start - group.first : stop - group.first]
    *makers, last = ops
    hidden = {name for op in makers for name in op.outputs}
    if last.kind != "matmul" or last.inputs[0] not in hidden or not hidden <= group.inside:
        return False
    if len(last.outputs) > 1 or any(start > place or place >= stop for name in hidden for place in group.readers(name)):
        return False
    for op in makers:
        alone = op.kind in LOCAL
        fresh = op.kind == "matmul" and hidden.isdisjoint(activations(op)) and len(op.outputs) == 1
        if op.dims["n"] != last.dims["k"] or not (alone or fresh):
            return False
    return True
