"""The program: a task per op or block, in the loops of its group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field, replace
from itertools import groupby

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph, Item, Repeat
from archsim.ir.mapping import After, Loop, Mapping, Node, Task
from archsim.mappers.cosma.pieces import Pieces
from archsim.mappers.cosma.place import Homes
from archsim.mappers.cosma.use import COLUMNS, HEAD, SEQUENCE, Piece, Use, Where, on_chip


@dataclass
class Emitter:
    """Turns segments into tasks and loops.

    Parameters
    ----------
    graph, base
        The workload, and its mapping op by op, whose waits and prices the tasks keep.
    pieces, homes
        What makes tasks, and the names of what is on chip.
    reasons
        For each segment why it is one.
    """

    graph: Graph
    base: Mapping
    pieces: Pieces
    homes: Homes
    reasons: Sequence[str]
    names: dict[str, list[str]] = field(default_factory=dict)

    def body(self) -> tuple[Node, ...]:
        """The program of the graph."""
        self.tasks = {task.op: task for task, _ in self.base.walk()}
        starts = {segment.group.first: at for at, segment in enumerate(self.homes.segments)}
        place = {name: i for i, name in enumerate(self.graph.ops)}

        def visit(items: tuple[Item, ...]) -> Iterator[Node]:
            for item in items:
                if isinstance(item, Repeat):
                    yield Loop(item.var, item.count, tuple(visit(item.body)))
                elif place[item.name] in starts:
                    yield from self._segment(starts[place[item.name]])

        return tuple(self._waiting(node) for node in tuple(visit(self.graph.items)))

    def _segment(self, at: int) -> Iterator[Node]:
        """Blocks of rows, in them ops, and where columns are cut blocks of columns and their ops.

        Of attention all blocks of queries of a head come before the next head, since its keys and values stay.
        """
        plan = self.homes.plans[at]
        made = [self.pieces.of(use) for use in plan.uses]
        shared = [loop for loop in made[0][0][0].loops if loop.var in (SEQUENCE, HEAD)]
        body = [node for row in range(len(made[0])) for node in self._rows(at, [pieces[row] for pieces in made])]
        yield from _around(shared, body)

    def _rows(self, at: int, made: Sequence[Sequence[Piece]]) -> tuple[Node, ...]:
        """One block of rows, or several equal ones in a loop; `made` has for each op its blocks of columns."""
        plan, told = self.homes.plans[at], self.homes.told(at)
        body: list[Node] = []
        for part, run in groupby(range(len(plan.uses)), key=lambda i: bool(plan.uses[i].part)):
            ops = list(run)
            for column in range(len(made[ops[0]])):
                pieces = [(plan.uses[i], made[i][column]) for i in ops]
                tasks = tuple(self._task(at, use, piece, told) for use, piece in pieces)
                body += _around([loop for loop in pieces[0][1].loops if part and loop.var == COLUMNS], tasks)
        return _around([loop for loop in made[0][0].loops if loop.var not in (SEQUENCE, HEAD, COLUMNS)], body)

    def _task(self, at: int, use: Use, piece: Piece, told: ReadOnly[str, tuple[str, bool]]) -> Task:
        base, known = self.tasks[use.op.name], self.names.setdefault(use.op.name, [])
        known.append(use.op.name + (f".{len(known) + 1}" if known else ""))
        room = self.homes.tiled(at)
        args = dict(piece.args)
        if room != self.homes.rooms[0]:
            args["room"] = Affine(room)
        reads, writes = _operands(use, piece, told)
        notes = (base.why, self.reasons[at], _listed("in the scratchpad", reads, told), _listed("stays", writes, told))
        return replace(
            base,
            name=known[-1],
            args=args,
            tile=piece.tile,
            reads=reads,
            writes=writes,
            why="; ".join(note for note in notes if note),
        )

    def _waiting(self, node: Node) -> Node:
        """With waits for the tasks of an op in place of the op."""
        if isinstance(node, Loop):
            return replace(node, body=tuple(self._waiting(inner) for inner in node.body))
        after = tuple(After(name, wait.distance) for wait in node.after for name in self.names[wait.task])
        return replace(node, after=after)


def _around(loops: Sequence[Repeat], body: Sequence[Node]) -> tuple[Node, ...]:
    """A body in loops, the outermost first."""
    found = tuple(body)
    for loop in reversed(loops):
        found = (Loop(loop.var, loop.count, found),)
    return found


def _operands(use: Use, piece: Piece, told: ReadOnly[str, tuple[str, bool]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of what a task reads and writes: of a tensor, or of the part or copy of it that is on chip."""
    inputs, outputs = dict(use.inputs), dict(use.outputs)
    reads, writes = [], []
    for name in use.op.inputs:
        first = piece.first if name in inputs else piece.opening
        kept = name in told and on_chip(inputs.get(name, use.stored), first=first)
        fetched = not kept or (piece.more and name not in inputs)
        reads += [told[name][0]] if kept else []
        reads += [name] if fetched else []
        if fetched and name in told:
            writes.append(told[name][0])
    for name in use.op.outputs:
        where, (chip, only) = outputs.get(name, Where.MEMORY), told.get(name, ("", False))
        if chip and (where == Where.CHIP or (where == Where.SUMS and not piece.last)):
            writes.append(chip)
        else:
            writes += [name] if not chip or only else [name, chip]
    return tuple(reads), tuple(dict.fromkeys(writes))


def _listed(word: str, names: tuple[str, ...], told: ReadOnly[str, tuple[str, bool]]) -> str:
    here = [name for name in names if any(name == chip for chip, _ in told.values())]
    return f"{word}: {', '.join(here)}" if here else ""
