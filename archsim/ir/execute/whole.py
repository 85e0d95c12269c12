"""What each kind of op means, on whole arrays: the reference, written for reading and not for tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from archsim.core.errors import BadInput
from archsim.ir.execute.layout import Array, first_row

if TYPE_CHECKING:
    from archsim.ir.execute.plain import Run

EPSILON = 1e-5
"""Added to variances."""
SCALED = 0.5
"""What `scale` multiplies by: the graph does not say, any constant will do."""


def whole(run: Run, values: Mapping[str, Array]) -> None:
    """Execute an op: its outputs among `values` are filled.

    Raises
    ------
    BadInput
        A kind of op that has no meaning here.
    """
    if run.op.kind not in _KINDS:
        raise BadInput(
            f"{run.op.kind} cannot be executed on arrays",
            where=f"op {run.op.name}",
            right=f"known kinds: {', '.join(sorted(_KINDS))}",
            try_="a graph of these kinds",
        )
    ins, outs = ([values[name] for name in names] for names in (run.op.inputs, run.op.outputs))
    _KINDS[run.op.kind](run, ins, outs, values)


def activation(kind: str, x: Array) -> Array:
    """An elementwise function."""
    if kind == "relu":
        return np.maximum(x, 0)
    if kind == "silu":
        return np.asarray(x / (1 + np.exp(-x)))
    if kind == "gelu":
        return np.asarray(0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))))
    return x * SCALED if kind == "scale" else x


Kind = Callable[["Run", list[Array], list[Array], Mapping[str, Array]], None]


def _elementwise(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    outs[0][:] = activation(run.op.kind, ins[0])


def _pair(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    a, b = ins
    # Where one operand has a row per position, all sequences take the same one.
    b = np.repeat(b, len(a) // len(b), axis=0)
    outs[0][:] = a + b if run.op.kind == "add" else a * b


def _rows(run: Run, x: Array, taken: int) -> Array:
    first = first_row(run.op, len(x), taken)
    return x[first : first + taken]


def _norm(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    x = _rows(run, ins[0], len(outs[0]))
    if run.op.kind == "layernorm":
        x = x - x.mean(axis=1, keepdims=True)
    y = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + EPSILON) * ins[1]
    outs[0][:] = y + ins[2] if len(ins) > 2 else y


def _matmul(run: Run, ins: list[Array], outs: list[Array], values: Mapping[str, Array]) -> None:
    x, w = ins
    y = _rows(run, x, len(outs[0])) @ w.T
    if run.op.bias:
        y = y + values[run.op.bias]
    first = 0
    for out in outs:
        out[:] = y[:, first : first + out.shape[1]]
        first += out.shape[1]


def _embedding(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    rows = ins[1].astype(np.int64) if len(ins) > 1 else run.rows
    outs[0][:] = ins[0][rows]


def _argmax(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    outs[0][:] = ins[0].argmax(axis=1)


def _rope(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    position = run.frame.positions(np.arange(len(ins[0])))
    d = run.frame.d
    for x, out in zip(ins, outs, strict=True):
        heads = x.reshape(len(x), -1, d)
        turned = heads.copy()
        for i in range(d // 2):  # neighbours turn together; an odd last one stays
            angle = (position * 10000.0 ** (-2 * i / d))[:, None]
            a, b = heads[:, :, 2 * i], heads[:, :, 2 * i + 1]
            turned[:, :, 2 * i] = a * np.cos(angle) - b * np.sin(angle)
            turned[:, :, 2 * i + 1] = a * np.sin(angle) + b * np.cos(angle)
        out[:] = turned.reshape(x.shape)


def _kv_append(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    f = run.frame
    for x, cache in zip(ins, outs, strict=True):
        new = x.reshape(f.q, f.b, f.kv, f.d)
        cache[:, :, f.t - f.q : f.t] = new.transpose(1, 2, 0, 3)


def _scores(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    f, (q, keys) = run.frame, ins
    query = q.reshape(f.q, f.b, f.h, f.d).transpose(1, 2, 0, 3)
    shared = np.repeat(keys[:, :, : f.t], f.h // f.kv, axis=1)
    outs[0][:] = query @ shared.transpose(0, 1, 3, 2) * f.scale
    if run.op.causal:
        outs[0][:, :, np.arange(f.t) >= f.seen(np.arange(f.q), causal=True)[:, None]] = -np.inf


def _softmax(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    e = np.exp(ins[0] - ins[0].max(axis=-1, keepdims=True))
    outs[0][:] = e / e.sum(axis=-1, keepdims=True)


def _values(run: Run, ins: list[Array], outs: list[Array], _: Mapping[str, Array]) -> None:
    f, (probs, cache) = run.frame, ins
    mixed = probs @ np.repeat(cache[:, :, : f.t], f.h // f.kv, axis=1)
    outs[0][:] = mixed.transpose(2, 0, 1, 3).reshape(outs[0].shape)


_KINDS: Mapping[str, Kind] = {
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
