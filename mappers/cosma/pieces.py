"""The tasks of a use, and what they cost together."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as ReadOnly
from dataclasses import dataclass, field

import numpy as np

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph, Repeat, occurrences
from archsim.ir.mapping import Range
from archsim.ir.opblock import op_call
from archsim.mappers.cosma.heads import head_piece, query_spans
from archsim.mappers.cosma.price import Args, Costs, Prices
from archsim.mappers.cosma.rows import column_spans, row_args, row_piece, row_spans
from archsim.mappers.cosma.use import Piece, Use, Where, told
from archsim.mappers.ops import arguments

SMALL = 8
"""An op that moves nothing twice with one part in so many of the scratchpad is not cut by itself."""


@dataclass
class Pieces:
    """Makes tasks of uses and prices them."""

    graph: Graph
    prices: Prices
    amounts: ReadOnly[str, Affine]
    """Tensor that can stay as a whole -> its bytes."""
    known: dict[tuple[object, ...], Costs] = field(default_factory=dict)

    def of(self, use: Use) -> list[list[Piece]]:
        """Tasks by block of rows, and in it by block of columns."""
        if use.heads:
            return [[head_piece(self.graph, use, span)] for span in query_spans(use)]
        if not use.rows:
            return [[self._whole(use)]]
        columns = column_spans(use)
        return [[row_piece(self.graph, use, row, wide, column) for column in columns] for row, wide in row_spans(use)]

    def costs(self, use: Use) -> Costs:
        """What a use costs for every room."""
        key = (
            use.op.name, use.rows, use.wide, use.columns, use.part, use.heads, use.inputs, use.outputs, use.stored,
            use.ends,
        )  # fmt: skip
        if key not in self.known:
            around = self.graph.ops[use.op.name][1]
            total = np.zeros((2, len(self.prices.rooms)), dtype=np.int64)
            for args, loops in self._priced(use):
                total += self.prices.over_rooms(use.op.kind, args, (*around, *loops))
            self.known[key] = total
        return self.known[key]

    def exactly(self, use: Use, metric: int) -> int:
        """What a use costs with the whole scratchpad for tiles, every iteration priced."""
        around = self.graph.ops[use.op.name][1]
        priced = self._priced(use)
        return sum(self.prices.in_all(use.op.kind, args, (*around, *loops))[metric] for args, loops in priced)

    def is_least(self, use: Use) -> bool:
        """Whether a whole op moves each of its operands once, even with a small part of the scratchpad for tiles."""
        (((piece,),), around) = self.of(use), self.graph.ops[use.op.name][1]
        once = 0
        for env, times in occurrences(piece.args.values(), around):
            call = op_call(use.op.kind, {name: int(size.at(env)) for name, size in piece.args.items()})
            once += times * (call.bytes_in + call.bytes_out - call.held_in - call.held_out)
        rooms = self.prices.rooms
        small = next(i for i, room in enumerate(rooms) if room * SMALL <= rooms[0] or i == len(rooms) - 1)
        return bool(self.costs(use)[1][small] <= once)

    def _priced(self, use: Use) -> Iterator[tuple[Args, tuple[Repeat, ...]]]:
        """Arguments of the tasks and loops around them."""
        if use.rows and not use.heads:
            columns = column_spans(use)
            for row, wide in row_spans(use):
                for column in columns:
                    yield row_args(self.graph, use, row, wide, column)
        else:
            for pieces in self.of(use):
                for piece in pieces:
                    yield piece.args, piece.loops

    def _whole(self, use: Use) -> Piece:
        found = [name for name, where in use.inputs if where == Where.CHIP]
        left = [name for name, where in use.outputs if where == Where.CHIP]
        held = told(self._sum(found), Affine(0), self._sum(left))
        tile = {name: Range.of(0, size) for name, size in use.op.dims.items()}
        return Piece({**arguments(use.op, self.graph), **held}, tile, ())

    def _sum(self, names: list[str]) -> Affine:
        return sum((self.amounts[name] for name in names), Affine(0))
