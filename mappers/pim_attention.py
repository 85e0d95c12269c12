"""Attention on a bank array.

Keys and values written, scores, softmax, weighted sum; one query at a time. The sequences of a batch take turns in
each of these while the scratchpad holds the scores of all of them, else one goes through all before the next. Where
it does not hold those of all heads of one, groups of KV heads take turns, then the query heads of one KV head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeGuard

from archsim.core.errors import Infeasible
from archsim.ir.affine import Affine, affine
from archsim.ir.graph import Graph, Op
from archsim.ir.mapping import Loop, Node, Range, Task
from archsim.units import pim_layout as lay

if TYPE_CHECKING:
    from archsim.mappers.pim_lower import Lowering

QUERY = "position"
"""Loop over the tokens of a prompt (queries that the graph has side by side)."""
SEQUENCE = "sequence"
"""Loop over the sequences of a batch in attention: each has its own cache."""
GROUP = "group"
"""Loop over groups of KV heads: each has its own rows of the caches."""
SHARE = "share"
"""Loop over parts of the query heads that share one KV head."""


def phase_of(op: Op) -> str:
    """The phase an op belongs to: the first part of a dotted name."""
    return op.name.partition(".")[0] if "." in op.name else ""


def check_causal(graph: Graph) -> None:
    """Raise `Infeasible` where tokens side by side attend to later ones: the banks take one after the other."""
    scores = {phase_of(op): op for op, _ in graph.walk() if op.kind == "attention_scores"}
    for op, _ in graph.walk():
        of = scores.get(phase_of(op)) if op.kind == "kv_append" else None
        if of is not None and of.dims["q"].base > 1 and not of.causal:
            raise Infeasible(
                f"{op.name}: every query attends to keys that come after it",
                right="the banks take one token after the other, so only causal models run on them",
                try_="a decoder model, or a machine that holds the whole sequence",
            )


def _dims(low: Lowering, op: Op) -> Mapping[str, Affine]:
    return low.attention[phase_of(op)].dims


def _keys(low: Lowering, op: Op, each: bool) -> Affine:
    """Keys that one query attends to."""
    dims = _dims(low, op)
    if each and op.causal:
        return Affine.var(QUERY, 1, dims["t"].base - dims["q"].base + 1)
    return dims["t"]


def _looped(low: Lowering, tasks: tuple[Node, ...], *, shared: bool = True) -> tuple[Node, ...]:
    """The tasks, once per sequence and group of KV heads; `shared`: and per part of the query heads of one."""
    counts = {
        SEQUENCE: 1 if low.turns.whole else low.batch,
        GROUP: low.turns.groups,
        SHARE: low.turns.shares if shared else 1,
    }
    for var, count in reversed(counts.items()):
        tasks = (Loop(var, count, tasks),) if count > 1 else tasks
    return tasks


def one_by_one(nodes: Sequence[Node], over: Sequence[str] = (SEQUENCE, GROUP, SHARE)) -> tuple[Node, ...]:
    """The same with the scores, softmax and weighted sum of one turn before the next turn begins.

    `over`: what takes turns, the outer loop first.
    """
    if not over:
        return tuple(nodes)
    var, *inner = over
    out: list[Node] = []
    inside: list[Loop] = []
    for node in nodes:
        kernels = _kernels(node) if _is_loop(node, var) else frozenset[str]()
        if _is_loop(node, var) and (inside or "scores" in kernels):
            inside.append(node)
        else:
            out.append(node)
        if "values" in kernels:
            body = tuple(part for loop in inside for part in loop.body)
            out.append(Loop(var, inside[0].count, one_by_one(body, inner)))
            inside = []
    return tuple(out) if len(out) < len(nodes) else one_by_one(nodes, inner)


def _kernels(node: Node) -> frozenset[str]:
    return frozenset({node.kernel} if isinstance(node, Task) else [k for part in node.body for k in _kernels(part)])


def _is_loop(node: Node, var: str) -> TypeGuard[Loop]:
    return isinstance(node, Loop) and node.var == var


def _cache_row(low: Lowering, cache: str) -> Affine:
    step = low.layout.key_rows if cache == "k_cache" else low.layout.value_rows
    groups = low.turns.groups
    of_group = Affine.var(GROUP, step if groups > 1 else 0)
    return low.row(cache) + Affine.var(SEQUENCE, step * groups if low.batch > 1 else 0) + of_group


def _kv_heads(low: Lowering, op: Op) -> int:
    """KV heads of one turn."""
    return _dims(low, op)["kv"].base // low.turns.groups


def _query_heads(low: Lowering, op: Op) -> int:
    """Query heads of one turn."""
    return _dims(low, op)["h"].base // low.turns.heads


def _first_head(low: Lowering, op: Op) -> Affine:
    """The first query head of a turn."""
    turns, each = low.turns, _query_heads(low, op)
    of_group = Affine.var(GROUP, each * turns.shares if turns.groups > 1 else 0)
    return of_group + Affine.var(SHARE, each if turns.shares > 1 else 0)


def append(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """K to one bank in one run; V to every bank, one row activation per feature."""
    dims = _dims(low, op)
    scores = next(a for a in low.attention.values() if a.dims is dims)
    half = op.dims["n"].base // 2
    each_turn = half // low.turns.groups
    first_column = Affine.var(GROUP, each_turn if low.turns.groups > 1 else 0)
    rows = low.tile(op, each)["m"]
    if low.batch > 1 and not low.turns.whole:
        first = rows.start + Affine.var(SEQUENCE)
        rows = Range(first, first + 1)
    out: list[Node] = []
    for kernel, cache, start, why in (
        ("write_k", "k_cache", first_column, "row-major: one bank, one run of bursts per segment"),
        ("write_v", "v_cache", first_column + half, "column-major: one row activation per feature, banks overlap"),
    ):
        args = {
            "reserve": affine(low.layout.reserve),
            "heads": affine(_kv_heads(low, scores)),
            "head_dim": dims["d"],
            "row": _cache_row(low, cache),
        }
        if kernel == "write_k":
            args["token"] = _keys(low, scores, each) - 1
        name = f"{op.name}.{kernel[-1]}"
        tile = {"m": rows, "n": Range(start, start + each_turn)}
        task = Task(name, op.name, kernel, low.banks.unit, args, tile, op.inputs, (cache,), low.after(op), why)
        out.extend(_looped(low, (task,), shared=False))
    return tuple(out)


def _product(low: Lowering, op: Op, each: bool, cache: str, kernel: str, why: str) -> Task:
    dims, keys = _dims(low, op), _keys(low, op, each)
    args = {
        "tokens": keys,
        "reserve": affine(low.layout.reserve),
        "heads": affine(_kv_heads(low, op)),
        "head_dim": dims["d"],
        "vectors": affine(dims["h"].base // dims["kv"].base // low.turns.shares),
        "row": _cache_row(low, cache),
    }
    tile = {**low.tile(op, each), "t": Range.of(0, keys)}
    if low.turns.heads > 1:
        first = _first_head(low, op)
        tile["h"] = Range(first, first + _query_heads(low, op))
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
    parts = len(lay.key_segments(low.banks, _kv_heads(low, op), dims["d"].base))
    why = f"keys over {low.banks.channels * low.banks.banks} banks; {parts} segment(s) of whole heads{_why(low)}"
    return _looped(low, (_product(low, op, each, "k_cache", "scores", why),))


def softmax(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """All heads of one query in the controller, or those of one turn."""
    heads, here = _dims(low, op)["h"].base, _query_heads(low, op)
    first = Affine.var(QUERY, heads * low.batch) if each else affine(0)
    if low.batch > 1:
        first = first + Affine.var(SEQUENCE, heads)
    first = first + _first_head(low, op)
    keys = _keys(low, op, each)
    tile = {"m": Range(first, first + here), "n": Range.of(0, keys)}
    return _looped(low, (low.task(op, "softmax", low.unit.unit, {"m": affine(here), "n": keys}, tile),))


def values(low: Lowering, op: Op, each: bool) -> tuple[Node, ...]:
    """P .

    V: features over channels and banks, tokens along the rows; partial sums of long contexts added in the controller.
    """
    dims = _dims(low, op)
    groups = sum(lay.value_groups(low.banks, _kv_heads(low, op), dims["d"].base))
    tasks = [
        _product(
            low,
            op,
            each,
            "v_cache",
            "values",
            f"{groups} feature(s) per bank, one row each per {lay.row_tokens(low.banks)} tokens{_why(low)}",
        )
    ]
    if low.layout.reserve > low.banks.segment:
        wide = affine(_query_heads(low, op) * dims["d"].base)
        args = {"m": affine(1), "n": wide, "tokens": _keys(low, op, each), "segment": affine(low.banks.segment)}
        tasks.append(low.helper(op, "combine", args, "adds the partial sums of the token segments"))
    return _looped(low, tuple(tasks))


def _why(low: Lowering) -> str:
    """What of the heads takes turns."""
    note = replace(low.turns, whole=False).note
    return f"; one after the other: {note}" if note else ""
