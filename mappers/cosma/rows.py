"""Tasks of an op of which a group executes some rows, and perhaps some columns, at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph, Op, Repeat, Role
from archsim.ir.mapping import Range
from archsim.mappers.cosma.use import COLUMNS, ROWS, WIDE, Piece, Span, Use, Where, moving, on_chip, spans, told
from archsim.mappers.ops import arguments

ALL = Span(0, 0, 1, first=True, last=True)
"""What is not cut."""


def row_bits(graph: Graph, op: Op, name: str) -> int:
    """Bits of a tensor that belong to a row of an op."""
    return graph.tensors[name].bits({}) // int(op.dims["m"].at({}))


def weight_bits(graph: Graph, op: Op) -> int:
    """Bits of a product's matrix; gains and biases are small and come with every block."""
    if op.kind != "matmul":
        return 0
    return sum(graph.tensors[name].bits({}) for name in op.inputs if graph.tensors[name].role == Role.WEIGHT)


def row_spans(use: Use) -> list[tuple[Span, Span]]:
    """Blocks of rows, and in each of them of output columns where a product is cut so."""
    rows = spans(_extent(use, "m"), use.rows, first=use.split)
    wide = spans(_extent(use, "n"), use.wide) if use.wide else [ALL]
    return [(row, outputs) for row in rows for outputs in wide]


def column_spans(use: Use) -> list[Span]:
    """Blocks of columns; one of all where the op is not cut so."""
    return spans(_extent(use, _dim(use)), use.columns, first=use.ends[0], last=use.ends[1]) if use.part else [ALL]


def row_piece(graph: Graph, use: Use, row: Span, wide: Span, column: Span) -> Piece:
    """The task of a block of rows and columns."""
    args, loops = row_args(graph, use, row, wide, column)
    tile = {name: Range.of(0, size) for name, size in use.op.dims.items()}
    for dim, span, var in _cuts(use, row, wide, column):
        tile[dim] = moving(span, var)
    return Piece(args, tile, loops, row.first, column.first, column.last)


def row_args(
    graph: Graph, use: Use, row: Span, wide: Span, column: Span
) -> tuple[dict[str, Affine], tuple[Repeat, ...]]:
    """The arguments of that task and the loops around it, which are all that its price asks for."""
    args, cuts = arguments(use.op, graph), _cuts(use, row, wide, column)
    for dim, span, _ in cuts:
        args[dim] = Affine(span.size)
    kept = 0
    if on_chip(use.stored, first=row.first):
        stored = weight_bits(graph, use.op)
        for dim, span, _ in cuts[1:]:
            stored = stored * span.size // _extent(use, dim)
        kept = -(-stored // 8)
    block = _Block(graph, use, row.size, wide, column)
    found = (name for name, where in use.inputs if on_chip(where, first=column.first))
    left = (name for name, where in use.outputs if where == Where.CHIP or (where == Where.SUMS and not column.last))
    held = told(block.amount(found), Affine(kept), block.amount(left))
    return {**args, **held}, tuple(Repeat(var, span.count, ()) for _, span, var in cuts if span.count > 1)


def _cuts(use: Use, row: Span, wide: Span, column: Span) -> list[tuple[str, Span, str]]:
    """Dims that are cut: the block of each, and the loop variable that it moves with."""
    cuts = [("m", row, ROWS)]
    cuts += [("n", wide, WIDE)] if use.wide else []
    cuts += [(_dim(use), column, COLUMNS)] if use.part else []
    return cuts


def _extent(use: Use, dim: str) -> int:
    return int(use.op.dims[dim].at({}))


def _dim(use: Use) -> str:
    return "k" if use.part == "summed" else "n"


@dataclass(frozen=True, slots=True)
class _Block:
    """A block of an op's rows and columns."""

    graph: Graph
    use: Use
    rows: int
    wide: Span
    column: Span

    def amount(self, names: Iterable[str]) -> Affine:
        """Bytes of the blocks of some tensors."""
        return Affine(sum(-(-self.rows * self._bits(name) // 8) for name in names))

    def _bits(self, name: str) -> int:
        """Bits of a row, as far as the block has its columns."""
        use, bits = self.use, row_bits(self.graph, self.use.op, name)
        if use.wide and name in use.op.outputs:
            bits = bits * self.wide.size // _extent(use, "n")
        if self._is_cut(name):
            bits = bits * self.column.size // _extent(use, _dim(use))
        return bits

    def _is_cut(self, name: str) -> bool:
        if self.use.part == "summed":
            return name in self.use.op.inputs
        return self.use.part == "made" and (name in self.use.op.outputs or self.use.op.kind != "matmul")
