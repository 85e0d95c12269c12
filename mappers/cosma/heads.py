"""Tasks of an op of attention of which a group executes some heads, and perhaps some queries, at a time."""

from __future__ import annotations

from archsim.ir.affine import Affine
from archsim.ir.graph import Graph, Op, Repeat
from archsim.ir.mapping import Range
from archsim.mappers.cosma.use import HEAD, ROWS, SEQUENCE, Piece, Span, Use, Where, moving, on_chip, spans, told
from archsim.mappers.ops import arguments


def query_spans(use: Use) -> list[Span]:
    """Blocks of queries."""
    assert use.frame is not None
    queries = int(use.frame.dims["q"].at({}))
    return spans(queries, use.rows or queries, first=use.split)


def head_piece(graph: Graph, use: Use, span: Span) -> Piece:
    """The task of some heads of one sequence, and of a block of queries."""
    frame = use.frame
    assert frame is not None
    size = {name: int(frame.dims[name].at({})) for name in ("b", "h", "q", "d")}
    queries, seen = moving(span, ROWS), _seen(frame, span)
    outer = [(SEQUENCE, size["b"]), (HEAD, size["h"] // use.heads), (ROWS, span.count)]
    loops = tuple(Repeat(var, count, ()) for var, count in outer if count > 1)
    sequence, head = (Affine.var(var) if count > 1 else Affine(0) for var, count in outer[:2])
    args = arguments(use.op, graph)
    if use.op.kind == "softmax":
        row = sequence * (size["h"] * size["q"]) + head * (use.heads * size["q"]) + queries.start
        args |= {"m": Affine(use.heads * span.size), "n": seen}
        tile = {"m": Range(row, row + use.heads * span.size), "n": Range.of(0, seen)}
    else:
        one, heads = Affine(1), Affine(use.heads)
        args |= {"b": one, "h": heads, "kv": one, "q": Affine(span.size), "t": seen}
        tile = {name: Range.of(0, extent) for name, extent in use.op.dims.items()}
        tile |= {
            "b": Range(sequence, sequence + 1),
            "h": Range(head * use.heads, head * use.heads + use.heads),
            "q": queries,
            "t": Range.of(0, seen),
        }
    inputs = [name for name, where in use.inputs if where == Where.CHIP]
    outputs = [name for name, where in use.outputs if where == Where.CHIP]
    kept = stored_bytes(graph, use.op, _fetched(frame, span)) if on_chip(use.stored, first=span.first) else Affine(0)
    held = told(_amount(graph, use, inputs, span), kept, _amount(graph, use, outputs, span))
    return Piece({**args, **held}, tile, loops, span.first, more=frame.causal and not span.first)


def stored_bytes(graph: Graph, op: Op, keys: Affine) -> Affine:
    """Bytes of the keys or values of one KV head."""
    if op.kind == "softmax":
        return Affine(0)
    bits = graph.tensors[op.inputs[1]].dtype.bits * int(op.dims["d"].at({}))
    return keys * -(-bits // 8)


def _seen(frame: Op, span: Span) -> Affine:
    """Keys that the queries of a block see."""
    if not frame.causal:
        return frame.dims["t"]
    return frame.dims["t"] - frame.dims["q"] + moving(span, ROWS).stop


def _fetched(frame: Op, span: Span) -> Affine:
    """Keys that the blocks before have fetched."""
    if not frame.causal:
        return frame.dims["t"]
    return frame.dims["t"] - frame.dims["q"] + moving(span, ROWS).start


def _amount(graph: Graph, use: Use, names: list[str], span: Span) -> Affine:
    """Bytes of the blocks of some tensors: of rows of scores all keys, though a mask may hide some."""
    assert use.frame is not None
    total = Affine(0)
    for name in names:
        wide = any(dim == "t" for dim, _ in graph.tensors[name].dims)
        bits = use.heads * span.size * graph.tensors[name].dtype.bits
        total = total + (use.frame.dims["t"] if wide else use.frame.dims["d"]) * -(-bits // 8)
    return total
