"""How good a PIM mapping is by its own measure.

Column accesses used, against those the multiplications need at least.
"""

from __future__ import annotations

from collections.abc import Mapping as ReadOnly

import numpy as np

from archsim.ir.affine import IntArray
from archsim.ir.capability import PimBanks
from archsim.ir.graph import Graph, Op, Repeat
from archsim.ir.mapping import Choice
from archsim.units import pim_layout as lay


def choice(graph: Graph, banks: PimBanks, options: ReadOnly[str, object], groups: int = 1) -> Choice:
    """Objective: column slots of one channel over the whole run. Bound: all MACs over all multipliers.

    `groups`: turns of the KV heads in attention.
    """
    used = columns(graph, banks, groups)
    lanes = banks.channels * banks.banks * banks.lanes
    return Choice(
        "pim",
        "all-bank column accesses per channel (padding against full use of all lanes)",
        float(used),
        graph.macs / lanes,
        options,
    )


def columns(graph: Graph, banks: PimBanks, groups: int) -> int:
    """All-bank column accesses of one channel, with attention in so many turns of KV heads."""
    return sum(_slots(op, around, banks, groups) for op, around in graph.walk())


def _slots(op: Op, around: tuple[Repeat, ...], banks: PimBanks, turns: int) -> int:
    grows = [r for r in around if any(size.coefficient(r.var) for size in op.dims.values())]
    times = 1
    for r in around:
        times *= 1 if r in grows else r.count
    env: dict[str, IntArray] = {r.var: np.zeros(1, dtype=np.int64) for r in around}
    if grows:
        env[grows[0].var] = np.arange(grows[0].count, dtype=np.int64)
    size = {name: np.atleast_1d(np.asarray(value.at(env), dtype=np.int64)) for name, value in op.dims.items()}
    return int(_per_run(op, size, banks, turns).sum()) * times


def _per_run(op: Op, size: dict[str, IntArray], banks: PimBanks, turns: int) -> IntArray:
    zero = np.zeros(1, dtype=np.int64)
    if op.kind == "matmul":
        groups = lay.weight_groups(banks, int(size["n"][0]))
        each = sum(lay.ceil_div(part, banks.lanes) for part in lay.segments(int(size["k"][0]), banks.segment))
        return size["m"] * groups * each
    if op.kind not in ("attention_scores", "attention_values"):
        return zero
    keys = size["t"]
    if op.causal:  # token by token: query i of the last q sees t - q + 1 + i keys
        q = int(size["q"][0])
        keys = keys[0] - q + 1 + np.arange(q, dtype=np.int64)
        total = np.sum(_attend(op.kind, keys, size, banks, turns))
        return np.atleast_1d(total) * int(size["b"][0])
    return _attend(op.kind, keys, size, banks, turns) * size["q"] * size["b"]


def _attend(kind: str, keys: IntArray, size: dict[str, IntArray], banks: PimBanks, turns: int) -> IntArray:
    heads, shared, d = int(size["kv"][0]), int(size["h"][0] // size["kv"][0]), int(size["d"][0])
    if kind == "attention_scores":
        slots = -(-keys // (banks.channels * banks.banks))
        return slots * heads * lay.ceil_div(d, banks.lanes) * shared
    groups = sum(lay.value_groups(banks, heads // turns, d)) * turns
    full, rest = keys // banks.segment, keys % banks.segment
    return groups * shared * (full * lay.ceil_div(banks.segment, banks.lanes) - (-rest // banks.lanes))
