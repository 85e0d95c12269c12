"""What tasks wait for in units before theirs: room in the buffer, and what is to be completed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from archsim.ir.mapping import After, Loop, Node
from archsim.mappers.spatial.emitted import Emitted
from archsim.mappers.spatial.room import Room
from archsim.mappers.spatial.turns import Turns

Waits = Mapping[str, Sequence[After]]


def waits(turns: Turns[Emitted], room: Room, far: int) -> Waits:
    """Task -> what else it waits for.

    Which unit came before depends on the loops around: all that may have are waited for, since the latest of them has
    waited for the others. `far` is how many instances of a task a wait may lie back, all of which are remembered.
    """
    out: dict[str, list[After]] = defaultdict(list)
    for index, unit in enumerate(turns.parts):
        before = turns.before(index)
        for loads, lasts, rows in (
            (unit.keys, "scores_last", room.keys),
            (unit.values, "values_last", room.values),
        ):
            for row, task in enumerate(loads):
                out[task] += _replaced(unit, before, lasts, row, rows, far)
        if unit.queries and not room.queries:
            out[unit.queries] += [After(other.scores_last[-1]) for other in before if other.scores_last]
        for tail in unit.tails:
            for other in before:
                if tail.cell < len(other.cells):
                    out[tail.task].append(After(other.cells[tail.cell][tail.source], int(tail.again and other is unit)))
                if other.stores and not other.first and not room.results:
                    out[tail.task].append(After(other.stores[-1]))
            if unit.first and not room.results:
                out[tail.task].append(After(unit.stores[-1]))
        if not room.results:
            # Sums and results take the place of the last block's, which must have left.
            left = [other.stores[-1] for other in (unit, *before) if other.stores and (other is unit or not other.keys)]
            for task in unit.results:
                out[task] += [After(store) for store in left]
    for task, ends in _in_step(turns):
        out[task] += [After(end) for end in ends]
    return {task: tuple(dict.fromkeys(found)) for task, found in out.items()}


def _replaced(unit: Emitted, before: Sequence[Emitted], lasts: str, row: int, rows: int, far: int) -> Iterator[After]:
    """The last reader of what a row replaces in the buffer, where that holds so many rows.

    Rows with many groups of tiles in loops take long enough for one row to be there in time.
    """
    mine: list[str] = getattr(unit, lasts)
    rows = min(rows, 1 + far // max(unit.per)) if max(unit.per) > 1 else rows
    if row >= rows:
        yield After(mine[row - rows])
        return
    if unit.count > 1:
        yield _back(unit, mine, rows - row, row, unit)
    for other in before:
        if other.per:
            yield _back(other, getattr(other, lasts), 1 if max(other.per) > max(1, far) else rows - row, row, unit)


def _back(other: Emitted, names: Sequence[str], rows: int, row: int, unit: Emitted) -> After:
    """The reader of the row that lies so many rows before the end of a unit, or of its first one."""
    size = len(names)
    if unit is not other:
        rows = min(rows, size * other.count)
    index = -rows % size
    turns = -(-rows // size) - 1
    if unit is other and index < row:
        turns += 1
    return After(names[index], turns * other.per[index])


def _in_step(turns: Turns[Emitted]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The first task of each group waits for that part of those that may come before it which keeps arrays in step."""
    for number, unit in enumerate(turns.parts):
        for index, (first, end, again) in enumerate(unit.groups):
            if index:
                yield first, unit.groups[index - 1][1]
            else:
                for other in turns.before(number):
                    if other.groups:
                        yield first, other.groups[-1][1]
                if unit.count > 1:
                    yield first, unit.groups[-1][1]
            if again:
                yield first, end


def with_waits(node: Node, found: Waits) -> Node:
    """The program with more to wait for."""
    if isinstance(node, Loop):
        return Loop(node.var, node.count, tuple(with_waits(inner, found) for inner in node.body))
    more = found.get(node.name, ())
    return replace(node, after=(*node.after, *more)) if more else node
