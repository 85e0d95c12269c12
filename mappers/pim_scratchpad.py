"""Where vectors live on a PIM machine: in the controller's scratchpad, over their lifetimes."""

from __future__ import annotations

from dataclasses import dataclass

from archsim.core.errors import DoesNotFit
from archsim.ir.capability import VectorUnit
from archsim.ir.graph import Graph, Op, Repeat, Role, Tensor
from archsim.ir.mapping import Placement
from archsim.mappers.pim_lower import HEAD
from archsim.mappers.pim_memory import BankLayout, attention
from archsim.units import pim_layout as lay

IN_PLACE = frozenset({"softmax", "gelu", "relu", "silu", "add", "gate", "scale", "rope", "copy"})
"""Vector functions that may write their result over an input that is not needed any more."""


@dataclass(frozen=True)
class Life:
    """A vector in the scratchpad: its size and the steps (op positions, doubled) from its birth to its last use."""

    name: str
    size: int
    born: int
    dies: int


@dataclass(frozen=True)
class Scratchpad:
    """Where the vectors live, and whether the scores of all sequences of a batch have room at once."""

    placements: tuple[Placement, ...]
    together: bool


def scratchpad(graph: Graph, unit: VectorUnit, layout: BankLayout, *, ahead: bool) -> Scratchpad:
    """Addresses for all vectors between kernels, one token at a time.

    Scores and probabilities of all sequences where they fit, else of one sequence at a time. `ahead`: first gains of
    a layer come a layer ahead.

    Raises
    ------
    DoesNotFit
        Not even so; says what would fit.
    """
    ops = [op for op, _ in graph.walk()]
    for sequences in dict.fromkeys((_batch(graph), 1)):
        lives = (*_lives(graph, ops, unit, layout, sequences), *_vector_lives(graph, unit, ahead=ahead))
        placed = _packed([life for life in lives if life.size])
        height = max((start + life.size for life, start in placed), default=0)
        if height <= unit.sram_bytes:
            spots = tuple(_placement(life, start, unit, ops) for life, start in placed)
            return Scratchpad(spots, together=sequences > 1 or _batch(graph) == 1)
    raise _no_room(graph, unit, placed, height, layout)


def _packed(lives: list[Life]) -> list[tuple[Life, int]]:
    """Every vector with its address: first fit, largest first, over lifetimes."""
    placed: list[tuple[Life, int]] = []
    for life in sorted(lives, key=lambda life: (-life.size, life.born, life.name)):
        start = 0
        for other, at in sorted(placed, key=lambda pair: pair[1]):
            if other.born <= life.dies and life.born <= other.dies and at < start + life.size:
                start = max(start, at + other.size)
        placed.append((life, start))
    return placed


def _placement(life: Life, start: int, unit: VectorUnit, ops: list[Op]) -> Placement:
    needed = (ops[life.born // 2].name, ops[min(life.dies // 2, len(ops) - 1)].name)
    return Placement(life.name, unit.sram, start, life.size, {}, needed)


def _lives(graph: Graph, ops: list[Op], unit: VectorUnit, layout: BankLayout, sequences: int) -> list[Life]:
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
            end = max(start, 2 * reader - 1)  # its place is taken over by the result
        born_at = 0 if name in carried else start
        if sequences < _batch(graph) and not _is_of_sequence(tensor):
            born_at, end = _around_turns(ops, name, born_at, end)
        lives.append(Life(name, _token_bytes(graph, name, unit, layout, sequences), born_at, end))
    return lives


def _is_of_sequence(tensor: Tensor) -> bool:
    """Whether it holds scores or probabilities, which only the sequence whose turn it is needs."""
    return {"t", "q"} <= {dim for dim, _ in tensor.dims}


def _around_turns(ops: list[Op], name: str, start: int, end: int) -> tuple[int, int]:
    """A lifetime that does not begin or end while sequences take turns, from the scores to the weighted sum."""
    first = 0
    for index, op in enumerate(ops):
        if op.kind == "attention_scores":
            first = index
        turns = ops[first : index + 1] if op.kind == "attention_values" else []
        if any(name in (*part.inputs, *part.outputs) for part in turns):
            start, end = min(start, 2 * first), max(end, 2 * index)
    return start, end


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


def _token_bytes(graph: Graph, name: str, unit: VectorUnit, layout: BankLayout, sequences: int) -> int:
    """Bytes of an activation for one token of every sequence, at the longest context; of scores for `sequences`."""
    tensor = graph.tensors[name]
    sizes = {dim: size.at(dict.fromkeys(size.names(), 0)) for dim, size in tensor.dims}
    if _is_of_sequence(tensor):
        return sequences * int(sizes["h"]) * layout.reserve * unit.element_bytes
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


def _vector_lives(graph: Graph, unit: VectorUnit, *, ahead: bool) -> list[Life]:
    """Biases and gains of a run of ops arrive together and stay until the last op that uses them.

    In layers, those of the first user come a layer `ahead`: there are two of them as long as there are further rounds.
    """
    walked = list(graph.walk())
    ops = [op for op, _ in walked]
    spans: dict[str, tuple[int, int]] = {}
    sizes: dict[str, int] = {}
    fetched: set[int] = set()
    for index, (op, around) in enumerate(walked):
        used = [graph.tensors[name] for name in (*op.inputs, op.bias) if name in graph.tensors]
        vectors = [tensor for tensor in used if tensor.role == Role.WEIGHT and len(tensor.dims) == 1]
        if not vectors:
            continue
        phase, begins = op.name.partition(".")[0], index
        while begins and walked[begins - 1][1] == around:
            begins -= 1
        key = f"{phase}.vectors" if vectors[0].stacked else f"{phase}.vectors_f"
        born, dies = begins, index
        twice = ahead and bool(vectors[0].stacked) and begins not in fetched
        if twice:
            key += ".ahead"
            own = [i for i, other in enumerate(ops) if _in_rounds(other, phase, looped=len(around) > 1)]
            born, dies = own[0], own[-1]
        fetched.add(begins)
        first, last = spans.get(key, (born, dies))
        spans[key] = (min(first, born), max(last, dies))
        size = (1 + twice) * sum(tensor.elements({}) for tensor in vectors) * unit.element_bytes
        sizes[key] = sizes.get(key, 0) + size
    return [Life(key, sizes[key], 2 * born, 2 * dies) for key, (born, dies) in spans.items()]


def _in_rounds(op: Op, phase: str, *, looped: bool) -> bool:
    """Whether an op of a phase runs once per token; what ends a prompt does not, unless a loop is around it all."""
    of, _, name = op.name.rpartition(".")
    return of.partition(".")[0] == phase and (looped or name not in HEAD)


def _no_room(
    graph: Graph, unit: VectorUnit, placed: list[tuple[Life, int]], height: int, layout: BankLayout
) -> DoesNotFit:
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
    return DoesNotFit(
        f"the vectors of {graph.name} do not fit {unit.sram}",
        where=unit.sram,
        need=height,
        have=unit.sram_bytes,
        terms={life.name: life.size for life in live[:6]},
        try_=tries,
    )
