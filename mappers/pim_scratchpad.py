"""Where vectors live on a PIM machine: in the controller's scratchpad, over their lifetimes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archsim.core.errors import DoesNotFit
from archsim.ir.capability import VectorUnit
from archsim.ir.graph import Graph, Op, Repeat, Role, Tensor
from archsim.ir.mapping import Placement
from archsim.mappers.pim_lower import HEAD
from archsim.mappers.pim_memory import attention
from archsim.mappers.pim_turns import Turns, is_common
from archsim.mappers.pim_vectors import fetches
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
    """The vectors of a graph with their addresses, whether or not there is room up to there."""

    placed: tuple[tuple[Life, int], ...]
    turns: Turns

    @property
    def height(self) -> int:
        """Bytes up to where the last vector ends."""
        return max((start + life.size for life, start in self.placed), default=0)

    def placements(self, graph: Graph, unit: VectorUnit) -> tuple[Placement, ...]:
        """What a mapping says of them."""
        ops = [op for op, _ in graph.walk()]
        return tuple(_placement(life, start, unit, ops) for life, start in self.placed)


def scratchpad(graph: Graph, unit: VectorUnit, reserve: int, turns: Turns, *, ahead: bool) -> Scratchpad:
    """Addresses for all vectors between kernels, one token at a time.

    Parameters
    ----------
    reserve
        Keys of the longest context.
    turns
        What attention takes in turns: scores and probabilities have room for one turn.
    ahead
        First gains of a layer come a layer ahead.
    """
    ops = [op for op, _ in graph.walk()]
    lives = (*_lives(graph, ops, unit, reserve, turns), *_vector_lives(graph, unit, ahead=ahead, again=turns.whole))
    return Scratchpad(tuple(_packed([life for life in lives if life.size])), turns)


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


def _uses(graph: Graph, ops: list[Op]) -> tuple[dict[str, int], dict[str, int]]:
    """Of every tensor, the step in which it is made and that of its last use."""
    born: dict[str, int] = {}
    dies: dict[str, int] = {}
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
        for name in (name for name in op.inputs if graph.tensors[name].role == Role.INPUT):
            born.setdefault(name, 2 * index)
    return born, dies


def _lives(graph: Graph, ops: list[Op], unit: VectorUnit, reserve: int, turns: Turns) -> list[Life]:
    born, dies = _uses(graph, ops)
    carried = _carried(graph) | (_between_turns(graph) if turns.whole else set())
    last_read = {name: max((i for i, op in enumerate(ops) if name in op.inputs), default=-1) for name in born}
    lives = []
    for name, start in born.items():
        tensor = graph.tensors[name]
        if tensor.role not in (Role.ACTIVATION, Role.OUTPUT, Role.INPUT):
            continue
        if name in carried:
            born_at, end = _phases(ops, name) if turns.whole else (0, 2 * len(ops))
        else:
            born_at, end, reader = start, dies[name], last_read[name]
            if reader >= 0 and ops[reader].kind in IN_PLACE and _first_input(ops[reader], name):
                end = max(start, 2 * reader - 1)  # its place is taken over by the result
        if turns.of_attention and not _is_of_turn(tensor):
            born_at, end = _around_turns(ops, name, born_at, end)
        lives.append(Life(name, _token_bytes(graph, name, unit, reserve, turns, name in carried), born_at, end))
    return lives


def _phases(ops: Sequence[Op], name: str) -> tuple[int, int]:
    """From the first op to the last one of the phases that use a tensor."""
    phases = {op.name.partition(".")[0] for op in ops if name in (*op.inputs, *op.outputs)}
    at = [index for index, op in enumerate(ops) if op.name.partition(".")[0] in phases]
    return 2 * at[0], 2 * at[-1]


def _between_turns(graph: Graph) -> set[str]:
    """What is needed from turn to turn of whole sequences: read in another run of turns, or looked up for all."""
    queries = {op.name.partition(".")[0]: op.dims["q"].base for op, _ in attention(graph)}
    seen: dict[str, set[tuple[str, bool]]] = {}
    common: set[str] = set()
    for op, _ in graph.walk():
        phase, _, name = op.name.partition(".")
        run = phase, name in HEAD and queries.get(phase, 1) > 1
        for tensor in (*op.inputs, *op.outputs):
            seen.setdefault(tensor, set()).add(run)
        if is_common(graph, op):
            common |= set(op.outputs)
    outputs = {name for name, tensor in graph.tensors.items() if tensor.role == Role.OUTPUT}
    return common | outputs | {name for name, runs in seen.items() if len(runs) > 1}


def _is_of_turn(tensor: Tensor) -> bool:
    """Whether it holds scores or probabilities, which are needed only during the turn of a sequence or its heads."""
    return {"t", "q"} <= {dim for dim, _ in tensor.dims}


def _around_turns(ops: list[Op], name: str, start: int, end: int) -> tuple[int, int]:
    """A lifetime that does not begin or end while something takes turns, from the scores to the weighted sum."""
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


def _token_bytes(graph: Graph, name: str, unit: VectorUnit, reserve: int, turns: Turns, kept: bool) -> int:
    """Bytes of an activation for one token of every sequence, at the longest context; of scores for one turn.

    Where whole sequences take turns, of one sequence, unless it is `kept` from turn to turn.
    """
    tensor = graph.tensors[name]
    sizes = {dim: size.at(dict.fromkeys(size.names(), 0)) for dim, size in tensor.dims}
    if _is_of_turn(tensor):
        return _batch(graph) // turns.sequences * int(sizes["h"]) // turns.heads * reserve * unit.element_bytes
    rows = min(int(sizes.get("m", 1)), 1 if turns.whole and not kept else _batch(graph))
    rest = 1
    for dim, size in sizes.items():
        if dim != "m":
            rest *= int(size)
    return rows * rest * unit.element_bytes


def _batch(graph: Graph) -> int:
    """Sequences processed together: rows that belong to one token position."""
    scores = attention(graph)
    return scores[0][0].dims["b"].base if scores else 1 << 60


def _vector_lives(graph: Graph, unit: VectorUnit, *, ahead: bool, again: bool) -> list[Life]:
    """Biases and gains of a run of ops arrive together and stay until the last op that uses them.

    Of those that come a round ahead there are two, as long as there are further rounds. `again`: there is a loop over
    sequences around all of a token's ops.
    """
    walked = list(graph.walk())
    at = {op.name: index for index, (op, _) in enumerate(walked)}
    found: dict[str, Life] = {}
    for fetch in fetches(graph, ahead=ahead):
        if fetch.late:
            last = max(at[op.name] for op, names in fetch.uses if set(names) & set(fetch.late))
            _add(found, fetch.place, _bytes(graph, fetch.late, unit), at[fetch.begins.name], last)
        if fetch.early:
            op, around = walked[at[fetch.first.name]]
            phase = op.name.partition(".")[0]
            own = [
                i for i, (other, _) in enumerate(walked) if _in_rounds(other, phase, looped=again or len(around) > 1)
            ]
            _add(found, fetch.place_ahead, 2 * _bytes(graph, fetch.early, unit), own[0], own[-1])
    return list(found.values())


def _add(found: dict[str, Life], name: str, size: int, first: int, last: int) -> None:
    """A vector that lives from one op to another, beside what has its name already."""
    known = found.get(name, Life(name, 0, 2 * first, 2 * last))
    found[name] = Life(name, known.size + size, min(known.born, 2 * first), max(known.dies, 2 * last))


def _bytes(graph: Graph, names: Sequence[str], unit: VectorUnit) -> int:
    return sum(graph.tensors[name].elements({}) for name in names) * unit.element_bytes


def _in_rounds(op: Op, phase: str, *, looped: bool) -> bool:
    """Whether an op of a phase runs once per token; what ends a prompt does not, unless a loop is around it all."""
    of, _, name = op.name.rpartition(".")
    return of.partition(".")[0] == phase and (looped or name not in HEAD)


def no_room(graph: Graph, unit: VectorUnit, room: Scratchpad, reserve: int) -> DoesNotFit:
    """What to say where not even the least that was tried fits: for what how many bytes, and what would fit."""
    height, placed = room.height, room.placed
    peak = max((life.born for life, _ in placed), key=lambda t: sum(x.size for x, _ in placed if x.born <= t <= x.dies))
    live = sorted((life for life, _ in placed if life.born <= peak <= life.dies), key=lambda life: -life.size)
    tries = [f"--set {unit.sram}='{lay.ceil_div(height, 1024)} KiB'"]
    longest = live[0]
    if longest.name.endswith((".scores", ".probs")) and reserve:
        per_token = longest.size // reserve
        left = unit.sram_bytes - (height - longest.size)
        if left >= per_token > 0:
            tries.append(f"a context of at most {left // per_token} tokens")
    if _batch(graph) > 1 and attention(graph):
        tries.append("a smaller --batch")
    if len(tries) == 1:
        tries.append("a smaller model" if attention(graph) else "a smaller operator")
    return DoesNotFit(
        f"the vectors of {graph.name} do not fit {unit.sram}{_said(room.turns)}",
        where=unit.sram,
        need=height,
        have=unit.sram_bytes,
        terms={life.name: life.size for life in live[:6]},
        try_=tries,
    )


def _said(turns: Turns) -> str:
    """How far attention was cut already."""
    if turns == Turns():
        return ""
    return f", not even one after the other: {turns.note or 'the scores of each sequence'}"
