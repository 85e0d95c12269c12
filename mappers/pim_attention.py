"""Attention on a bank array.

Keys and values written, scores, softmax, weighted sum; one query at a time. The sequences of a batch take turns in
each of these while the scratchpad holds the scores of all of them, else one goes through all before the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

from archsim.core.errors import Infeasible
from archsim.ir.affine import Affine, affine
from archsim.ir.graph import Op
from archsim.ir.mapping import Loop, Node, Range, Task
from archsim.units import pim_layout as lay

if TYPE_CHECKING:
    from archsim.mappers.pim_lower import Lowering

QUERY = "position"
"""Loop over the tokens of a prompt (queries that the graph has side by side)."""
SEQUENCE = "sequence"
"""Loop over the sequences of a batch in attention: each has its own cache."""


def phase_of(op: Op) -> str:
    """The phase an op belongs to: the first part of a dotted name."""
    return op.name.partition(".")[0] if "." in op.name else ""


def _dims(low: Lowering, op: Op) -> Mapping[str, Affine]:
    return low.attention[phase_of(op)].dims


def _keys(low: Lowering, op: Op, each: bool) -> Affine:
    """Keys that one query attends to."""
    dims = _dims(low, op)
    if each and op.causal:
        return Affine.var(QUERY, 1, dims["t"].base - dims["q"].base + 1)
    return dims["t"]


def _looped(low: Lowering, tasks: tuple[Task, ...]) -> tuple[Node, ...]:
    """The tasks, once per sequence."""
    return (Loop(SEQUENCE, low.batch, tasks),) if low.batch > 1 else tasks


def one_by_one(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The same with the scores, softmax and weighted sum of one sequence before the next sequence begins."""
    out: list[Node] = []
    inside: list[Loop] = []
    for node in nodes:
        kernels = [part.kernel for part in node.body if isinstance(part, Task)] if _is_loop(node) else []
        if _is_loop(node) and kernels and (inside or "scores" in kernels):
            inside.append(node)
        else:
            out.append(node)
        if "values" in kernels:
            out.append(Loop(SEQUENCE, inside[0].count, tuple(part for loop in inside for part in loop.body)))
            inside = []
    return tuple(out)


def _is_loop(node: Node) -> TypeGuard[Loop]:
    return isinstance(node, Loop) and node.var == SEQUENCE


def _cache_row(low: Lowering, cache: str) -> Affine:
    step = low.layout.key_rows if cache == "k_cache" else low.layout.value_rows
    return low.row(cache) + Affine.var(SEQUENCE, step if low.batch > 1 else 0)


def append(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """K to one bank in one run; V to every bank, one row activation per feature."""
    dims = _dims(low, op)
    scores = next(a for a in low.attention.values() if a.dims is dims)
    if each and not scores.causal:
        raise Infeasible(
            f"{op.name}: every query attends to keys that come after it",
            right="the banks take one token after the other, so only causal models run on them",
            try_="a decoder model, or a machine that holds the whole sequence",
        )
    half = op.dims["n"].base // 2
    rows = low.tile(op, each)["m"]
    if low.batch > 1:
        first = rows.start + Affine.var(SEQUENCE)
        rows = Range(first, first + 1)
    out: list[Node] = []
    for kernel, cache, columns, why in (
        ("write_k", "k_cache", Range.of(0, half), "row-major: one bank, one run of bursts per segment"),
        ("write_v", "v_cache", Range.of(half, 2 * half), "column-major: one row activation per feature, banks overlap"),
    ):
        args = {
            "reserve": affine(low.layout.reserve),
            "heads": dims["kv"],
            "head_dim": dims["d"],
            "row": _cache_row(low, cache),
        }
        if kernel == "write_k":
            args["token"] = _keys(low, scores, each) - 1
        name = f"{op.name}.{kernel[-1]}"
        tile = {"m": rows, "n": columns}
        task = Task(name, op.name, kernel, low.banks.unit, args, tile, op.inputs, (cache,), low.after(op), why)
        out.extend(_looped(low, (task,)))
    return tuple(out)


def _product(low: Lowering, op: Op, each: bool, cache: str, kernel: str, why: str) -> Task:
    dims, keys = _dims(low, op), _keys(low, op, each)
    args = {
        "tokens": keys,
        "reserve": affine(low.layout.reserve),
        "heads": dims["kv"],
        "head_dim": dims["d"],
        "vectors": affine(dims["h"].base // dims["kv"].base),
        "row": _cache_row(low, cache),
    }
    tile = {**low.tile(op, each), "t": Range.of(0, keys)}
    if low.batch > 1:
        tile["b"] = Range(Affine.var(SEQUENCE), Affine.var(SEQUENCE, 1, 1))
    written = [f"{o.name}.{cache[0]}" for o in low.ops if o.kind == "kv_append" and phase_of(o) == phase_of(op)]
    return low.task(op, kernel, low.banks.unit, args, tile, why, tuple(written))


def scores(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """Q . K: keys over all channels and banks, all heads of a key side by side."""
    dims = _dims(low, op)
    if dims["d"].base > low.banks.segment:
        raise Infeasible(
            f"{op.name}: a head of {dims['d'].base} elements exceeds the global buffer of {low.banks.segment} elements",
            try_=f"--set pim.buffer='{dims['d'].base * low.banks.element_bytes} B'",
        )
    parts = len(lay.key_segments(low.banks, dims["kv"].base, dims["d"].base))
    why = f"keys over {low.banks.channels * low.banks.banks} banks; {parts} segment(s) of whole heads"
    return _looped(low, (_product(low, op, each, "k_cache", "scores", why),))


def softmax(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """All heads of one query in the controller."""
    heads = _dims(low, op)["h"].base
    first = Affine.var(QUERY, heads * low.batch) if each else affine(0)
    if low.batch > 1:
        first = first + Affine.var(SEQUENCE, heads)
    keys = _keys(low, op, each)
    tile = {"m": Range(first, first + heads), "n": Range.of(0, keys)}
    return _looped(low, (low.task(op, "softmax", low.unit.unit, {"m": affine(heads), "n": keys}, tile),))


def values(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """P .

    V: features over channels and banks, tokens along the rows; partial sums of long contexts added in the controller.
    """
    dims = _dims(low, op)
    groups = sum(lay.value_groups(low.banks, dims["kv"].base, dims["d"].base))
    tasks = [
        _product(
            low,
            op,
            each,
            "v_cache",
            "values",
            f"{groups} feature(s) per bank, one row each per {lay.row_tokens(low.banks)} tokens",
        )
    ]
    if low.layout.reserve > low.banks.segment:
        wide = affine(dims["h"].base * dims["d"].base)
        args = {"m": affine(1), "n": wide, "tokens": _keys(low, op, each), "segment": affine(low.banks.segment)}
        tasks.append(low.helper(op, "combine", args, "adds the partial sums of the token segments"))
    return _looped(low, tuple(tasks))
