"""What each kind of op means on a tile: the part of its outputs that a tile of its iteration space gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from archsim.ir.execute.layout import Array, Ints, Tile, first_row, span, split
from archsim.ir.execute.plain import Run
from archsim.ir.execute.whole import EPSILON, activation

Read = Callable[[str], Array]
"""Tensor -> its array as the task finds it; not a number where nothing is."""


@dataclass(frozen=True)
class Part:
    """A part of a tensor."""

    tensor: str
    index: tuple[Any, ...]
    """Where in the tensor, as numpy indexes."""
    values: Array
    share: int = 1
    """How much of the reduction this is; `Part.total` is all of it."""
    total: int = 1


@dataclass(frozen=True)
class Doing:
    """An execution of an op as a task does it."""

    run: Run
    read: Read
    order: Sequence[str]
    """Dims of the rows of a softmax, the slowest first."""
    scale: float
    """What scores are multiplied by here; another task may do that."""
    cut: int = 0
    """Longest part of a reduction that is added up in one; 0 is all of it."""


def parts(doing: Doing, tile: Tile) -> list[list[Part]]:
    """What a tile gives: parts of the outputs. Where a reduction is cut, a list for each of its segments."""
    return _KINDS[doing.run.op.kind](doing, tile)


def _segments(doing: Doing, bounds: tuple[int, int]) -> list[tuple[int, int]]:
    step = doing.cut or bounds[1] - bounds[0]
    return list(pairwise([*range(bounds[0], bounds[1], step), bounds[1]]))


def _columns(doing: Doing, tile: Tile, rows: Ints, y: Array, share: int = 1, total: int = 1) -> list[Part]:
    """Columns of rows, dealt out to outputs that stand side by side."""
    op = doing.run.op
    widths = [_width(doing, name) for name in op.outputs]
    return [
        Part(op.outputs[i], np.ix_(rows, own), y[:, here], share, total) for i, own, here in split(widths, tile["n"])
    ]


def _width(doing: Doing, name: str) -> int:
    return int(doing.read(name).shape[-1])


def _elementwise(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, (a, b) = span(tile["m"]), tile["n"]
    x = doing.read(doing.run.op.inputs[0])[rows, a:b]
    return [_columns(doing, tile, rows, activation(doing.run.op.kind, x))]


def _pair(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, (a, b) = span(tile["m"]), tile["n"]
    x, y = (doing.read(name) for name in doing.run.op.inputs)
    times = len(x) // len(y)
    first, second = x[rows, a:b], y[rows // times, a:b]
    return [_columns(doing, tile, rows, first + second if doing.run.op.kind == "add" else first * second)]


def _norm(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, (a, b), op = span(tile["m"]), tile["n"], doing.run.op
    x = doing.read(op.inputs[0])
    x = x[first_row(op, len(x), op.extents(doing.run.env)["m"]) + rows]
    if op.kind == "layernorm":
        x = x - x.mean(axis=1, keepdims=True)
    y = (x / np.sqrt((x**2).mean(axis=1, keepdims=True) + EPSILON))[:, a:b] * doing.read(op.inputs[1])[a:b]
    return [_columns(doing, tile, rows, y + doing.read(op.inputs[2])[a:b] if len(op.inputs) > 2 else y)]


def _matmul(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, columns, op = span(tile["m"]), slice(*tile["n"]), doing.run.op
    x, w = (doing.read(name) for name in op.inputs[:2])
    size = op.extents(doing.run.env)
    taken, total = first_row(op, len(x), size["m"]) + rows, size["k"]
    return [
        _columns(doing, tile, rows, x[taken, a:b] @ w[columns, a:b].T, b - a, total)
        for a, b in _segments(doing, tile["k"])
    ]


def _embedding(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, (a, b), op = span(tile["m"]), tile["n"], doing.run.op
    table = doing.read(op.inputs[0])
    wanted = doing.read(op.inputs[1])[rows] if len(op.inputs) > 1 else doing.run.rows[rows].astype(np.float64)
    known = (wanted >= 0) & (wanted < len(table))
    y = np.where(known[:, None], table[np.where(known, wanted, 0).astype(np.int64), a:b], np.nan)
    return [_columns(doing, tile, rows, y)]


def _argmax(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, op = span(tile["m"]), doing.run.op
    x = doing.read(op.inputs[0])[rows]
    y = np.where(np.isnan(x).any(axis=1), np.nan, np.nan_to_num(x).argmax(axis=1))
    return [[Part(op.outputs[0], (rows,), y)]]


def _rope(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, run = span(tile["m"]), doing.run
    d = run.frame.d
    position = run.frame.positions(rows)[:, None]
    x = np.concatenate([doing.read(name)[rows] for name in run.op.inputs], axis=1)
    columns = span(tile["n"])
    at = columns % d
    paired = at < d // 2 * 2
    other = np.where(paired, columns + np.where(at % 2 == 0, 1, -1), columns)
    angle = np.where(paired, position * 10000.0 ** (-(at // 2 * 2) / d), 0.0)
    sign = np.where(at % 2 == 0, -1.0, 1.0)
    return [_columns(doing, tile, rows, x[:, columns] * np.cos(angle) + sign * x[:, other] * np.sin(angle))]


def _kv_append(doing: Doing, tile: Tile) -> list[list[Part]]:
    rows, run = span(tile["m"]), doing.run
    f = run.frame
    out = []
    for i, own, _ in split([_width(doing, name) for name in run.op.inputs], tile["n"]):
        r, c = np.meshgrid(rows, own, indexing="ij")
        index = (r % f.b, c // f.d, f.t - f.q + r // f.b, c % f.d)
        out.append(Part(run.op.outputs[i], index, doing.read(run.op.inputs[i])[r, c]))
    return [out]


def _scores(doing: Doing, tile: Tile) -> list[list[Part]]:
    run = doing.run
    f, (b, h, q, t) = run.frame, (span(tile[dim]) for dim in "bhqt")
    queries, keys = (doing.read(name) for name in run.op.inputs)
    row = f.rows(b[:, None], q[None, :])
    shared = h // (f.h // f.kv)
    y = np.zeros((len(b), len(h), len(q), len(t)))
    for d in range(*tile["d"]):
        mine = queries[row[:, None, :], (h * f.d + d)[None, :, None]]
        y += mine[..., None] * keys[b[:, None, None], shared[None, :, None], t[None, None, :], d][:, :, None, :]
    if run.op.causal:
        y[:, :, t >= f.seen(q, causal=True)[:, None]] = -np.inf
    part = Part(run.op.outputs[0], np.ix_(b, h, q, t), y * doing.scale, tile["d"][1] - tile["d"][0], f.d)
    return [[part]]


def _softmax(doing: Doing, tile: Tile) -> list[list[Part]]:
    run, rows, n = doing.run, span(tile["m"]), span(tile["n"])
    x = doing.read(run.op.inputs[0])
    scale = doing.scale
    if x.ndim == 2:
        return [[Part(run.op.outputs[0], np.ix_(rows, n), softmax(x[rows] * scale, None)[:, n])]]
    b, h, q = run.frame.score_rows(rows, doing.order)
    seen = run.frame.seen(q, causal=run.op.causal)
    y = softmax(x[b, h, q] * scale, seen)[:, n]
    return [[Part(run.op.outputs[0], (b[:, None], h[:, None], q[:, None], n[None, :]), y)]]


def softmax(x: Array, seen: Ints | None) -> Array:
    """Of every row; of the first `seen` entries of each where that is given, zero for the others."""
    if seen is not None:
        x = np.where(np.arange(x.shape[1]) < seen[:, None], x, -np.inf)
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _values(doing: Doing, tile: Tile) -> list[list[Part]]:
    run = doing.run
    f, (b, h, q) = run.frame, (span(tile[dim]) for dim in "bhq")
    probs, cache = (doing.read(name) for name in run.op.inputs)
    shared = h // (f.h // f.kv)
    out = []
    for first, last in _segments(doing, tile["t"]):
        p = probs[np.ix_(b, h, q, np.arange(first, last))]
        v = cache[np.ix_(b, shared, np.arange(first, last), span(tile["d"]))]
        if run.op.causal:  # what no query sees is never written
            p = np.where(np.arange(first, last) < f.seen(q, causal=True)[:, None], p, 0.0)
        row = f.rows(b[:, None, None, None], q[None, None, :, None])
        column = h[None, :, None, None] * f.d + span(tile["d"])[None, None, None, :]
        index = tuple(np.broadcast_arrays(row, column))
        out.append([Part(run.op.outputs[0], index, p @ v, last - first, f.t)])
    return out


_KINDS: Mapping[str, Callable[[Doing, Tile], list[list[Part]]]] = {
    **dict.fromkeys(("gelu", "relu", "silu", "copy", "scale"), _elementwise),
    **dict.fromkeys(("add", "gate"), _pair),
    **dict.fromkeys(("layernorm", "rmsnorm"), _norm),
    "matmul": _matmul,
    "embedding": _embedding,
    "argmax": _argmax,
    "rope": _rope,
    "kv_append": _kv_append,
    "attention_scores": _scores,
    "softmax": _softmax,
    "attention_values": _values,
}
