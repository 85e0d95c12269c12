"""Where tensors live on a PIM machine.

Weights and KV in the banks, row by row; vectors in the controller's scratchpad.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archsim.core.errors import DoesNotFit
from archsim.ir.capability import PimBanks, VectorUnit
from archsim.ir.graph import Graph, Op, Repeat, Role, Tensor
from archsim.ir.mapping import Placement
from archsim.units import pim_layout as lay

IN_PLACE = frozenset({"softmax", "gelu", "relu", "silu", "add", "gate", "scale", "rope", "copy"})
"""Vector functions that may write their result over an input that is not needed any more."""


@dataclass(frozen=True)
class BankLayout:
    """Rows of every tensor that stays in the banks. Row 0 is where layers start; each layer owns one block of rows."""

    placements: tuple[Placement, ...]
    rows: Mapping[str, int]
    """Tensor -> first row (of layer 0, of sequence 0)."""
    layer_rows: int
    """Rows between a tensor of one layer and that of the next."""
    key_rows: int
    """Rows between the K caches of two sequences."""
    value_rows: int
    reserve: int
    """Tokens per sequence that the KV cache has room for."""


def last_values(around: tuple[Repeat, ...]) -> dict[str, int]:
    """Loop variables in the last iteration."""
    return {r.var: r.count - 1 for r in around}


def attention(graph: Graph) -> list[tuple[Op, tuple[Repeat, ...]]]:
    """Score ops with their loops."""
    return [(op, around) for op, around in graph.walk() if op.kind == "attention_scores"]


def bank_layout(graph: Graph, banks: PimBanks) -> BankLayout:
    """Deal rows.

    Per layer its matrices, its vectors, its K and V cache; then what exists once. `DoesNotFit` names the shares.
    """
    scores = attention(graph)
    reserve = max((op.extents(last_values(around))["t"] for op, around in scores), default=0)
    heads, head_dim, batch = 0, 0, 1
    if scores:
        size = scores[0][0].extents({r.var: 0 for r in scores[0][1]})
        heads, head_dim, batch = size["kv"], size["d"], size["b"]
    layers = max((r.count for _, around in graph.walk() for r in around if r.var == "layer"), default=1)
    key = lay.key_rows(banks, reserve, heads, head_dim) if reserve else 0
    value = lay.value_rows(banks, reserve, heads, head_dim) if reserve else 0
    stacked, single = _weights(graph, "layer"), _weights(graph, "")
    rows: dict[str, int] = {}
    next_row = _deal(stacked, banks, 0, rows)
    rows["k_cache"], rows["v_cache"] = next_row, next_row + batch * key
    layer_rows = next_row + batch * (key + value)
    end = _deal(single, banks, layers * layer_rows, rows)
    placements = _placements(graph, banks, rows, layer_rows, layers, (batch * key, batch * value))
    if end > banks.rows:
        _explain(graph, banks, end, layers, layer_rows, batch * (key + value), reserve, batch)
    return BankLayout(placements, rows, layer_rows, key, value, reserve)


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


@dataclass(frozen=True)
class Life:
    """A vector in the scratchpad: its size and the steps (op positions, doubled) from its birth to its last use."""

    name: str
    size: int
    born: int
    dies: int


def scratchpad(graph: Graph, unit: VectorUnit, layout: BankLayout) -> tuple[Placement, ...]:
    """Addresses for all vectors between kernels, one token at a time. First fit, largest first, over lifetimes."""
    ops = [op for op, _ in graph.walk()]
    lives = _lives(graph, ops, unit, layout)
    spans: dict[str, tuple[int, int]] = {}
    placed: list[tuple[Life, int]] = []
    for life in sorted(lives, key=lambda life: (-life.size, life.born, life.name)):
        start = 0
        for other, at in sorted(placed, key=lambda pair: pair[1]):
            if other.born <= life.dies and life.born <= other.dies and at < start + life.size:
                start = max(start, at + other.size)
        placed.append((life, start))
        spans[life.name] = (start, life.size)
    height = max((start + size for start, size in spans.values()), default=0)
    if height > unit.sram_bytes:
        _explain_scratchpad(graph, unit, placed, height, layout)
    by_name = {life.name: life for life, _ in placed}
    return tuple(
        Placement(
            name,
            unit.sram,
            start,
            size,
            {},
            (ops[by_name[name].born // 2].name, ops[min(by_name[name].dies // 2, len(ops) - 1)].name),
        )
        for name, (start, size) in spans.items()
    )


def _lives(graph: Graph, ops: list[Op], unit: VectorUnit, layout: BankLayout) -> list[Life]:
    born: dict[str, int] = {}
    dies: dict[str, int] = {}
    carried = _carried(graph)
    for index, op in enumerate(ops):
        for name in op.outputs:
            born.setdefault(name, 2 * index)
            dies[name] = max(dies.get(name, 0), 2 * index)
        for name in op.inputs:
            dies[name] = max(dies.get(name, 0), 2 * index)
        if op.kind == "kv_append":  # V may be written as late as behind the softmax
            later = next((i for i in range(index, len(ops)) if ops[i].kind == "attention_values"), index)
            for name in op.inputs:
                dies[name] = max(dies[name], 2 * later)
    for index, op in enumerate(ops):  # inputs arrive just before their first reader
        for name in op.inputs:
            if graph.tensors[name].role == Role.INPUT:
                born.setdefault(name, 2 * index)
    last_read = {name: max((i for i, op in enumerate(ops) if name in op.inputs), default=-1) for name in born}
    lives = []
    for name, start in born.items():
        tensor = graph.tensors[name]
        if tensor.role not in (Role.ACTIVATION, Role.OUTPUT, Role.INPUT):
            continue
        end = 2 * len(ops) if name in carried else dies[name]
        reader = last_read[name]
        if name not in carried and reader >= 0 and ops[reader].kind in IN_PLACE and _first_input(ops[reader], name):
            end = 2 * reader - 1  # its place is taken over by the result
        lives.append(Life(name, _token_bytes(graph, name, unit, layout), 0 if name in carried else start, end))
    lives.extend(_vector_lives(graph, ops, unit))
    return [life for life in lives if life.size]


def _first_input(op: Op, name: str) -> bool:
    return op.inputs[0] == name


def _carried(graph: Graph) -> set[str]:
    """Tensors that an iteration hands to the next: read before they are written in a loop body."""
    out = set()
    for item in graph.items:
        stack = [item]
        while stack:
            node = stack.pop()
            if isinstance(node, Repeat):
                ops = [op for op in node.body if isinstance(op, Op)]
                written = {name for op in ops for name in op.outputs}
                seen: set[str] = set()
                for op in ops:
                    out |= {name for name in op.inputs if name in written and name not in seen}
                    seen |= set(op.outputs)
                stack.extend(node.body)
    return out


def _token_bytes(graph: Graph, name: str, unit: VectorUnit, layout: BankLayout) -> int:
    """Bytes of an activation for one token of every sequence, at the longest context."""
    tensor = graph.tensors[name]
    sizes = {dim: size.at(dict.fromkeys(size.names(), 0)) for dim, size in tensor.dims}
    if "t" in sizes and "q" in sizes:  # scores and probabilities: one sequence at a time
        return int(sizes["h"]) * layout.reserve * unit.element_bytes
    rows = min(int(sizes.get("m", 1)), _batch(graph))
    rest = 1
    for dim, size in sizes.items():
        if dim != "m":
            rest *= int(size)
    return rows * rest * unit.element_bytes


def _batch(graph: Graph) -> int:
    """Sequences processed together: rows that belong to one token position."""
    scores = attention(graph)
    return scores[0][0].dims["b"].base if scores else 1 << 60


def _vector_lives(graph: Graph, ops: list[Op], unit: VectorUnit) -> list[Life]:
    """Biases and gains of a layer arrive together and stay until its last op.

    Those of its first norm arrive while that norm runs.
    """
    steps: dict[str, list[int]] = {}
    sizes: dict[str, int] = {}
    for index, op in enumerate(ops):
        phase = op.name.partition(".")[0]
        for name in (*op.inputs, op.bias):
            tensor = graph.tensors.get(name)
            if tensor is not None and tensor.role == Role.WEIGHT and len(tensor.dims) == 1:
                key = f"{phase}.vectors" if tensor.stacked else f"{phase}.vectors_f"
                steps.setdefault(key, []).append(2 * index)
                copies = 2 if steps[key][0] == 2 * index else 1
                sizes[key] = sizes.get(key, 0) + copies * tensor.elements({}) * unit.element_bytes
    return [Life(key, sizes[key], min(at), max(at)) for key, at in steps.items()]


def _explain_scratchpad(
    graph: Graph, unit: VectorUnit, placed: list[tuple[Life, int]], height: int, layout: BankLayout
) -> None:
    peak = max((life.born for life, _ in placed), key=lambda t: sum(x.size for x, _ in placed if x.born <= t <= x.dies))
    live = sorted((life for life, _ in placed if life.born <= peak <= life.dies), key=lambda life: -life.size)
    tries = [f"--set asic.sram='{lay.ceil_div(height, 1024)} KiB'"]
    longest = live[0]
    if longest.name.endswith((".scores", ".probs")) and layout.reserve:
        per_token = longest.size // layout.reserve
        room = unit.sram_bytes - (height - longest.size)
        tries.append(f"a context of at most {max(room // max(per_token, 1), 0)} tokens")
    else:
        tries.append("a smaller --batch or model" if attention(graph) else "a smaller operator")
    raise DoesNotFit(
        f"the vectors of {graph.name} do not fit {unit.sram}",
        where=unit.sram,
        need=height,
        have=unit.sram_bytes,
        terms={life.name: life.size for life in live[:6]},
        try_=tries,
    )
