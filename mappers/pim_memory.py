"""Where tensors live in the banks of a PIM machine: weights and KV, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.core.errors import DoesNotFit
from archsim.ir.capability import PimBanks
from archsim.ir.graph import Graph, Op, Repeat, Role, Tensor
from archsim.ir.mapping import Placement
from archsim.units import pim_layout as lay


@dataclass(frozen=True)
class BankLayout:
    """Rows of every tensor that stays in the banks. Row 0 is where layers start; each layer owns one block of rows."""

    placements: tuple[Placement, ...]
    rows: Mapping[str, int]
    """Tensor -> first row (of layer 0, of sequence 0)."""
    layer_rows: int
    """Rows between a tensor of one layer and that of the next."""
    key_rows: int
    """Rows of the K cache of one group of KV heads of one sequence; all heads where they are not cut into groups."""
    value_rows: int
    """The same of the V cache."""
    reserve: int
    """Tokens per sequence that the KV cache has room for."""
    groups: int = 1
    """Groups of KV heads, whose caches lie one after the other, each over all channels and banks."""


def last_values(around: tuple[Repeat, ...]) -> dict[str, int]:
    """Loop variables in the last iteration."""
    return {r.var: r.count - 1 for r in around}


def attention(graph: Graph) -> list[tuple[Op, tuple[Repeat, ...]]]:
    """Score ops with their loops."""
    return [(op, around) for op, around in graph.walk() if op.kind == "attention_scores"]


def bank_layout(graph: Graph, banks: PimBanks, groups: int = 1) -> BankLayout:
    """Deal rows.

    Per layer its matrices, its vectors, its K and V cache by `groups` of KV heads; then what exists once. `DoesNotFit`
    names the shares.
    """
    scores = attention(graph)
    reserve = max((op.extents(last_values(around))["t"] for op, around in scores), default=0)
    heads, head_dim, caches = 0, 0, 1
    if scores:
        size = scores[0][0].extents({r.var: 0 for r in scores[0][1]})
        heads, head_dim, caches = size["kv"] // groups, size["d"], size["b"] * groups
    layers = max((r.count for _, around in graph.walk() for r in around if r.var == "layer"), default=1)
    key = lay.key_rows(banks, reserve, heads, head_dim) if reserve else 0
    value = lay.value_rows(banks, reserve, heads, head_dim) if reserve else 0
    stacked, single = _weights(graph, "layer"), _weights(graph, "")
    rows: dict[str, int] = {}
    next_row = _deal(stacked, banks, 0, rows)
    rows["k_cache"], rows["v_cache"] = next_row, next_row + caches * key
    layer_rows = next_row + caches * (key + value)
    end = _deal(single, banks, layers * layer_rows, rows)
    placements = _placements(graph, banks, rows, layer_rows, layers, (caches * key, caches * value))
    if end > banks.rows:
        _explain(graph, banks, end, layers, layer_rows, caches * (key + value), reserve, caches // groups)
    return BankLayout(placements, rows, layer_rows, key, value, reserve, groups)


def _weights(graph: Graph, loop: str) -> list[Tensor]:
    """Weights owned per iteration of a loop, or by none; matrices that ops read, then vectors."""
    return [
        t for t in graph.tensors.values() if t.role == Role.WEIGHT and (loop in t.stacked if loop else not t.stacked)
    ]


def tensor_rows(tensor: Tensor, banks: PimBanks) -> int:
    """Rows per bank of one copy of a weight."""
    sizes = [size.base for _, size in tensor.dims]
    if len(sizes) == 2:
        return lay.weight_rows(banks, sizes[0], sizes[1])
    return lay.ceil_div(tensor.elements({}), banks.channels * banks.banks * banks.row_elements)


def _deal(tensors: list[Tensor], banks: PimBanks, row: int, rows: dict[str, int]) -> int:
    for tensor in tensors:
        rows[tensor.name] = row
        row += tensor_rows(tensor, banks)
    return row


def _placements(
    graph: Graph, banks: PimBanks, rows: Mapping[str, int], layer_rows: int, layers: int, cache: tuple[int, int]
) -> tuple[Placement, ...]:
    out = []
    for name, row in rows.items():
        tensor = graph.tensors.get(name)
        if tensor is None:
            continue
        kept = {"k_cache": cache[0], "v_cache": cache[1]}
        size = kept[name] if name in kept else tensor_rows(tensor, banks)
        strides = {"layer": layer_rows * banks.row_bytes} if name in kept or tensor.stacked else {}
        out.append(Placement(name, banks.unit, row * banks.row_bytes, size * banks.row_bytes, strides))
    return tuple(out)


def _explain(
    graph: Graph, banks: PimBanks, need: int, layers: int, layer_rows: int, cache_rows: int, reserve: int, batch: int
) -> None:
    kv = layers * cache_rows
    tries = [f"--set pim.rows={1 << (need - 1).bit_length()}"]
    more = lay.ceil_div(need, banks.rows) * banks.channels
    tries.append(f"--set pim.channels={1 << (more - 1).bit_length()}")
    free = banks.rows - (need - kv)
    if free > 0 and reserve:
        tries.append(f"fewer tokens: about {max(1, reserve * free // max(kv, 1))} fit next to the weights")
    if batch > 1:
        tries.append("a smaller --batch")
    row = banks.row_bytes * banks.channels * banks.banks
    raise DoesNotFit(
        f"{graph.name} does not fit {banks.unit}: it needs {need} rows in each bank",
        where=banks.unit,
        need=need * row,
        have=banks.rows * row,
        terms={"weights": (need - kv) * row} | ({f"KV cache for {reserve} tokens": kv * row} if kv else {}),
        try_=tries,
    )
